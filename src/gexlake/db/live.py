"""What the lake holds at this moment, for whoever reads it without its database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commits import live_versions
from gexlake.db.layout import LakeLayout, session_folder
from gexlake.db.schema import TABLES, VIEWS, parquet_path, quoted
from gexlake.importers import IMPORTERS
from gexlake.models.column import PARTITION_COLUMNS, Column
from gexlake.models.feed import SessionKey

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

DATASETS: dict[str, tuple[str, str]] = {
    f"{importer.record_type}_{dataset.name}": (importer.record_type, dataset.name)
    for importer in IMPORTERS.values()
    for dataset in importer.datasets
}
"""Table or view -> record type and data set: what lies in Parquet, whether the database holds it as well or not."""
SMALL_TABLES = tuple(name for name in TABLES if name not in DATASETS)
"""What only the database holds."""
READABLE = tuple(sorted({**TABLES, **VIEWS}))
"""All that a statement can name."""


def live_files(connection: Connection, layout: LakeLayout, name: str) -> Iterator[tuple[SessionKey, Path]]:
    """The Parquet file of each session of a data set that the database holds, in the order of sessions.

    A file that is missing is left out; `verify` names it.
    """
    record_type, dataset = DATASETS[name]
    for one in live_versions(connection):
        if one.record_type == record_type:
            file = layout.version_file(record_type, dataset, one.session, one.version)
            if file.is_file():
                yield one.session, file


def pin(session: SessionKey, file: Path, directory: Path) -> Path:
    """A link to a file of a version, below a directory: it is there even when `gc` has removed the file.

    Where the file system has no links for us, it is one by name.
    """
    link = directory.joinpath(session_folder(session), file.name)
    if not link.is_symlink() and not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, link)
        except OSError:
            link.symlink_to(file.absolute())
    return link


def view_over_files(name: str, files: Sequence[str]) -> str:
    """DDL of a view over published files, with the columns and types that the lake's own table or view has."""
    columns = TABLES.get(name) or VIEWS[name]
    if not files:
        return _empty_view(name, columns)
    names = ", ".join(f"{column.name}::{column.sql_type} AS {column.name}" for column in columns)
    listed = ", ".join(parquet_path(file) for file in files)
    folders = "hive_partitioning = false"
    if name in DATASETS:
        types = ", ".join(f"{column.name}: {column.sql_type}" for column in PARTITION_COLUMNS)
        folders = f"hive_partitioning = true, hive_types = {{{types}}}"
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {names} FROM read_parquet([{listed}], {folders})"


def view_that_says(name: str, text: str) -> str:
    """DDL of a view with the right columns that fails with this text when it is read."""
    return _empty_view(name, TABLES.get(name) or VIEWS[name], f"FROM range(1) WHERE error({quoted(text)})::BOOLEAN")


def _empty_view(name: str, columns: Sequence[Column], source: str = "WHERE false") -> str:
    nothing = ", ".join(f"NULL::{column.sql_type} AS {column.name}" for column in columns)
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {nothing} {source}"


def export_table(connection: Connection, name: str, file: Path) -> None:
    """Write a small table to a Parquet file. Where the lake lies on the machine is nobody's business there."""
    columns = "* REPLACE (NULL::VARCHAR AS root)" if name == "lake_info" else "*"
    connection.execute(f"COPY (SELECT {columns} FROM {name}) TO {quoted(str(file))} (FORMAT parquet)")
