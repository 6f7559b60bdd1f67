"""What is in the lake: feeds, sessions, rows, bytes, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from gexlake.db.commits import NOTHING, commits_after
from gexlake.db.database import open_database
from gexlake.db.last_get import read_last_get
from gexlake.db.layout import LakeLayout
from gexlake.db.mirrors import MirrorState, load_states
from gexlake.db.parquet import version_paths
from gexlake.db.published import find_damaged
from gexlake.db.recovery import is_running
from gexlake.db.sessions import load_rows
from gexlake.models.feed import Feed
from gexlake.models.last_get import LastGet
from gexlake.models.mirror import MirrorStatus
from gexlake.scanner.synthetic import synthetic_folders
from gexlake.services.asking.gaps import assess_feed, load_sessions
from gexlake.services.asking.imports import ImportSummary, load_imports
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


class FeedStatus(BaseModel):
    """One feed; `session_coverage` and `time_coverage` are shares (0 to 1) from its first to its last session."""

    record_type: str
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


class StagedImport(BaseModel):
    """Staged work in the lake: of an import that runs now, or left over from one that was stopped."""

    import_id: str
    running: bool


class DamagedSession(BaseModel):
    """A session with a file that is not as it was written, or not there: nothing is answered from that file."""

    session: str
    problem: str


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
    last_get: LastGet | None = None
    records_quarantined: int
    records_kept: int
    """Snapshots whose files, when they were last read, no longer had them."""
    staged: list[StagedImport]
    damaged: list[DamagedSession]
    """As far as somebody has looked: at the size of every file here, at its bytes where it has been read."""
    synthetic_sources: list[str]
    """Folders of source files that were marked as synthetic."""
    mirrors: list[MirrorStatus] = []
    """How far each place is to which commits are carried."""


_KEPT = (
    "SELECT coalesce(sum(records_kept), 0)::BIGINT FROM (FROM lineage WHERE status <> 'skipped' "
    "AND carried_from IS NULL "
    "QUALIFY row_number() OVER (PARTITION BY source_file ORDER BY import_timestamp DESC, import_id DESC) = 1)"
)
"""Of the latest reading of each file."""


@served
def lake_status(lake: Path) -> LakeStatus:
    """Take stock of the lake. Raises `LakeError` where there is none."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        feeds = _load_feeds(connection)
        last_import = next(iter(load_imports(connection, limit=1)), None)
        row = connection.execute(
            "SELECT schema_version, gexlake_version, (SELECT count(*) FROM imports), "
            f"(SELECT count(*) FROM quarantine), ({_KEPT}) FROM lake_info"
        ).fetchone()
        synthetic = connection.execute("SELECT DISTINCT source_file FROM lineage WHERE synthetic").fetchall()
        damaged = _find_damaged(connection, layout)
        mirrors = [_mirror_status(connection, one) for one in load_states(layout)]
    assert row is not None
    schema_version, gexlake_version, imports, records_quarantined, records_kept = row
    return LakeStatus(
        lake=str(lake),
        schema_version=schema_version,
        gexlake_version=gexlake_version,
        feeds=feeds,
        sessions=sum(feed.sessions for feed in feeds),
        snapshots=sum(feed.snapshots for feed in feeds),
        strike_rows=sum(feed.strike_rows for feed in feeds),
        source_bytes=sum(feed.source_bytes for feed in feeds),
        parquet_bytes=sum(feed.parquet_bytes for feed in feeds),
        database_bytes=layout.database.stat().st_size,
        imports=imports,
        last_import=last_import,
        last_get=read_last_get(layout),
        records_quarantined=records_quarantined,
        records_kept=records_kept,
        damaged=damaged,
        staged=list(_iter_staged(layout.staging)),
        synthetic_sources=synthetic_folders(source_file for (source_file,) in synthetic),
        mirrors=mirrors,
    )


def _mirror_status(connection: Connection, state: MirrorState) -> MirrorStatus:
    return MirrorStatus(
        mirror=state.address,
        publication=state.number,
        commit=state.commit or NOTHING,
        commits_behind=commits_after(connection, state.commit or NOTHING),
        pushed_at=state.pushed_at,
        problem=state.problem,
    )


def _find_damaged(connection: Connection, layout: LakeLayout) -> list[DamagedSession]:
    found = {one.session: f"{Path(one.path).name}: {one.problem}" for one in find_damaged(layout)}
    for (record_type, session), row in load_rows(connection).items():
        files = version_paths(layout, record_type, session, row["version"])
        lacking = [path.name for path in files.values() if not path.exists()]
        if lacking:
            found.setdefault(str(session), f"{', '.join(lacking)} is missing")
        elif sum(path.stat().st_size for path in files.values()) != row["parquet_bytes"]:
            found.setdefault(str(session), "its files have another size than was written")
    return [DamagedSession(session=session, problem=found[session]) for session in sorted(found)]


def _load_feeds(connection: Connection) -> list[FeedStatus]:
    stored = load_sessions(connection)
    feeds = []
    for record_type, *names, snapshots, strike_rows, source_bytes, parquet_bytes in connection.execute(
        "SELECT record_type, ticker, package, category, sum(snapshots)::BIGINT, sum(strike_rows)::BIGINT, "
        "sum(source_bytes)::BIGINT, sum(parquet_bytes)::BIGINT FROM sessions "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        feed = Feed(*names)
        gaps = assess_feed(feed, stored[feed])
        expected = gaps.sessions_expected
        feeds.append(
            FeedStatus(
                **feed._asdict(),
                record_type=record_type,
                sessions=len(stored[feed]),
                first_session=min(stored[feed]),
                last_session=max(stored[feed]),
                snapshots=snapshots,
                strike_rows=strike_rows,
                source_bytes=source_bytes,
                parquet_bytes=parquet_bytes,
                sessions_expected=expected,
                sessions_missing=gaps.sessions_missing,
                session_coverage=gaps.sessions_present / expected if expected else None,
                time_coverage=gaps.coverage,
                gaps=gaps.gaps,
                gap_seconds=gaps.gap_seconds,
            )
        )
    return feeds


def _iter_staged(staging: Path) -> Iterator[StagedImport]:
    """What lies in staging: an import holds a lock on its directory for as long as it lives."""
    if not staging.is_dir():
        return
    for directory in sorted(path for path in staging.iterdir() if path.is_dir() and not path.name.startswith(".")):
        yield StagedImport(import_id=directory.name, running=is_running(directory))
