"""Commit: staged sessions become visible, all of one or nothing, in the process that owns the database.

The transaction is the commit point. The rename of the staged Parquet files follows; `recovery` does it again when a
crash came between.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.checkpoint import LOG_BYTES, checkpoint
from gexlake.db.database import refresh_views
from gexlake.db.layout import LakeLayout, make_directories, sync_directory, sync_log
from gexlake.db.previous import keep_previous, remove_published
from gexlake.db.schema import parquet_file
from gexlake.db.sessions import SessionRow, remove_session, replace_session, version_of
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.lineage.quarantine import QUARANTINE_GLOB
from gexlake.models.feed import SessionKey
from gexlake.models.staged import StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


class StaleStageError(Exception):
    """The session changed in the lake after this work began; it has to be staged anew."""

    def __init__(self, staged: StagedSession) -> None:
        super().__init__(f"{staged.session} changed meanwhile")
        self.staged = staged


def commit_session(connection: Connection, layout: LakeLayout, staged: StagedSession) -> None:
    """Make one staged session visible and durable.

    Its staging directory keeps lineage and refused records until the import has ended and its journal has them, so that
    `rebuild` finds them should the database be lost meanwhile.
    Raises `StaleStageError`, with nothing changed, when it must be staged anew.
    """
    import duckdb

    _check_base(connection, staged)
    _check_bytes(staged)
    _make_places(layout, staged)
    connection.begin()
    try:
        if staged.changes_data:
            files = staged_files(staged)
            replace_session(connection, SessionRow.of_staged(staged, files), files)
        elif staged.removes:
            remove_session(connection, staged.record_type, staged.session)
        _append_records(connection, staged)
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # it has ended already where the commit itself failed
            connection.rollback()
        raise
    publish(layout, staged)
    refresh_views(connection, layout)
    checkpoint(connection, layout, log_bytes=LOG_BYTES)


def publish(layout: LakeLayout, staged: StagedSession) -> None:
    """Move a committed session's files to their places; done again after a crash, it does what is left.

    The version that was there before is kept as `staged.keep_versions` says.
    """
    sync_log(layout)
    if (staged.changes_data or staged.removes) and staged.keep_versions is not None:
        keep_previous(layout, staged.record_type, staged.session, staged.version, count=staged.keep_versions)
    if staged.removes:
        remove_published(layout, staged.record_type, staged.session)
    for source, target in _moves(layout, staged):
        if source.exists():
            make_directories(target.parent)
            source.replace(target)
            sync_directory(target.parent)


def staged_files(staged: StagedSession) -> dict[str, Path]:
    """The staged Parquet files by data set name."""
    directory = _directory(staged)
    return {dataset.name: directory / f"{dataset.name}.parquet" for dataset in IMPORTERS[staged.record_type].datasets}


def has_base(connection: Connection, staged: StagedSession) -> bool:
    """Whether the session is what this work builds on."""
    if not (staged.changes_data or staged.removes):
        return True
    return version_of(connection, staged.record_type, staged.session) == staged.base_version


def _check_base(connection: Connection, staged: StagedSession) -> None:
    """The session must be what this work builds on, and what else its sources gave must be there."""
    if not has_base(connection, staged):
        raise StaleStageError(staged)
    for day, version in staged.follows.items():
        session = SessionKey(staged.session.feed, date.fromisoformat(day))
        if version_of(connection, staged.record_type, session) != version:
            raise StaleStageError(staged)


def _check_bytes(staged: StagedSession) -> None:
    """What is to be committed is what was written: the work may have lain here since an import that was cut off."""
    for path in sorted(_directory(staged).glob("*.parquet")):
        try:
            check_file(path)
        except BrokenSealError as error:
            raise LakeError(f"The staged work in {path} is damaged: {error}.", hint="Import again.") from error


def _moves(layout: LakeLayout, staged: StagedSession) -> list[tuple[Path, Path]]:
    """Which staged file goes where."""
    moves = []
    if staged.changes_data:
        moves = [
            (source, layout.dataset_file(staged.record_type, name, staged.session))
            for name, source in staged_files(staged).items()
        ]
    return moves + [(_directory(staged) / name, layout.quarantine / name) for name in staged.raw_files]


def _make_places(layout: LakeLayout, staged: StagedSession) -> None:
    """Make the target directories ahead of the transaction, so that only renames are left to do behind it."""
    for _, target in _moves(layout, staged):
        make_directories(target.parent)


def _append_records(connection: Connection, staged: StagedSession) -> None:
    for record in staged.lineage:
        if not record.balanced:
            raise LakeError(f"{record.source_file}: the records do not add up.", hint="Report this as a bug.")
    directory = _directory(staged)
    if not staged.lineage:
        return
    append_rows(connection, "lineage", parquet_file(directory / "lineage.parquet"))
    if staged.has_quarantine:
        append_rows(connection, "quarantine", parquet_file(directory, QUARANTINE_GLOB))


def append_rows(connection: Connection, table: str, source: str) -> None:
    """Copy rows into a table, column by name; `source` is an expression of SQL, such as `schema.parquet_file` gives."""
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {source}")


def _directory(staged: StagedSession) -> Path:
    assert staged.directory is not None, "a dry run cannot be committed"
    return staged.directory
