"""A published file with a lookup index, held open: where everything in it stands, and its bytes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import xxhash

from gexlake.db.parquet import read_footer
from gexlake.db.published import FileKey, check_opened, damaged_file, file_key
from gexlake.errors import LakeError
from gexlake.importers.seal import TAIL
from gexlake.importers.snapshots.lookup import (
    LOOKUP_KEY,
    PLAIN_IN_LZ4,
    BrokenLookupError,
    LookupIndex,
    Numbers,
    find_table,
)
from gexlake.importers.snapshots.writing._pages import MappedFile
from gexlake.zstd import BrokenFrameError


class Form(NamedTuple):
    """How a column is written in a row group.

    dictionary  the raw frame of the values that numbers stand for; None where values are plain
    unique      how many there are
    in_lz4      whether pages are blocks of LZ4, or frames of zstd
    """

    dictionary: memoryview | None
    unique: int
    in_lz4: bool


class NoLookupError(Exception):
    """The session is from before there were lookup indexes."""


class LookupFile:
    """A file that can be read to the end even if it is collected meanwhile. Safe in threads.

    mapped    the whole of it, for C that is ready for a fault of the disk
    footer    the document in its footer
    index     held to its checksum when the file is opened
    row_ends  (n,) ladder row behind each snapshot

    Raises `DamagedSessionError` where the file is missing or damaged, `NoLookupError` in opening.
    """

    def __init__(self, path: Path, columns: int) -> None:
        self._path = path
        self.mapped = self._open()
        self._opened_key = self.key
        self.footer = self._read_footer()
        if LOOKUP_KEY not in self.footer:
            raise NoLookupError
        self.index = self._read_index(self.footer[LOOKUP_KEY], columns)
        self.row_ends = np.cumsum(self.index.rows)

    def __len__(self) -> int:
        """How many snapshots there are."""
        return len(self.index.timestamps)

    @classmethod
    def open_whole(cls, path: Path, columns: int) -> Self:
        """The same, looked at from end to end first: for who does not hold each page to its checksum.

        What was read counts once `check_unchanged` has found that the file still is what was looked at.
        """
        file = cls(path, columns)
        check_opened(path, file.mapped.fileno())
        return file

    def check_unchanged(self) -> None:
        """Look at the file again where anything about it has changed: mostly a link, as every commit makes one."""
        if self.key != self._opened_key:
            check_opened(self._path, self.mapped.fileno())

    @property
    def key(self) -> FileKey:
        """What changes whenever the file does."""
        return file_key(os.fstat(self.mapped.fileno()))

    def forms(self, group: int) -> list[Form]:
        """How each column of the ladder is written in a row group; dictionaries are not held to their checksums."""
        view = memoryview(self.mapped)
        return [
            Form(view[offset : offset + length], unique, in_lz4=False)
            if unique
            else Form(None, 0, in_lz4=(offset, length, unique, checksum) == PLAIN_IN_LZ4)
            for offset, length, unique, checksum in self.index.dictionaries[group].tolist()
        ]

    def read(self, offset: int, length: int) -> bytes:
        """A part of the file."""
        return self.read_all(np.array((offset, length, 0), np.uint64))[0]

    def read_all(self, places: Numbers) -> list[bytes]:
        """Parts of the file: offset, length, and what else is known of each."""
        try:
            return self.mapped.read_all(places)
        except (ValueError, OSError) as error:
            raise self.damaged(str(error)) from error

    def damaged(self, problem: str) -> Exception:
        """What to raise where something in it is not what was written; leaves word of it."""
        return damaged_file(self._path, problem)

    def _open(self) -> MappedFile:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return MappedFile(descriptor)
            except OSError:
                os.close(descriptor)
                raise
        except OSError as error:
            raise self.damaged(str(error)) from error

    def _read_footer(self) -> dict[str, Any]:
        try:
            return read_footer(Path(f"/proc/self/fd/{self.mapped.fileno()}"))
        except LakeError as error:
            raise self.damaged("its footer is not what was written") from error

    def _read_index(self, place: dict[str, Any], columns: int) -> LookupIndex:
        offset, base = find_table(place, self._footer_start())
        table = self.read(offset, place["length"])
        if xxhash.xxh3_128_hexdigest(table) != place["xxh3_128"]:
            raise self.damaged("its lookup index is not what was written")
        try:
            index = LookupIndex.unpack(table, columns)
        except (BrokenLookupError, BrokenFrameError) as error:
            raise self.damaged(str(error)) from error
        return replace(index, blocks=index.blocks + np.array((base, 0, 0), np.uint64))

    def _footer_start(self) -> int:
        size = os.fstat(self.mapped.fileno()).st_size
        return size - TAIL - int.from_bytes(self.read(size - TAIL, 4), "little")
