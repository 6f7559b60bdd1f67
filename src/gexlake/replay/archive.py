"""History files and EOD reports as the vendor's store has them, made when they are first asked for and kept a while."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import xxhash

from gexlake.models.feed import SessionKey
from gexlake.replay.lake_reader import LakeReader
from gexlake.services.store.values import SEPARATOR, PublishedSession, Snapshots
from gexlake.vendor.names import report_member

GZIP_LEVEL = 4
"""A fifth of the plain size, in half the time of the default."""
RECORDS_AT_ONCE = 512
KEPT_BYTES = 4 << 30
"""Of files that are kept, those used last."""


class FileForm(StrEnum):
    """How a history file is packed, and what its headers say of that."""

    GZIP = "gzip"
    """gzip, with `Content-Encoding: gzip`, as the vendor's store has it."""
    UNMARKED = "unmarked"
    """gzip, and no word of it in the headers."""
    PLAIN = "plain"
    """Not packed, though its name ends in .gz."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file on disk: the same bytes and the same ETag for the same version of a session."""

    path: Path
    size: int
    etag: str


class Archive:
    """Makes files in a folder of its own, and removes it when it is left. Safe in threads."""

    def __init__(self, reader: LakeReader, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._reader = reader
        self._kept_bytes = kept_bytes
        self._folder = tempfile.TemporaryDirectory(prefix="gexlake-replay-")
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._files: OrderedDict[str, ArchivedFile] = OrderedDict()

    def close(self) -> None:
        """Remove the files; one that is being read stays readable."""
        self._folder.cleanup()

    def history(self, session: SessionKey, *, plain: bool = False) -> ArchivedFile:
        """The file of a session: one JSON array, as gzip or plain. Raises `LakeError`."""
        published, snapshots = self._reader.opened(session)
        name = f"{session} {published.version} {'json' if plain else 'gz'}"

        def make(path: Path) -> None:
            with path.open("wb") as file:
                if plain:
                    file.writelines(iter_array(snapshots))
                    return
                # Without name and time, so that the same session is always the same bytes.
                with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:
                    for part in iter_array(snapshots):
                        packed.write(part)

        return self._get(name, make)

    def report(self, ticker: str, day: date, sessions: Sequence[SessionKey]) -> ArchivedFile:
        """The EOD report of a ticker: a ZIP of the history files of a day. Raises `LakeError`."""
        opened: list[PublishedSession] = [self._reader.opened(session)[0] for session in sessions]
        name = f"{ticker} {day} {' '.join(f'{one.feed}@{one.version}' for one in opened)} zip"

        def make(path: Path) -> None:
            with ThreadPoolExecutor(os.cpu_count()) as threads:  # packing leaves the interpreter to others
                list(threads.map(self.history, sessions))
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as report:
                for session in sessions:
                    entry = zipfile.ZipInfo(report_member(session), (day.year, day.month, day.day, 20, 0, 0))
                    report.writestr(entry, self.history(session).path.read_bytes())

        return self._get(name, make)

    def _get(self, name: str, make: Callable[[Path], None]) -> ArchivedFile:
        """The file of this name, made once by whoever asks first."""
        key = xxhash.xxh3_128_hexdigest(name.encode())
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._files.get(key)
                if found is not None:
                    self._files.move_to_end(key)
                    return found
            path = Path(self._folder.name, key)
            make(path)
            made = ArchivedFile(path, path.stat().st_size, f'"0x{key[:16].upper()}"')
            with self._lock:
                self._files[key] = made
                self._evict()
            return made

    def _evict(self) -> None:
        kept = sum(file.size for file in self._files.values())
        while kept > self._kept_bytes and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            kept -= oldest.size
            with suppress(OSError):
                oldest.path.unlink()


def iter_array(snapshots: Snapshots) -> Iterator[bytes]:
    """All records of a session as one compact JSON array, in parts."""
    count = len(snapshots.timestamps)
    yield b"["
    for first in range(0, count, RECORDS_AT_ONCE):
        stop = min(first + RECORDS_AT_ONCE, count)
        # No record holds a newline, so this touches nothing but the separators.
        text = b"".join(snapshots.texts(first, stop, strikes=True)).replace(SEPARATOR, b",")
        yield text if stop < count else text[:-1]
    yield b"]"
