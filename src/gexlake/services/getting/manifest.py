"""What became of each file, a line of JSON for each event, beside the files: `.gexlake-get.jsonl`.

Lines are only ever added, under a lock, by any number of processes; the last one of a thing counts. A line that was
cut by a crash is passed over, and the next one begins behind it. No signed URL stands in it, and no key.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ValidationError

from gexlake.errors import SourceError
from gexlake.services.getting.places import MANIFEST_NAME, storage_error


class Event(StrEnum):
    """What happened."""

    PENDING = "pending"
    """A body has begun to come; what lies there is of this ETag and length."""
    FETCHED = "fetched"
    NO_FILE = "no_file"
    """The vendor had none at that time."""
    DENIED = "denied"
    """The plan of the key did not have this package."""
    GRANTED = "granted"
    """It has it now."""
    THROTTLED = "throttled"
    FAILED = "failed"


class Mark(BaseModel, frozen=True):
    """One line. `what` is a session, `ticker/package`, or `ticker/eod/date`."""

    what: str
    event: Event
    at: datetime
    path: str | None = None
    """Relative to the directory."""
    size_bytes: int | None = None
    """Of `pending` the length that is to come."""
    sha256: str | None = None
    etag: str | None = None
    boot: str | None = None
    """Of `pending`: the start of the system. What was not made durable is not gone on with after another one."""
    reason: str | None = None


class Manifest:
    """The manifest of a directory; `now` is the moment of an event, which a replay may say."""

    def __init__(self, directory: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = directory / MANIFEST_NAME
        self._now = now

    def now(self) -> datetime:
        """The moment of an event, to the second."""
        return self._now().replace(microsecond=0)

    def load(self) -> dict[str, Mark]:
        """The last mark of each thing. Raises `SourceError` where it cannot be read."""
        return {mark.what: mark for mark in self._iter_marks()}

    def last(self, what: str) -> Mark | None:
        """The last mark of one thing, as it is on disk now: other processes write too."""
        return self.load().get(what)

    def add(self, mark: Mark) -> None:
        """Add a line and make it durable. Raises `StorageError`."""
        line = mark.model_dump_json(exclude_none=True).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(descriptor, line)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise storage_error(self.path, error) from error

    def _iter_marks(self) -> Iterator[Mark]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}.") from error
        for line in lines:
            try:
                yield Mark.model_validate_json(line)
            except ValidationError:  # cut by a crash, or of a later version
                continue
