"""What a lake holds, without what differs from run to run, so that two lakes can be compared; and trees of files."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from gexlake.importers import IMPORTERS
from gexlake.models.column import Column
from gexlake.models.record_types import GEX, RECORD_TYPES

Content = dict[str, list[Any]]

OLD_LAKES = Path(__file__).parent.parent / "examples" / "lakes"
TABLES = ("imports", "sessions", "lineage", "quarantine", *(f"{name}_snapshots" for name in RECORD_TYPES))
IDENTITY = "ticker, package, category, session_date::VARCHAR AS session_date"


def old_lake(version: int, work: Path) -> Path:
    """A lake that an older gexlake wrote, of that version of the tables."""
    with tarfile.open(OLD_LAKES / f"version-{version}.tar.xz") as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(work)
    return work / "lake"


def lake_content(lake: Path) -> Content:
    """All tables and all Parquet data sets, without ids of imports, times of day, durations and sizes.

    A file that a later run skipped is left out: an undisturbed run has nothing to skip.
    """
    with _attached(lake / "gexlake.duckdb") as (connection, _):
        return {name: connection.execute(sql).fetchall() for name, sql in _queries(lake).items()}


@contextmanager
def _attached(*databases: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """Databases for reading, and their names here; what is not qualified is of the first. Threads may do so at once."""
    names = [f"of_{threading.get_ident()}_{number}" for number in range(len(databases))]
    with _instance().cursor() as connection, ExitStack() as stack:
        for name, database in zip(names, databases, strict=True):
            connection.execute(f"ATTACH '{quoted(database)}' AS {name} (READ_ONLY)")
            stack.callback(connection.execute, f"DETACH {name}")
        connection.execute(f"USE {names[0]}")
        stack.callback(connection.execute, "USE memory")
        yield connection, names


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    """One for all reading: making one takes forty times as long as attaching a database to it."""
    return duckdb.connect(config={"enable_external_file_cache": False})


def _queries(lake: Path) -> dict[str, str]:
    queries = {
        "sessions": f"SELECT record_type, {IDENTITY}, snapshots, strike_rows, epoch_us(first_timestamp), "
        "epoch_us(last_timestamp), gaps, gap_seconds, holes, source_files, source_bytes, checksum FROM sessions",
        "lineage": f"SELECT source_file, source_sha256, source_bytes, record_type, {IDENTITY}, status, records_seen, "
        "records_imported, records_duplicate, records_quarantined, warnings, errors, message, container "
        "FROM lineage WHERE status <> 'skipped' AND carried_from IS NULL",
        "quarantine": "SELECT source_file, record_index, byte_offset, reason, message, raw, raw_bytes, "
        "raw_file IS NOT NULL FROM quarantine",
    }
    for kind in RECORD_TYPES.values():
        columns = f"{IDENTITY}, {_columns(kind.snapshot_columns)}"
        folder = "" if kind is GEX else f"{kind.name}/"
        queries[f"{kind.name}_snapshots"] = _digest(columns, f"{kind.name}_snapshots")
        for dataset in IMPORTERS[kind.name].datasets:
            files = f"{kind.name}/{dataset.name}/*/*/*/*/{dataset.name}.parquet"
            if any(lake.glob(files)):
                table = f"read_parquet('{quoted(lake)}/{files}', hive_types_autocast = 0)"
                queries[f"{folder}{dataset.name}.parquet"] = _digest(f"{IDENTITY}, {_columns(dataset.columns)}", table)
    return {name: f"{sql} ORDER BY ALL" for name, sql in queries.items()}


def _columns(columns: tuple[Column, ...]) -> str:
    _, *rest = columns
    return ", ".join(["epoch_us(timestamp) AS us", *(column.name for column in rest)])


def _digest(columns: str, table: str) -> str:
    """One row per session: its rows, and a hash that does not depend on their order."""
    rows = f"SELECT {columns} FROM {table}"
    return (
        "SELECT ticker, package, category, session_date, count(*), count(DISTINCT us), sum(hash(r))::VARCHAR "
        f"FROM ({rows}) AS r GROUP BY ALL"
    )


def different_tables(left: Path, right: Path) -> list[str]:
    """Tables of which one of two databases has rows that the other lacks."""
    with _attached(left, right) as (connection, (a, b)):
        rows = connection.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', count(*) FROM ((FROM {a}.{table} EXCEPT ALL FROM {b}.{table}) UNION ALL "
                f"(FROM {b}.{table} EXCEPT ALL FROM {a}.{table}))"
                for table in TABLES
            )
        ).fetchall()
    return [table for table, count in rows if count]


def select(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a statement on the lake's database, opened for reading."""
    with _attached(lake / "gexlake.duckdb") as (connection, _):
        return connection.execute(sql).fetchall()


def copy_lake(source: Path, target: Path) -> Path:
    """A copy in which names that led to one file do so again."""
    copies: dict[int, str] = {}

    def copy(file: str, into: str) -> str:
        known = copies.setdefault(Path(file).stat().st_ino, into)
        if known == into:
            return shutil.copy2(file, into)
        os.link(known, into)
        return into

    return shutil.copytree(source, target, copy_function=copy)


def live_files(lake: Path, record_type: str = "gex", dataset: str = "*", folders: str = "*/*/*/*") -> list[Path]:
    """The files of the last version of each session, by the names that they keep; `folders` is a pattern."""
    files = sorted((lake / "versions" / record_type).glob(f"{dataset}/{folders}/*.parquet"))
    return list({file.parent: file for file in files}.values())


def live_file(lake: Path, dataset: str, day: date) -> Path:
    """That of the session of a date, of GEX."""
    (file,) = live_files(lake, dataset=dataset, folders=f"*/*/*/session_date={day}")
    return file


def tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Every file and folder below a path: mode, time of change in ns, SHA-256 of the content or target of the link."""
    found = {}
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *files)):
            status = path.lstat()
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                content = ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")
