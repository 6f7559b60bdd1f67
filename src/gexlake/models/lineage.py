"""What is recorded of every source file of every import, and of every refused record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gexlake.models.column import Column


class FileStatus(StrEnum):
    """How a source file fared in one import."""

    SUCCESS = "success"
    """Every record was imported or was there already."""
    PARTIAL = "partial"
    """Good records were imported; others were refused, or the file is damaged."""
    FAILED = "failed"
    """Nothing could be read from it."""
    SKIPPED = "skipped"
    """The lake already holds the content of these very bytes."""
    FORGOTTEN = "forgotten"
    """Somebody said that what it gave is not to count."""


@dataclass(slots=True)
class LineageRecord:
    """One source file in one import. Always: seen = imported + duplicate + quarantined."""

    import_id: str
    source_file: str
    source_sha256: str
    source_bytes: int
    record_type: str
    ticker: str
    package: str
    category: str
    session_date: str
    status: FileStatus
    records_seen: int = 0
    records_imported: int = 0
    records_duplicate: int = 0
    records_quarantined: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    container: str | None = None
    import_timestamp: datetime | None = None
    duration_seconds: float = 0.0
    synthetic: bool = False
    records_corrected: int = 0
    records_kept: int = 0
    records_pruned: int = 0
    sessions: dict[str, int] = field(default_factory=dict)
    """Records that it gave to each session, by New York date."""
    carried_from: str | None = None
    """The import whose verdict this is: the file is unchanged since, and was not read again."""
    source_etag: str | None = None
    """Of an object in a bucket: the ETag of the version that this is about."""

    @property
    def balanced(self) -> bool:
        """Whether every record seen is accounted for."""
        return self.records_seen == self.records_imported + self.records_duplicate + self.records_quarantined


LINEAGE_COLUMNS: tuple[Column, ...] = (
    Column("import_id", "VARCHAR", "the run"),
    Column(
        "source_file",
        "VARCHAR",
        "absolute path of the file at that time; `archive!member` for a file in an archive; URL of an object",
    ),
    Column("source_sha256", "VARCHAR", "SHA-256 of the file's bytes as they stand on disk"),
    Column("source_bytes", "BIGINT", "size of the file on disk"),
    Column("record_type", "VARCHAR", "`gex`, `greeks` or `orderflow`"),
    Column("ticker", "VARCHAR", "of the feed that the file belongs to"),
    Column("package", "VARCHAR", "of the feed"),
    Column("category", "VARCHAR", "of the feed"),
    Column("session_date", "DATE", "that the file's name says, or else its first record; see `sessions`"),
    Column("status", "VARCHAR", "`success`, `partial`, `failed`, `skipped` or `forgotten`"),
    Column("records_seen", "BIGINT", "records in the file; seen = imported + duplicate + quarantined"),
    Column("records_imported", "BIGINT", "snapshots that this file gave to the lake"),
    Column("records_duplicate", "BIGINT", "records whose key and content were there already"),
    Column("records_quarantined", "BIGINT", "refused records"),
    Column("warnings", "VARCHAR", "JSON object: code of the rule -> records imported in spite of it"),
    Column("errors", "VARCHAR", "JSON object: code of the rule -> records refused, or 1 for the file as a whole"),
    Column("message", "VARCHAR", "what is to be said of the file as a whole, in words"),
    Column("container", "VARCHAR", "fields of an object around the records, as they stood"),
    Column("import_timestamp", "TIMESTAMPTZ", "when the file was read, UTC"),
    Column("duration_seconds", "DOUBLE", "time spent on the file"),
    Column("synthetic", "BOOLEAN", "whether a note beside the file, or in a folder above, called it synthetic"),
    Column("records_corrected", "BIGINT", "imported records that took the place of other values of the same key"),
    Column("records_kept", "BIGINT", "snapshots of earlier readings of the file that it no longer has; they stay"),
    Column("records_pruned", "BIGINT", "snapshots that it no longer has and that were taken out, as was asked"),
    Column("sessions", "VARCHAR", "JSON object: session date -> snapshots that this file gave to it"),
    Column("carried_from", "VARCHAR", "the import that gave this verdict; the file is unchanged since"),
    Column("source_etag", "VARCHAR", "of an object in a bucket: the ETag of the version that was read"),
)

QUARANTINE_COLUMNS: tuple[Column, ...] = (
    Column("import_id", "VARCHAR", "the run"),
    Column(
        "source_file",
        "VARCHAR",
        "absolute path of the file at that time; `archive!member` for a file in an archive; URL of an object",
    ),
    Column("record_index", "BIGINT", "ordinal of the record in its file, from 0"),
    Column(
        "byte_offset",
        "BIGINT",
        "where the record begins in the unpacked file; of UTF-16 text, in the same text as UTF-8",
    ),
    Column("reason", "VARCHAR", "code of the rule that the record breaks"),
    Column("message", "VARCHAR", "what is wrong, in words"),
    Column("raw", "VARCHAR", r"the record's own text; bytes that are not UTF-8 stand as \xNN"),
    Column("raw_bytes", "BLOB", "the record's own bytes, only where they are not UTF-8"),
    Column("raw_file", "VARCHAR", "file below the lake that holds the record, only where it exceeds 4 MiB"),
)
