"""A stored column, and the four that every data set is partitioned by."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A stored column: its name, its DuckDB type, and one sentence for the data dictionary."""

    name: str
    sql_type: str
    meaning: str


PARTITION_COLUMNS: tuple[Column, ...] = (
    Column("ticker", "VARCHAR", "the vendor's name of the underlying, in capitals, never translated"),
    Column("package", "VARCHAR", "`classic`, `state` or `orderflow`"),
    Column(
        "category",
        "VARCHAR",
        "`gex_full` (expiries up to 90 days), `gex_zero` (nearest), `gex_one` (next); `delta_zero` …; `orderflow`",
    ),
    Column("session_date", "DATE", "the records' own date in America/New_York, whatever their file's name says"),
)
