"""What the lake holds at this moment, for whoever reads it without its database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commit import staged_files
from gexlake.db.layout import LakeLayout, glob_escape, session_folder
from gexlake.db.schema import TABLES, VIEWS, quoted
from gexlake.importers import IMPORTERS
from gexlake.models.column import PARTITION_COLUMNS, Column
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.staged import MANIFEST_NAME, StagedSession

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

    No commit may be under way: between its transaction and its renames a file is not in its place. Where a crash came
    between these, it is the staged file that counts. A file that is missing is left out; `verify` names it.
    """
    record_type, dataset = DATASETS[name]
    unpublished = _unpublished(layout)
    rows = connection.execute(
        "SELECT ticker, package, category, session_date, version FROM sessions WHERE record_type = ? ORDER BY ALL",
        [record_type],
    ).fetchall()
    for ticker, package, category, day, version in rows:
        session = SessionKey(Feed(ticker, package, category), day)
        staged = unpublished.get(version, {}).get(dataset)
        file = staged or layout.dataset_file(record_type, dataset, session)
        if file.is_file():
            yield session, file


def _unpublished(layout: LakeLayout) -> dict[str, dict[str, Path]]:
    """By version: the files that lie in staging, of work that is whole."""
    found = {}
    for manifest in layout.staging.glob(f"*/*/{MANIFEST_NAME}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            staged = StagedSession.load(manifest.parent)
            if staged.changes_data:
                files = {dataset: file for dataset, file in staged_files(staged).items() if file.is_file()}
                found[staged.version] = files
    return found


def pin(session: SessionKey, file: Path, directory: Path) -> Path:
    """A link to a file as it is now, below a directory: replacing the file leaves what the link leads to as it was.

    Where the file system has no links for us, it is one by name, which follows.
    """
    status = file.stat()
    link = directory.joinpath(session_folder(session), f"{status.st_ino:x}-{status.st_mtime_ns:x}.parquet")
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
    listed = ", ".join(quoted(glob_escape(file)) for file in files)
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
