"""What verify looks for."""

from __future__ import annotations

from enum import StrEnum


class Check(StrEnum):
    """A code of a finding or note; `docs/recovery.md` says what to do about each."""

    explanation: str
    is_note: bool

    def __new__(cls, code: str, explanation: str, is_note: bool = False) -> Check:
        check = str.__new__(cls, code)
        check._value_ = code
        check.explanation = explanation
        check.is_note = is_note
        return check

    PARQUET_MISSING = "parquet_missing", "A session of the database has no Parquet file."
    PARQUET_DAMAGED = "parquet_damaged", "A Parquet file cannot be read, or is not one that gexlake has written."
    PARQUET_BYTES = "parquet_bytes", "The bytes of a Parquet file are not those that were written."
    PARQUET_VERSION = "parquet_version", "A Parquet file is of another version of the session than the database."
    PARQUET_NAME = "parquet_name", "Globs do not find a file of the version of a session that is live, or find another."
    PARQUET_ROWS = "parquet_rows", "A Parquet file holds another number of rows than was written."
    PARQUET_KEYS = "parquet_keys", "The timestamps of snapshots and strikes differ, or are not in order."
    PARQUET_CHECKSUM = "parquet_checksum", "The content of the Parquet files is not what was written."
    PARQUET_SOURCES = "parquet_sources", "The footer does not attribute each snapshot to one source."
    DATABASE_ROWS = "database_rows", "The database lacks snapshots of the Parquet file, or has others."
    DATABASE_VALUES = "database_values", "A value in the database differs from the Parquet file."
    DATABASE_SESSION = "database_session", "The row in `sessions` differs from what the Parquet footers say."
    DATABASE_ORPHANS = "database_orphans", "There are snapshots of a session that has no row in `sessions`."
    SESSION_DATE = "session_date", "A session holds snapshots of another date in New York."
    KEY_TWICE = "key_twice", "Two sessions of a feed hold the same timestamp."
    LINEAGE_UNBALANCED = "lineage_unbalanced", "Seen is not imported + duplicate + quarantined."
    LINEAGE_IMPORTED = "lineage_imported", "Lineage and the footer disagree on how many snapshots a source gave."
    LINEAGE_MISSING = "lineage_missing", "A source in the footer has no lineage record."
    LINEAGE_IMPORT = "lineage_import", "An import's row is missing, or its sums are not those of its lineage."
    QUARANTINE_COUNT = "quarantine_count", "Lineage and quarantine disagree on how many records were refused."
    QUARANTINE_FILE = "quarantine_file", "The file of an oversized refused record is missing or damaged."
    JOURNAL = (
        "journal",
        "The journal of an import is lost, damaged or differs from the database: rebuild needs it.",
    )
    NOTES_FILE = "notes_file", "A file of notes is not as it was written."
    STRAY_FILE = "stray_file", "A file in the lake that nothing refers to."
    STAGING_LEFT = "staging_left", "Staged work of an import that is no more; the next import settles it."
    SOURCE_CHANGED = "source_changed", "A source file is not what was imported: its SHA-256 differs."
    SOURCE_UNREADABLE = "source_unreadable", "A source file is there but cannot be read."
    SOURCE_CONTENT = "source_content", "What a source holds differs from what the lake holds of it."

    SOURCE_MISSING = "source_missing", "A source file is not there any more, so the lake could not be held to it.", True
    SOURCE_REVISED = (
        "source_revised",
        "Snapshots were forgotten or restored since the sources were read, so the lake differs from them as was asked.",
        True,
    )
    LIVE_DIFFERS = (
        "live_differs",
        "What was recorded live differs from the vendor's file that took its place.",
        True,
    )
    SESSION_CHANGED = "session_changed", "The session changed while it was verified, so it was left out.", True
    IMPORT_RUNNING = "import_running", "An import is under way, so its files were left out.", True
