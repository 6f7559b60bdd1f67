"""The rows of one session: what the database holds of it, made from its finished Parquet files.

Commit and rebuild write them, verify compares them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.schema import SESSION_COLUMNS, parquet_file, quoted, table_columns
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import checksum_of
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.staged import SessionSummary, StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

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
        return cls(
            record_type=footer["record_type"],
            session=SessionKey(Feed(*feed), date.fromisoformat(day)),
            summary=SessionSummary(**{**footer["summary"], "holes": holes}),
            source_files=len({source["source_file"] for source in footer["sources"]}),
            source_bytes=sum(source["source_bytes"] for source in footer["sources"]),
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
    for dataset in IMPORTERS[row.record_type].datasets:
        if dataset.in_database:
            table = f"{row.record_type}_{dataset.name}"
            columns = table_columns(dataset)
            _replace_snapshots(connection, table, row, files[dataset.name], {name: kind for name, kind, _ in columns})
    connection.execute(f"DELETE FROM sessions WHERE {SESSION_FILTER}", session_id(row.record_type, row.session))
    names = ", ".join(column.name for column in SESSION_COLUMNS)
    connection.execute(
        f"INSERT INTO sessions ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, make_timestamptz(?), make_timestamptz(?), "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.values,
    )


def remove_session(connection: Connection, record_type: str, session: SessionKey) -> None:
    """Take a session's rows out; inside the caller's transaction."""
    _, *identity = session_id(record_type, session)
    for dataset in IMPORTERS[record_type].datasets:
        if dataset.in_database:
            connection.execute(f"DELETE FROM {record_type}_{dataset.name} WHERE {IDENTITY}", identity)
    connection.execute(f"DELETE FROM sessions WHERE {SESSION_FILTER}", session_id(record_type, session))


def _replace_snapshots(
    connection: Connection, table: str, row: SessionRow, file: Path, columns: Mapping[str, str]
) -> None:
    _, *identity = session_id(row.record_type, row.session)
    constants = {column.name: quoted(value) for column, value in zip(PARTITION_COLUMNS, identity, strict=True)}
    selected = ", ".join(f"{constants.get(name, name)}::{kind} AS {name}" for name, kind in columns.items())
    connection.execute(f"DELETE FROM {table} WHERE {IDENTITY}", identity)
    inserted = connection.execute(f"INSERT INTO {table} SELECT {selected} FROM {parquet_file(file)}").fetchone()
    if inserted is None or inserted[0] != row.summary.snapshots:
        raise LakeError(
            f"{file} holds {inserted and inserted[0]} rows, {row.summary.snapshots} were written.", hint="Import again."
        )


def _checksums_of(files: Mapping[str, Path]) -> str:
    return json.dumps({name: checksum_of(file) for name, file in files.items()})


def _size_of(files: Mapping[str, Path]) -> int:
    return sum(file.stat().st_size for file in files.values())
