"""What the scanner says of a file: importable, or why not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gexlake.models.feed import SessionKey


class Compression(StrEnum):
    """How a file's bytes are packed, by magic bytes and never by name."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


MAGIC: dict[Compression, bytes] = {Compression.GZIP: b"\x1f\x8b", Compression.ZSTD: b"\x28\xb5\x2f\xfd"}
"""First bytes of a packed file (RFC 1952 2.3.1, RFC 8878 3.1.1)."""


def sniff_compression(head: bytes) -> Compression:
    """Compression by the first bytes; a name says nothing."""
    return next((compression for compression, magic in MAGIC.items() if head.startswith(magic)), Compression.NONE)


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
    """An importable file. `size_bytes` is its size on disk, packed or not.

    `session` is what the file is planned for: by its name, else by its first record. With `claims_date`, its name or
    folders say the date.
    """

    path: Path
    record_type: str
    session: SessionKey
    size_bytes: int
    compression: Compression
    form: Form
    claims_date: bool = True


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not importable, with a stable `code` and a sentence of why."""

    path: Path
    size_bytes: int
    code: str
    reason: str


def path_text(path: Path) -> str:
    r"""An absolute path as text, as it stands in lineage and reports; bytes that are not UTF-8 stand as \xNN."""
    return os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")


def source_exists(name: str) -> bool:
    """Whether the file that lineage calls by this name is there."""
    return Path(name).exists()
