"""Which published files a statement of SQL is going to read, by DuckDB's own plan, so that they are looked at first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import is_sealed
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError
from gexlake.models.column import PARTITION_COLUMNS

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

READER = "READ_PARQUET"


def files_of_statement(connection: Connection, layout: LakeLayout, statement: str) -> list[Path]:
    """The published files that one SELECT may read, and no fewer; nothing is run.

    A condition on feed or date that DuckDB applies to the list of files narrows it; what cannot be told is all of them.
    """
    import duckdb

    every = [
        file
        for importer in IMPORTERS.values()
        for dataset in importer.datasets
        for file in layout.dataset_files(importer.record_type, dataset.name)
        if not dataset.in_database or "/" in statement  # else it is the table that is read
    ]
    try:
        rows = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchall()
        nodes = [node for _, plan in rows for node in _iter_nodes(json.loads(plan))]
    except duckdb.ParserException:
        return []  # it will fail as it does here; an EXPLAIN, which cannot be explained, reads no values
    except (duckdb.BinderException, duckdb.CatalogException):
        return [file for file in every if not _has_sound_footer(file)]  # which may have named other columns
    except (duckdb.Error, ValueError, TypeError):  # a damaged file may be what keeps it from a plan
        return every
    files: set[Path] = set()
    for node in nodes:
        if READER in node.get("name", "").upper() or "parquet" in json.dumps(node.get("extra_info", "")).lower():
            files.update(_files_of_node(connection, every, node))
    return sorted(files)


def _has_sound_footer(file: Path) -> bool:
    try:
        is_sealed(file)
    except (BrokenSealError, OSError):
        return False
    return True


def _iter_nodes(tree: Any) -> Iterator[dict[str, Any]]:
    for node in tree if isinstance(tree, list) else [tree]:
        yield node
        yield from _iter_nodes(node.get("children", []))


def _files_of_node(connection: Connection, every: list[Path], node: dict[str, Any]) -> list[Path]:
    """Those of a scan: the plan says by which condition it was narrowed, and to how many."""
    import duckdb

    facts = node.get("extra_info", {})
    condition = facts.get("File Filters")
    if not isinstance(condition, str):
        return every
    names = ", ".join(column.name for column in PARTITION_COLUMNS)
    parts = [[folder.partition("=")[2] for folder in file.parent.parts[-len(PARTITION_COLUMNS) :]] for file in every]
    values = ", ".join("(" + "?, " * len(PARTITION_COLUMNS) + "?)" for _ in parts)
    casts = ", ".join(f"{column.name}::{column.sql_type} AS {column.name}" for column in PARTITION_COLUMNS)
    try:
        found = connection.execute(
            f"SELECT place FROM (SELECT {casts}, place::BIGINT AS place FROM (VALUES {values}) AS v({names}, place)) "
            f"WHERE {condition}",
            [value for place, part in enumerate(parts) for value in (*part, place)],
        ).fetchall()
    except duckdb.Error:
        return every
    count, _, total = facts.get("Scanning Files", "").partition("/")
    if (count, total) != (str(len(found)), str(len(every))):
        return every
    return [every[place] for (place,) in found]
