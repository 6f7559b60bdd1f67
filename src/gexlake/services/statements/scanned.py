"""Which published files a statement of SQL is going to read, by DuckDB's own plan, so that they are looked at first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.layout import partition_values
from gexlake.importers.seal import BrokenSealError, is_sealed
from gexlake.models.column import PARTITION_COLUMNS

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

READER = "READ_PARQUET"


def scanned_files(connection: Connection, views: Mapping[str, Sequence[str]], statement: str) -> list[str]:
    """The files that one SELECT may read, and no fewer, of those that each view has; nothing is run.

    A condition on feed or date that DuckDB applies to the list of files narrows it; what cannot be told is all of them.
    """
    import duckdb

    every = [file for files in views.values() for file in files]
    try:
        rows = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchall()
        nodes = [node for _, plan in rows for node in _iter_nodes(json.loads(plan))]
    except duckdb.ParserException:
        return []  # it will fail as it does here; an EXPLAIN, which cannot be explained, reads no values
    except (duckdb.BinderException, duckdb.CatalogException):
        return [file for file in every if not _has_sound_footer(file)]  # which may have named other columns
    except (duckdb.Error, ValueError, TypeError):  # a damaged file may be what keeps it from a plan
        return every
    found: set[str] = set()
    for node in nodes:
        if READER in node.get("name", "").upper() or "parquet" in json.dumps(node.get("extra_info", "")).lower():
            found.update(_files_of_node(connection, views, node))
    return sorted(found)


def _has_sound_footer(file: str) -> bool:
    try:
        is_sealed(Path(file))
    except (BrokenSealError, OSError):
        return False
    return True


def _iter_nodes(tree: Any) -> Iterator[dict[str, Any]]:
    for node in tree if isinstance(tree, list) else [tree]:
        yield node
        yield from _iter_nodes(node.get("children", []))


def _files_of_node(connection: Connection, views: Mapping[str, Sequence[str]], node: dict[str, Any]) -> list[str]:
    """Those of a scan: the plan says by which condition it was narrowed, and to how many of how many."""
    facts = node.get("extra_info", {})
    condition = facts.get("File Filters")
    count, _, total = facts.get("Scanning Files", "").partition("/")
    files: list[str] = []
    for of_view in views.values():
        if isinstance(condition, str) and total not in ("", str(len(of_view))):
            continue  # it is another view's
        narrowed = _narrow(connection, of_view, condition) if isinstance(condition, str) else None
        files += of_view if narrowed is None or str(len(narrowed)) != count else narrowed
    return files


def _narrow(connection: Connection, files: Sequence[str], condition: str) -> list[str] | None:
    import duckdb

    if not files:
        return []
    names = ", ".join(column.name for column in PARTITION_COLUMNS)
    parts = [partition_values(Path(file).parent.parts[-len(PARTITION_COLUMNS) :]) for file in files]
    values = ", ".join("(" + "?, " * len(PARTITION_COLUMNS) + "?)" for _ in parts)
    casts = ", ".join(f"{column.name}::{column.sql_type} AS {column.name}" for column in PARTITION_COLUMNS)
    try:
        found = connection.execute(
            f"SELECT place FROM (SELECT {casts}, place::BIGINT AS place FROM (VALUES {values}) AS v({names}, place)) "
            f"WHERE {condition}",
            [value for place, part in enumerate(parts) for value in (*part, place)],
        ).fetchall()
    except duckdb.Error:
        return None
    return [files[place] for (place,) in found]
