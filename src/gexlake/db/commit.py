"""Commit: staged sessions become visible, all of one or nothing, in the process that owns the database.

The transaction is the commit point. The rename of the staged Parquet files follows; `recovery` does it again when a
crash came between.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import refresh_views
from gexlake.db.layout import LakeLayout, sync_directory
from gexlake.db.schema import quoted, table_columns
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.lineage.quarantine import QUARANTINE_GLOB
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.staged import SessionSummary, StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

SESSION_FILTER = "record_type = ? AND ticker = ? AND package = ? AND category = ? AND session_date = ?"
FEED_FILTER = "record_type = ? AND ticker = ? AND package = ? AND category = ?"


class StaleStageError(Exception):
    """The session changed in the lake after this work began; it has to be staged anew."""

    def __init__(self, staged: StagedSession) -> None:
        super().__init__(f"{staged.session} changed meanwhile")
        self.staged = staged


class OverlapError(Exception):
    """Another session of the feed holds timestamps within this one's span: keys may clash, so it is staged anew."""

    def __init__(self, staged: StagedSession, sessions: list[str]) -> None:
        super().__init__(f"{staged.session} overlaps {sessions}")
        self.staged = staged
        self.session_dates = sessions


def commit_session(
    connection: Connection, layout: LakeLayout, staged: StagedSession, *, compared_with: frozenset[str] = frozenset()
) -> None:
    """Make one staged session visible and durable, and remove its staging directory.

    `compared_with` are the dates of overlapping sessions that staging has taken into account. Raises
    `StaleStageError` or `OverlapError`, with nothing changed, when it must be staged anew.
    """
    _check_base(connection, staged)
    if staged.changes_data:
        _check_overlap(connection, staged, compared_with)
    connection.begin()
    try:
        if staged.changes_data:
            _replace_rows(connection, layout, staged)
        _append_records(connection, staged)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    publish(layout, staged)
    refresh_views(connection, layout)
    discard(staged)


def publish(layout: LakeLayout, staged: StagedSession) -> None:
    """Move a committed session's files to their places; done again after a crash, it does what is left."""
    moves: list[tuple[Path, Path]] = []
    directory = _directory(staged)
    if staged.changes_data:
        for dataset in IMPORTERS[staged.record_type].datasets:
            target = layout.dataset_file(staged.record_type, dataset.name, staged.session)
            moves.append((directory / f"{dataset.name}.parquet", target))
    moves += [(directory / name, layout.quarantine / name) for name in staged.raw_files]
    for source, target in moves:
        if source.exists():
            _make_directories(target.parent)
            source.replace(target)
            sync_directory(target.parent)


def discard(staged: StagedSession) -> None:
    """Remove what staging has left."""
    shutil.rmtree(_directory(staged), ignore_errors=True)


def _check_base(connection: Connection, staged: StagedSession) -> None:
    row = connection.execute(f"SELECT version FROM sessions WHERE {SESSION_FILTER}", _key(staged)).fetchone()
    if (row[0] if row else None) != staged.base_version:
        raise StaleStageError(staged)


def _check_overlap(connection: Connection, staged: StagedSession, compared_with: frozenset[str]) -> None:
    summary = _summary(staged)
    if summary.first_us is None:
        return
    record_type, *feed, day = _key(staged)
    rows = connection.execute(
        f"SELECT session_date::VARCHAR FROM sessions WHERE {FEED_FILTER} AND session_date <> ? "
        "AND epoch_us(first_timestamp) <= ? AND epoch_us(last_timestamp) >= ?",
        [record_type, *feed, day, summary.last_us, summary.first_us],
    ).fetchall()
    overlapping = [row[0] for row in rows if row[0] not in compared_with]
    if overlapping:
        raise OverlapError(staged, overlapping)


def _replace_rows(connection: Connection, layout: LakeLayout, staged: StagedSession) -> None:
    directory, summary = _directory(staged), _summary(staged)
    _, *identity = _key(staged)
    for dataset in IMPORTERS[staged.record_type].datasets:
        if not dataset.in_database:
            continue
        table, file = f"{staged.record_type}_{dataset.name}", directory / f"{dataset.name}.parquet"
        connection.execute(f"DELETE FROM {table} WHERE {SESSION_FILTER.split(' AND ', 1)[1]}", identity)
        constants = dict(zip((column.name for column in PARTITION_COLUMNS), identity, strict=True))
        selected = ", ".join(
            f"{quoted(str(constants[name]))}::{kind} AS {name}" if name in constants else f"{name}::{kind} AS {name}"
            for name, kind, _ in table_columns(dataset)
        )
        row = connection.execute(
            f"INSERT INTO {table} SELECT {selected} FROM read_parquet({quoted(str(file))}, hive_partitioning = false)"
        ).fetchone()
        if row is None or row[0] != summary.snapshots:
            raise LakeError(
                f"{file} holds {row and row[0]} rows, {summary.snapshots} were staged.", hint="Import again."
            )
    connection.execute(f"DELETE FROM sessions WHERE {SESSION_FILTER}", _key(staged))
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, make_timestamptz(?), make_timestamptz(?), "
        "?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *_key(staged),
            summary.snapshots,
            summary.rows,
            summary.first_us,
            summary.last_us,
            len(summary.holes),
            sum(end - start for start, end in summary.holes) / 1_000_000,
            json.dumps(summary.holes),
            staged.source_files,
            staged.source_bytes,
            sum((directory / f"{d.name}.parquet").stat().st_size for d in IMPORTERS[staged.record_type].datasets),
            staged.checksum,
            staged.import_id,
            staged.version,
        ],
    )


def _append_records(connection: Connection, staged: StagedSession) -> None:
    for record in staged.lineage:
        if not record.balanced:
            raise LakeError(f"{record.source_file}: the records do not add up.", hint="Report this as a bug.")
    directory = _directory(staged)
    _copy(connection, "lineage", directory / "lineage.parquet")
    if staged.has_quarantine:
        _copy(connection, "quarantine", directory / QUARANTINE_GLOB)


def _copy(connection: Connection, table: str, files: Path) -> None:
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet({quoted(str(files))})")


def _key(staged: StagedSession) -> list[str]:
    return [staged.record_type, *staged.session.feed, staged.session.session_date.isoformat()]


def _summary(staged: StagedSession) -> SessionSummary:
    assert staged.summary is not None
    return staged.summary


def _directory(staged: StagedSession) -> Path:
    assert staged.directory is not None, "a dry run cannot be committed"
    return staged.directory


def _make_directories(directory: Path) -> None:
    """`mkdir -p`, with every new entry made durable."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)
