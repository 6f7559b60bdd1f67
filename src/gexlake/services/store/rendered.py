"""The rendered file of a session: all its snapshots as JSON text, to be memory-mapped and sent in slices.

    header      magic, format, sizes, checksum of the index
    text        every snapshot with its ladder, then every snapshot without
    index       identity (feed, date, version) · timestamps · where each record begins in either text · checksums

It is derived and can be made again, so it is never trusted: the index is checked when the file is opened, and every
64 KiB of text when they are first used. What does not add up is as good as no file.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import xxhash

from gexlake.db.layout import LakeLayout, sync_directory
from gexlake.errors import StorageError
from gexlake.models.feed import SessionKey
from gexlake.models.gex_columns import RECORD_TYPE
from gexlake.services.store.cold import ColdSession
from gexlake.services.store.mapped_file import MappedFile
from gexlake.services.store.records import Offsets

MAGIC = b"gexjson\n"
FORMAT = 1
"""Raised with every change of the layout or of the text; files of another format are made anew."""
HEADER = struct.Struct("<8sIIQQ16s")
"""Magic, format, bytes of identity, snapshots, bytes of text, XXH3-128 of all in front of it and of the index."""
BLOCK_SHIFT = 16
BLOCK_BYTES = 1 << BLOCK_SHIFT
SUFFIX = ".rendered"
TEMPORARY_SUFFIX = ".tmp"

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class BuildTask:
    """One version of a session to be rendered into `path`; `files` are its Parquet files by data set name."""

    session: SessionKey
    version: str
    files: dict[str, Path]
    path: Path


class Built(NamedTuple):
    """A finished file: its size, and the wall time that it took."""

    size_bytes: int
    seconds: float


class DamagedFileError(Exception):
    """A rendered file is not what was written."""


def cache_root(layout: LakeLayout) -> Path:
    """Where all rendered files are; it may be deleted at any time."""
    return layout.root / "cache" / RECORD_TYPE


def rendered_path(layout: LakeLayout, session: SessionKey, version: str) -> Path:
    """The file of one version of a session."""
    name = hashlib.blake2b(version.encode(), digest_size=12).hexdigest()
    published = layout.dataset_file(RECORD_TYPE, "snapshots", session).parent
    return cache_root(layout) / published.relative_to(layout.root / RECORD_TYPE / "snapshots") / f"{name}{SUFFIX}"


# ---- writing -------------------------------------------------------------------------------------------------------


def write_rendered(task: BuildTask, *, on_bytes: OnBytes | None = None) -> Built:
    """Render a session and put the file in its place, whole or not at all; `on_bytes` is told of text as it grows.

    Raises `SessionReplacedError` where the Parquet files are of another version, `LakeError` where they are damaged,
    `StorageError` where the file cannot be written.
    """
    started = time.perf_counter()
    session = ColdSession(task.files, task.session, task.version)
    temporary = task.path.with_name(f".{task.path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        task.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                size = _write(file, session, _identity(task.session, task.version), on_bytes)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(task.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(task.path.parent)
    except OSError as error:
        raise StorageError(f"{task.path} cannot be written: {error}.", hint="It is tried again later.") from error
    return Built(size, time.perf_counter() - started)


def _write(file: BinaryIO, session: ColdSession, identity: bytes, on_bytes: OnBytes | None) -> int:
    file.write(bytes(HEADER.size))
    text = _TextWriter(file)
    full = text.write_all(session.iter_rendered(0, len(session), strikes=True), on_bytes)
    light = text.write_all(session.iter_rendered(0, len(session), strikes=False), on_bytes)
    arrays = b"".join(array.tobytes() for array in (session.timestamps, full, light, text.finish()))
    head = HEADER.pack(MAGIC, FORMAT, len(identity), len(session), text.size, b"")[:-16]
    file.write(identity + arrays)
    size = file.tell()
    file.seek(0)
    file.write(head + _index_checksum(head, identity + arrays))
    return size


class _TextWriter:
    """Writes the text area, and takes a checksum of each block of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._checksums: list[int] = []
        self._block = xxhash.xxh3_64()
        self.size = 0

    def write_all(self, chunks: Iterator[tuple[bytes, Offsets]], on_bytes: OnBytes | None) -> Offsets:
        """Write one text; where each of its records begins in the text area, and its end."""
        begun = []
        for text, offsets in chunks:
            if text.count(b"\n") != len(offsets) - 1:
                raise AssertionError("a record holds a newline")
            begun.append(offsets[:-1] + np.uint64(self.size))
            self._write(memoryview(text))
            if on_bytes is not None:
                on_bytes(len(text))
        return np.concatenate((*begun, np.array([self.size], np.uint64)))

    def _write(self, text: memoryview) -> None:
        self._file.write(text)
        while len(text):
            room = BLOCK_BYTES - self.size % BLOCK_BYTES
            self._block.update(text[:room])
            self.size += len(text[:room])
            text = text[room:]
            if self.size % BLOCK_BYTES == 0:
                self._end_block()

    def _end_block(self) -> None:
        self._checksums.append(self._block.intdigest())
        self._block.reset()

    def finish(self) -> Offsets:
        """The checksums of all blocks; the last may be a short one."""
        if self.size % BLOCK_BYTES:
            self._end_block()
        return np.array(self._checksums, np.uint64)


def _identity(session: SessionKey, version: str) -> bytes:
    return json.dumps([*session.feed, session.session_date.isoformat(), version]).encode()


def _index_checksum(head: bytes | memoryview, index: bytes | memoryview) -> bytes:
    checksum = xxhash.xxh3_128(head)
    checksum.update(index)
    return checksum.digest()


# ---- reading -------------------------------------------------------------------------------------------------------


class RenderedSession:
    """A rendered file, mapped. It is unmapped when nothing refers to it or its slices any more. Safe in threads.

    It may be removed or replaced under its name, never cut short in place: a map does not survive that.
    """

    def __init__(self, path: Path, session: SessionKey, version: str) -> None:
        """Map the file. Raises `DamagedFileError` where it is not this version of this session, whole."""
        self.path = path
        try:
            view = memoryview(MappedFile(path))
        except ValueError as error:  # an empty file
            raise DamagedFileError(path) from error
        self.size_bytes = len(view)
        identity = _identity(session, version)
        count, text_bytes = self._check_header(view, identity)
        blocks = -(-text_bytes // BLOCK_BYTES)
        index = HEADER.size + text_bytes
        if len(view) != index + len(identity) + 8 * (3 * count + 2 + blocks):
            raise DamagedFileError(path)
        if _index_checksum(view[: HEADER.size - 16], view[index:]) != view[HEADER.size - 16 : HEADER.size]:
            raise DamagedFileError(path)
        if view[index : index + len(identity)] != identity:
            raise DamagedFileError(path)
        at = index + len(identity)
        self._text = view[HEADER.size : index]
        self.timestamps = view[at : at + 8 * count].cast("q")
        full, light = at + 8 * count, at + 8 * (2 * count + 1)
        self._full = view[full:light].cast("Q")
        self._light = view[light : light + 8 * (count + 1)].cast("Q")
        self._checksums = view[light + 8 * (count + 1) :].cast("Q")
        self._checked = bytearray(blocks)

    def _check_header(self, view: memoryview, identity: bytes) -> tuple[int, int]:
        """Snapshots and bytes of text."""
        if len(view) < HEADER.size:
            raise DamagedFileError(self.path)
        magic, form, identity_bytes, count, text_bytes, _ = HEADER.unpack_from(view)
        if (magic, form, identity_bytes) != (MAGIC, FORMAT, len(identity)) or count + text_bytes > len(view):
            raise DamagedFileError(self.path)
        return count, text_bytes

    def texts(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in one buffer, a separator behind each; raises `DamagedFileError`."""
        return [self.text(first, stop, strikes=strikes)] if stop > first else []

    def records(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The same, a buffer each."""
        if stop <= first:
            return []
        self.text(first, stop, strikes=strikes)
        bounds = (self._full if strikes else self._light)[first : stop + 1].tolist()
        return [self._text[start:end] for start, end in pairwise(bounds)]

    def text(self, first: int, stop: int, *, strikes: bool) -> memoryview:
        """The records first … stop - 1, at least one, a separator behind each; raises `DamagedFileError`."""
        offsets = self._full if strikes else self._light
        start, end = offsets[first], offsets[stop]
        if self._checked.find(0, start >> BLOCK_SHIFT, ((end - 1) >> BLOCK_SHIFT) + 1) >= 0:
            self._check(start >> BLOCK_SHIFT, ((end - 1) >> BLOCK_SHIFT) + 1)
        return self._text[start:end]

    def unused_bytes(self, first: int, stop: int, *, strikes: bool) -> int:
        """How much of the records' text nobody has used yet, so that it may have to come from the disk."""
        if stop <= first:
            return 0
        offsets = self._full if strikes else self._light
        start, end = offsets[first] >> BLOCK_SHIFT, ((offsets[stop] - 1) >> BLOCK_SHIFT) + 1
        return self._checked.count(0, start, end) << BLOCK_SHIFT

    def _check(self, first: int, stop: int) -> None:
        for block in range(first, stop):
            if not self._checked[block]:
                text = self._text[block << BLOCK_SHIFT : (block + 1) << BLOCK_SHIFT]
                if xxhash.xxh3_64_intdigest(text) != self._checksums[block]:
                    raise DamagedFileError(self.path)
                self._checked[block] = 1


def open_rendered(path: Path, session: SessionKey, version: str) -> RenderedSession | None:
    """The rendered file at `path`; None where there is none that is sound, and what is there is removed."""
    try:
        return RenderedSession(path, session, version)
    except FileNotFoundError:
        return None
    except (DamagedFileError, OSError):
        with suppress(OSError):
            path.unlink()
        return None
