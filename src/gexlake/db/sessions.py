"""The rows of one session: what the database holds of it, made from its finished Parquet files.

Commit and rebuild write them, verify compares them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gexlake.db.schema import SESSION_COLUMNS, parquet_path, table_columns
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Dataset
from gexlake.importers.seal import checksum_of
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.staged import SessionSummary, StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Item = TypeVar("Item")
SessionId = tuple[str, SessionKey]
"""Record type and session."""
SESSION_NAMES = ", ".join(("record_type", *(column.name for column in PARTITION_COLUMNS)))
"""The columns that say of which session a row is."""
IDENTITY = " AND ".join(f"{column.name} = ?" for column in PARTITION_COLUMNS)
SESSION_FILTER = f"record_type = ? AND {IDENTITY}"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """The row of table `sessions`, in the order of `schema.SESSION_COLUMNS`."""

    record_type: str
    session: SessionKey
    summary: SessionSummary
    source_files: int
    source_bytes: int
    parquet_bytes: int
    checksum: str
    import_id: str
    version: str
    file_checksums: str

    @classmethod
    def of_staged(cls, staged: StagedSession, files: Mapping[str, Path]) -> SessionRow:
        """The row of a staged session that changes data; `files` by data set name."""
        assert staged.summary is not None
        assert staged.checksum is not None
        return cls(
            record_type=staged.record_type,
            session=staged.session,
            summary=staged.summary,
            source_files=staged.source_files,
            source_bytes=staged.source_bytes,
            parquet_bytes=_size_of(files),
            checksum=staged.checksum,
            import_id=staged.import_id,
            version=staged.version,
            file_checksums=_checksums_of(files),
        )

    @classmethod
    def of_footer(cls, footer: Mapping[str, Any], files: Mapping[str, Path]) -> SessionRow:
        """The same row from the footer of the session's `snapshots.parquet`."""
        *feed, day = footer["session"]
        holes = [(start, end) for start, end in footer["summary"]["holes"]]
        source_files, source_bytes = count_sources(footer["sources"])
        return cls(
            record_type=footer["record_type"],
            session=SessionKey(Feed(*feed), date.fromisoformat(day)),
            summary=SessionSummary(**{**footer["summary"], "holes": holes}),
            source_files=source_files,
            source_bytes=source_bytes,
            parquet_bytes=_size_of(files),
            checksum=footer["checksum"],
            import_id=footer["import_id"],
            version=footer["version"],
            file_checksums=_checksums_of(files),
        )

    @property
    def values(self) -> tuple[Any, ...]:
        """The row's values; timestamps in Unix microseconds."""
        summary = self.summary
        return (
            *session_id(self.record_type, self.session),
            summary.snapshots,
            summary.rows,
            summary.first_us,
            summary.last_us,
            len(summary.holes),
            sum(end - start for start, end in summary.holes) / 1_000_000,
            json.dumps(summary.holes),
            self.source_files,
            self.source_bytes,
            self.parquet_bytes,
            self.checksum,
            self.import_id,
            self.version,
            self.file_checksums,
        )

    @property
    def by_column(self) -> dict[str, Any]:
        """The values by the names of the columns."""
        return dict(zip((column.name for column in SESSION_COLUMNS), self.values, strict=True))


def count_sources(sources: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """`source_files` and `source_bytes` of a session: of those sources that gave snapshots which stand.

    Which others were read beside them depends on the imports in which they happened to be met.
    """
    giving = [source for source in sources if source["runs"]]
    return len({source["source_file"] for source in giving}), sum(source["source_bytes"] for source in giving)


def session_id(record_type: str, session: SessionKey) -> list[str]:
    """The parameters of `SESSION_FILTER`."""
    return [record_type, *session.feed, session.session_date.isoformat()]


def load_rows(connection: Connection) -> dict[tuple[str, SessionKey], dict[str, Any]]:
    """Every row of `sessions` by column, as `SessionRow.by_column` gives it, in the order of the sessions."""
    shown = {"DATE": "{}::VARCHAR", "TIMESTAMPTZ": "epoch_us({})"}
    columns = ", ".join(shown.get(column.sql_type, "{}").format(column.name) for column in SESSION_COLUMNS)
    identity = ", ".join(column.name for column in PARTITION_COLUMNS)
    rows = connection.execute(f"SELECT {identity}, {columns} FROM sessions ORDER BY {identity}").fetchall()
    names = [column.name for column in SESSION_COLUMNS]
    return {
        (values[0], SessionKey(Feed(ticker, package, category), day)): dict(zip(names, values, strict=True))
        for ticker, package, category, day, *values in rows
    }


def version_of(connection: Connection, record_type: str, session: SessionKey) -> str | None:
    """The version of a session that the database has now; None where it has none."""
    row = connection.execute(
        f"SELECT version FROM sessions WHERE {SESSION_FILTER}", session_id(record_type, session)
    ).fetchone()
    return str(row[0]) if row else None


def replace_session(connection: Connection, row: SessionRow, files: Mapping[str, Path]) -> None:
    """Put a session's rows in the place of those that are there; inside the caller's transaction."""
    remove_sessions(connection, [(row.record_type, row.session)])
    insert_sessions(connection, [(row, files)])


def remove_sessions(connection: Connection, sessions: Sequence[SessionId]) -> None:
    """Take the rows of sessions out; inside the caller's transaction."""
    for table, _, some in _by_table(connection, sessions, lambda session: session[0]):
        names, values = sessions_table(some)
        connection.execute(
            f"DELETE FROM {table} USING ({names}) AS gone WHERE "
            + " AND ".join(f"{table}.{column.name} = gone.{column.name}" for column in PARTITION_COLUMNS),
            values,
        )
    if sessions:
        names, values = sessions_table(sessions)
        connection.execute(f"DELETE FROM sessions WHERE ({SESSION_NAMES}) IN ({names})", values)


def insert_sessions(connection: Connection, rows: Sequence[tuple[SessionRow, Mapping[str, Path]]]) -> None:
    """Add the rows of sessions that have none, from their files by data set; inside the caller's transaction.

    Raises `LakeError` where files hold another number of snapshots than is said of them.
    """
    for table, dataset, some in _by_table(connection, rows, lambda row: row[0].record_type):
        _insert_snapshots(connection, table, dataset, [(row, files[dataset.name]) for row, files in some])
    if rows:
        values = [
            f"make_timestamptz(unnest(?::BIGINT[])) AS {column.name}"
            if column.sql_type == "TIMESTAMPTZ"
            else f"unnest(?::{column.sql_type}[]) AS {column.name}"
            for column in SESSION_COLUMNS
        ]
        by_column = list(map(list, zip(*(row.values for row, _ in rows), strict=True)))
        connection.execute(f"INSERT INTO sessions BY NAME SELECT {', '.join(values)}", by_column)


def sessions_table(sessions: Sequence[SessionId]) -> tuple[str, list[list[str]]]:
    """A query that gives sessions as a table with the columns `SESSION_NAMES`, and its parameters."""
    types = {"record_type": "VARCHAR", **{column.name: column.sql_type for column in PARTITION_COLUMNS}}
    columns = ", ".join(f"unnest(?::{sql_type}[]) AS {name}" for name, sql_type in types.items())
    rows = [session_id(record_type, session) for record_type, session in sessions]
    return f"SELECT {columns}", [[row[index] for row in rows] for index in range(len(types))]


def sessions_of(rows: Iterable[Sequence[Any]]) -> list[SessionId]:
    """The sessions of rows that begin with `SESSION_NAMES`."""
    return [(row[0], SessionKey(Feed(*row[1:4]), row[4])) for row in rows]


def keeps_snapshots(connection: Connection) -> bool:
    """Whether the lake copies snapshots into tables."""
    rows = connection.execute("SELECT snapshots_in_database FROM lake_info").fetchall()
    return bool(rows[0][0])


def _by_table(
    connection: Connection, items: Sequence[Item], record_type_of: Callable[[Item], str]
) -> Iterator[tuple[str, Dataset, list[Item]]]:
    """The tables that hold rows of sessions, with those of these that are of its record type."""
    if not keeps_snapshots(connection):
        return
    for record_type, importer in IMPORTERS.items():
        some = [item for item in items if record_type_of(item) == record_type]
        for dataset in importer.datasets:
            if some and dataset.in_database:
                yield f"{record_type}_{dataset.name}", dataset, some


def _insert_snapshots(
    connection: Connection, table: str, dataset: Dataset, rows: Sequence[tuple[SessionRow, Path]]
) -> None:
    """By one statement for all files: each says by its place of which session its rows are."""
    identity = [column.name for column in PARTITION_COLUMNS]
    selected = ", ".join(
        f"{'of_file' if name in identity else 'rows'}.{name}::{kind} AS {name}"
        for name, kind, _ in table_columns(dataset)
    )
    files = [str(file) for _, file in rows]
    names, values = sessions_table([(row.record_type, row.session) for row, _ in rows])
    inserted = connection.execute(
        f"INSERT INTO {table} SELECT {selected} FROM read_parquet([{', '.join(map(parquet_path, files))}], "
        "hive_partitioning = false, filename = 'file') AS rows "
        f"JOIN ({names}, unnest(?::VARCHAR[]) AS file) AS of_file USING (file)",
        [*values, files],
    ).fetchone()
    expected = sum(row.summary.snapshots for row, _ in rows)
    if inserted is None or inserted[0] != expected:
        what = files[0] if len(files) == 1 else f"{len(files)} files from {files[0]} on"
        raise LakeError(f"{what}: {inserted and inserted[0]} rows, {expected} were written.", hint="Import again.")


def _checksums_of(files: Mapping[str, Path]) -> str:
    return json.dumps({name: checksum_of(file) for name, file in files.items()})


def _size_of(files: Mapping[str, Path]) -> int:
    return sum(file.stat().st_size for file in files.values())
