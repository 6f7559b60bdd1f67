"""A publication in the database of a lake that follows: sessions, commit log and journals, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.checkpoint import LOG_BYTES, checkpoint
from gexlake.db.commit import append_rows
from gexlake.db.commits import LiveVersion, live_versions
from gexlake.db.database import refresh_views
from gexlake.db.journal import JOURNAL_TABLES
from gexlake.db.layout import LakeLayout, sync_log
from gexlake.db.migrate import fill_new_columns
from gexlake.db.parquet import read_footer, version_paths
from gexlake.db.schema import parquet_file
from gexlake.db.sessions import SESSION_FILTER, SessionRow, insert_sessions, remove_sessions, session_id
from gexlake.db.versions import hide_session, make_places, show_version
from gexlake.errors import LakeError
from gexlake.models.mirror import PublishedChange, PublishedCommit, PublishedJournal

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


def apply_changes(
    connection: Connection,
    layout: LakeLayout,
    published: PublishedCommit,
    changes: Sequence[PublishedChange],
    journals: Iterable[PublishedJournal],
) -> list[Path]:
    """Make the last change of each session live, list them all, and take the journals in; all files are there.

    What is so already is left as it is. The files of versions whose place others took are returned.
    """
    last = list({(change.record_type, change.session): change for change in changes}.values())
    for change in last:
        if change.version is not None:
            make_places(layout, change.record_type, change.session)
    connection.begin()
    try:
        replaced = _make_live(connection, layout, last)
        _list(connection, published, changes)
        for journal in journals:
            _take_in(connection, layout, journal)
        fill_new_columns(connection)
        connection.commit()
    except BaseException:
        with suppress(Exception):  # it has ended already where the commit itself failed
            connection.rollback()
        raise
    sync_log(layout)
    for change in last:
        if change.version is None:
            hide_session(layout, change.record_type, change.session)
        else:
            show_version(layout, change.record_type, change.session, change.version)
    refresh_views(connection, layout)
    checkpoint(connection, layout, log_bytes=LOG_BYTES)
    return [path for one in replaced for path in _paths(layout, one)]


def drop_unlisted(connection: Connection, layout: LakeLayout, published: PublishedCommit) -> None:
    """Take out the sessions that a list of all that is live does not name."""
    listed = {(change.record_type, change.session) for change in published.changes}
    gone = [one for one in live_versions(connection) if (one.record_type, one.session) not in listed]
    connection.begin()
    try:
        remove_sessions(connection, [(one.record_type, one.session) for one in gone])
        connection.commit()
    except BaseException:
        with suppress(Exception):
            connection.rollback()
        raise
    sync_log(layout)
    for one in gone:
        hide_session(layout, one.record_type, one.session)


def paths_not_live(connection: Connection, layout: LakeLayout) -> list[Path]:
    """The files of versions that no session has now."""
    live = {path for one in live_versions(connection) for path in _paths(layout, one)}
    return [path for path in layout.versions.rglob("*.parquet") if path not in live]


def _make_live(connection: Connection, layout: LakeLayout, changes: Sequence[PublishedChange]) -> list[LiveVersion]:
    """Put the rows of versions in the place of those that are there; the versions that were live until then."""
    live = {(one.record_type, one.session): one for one in live_versions(connection)}
    there = [(live.get((change.record_type, change.session)), change) for change in changes]
    new = [(before, change) for before, change in there if (before.version if before else None) != change.version]
    rows = [_row_of(layout, change) for _, change in new if change.version is not None]
    replaced = [before for before, _ in new if before is not None]
    remove_sessions(connection, [(one.record_type, one.session) for one in replaced])
    insert_sessions(connection, rows)
    return replaced


def _row_of(layout: LakeLayout, change: PublishedChange) -> tuple[SessionRow, dict[str, Path]]:
    assert change.version is not None
    files = version_paths(layout, change.record_type, change.session, change.version)
    row = SessionRow.of_footer(read_footer(next(iter(files.values()))), files)
    if (row.record_type, row.session, row.version) != (change.record_type, change.session, change.version):
        raise LakeError(
            f"The files of {change.session} are of another session or version: {row.session}, {row.version}.",
            hint="Have the owner of the published lake run `gexlake verify`.",
        )
    return row, files


def _list(connection: Connection, published: PublishedCommit, changes: Sequence[PublishedChange]) -> None:
    known = {number for (number,) in connection.execute("SELECT commit FROM commits").fetchall()}
    for number, time in sorted(published.times.items()):
        if number not in known:
            connection.execute(
                "INSERT INTO commits VALUES (?, make_timestamptz(?))", [number, int(time.timestamp() * 1e6)]
            )
    for change in changes:
        identity = session_id(change.record_type, change.session)
        connection.execute(f"DELETE FROM changes WHERE commit = ? AND {SESSION_FILTER}", [change.commit, *identity])
        connection.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [change.commit, *identity, change.version, change.replaced, change.keep_versions, change.import_id],
        )


def _take_in(connection: Connection, layout: LakeLayout, journal: PublishedJournal) -> None:
    """Put what an import's journal says in the place of what is known of it."""
    for table in JOURNAL_TABLES:
        if table in journal.tables:
            connection.execute(f"DELETE FROM {table} WHERE import_id = ?", [journal.import_id])
            append_rows(connection, table, parquet_file(layout.imports / journal.import_id / f"{table}.parquet"))


def _paths(layout: LakeLayout, one: LiveVersion) -> list[Path]:
    return list(version_paths(layout, one.record_type, one.session, one.version).values())
