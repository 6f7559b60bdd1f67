"""What is in the lake: feeds, sessions, rows, bytes, coverage."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.recovery import LOCK_NAME
from gexlake.services.gaps import FeedGaps, load_gaps
from gexlake.services.synthetic import synthetic_sources

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


class FeedStatus(BaseModel):
    """One feed; `session_coverage` and `time_coverage` are shares (0 to 1) from its first to its last session."""

    ticker: str
    package: str
    category: str
    sessions: int
    first_session: date
    last_session: date
    snapshots: int
    strike_rows: int
    source_bytes: int
    parquet_bytes: int
    sessions_expected: int
    sessions_missing: int
    session_coverage: float | None
    """Share of the trading days that have snapshots."""
    time_coverage: float | None
    """Share of the cash hours outside holes; a missing session counts as one hole."""
    gaps: int
    gap_seconds: float


class ImportSummary(BaseModel):
    """One run, as the lake remembers it."""

    import_id: str
    status: str
    sources: list[str]
    started_at: datetime
    finished_at: datetime | None
    files: int | None
    records_seen: int | None
    records_imported: int | None
    records_duplicate: int | None
    records_quarantined: int | None


class StagedImport(BaseModel):
    """Staged work in the lake: of an import that runs now, or left over from one that was stopped."""

    import_id: str
    running: bool


class LakeStatus(BaseModel):
    """The lake as a whole. `records_quarantined` counts rows of the quarantine, over all imports."""

    lake: str
    schema_version: int
    gexlake_version: str
    """The software that created the lake."""
    feeds: list[FeedStatus]
    sessions: int
    snapshots: int
    strike_rows: int
    source_bytes: int
    parquet_bytes: int
    database_bytes: int
    imports: int
    last_import: ImportSummary | None
    records_quarantined: int
    staged: list[StagedImport]
    synthetic_sources: list[str]
    """Sources of imports that are marked as synthetic."""


def lake_status(lake: Path) -> LakeStatus:
    """Take stock of the lake. Raises `LakeError` where there is none."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        feeds = _load_feeds(connection, {gaps.feed: gaps for gaps in load_gaps(connection)})
        schema_version, version = _row(connection, "SELECT schema_version, gexlake_version FROM lake_info")
        imports, quarantined = _row(
            connection, "SELECT (SELECT count(*) FROM imports), (SELECT count(*) FROM quarantine)"
        )
        last_import = _load_last_import(connection)
        sources = connection.execute("SELECT DISTINCT sources FROM imports").fetchall()
    return LakeStatus(
        lake=str(lake),
        schema_version=schema_version,
        gexlake_version=version,
        feeds=feeds,
        sessions=sum(feed.sessions for feed in feeds),
        snapshots=sum(feed.snapshots for feed in feeds),
        strike_rows=sum(feed.strike_rows for feed in feeds),
        source_bytes=sum(feed.source_bytes for feed in feeds),
        parquet_bytes=sum(feed.parquet_bytes for feed in feeds),
        database_bytes=layout.database.stat().st_size,
        imports=imports,
        last_import=last_import,
        records_quarantined=quarantined,
        staged=_staged_imports(layout.staging),
        synthetic_sources=synthetic_sources(source for (text,) in sources for source in json.loads(text)),
    )


def _row(connection: Connection, statement: str) -> tuple[int, ...]:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return tuple(row)
