"""Open tables, read back, and what must be true of them whenever they have been published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table

from gexlake.db.commits import live_versions
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.importers import IMPORTERS
from gexlake.models.publishing import NAMESPACE
from gexlake.services.publishing import iceberg, publish
from gexlake.services.publishing.catalogs import choose_catalog, open_catalog
from helpers.crashes import Files, digest_of

PARTS = ("catalog", "followers")
PARTITIONS = {"ticker": pl.String, "package": pl.String, "category": pl.String, "session_date": pl.Date}


def catalog_of(lake: Path) -> Catalog:
    """The lake's own catalog."""
    layout = LakeLayout(lake)
    return open_catalog(layout, choose_catalog(layout))


def tables_of(lake: Path, catalog: Catalog | None = None, namespace: str = NAMESPACE) -> dict[str, Table]:
    """The tables of the lake by name."""
    catalog = catalog or catalog_of(lake)
    return {name[1]: catalog.load_table(name) for name in catalog.list_tables(namespace)}


def live_files(lake: Path, table: str) -> set[str]:
    """The names of the files that are live, as the lake itself says."""
    record_type, dataset = table.split("_")
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        return {
            layout.version_file(record_type, dataset, one.session, one.version).name
            for one in live_versions(connection)
            if one.record_type == record_type
        }


def in_lake(lake: Path, table: str) -> pl.DataFrame:
    """The rows of a table as the plain files have them."""
    record_type, dataset = table.split("_")
    files = sorted((lake / record_type / dataset).glob("*/*/*/*/*.parquet"))
    return in_order(pl.scan_parquet(files, hive_partitioning=True, hive_schema=PARTITIONS).collect())


def by_pyiceberg(table: Table, **options: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table.scan(**options).to_arrow())
    assert isinstance(frame, pl.DataFrame)
    return in_order(frame)


def by_polars(table: Table, **options: Any) -> pl.DataFrame:
    return in_order(pl.scan_iceberg(table, reader_override="native", **options).collect())


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns and rows in an order that is the same for all readers."""
    keys = [name for name in (*PARTITIONS, "timestamp", "strike") if name in frame.columns]
    return frame.select(sorted(frame.columns)).sort(keys)


def assert_published(lake: Path, catalog: Catalog | None = None, namespace: str = NAMESPACE) -> None:
    """Every table names exactly the live files, each once, and all are tagged at the lake's last commit."""
    tables = tables_of(lake, catalog, namespace)
    kinds = {record_type for record_type, importer in IMPORTERS.items() if (lake / record_type).exists()}
    assert {name.split("_")[0] for name in tables} == kinds
    tips = set()
    for name, table in tables.items():
        named = [Path(task.file.file_path).name for task in table.scan().plan_files()]
        assert len(named) == len(set(named)), f"{name} has a file twice"
        assert set(named) == live_files(lake, name), name
        snapshot = table.current_snapshot()
        assert snapshot is not None
        tips.add(
            max(ref for ref, tag in table.refs().items() if tag.snapshot_id == snapshot.snapshot_id and ref != "main")
        )
    assert len(tips) == 1, f"the newest tags differ: {tips}"


def states_on_the_way(lake: Path, work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[Files]:
    """What a kill would leave of catalog and followers: as they stand before and after everything that writes there."""
    found: dict[bytes, Files] = {}

    def look() -> None:
        files = state_of(lake)
        found.setdefault(digest_of(files), files)

    def looked_at(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            look()
            try:
                return function(*arguments, **options)
            finally:
                look()

        return wrapped

    with monkeypatch.context() as patch:
        for owner, names in (
            (SqlCatalog, ("create_namespace", "create_table", "commit_table")),
            (PyArrowFileIO, ("delete",)),
            (iceberg, ("retain",)),
            (publish, ("retain",)),
        ):
            for name in names:
                patch.setattr(owner, name, looked_at(getattr(owner, name)))
        work()
    return list(found.values())


def state_of(lake: Path) -> Files:
    """Everything in `catalog/` and `followers/`."""
    return {
        str(path.relative_to(lake)): path.read_bytes() if path.is_file() else None
        for part in PARTS
        for path in sorted((lake / part, *(lake / part).rglob("*")))
        if path.exists()
    }


def put_back(lake: Path, state: Files) -> None:
    """Make them what they were: tables name their files by whole paths, so it has to be in the same place."""
    for part in PARTS:
        shutil.rmtree(lake / part, ignore_errors=True)
    for name, content in state.items():
        if content is None:
            (lake / name).mkdir(exist_ok=True)
        else:
            (lake / name).write_bytes(content)
