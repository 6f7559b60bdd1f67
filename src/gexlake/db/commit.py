"""Commit: staged sessions become visible, all of one or nothing, in the process that owns the database.

The Parquet files get their final names first, to which nothing refers yet. The transaction is the commit point. The
names for globs follow; `recovery` does that again when a crash came between.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.checkpoint import LOG_BYTES, checkpoint
from gexlake.db.commits import begin_commit, log_change
from gexlake.db.database import refresh_views
from gexlake.db.layout import LakeLayout, make_directories, sync_directory, sync_log
from gexlake.db.schema import parquet_file
from gexlake.db.sessions import SessionRow, remove_session, replace_session, version_of
from gexlake.db.versions import hide_session, make_places, place_version, show_version
from gexlake.errors import LakeError
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
    files = place_version(layout, staged) if staged.changes_data else {}
    connection.begin()
    try:
        if staged.changes_data or staged.removes:
            _change_session(connection, staged, files)
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
    """Have globs find a committed session, and keep its large refused records; done again, it does what is left."""
    sync_log(layout)
    if staged.removes:
        hide_session(layout, staged.record_type, staged.session)
    elif staged.changes_data:
        show_version(layout, staged.record_type, staged.session, staged.version)
    for name in staged.raw_files:
        source, target = _directory(staged) / name, layout.quarantine / name
        if source.exists():
            make_directories(target.parent)
            source.replace(target)
            sync_directory(target.parent)


def _change_session(connection: Connection, staged: StagedSession, files: Mapping[str, Path]) -> None:
    """Put the session's rows in the place of those that are there, or take them out, and list that."""
    if staged.removes:
        remove_session(connection, staged.record_type, staged.session)
    else:
        replace_session(connection, SessionRow.of_staged(staged, files), files)
    log_change(
        connection,
        begin_commit(connection),
        staged.record_type,
        staged.session,
        None if staged.removes else staged.version,
        replaced=staged.base_version,
        keep_versions=staged.keep_versions,
        import_id=staged.version.partition("/")[0],
    )


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


def _make_places(layout: LakeLayout, staged: StagedSession) -> None:
    """Make the target directories ahead of the transaction, so that only links and renames are left to do behind it."""
    if staged.changes_data:
        make_places(layout, staged.record_type, staged.session)
    if staged.raw_files:
        make_directories(layout.quarantine)


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
