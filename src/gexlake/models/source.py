"""What the scanner says of a file: importable, or why not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gexlake.models.feed import SessionKey
from gexlake.models.location import Location, location_text
from gexlake.packing import Compression


class Form(StrEnum):
    """How the records stand in a file.

    A hint for people and reports: the decoder reads every form the same way.
    """

    ARRAY = "array"
    """One JSON array of records: the vendor's form."""
    LINES = "lines"
    """JSON Lines: one record per line."""
    OBJECT = "object"
    """One record, the whole file."""
    WRAPPED = "wrapped"
    """An object holding the array, as a rule under one of `CONTAINER_KEYS`."""


CONTAINER_KEYS: tuple[str, ...] = ("snapshots", "records", "data", "payloads")
"""Keys under which bridges stored the array of records."""

PAYLOAD_KEY = "payload"
"""Key under which an enveloped record (`{"ticker", "kind", "endpoint", "received_at", …}`) holds the snapshot."""


FRAME_FIELDS: tuple[str, ...] = ("type", "from", "fromUserId", "group", "dataType", "sequenceId")
"""What a websocket frame of the vendor's live feed (Azure Web PubSub, JSON) says around the record in it; `group` names
the feed."""


SYNTHETIC_NOTE = "SYNTHETIC.md"
"""A file of this name says that what lies beside it is synthetic."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An importable file, or one in an archive: then `path` is the archive's, `member` its name in it; or an object in
    a bucket: then `etag` is the one that it was found with, and `synthetic` says whether a note calls it so.

    `size_bytes` is its size on disk, packed or not; of a member the size that it would have there. `session` is what
    it is planned for: by its name, else by its first record. With `claims_date`, its name or folders say the date.
    """

    path: Location
    record_type: str
    session: SessionKey
    size_bytes: int
    compression: Compression
    form: Form
    claims_date: bool = True
    member: str | None = None
    etag: str | None = None
    synthetic: bool | None = None

    @property
    def place(self) -> SourcePlace:
        """Where its bytes are."""
        return SourcePlace(self.path, self.member)

    @property
    def name(self) -> str:
        """What lineage and reports call it."""
        return self.place.name

    @property
    def shown(self) -> str:
        """Its name with the path as it was given, for people."""
        return self.place.shown


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not importable, with a stable `code` and a sentence of why."""

    path: Location
    size_bytes: int
    code: str
    reason: str
    member: str | None = None
    """Of the archive at `path`, where it is a file in one."""

    @property
    def name(self) -> str:
        """What reports call it."""
        return SourcePlace(self.path, self.member).name

    @property
    def shown(self) -> str:
        """Its name with the path as it was given, for people."""
        return SourcePlace(self.path, self.member).shown

    @property
    def short_name(self) -> str:
        """The name of the file alone."""
        return self.name.rpartition("/")[2]


class ReadObject(NamedTuple):
    """An object as it was read before: in which version, and what it turned out to be."""

    etag: str
    size_bytes: int
    record_type: str
    session: SessionKey


MEMBER_MARK = "!"
"""Between an archive's path and the name of a file in it."""


class SourcePlace(NamedTuple):
    """Where the bytes of a source are: a file, a member of an archive, or an object in a bucket."""

    path: Location
    member: str | None = None

    @property
    def name(self) -> str:
        """The text that stands for it in lineage and reports: `path`, `archive!member`, or a URL."""
        return self._with_member(location_text(self.path))

    @property
    def shown(self) -> str:
        """The same with the path as it was given."""
        return self._with_member(str(self.path))

    def _with_member(self, path: str) -> str:
        return path if self.member is None else f"{path}{MEMBER_MARK}{self.member}"


Identity = tuple[int | str, ...]
"""What file it is, whatever path led to it; a member of an archive has its name at the end."""


def file_identity(real: str, status: os.stat_result) -> Identity:
    """What file it is, by its path without links and what the file system says of it.

    Device and inode are believed only where the file says that it has several names, and all the rest is the same too:
    network and FUSE file systems may give one number to all files.
    """
    if status.st_nlink > 1 and status.st_ino:
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return (real,)
