"""Lineage records as rows: JSON where a column holds counts by code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.importers.parquet import write_parquet
from gexlake.models.column import Column
from gexlake.models.lineage import LINEAGE_COLUMNS, LineageRecord

if TYPE_CHECKING:
    import polars as pl


_FIELDS = [field.name for field in fields(LineageRecord)]


def lineage_row(record: LineageRecord) -> dict[str, Any]:
    """The row of a lineage record, in the types of `LINEAGE_COLUMNS`."""
    row = {name: getattr(record, name) for name in _FIELDS}
    row["status"] = record.status.value
    row["session_date"] = date.fromisoformat(record.session_date)
    row["warnings"] = json.dumps(record.warnings)
    row["errors"] = json.dumps(record.errors)
    row["sessions"] = json.dumps(record.sessions)
    return row


def lineage_frame(records: Iterable[LineageRecord]) -> pl.DataFrame:
    """Lineage records as a frame."""
    return table_frame([lineage_row(record) for record in records], LINEAGE_COLUMNS)


def table_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> pl.DataFrame:
    """Rows as a frame with the columns' own types, also where there is no row."""
    import polars as pl

    types: dict[str, Any] = {
        "VARCHAR": pl.String,
        "BIGINT": pl.Int64,
        "INTEGER": pl.Int32,
        "DOUBLE": pl.Float64,
        "BOOLEAN": pl.Boolean,
        "BLOB": pl.Binary,
        "DATE": pl.Date,
        "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    }
    return pl.DataFrame(rows, schema={column.name: types[column.sql_type] for column in columns}, orient="row")


def write_rows(frame: pl.DataFrame, path: Path) -> None:
    """Write a small table as Parquet and sync it to disk."""
    write_parquet(frame.lazy(), path)
