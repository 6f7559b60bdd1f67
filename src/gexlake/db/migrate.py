"""Lakes that an older gexlake wrote, brought to the tables of today when they are first opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from gexlake.db.adopt import adopt_lake, drop_previous
from gexlake.db.commits import take_note
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout, sync_log
from gexlake.db.parquet import read_footer, version_paths
from gexlake.db.recovery import iter_staged
from gexlake.db.schema import SCHEMA_VERSION, TABLES, VIEWS, create_table, create_view, quoted
from gexlake.db.sessions import SESSION_FILTER, SESSION_NAMES, count_sources, session_id
from gexlake.errors import LakeError
from gexlake.models.feed import Feed, SessionKey

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


def migrate(connection: Connection, layout: LakeLayout, found: int) -> None:
    """Bring the tables from schema version `found` to today's, and the journal with them.

    The version is written last: after a crash it is done again, and does what is left.
    """
    for version in range(found + 1, SCHEMA_VERSION + 1):
        STEPS[version](connection, layout)
    for (import_id,) in connection.execute("SELECT import_id FROM imports WHERE status <> 'running'").fetchall():
        write_journal(connection, layout, import_id)
    connection.execute("UPDATE lake_info SET schema_version = ?", [SCHEMA_VERSION])


def fill_new_columns(connection: Connection) -> None:
    """Give rows that an older gexlake wrote what the columns that it did not know would say of them."""
    connection.execute(
        "UPDATE lineage SET records_corrected = coalesce(records_corrected, 0), "
        "records_kept = coalesce(records_kept, 0), records_pruned = coalesce(records_pruned, 0), "
        "sessions = coalesce(sessions, json_object(session_date::VARCHAR, records_imported)::VARCHAR) "
        "WHERE sessions IS NULL"
    )


def _to_version_2(connection: Connection, layout: LakeLayout) -> None:
    """Lineage says how many records were corrected, kept and pruned, and which sessions a file gave to."""
    _add_missing_columns(connection, "lineage")
    _add_missing_columns(connection, "sessions")
    fill_new_columns(connection)


def _add_missing_columns(connection: Connection, table: str) -> None:
    there = {
        name
        for (name,) in connection.execute(
            f"SELECT column_name FROM duckdb_columns() WHERE table_name = {quoted(table)}"
        ).fetchall()
    }
    for column in TABLES[table]:
        if column.name not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {column.sql_type}")


def _to_version_3(connection: Connection, layout: LakeLayout) -> None:
    """There are greeks and orderflow, and views are made one by one, when their data set has a file."""
    _add_missing_columns(connection, "lake_info")
    for name in TABLES:
        connection.execute(create_table(name))
    for name in VIEWS.keys() - {"gex_strikes"}:
        connection.execute(create_view(name, None))


def _to_version_4(connection: Connection, layout: LakeLayout) -> None:
    """There is a commit log, and the files of each version have names of their own."""
    for name in ("commits", "changes"):
        connection.execute(create_table(name))
    staged = [one for directory in sorted(layout.staging.glob("*/")) for one in iter_staged(directory)]
    adopt_lake(connection, layout, staged)
    connection.begin()
    take_note(connection)
    connection.commit()
    sync_log(layout)
    drop_previous(layout)


def _to_version_5(connection: Connection, layout: LakeLayout) -> None:
    """Lineage says of an object in which version it was read."""
    _add_missing_columns(connection, "lineage")


def _to_version_6(connection: Connection, layout: LakeLayout) -> None:
    """A lake says whether its snapshots are in the database, as they always were."""
    _add_missing_columns(connection, "lake_info")
    connection.execute("UPDATE lake_info SET snapshots_in_database = true")


def _to_version_7(connection: Connection, layout: LakeLayout) -> None:
    """Of the sources of a session those are counted that gave snapshots which stand."""
    rows = connection.execute(
        f"SELECT {SESSION_NAMES}, version FROM sessions WHERE source_files > 1 OR snapshots = 0 ORDER BY ALL"
    ).fetchall()
    for record_type, *feed, day, version in rows:
        session = SessionKey(Feed(*feed), day)
        with suppress(LakeError):  # verify finds what is damaged, and its repair writes the row
            footer = read_footer(version_paths(layout, record_type, session, version)["snapshots"])
            connection.execute(
                f"UPDATE sessions SET source_files = $1, source_bytes = $2 WHERE {SESSION_FILTER}",
                [*count_sources(footer["sources"]), *session_id(record_type, session)],
            )


STEPS: dict[int, Callable[[Connection, LakeLayout], None]] = {
    2: _to_version_2,
    3: _to_version_3,
    4: _to_version_4,
    5: _to_version_5,
    6: _to_version_6,
    7: _to_version_7,
}
"""By the version that a step leads to."""
