"""Tables and views of the database."""

from __future__ import annotations

from pathlib import Path

from gexlake.db.layout import glob_escape
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Dataset
from gexlake.models.column import PARTITION_COLUMNS, Column
from gexlake.models.lineage import LINEAGE_COLUMNS, QUARANTINE_COLUMNS

SCHEMA_VERSION = 7
"""Raised with every change of a table; an older gexlake refuses to open a lake with a higher one."""

IMPORT_COLUMNS: tuple[Column, ...] = (
    Column("import_id", "VARCHAR", "the run"),
    Column("status", "VARCHAR", "`running`, `success`, `partial`, `failed` or `interrupted`"),
    Column("sources", "VARCHAR", "JSON array: the files and folders that were asked for"),
    Column("started_at", "TIMESTAMPTZ", "UTC"),
    Column("finished_at", "TIMESTAMPTZ", "UTC; NULL while it runs"),
    Column("files", "BIGINT", "source files that were considered"),
    Column("records_seen", "BIGINT", "over all files; seen = imported + duplicate + quarantined"),
    Column("records_imported", "BIGINT", "over all files"),
    Column("records_duplicate", "BIGINT", "over all files"),
    Column("records_quarantined", "BIGINT", "over all files"),
    Column("gexlake_version", "VARCHAR", "the software that ran it"),
)

SESSION_COLUMNS: tuple[Column, ...] = (
    Column("record_type", "VARCHAR", "`gex`, `greeks` or `orderflow`"),
    *PARTITION_COLUMNS,
    Column("snapshots", "BIGINT", "snapshots stored"),
    Column("strike_rows", "BIGINT", "ladder rows stored: one per strike of each snapshot"),
    Column("first_timestamp", "TIMESTAMPTZ", "of the first snapshot; NULL where there is none"),
    Column("last_timestamp", "TIMESTAMPTZ", "of the last snapshot"),
    Column("gaps", "INTEGER", "stretches of cash hours longer than 5 s without a snapshot"),
    Column("gap_seconds", "DOUBLE", "their length together"),
    Column("holes", "VARCHAR", "JSON array: [start, end] of each, Unix microseconds"),
    Column("source_files", "INTEGER", "source files that gave snapshots which stand"),
    Column("source_bytes", "BIGINT", "their size on disk together"),
    Column("parquet_bytes", "BIGINT", "size of its Parquet files"),
    Column("checksum", "VARCHAR", "XXH3-128 of the content, column by column"),
    Column("import_id", "VARCHAR", "the run that last changed it"),
    Column("version", "VARCHAR", "changes whenever the session does"),
    Column(
        "file_checksums",
        "VARCHAR",
        "JSON object: XXH3-128 of each Parquet file by data set, as its seal says; NULL until an older lake has them",
    ),
)

COMMIT_COLUMNS: tuple[Column, ...] = (
    Column("commit", "BIGINT", "its number; each is greater than the one before"),
    Column("committed_at", "TIMESTAMPTZ", "UTC"),
)

CHANGE_COLUMNS: tuple[Column, ...] = (
    Column("commit", "BIGINT", "the commit that did it"),
    Column("record_type", "VARCHAR", "`gex`, `greeks` or `orderflow`"),
    *PARTITION_COLUMNS,
    Column("version", "VARCHAR", "the version that is live from then on; NULL where the session was removed"),
    Column("replaced", "VARCHAR", "the version whose place it took; NULL where there was none"),
    Column(
        "keep_versions",
        "INTEGER",
        "how many of the versions before are kept for `gexlake restore` from then on; NULL where that stays as it was",
    ),
    Column("import_id", "VARCHAR", "the run that did it; NULL where the database only took note of what was there"),
)

IMPORT_ID_COLUMN = Column("import_id", "VARCHAR", "the run that stored the row")


def table_columns(dataset: Dataset) -> tuple[Column, ...]:
    """Columns of the DuckDB table or view of a data set: the session's identity behind the timestamp."""
    first, *rest = dataset.columns
    tail = (IMPORT_ID_COLUMN,) if dataset.in_database else ()
    return (first, *PARTITION_COLUMNS, *rest, *tail)


TABLES: dict[str, tuple[Column, ...]] = {
    "lake_info": (
        Column("schema_version", "INTEGER", "of these tables"),
        Column("gexlake_version", "VARCHAR", "the software that created the lake"),
        Column("root", "VARCHAR", "where the lake lay when its views were made; NULL while they are empty"),
        Column("views", "VARCHAR[]", "the views that were made there; the others are over data sets without a file"),
        Column(
            "snapshots_in_database",
            "BOOLEAN",
            "whether the snapshots are copied into tables; where not, these tables are views as well",
        ),
    ),
    "imports": IMPORT_COLUMNS,
    "sessions": SESSION_COLUMNS,
    "commits": COMMIT_COLUMNS,
    "changes": CHANGE_COLUMNS,
    "lineage": LINEAGE_COLUMNS,
    "quarantine": QUARANTINE_COLUMNS,
    **{
        f"{importer.record_type}_{dataset.name}": table_columns(dataset)
        for importer in IMPORTERS.values()
        for dataset in importer.datasets
        if dataset.in_database
    },
}
"""Every table and its columns."""

VIEWS: dict[str, tuple[Column, ...]] = {
    f"{importer.record_type}_{dataset.name}": table_columns(dataset)
    for importer in IMPORTERS.values()
    for dataset in importer.datasets
    if not dataset.in_database
}
"""Views over published Parquet files."""

SNAPSHOT_TABLES = tuple(
    f"{importer.record_type}_{dataset.name}"
    for importer in IMPORTERS.values()
    for dataset in importer.datasets
    if dataset.in_database
)
"""Tables with copies of what is in Parquet; views like the others in a lake without `snapshots_in_database`."""


def tables_of(*, snapshots_in_database: bool) -> list[str]:
    """The tables of a lake."""
    return [name for name in TABLES if snapshots_in_database or name not in SNAPSHOT_TABLES]


def views_of(*, snapshots_in_database: bool) -> list[str]:
    """The views of a lake."""
    return [*VIEWS, *(() if snapshots_in_database else SNAPSHOT_TABLES)]


def create_table(name: str) -> str:
    """DDL of a table."""
    columns = ", ".join(f"{column.name} {column.sql_type}" for column in TABLES[name])
    return f"CREATE TABLE IF NOT EXISTS {name} ({columns})"


def create_view(name: str, glob: str | None) -> str:
    """DDL of a view over the files that match `glob`; without files, of an empty one with the same columns."""
    columns = (TABLES | VIEWS)[name]
    if glob is None:
        nothing = ", ".join(f"NULL::{column.sql_type} AS {column.name}" for column in columns)
        return f"CREATE OR REPLACE VIEW {name} AS SELECT {nothing} WHERE false"
    names = ", ".join(f"{column.name}::{column.sql_type} AS {column.name}" for column in columns)
    return (
        f"CREATE OR REPLACE VIEW {name} AS SELECT {names} FROM read_parquet({quoted(glob)}, "
        "hive_partitioning = true, hive_types = {'ticker': VARCHAR, 'package': VARCHAR, 'category': VARCHAR, "
        "'session_date': DATE})"
    )


def parquet_file(path: Path, pattern: str = "") -> str:
    """One Parquet file as a table of SQL, whatever characters are in its path; or those in `path` by a pattern.

    Of several files, some may have columns that others, written by an older gexlake, lack.
    """
    files = glob_escape(str(path)) + (f"/{pattern}" if pattern else "")
    by_name = ", union_by_name = true" if pattern else ""
    return f"read_parquet({quoted(files)}, hive_partitioning = false{by_name})"


def parquet_path(path: str) -> str:
    """A path in a list of those that `read_parquet` reads, whatever characters are in it."""
    return quoted(glob_escape(path))


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
