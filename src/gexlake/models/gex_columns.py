"""The columns of GEX snapshots and ladders: one list for decoder, Parquet, DuckDB and docs.

Names and meanings are the vendor's (see docs/data-dictionary.md, which is generated from here).
"""

from __future__ import annotations

from enum import IntEnum

from gexlake.models.column import Column

RECORD_TYPE = "gex"


class Int(IntEnum):
    """Rows of a block's table of integers; the order is that of `_native.c`, which fills all but the last."""

    TIMESTAMP = 0
    MIN_DTE = 1
    SEC_MIN_DTE = 2
    START = 3
    END = 4
    ROWS = 5
    MAX_PRIORS = 6
    FLAGS = 7
    INDEX = 8
    """Ordinal of the record in its file; the decoder counts, the native code leaves it alone."""


NUMBERS: tuple[str, ...] = (
    "spot",
    "zero_gamma",
    "major_pos_vol",
    "major_pos_oi",
    "major_neg_vol",
    "major_neg_oi",
    "sum_gex_vol",
    "sum_gex_oi",
    "delta_risk_reversal",
)
"""Scalar doubles of a snapshot: the first rows of a block's table of numbers, in the order of `_native.c`."""

MAX_PRIORS = 6
"""[strike, change] pairs of `max_priors`: twelve more rows of the table of numbers."""

NUMBER_ROWS = len(NUMBERS) + 2 * MAX_PRIORS
PRIORS = 5
LADDER: tuple[str, ...] = ("strike", "gex_vol", "gex_oi", *(f"prior_{i}" for i in range(1, PRIORS + 1)))
"""Columns of a strike row, and rows of a block's ladder table."""

MISSING_INT = -(2**63)
"""Stands for an absent integer inside a block; absent doubles are NaN, which JSON cannot express."""

FLAG_PRIORS_NOT_FIVE = 1
FLAG_EXTRA = 2
FLAG_FIELD_TYPE = 4
FLAG_NOT_FINITE = 8
FLAG_NUMBER_AS_TEXT = 16
FLAG_ZONE_GIVEN = 32


SNAPSHOT_COLUMNS: tuple[Column, ...] = (
    Column("timestamp", "TIMESTAMPTZ", "the instant of the snapshot, UTC, to the microsecond"),
    Column("min_dte", "INTEGER", "days to the nearest expiry"),
    Column("sec_min_dte", "INTEGER", "days to the second nearest expiry"),
    Column("spot", "DOUBLE", "underlying price"),
    Column("zero_gamma", "DOUBLE", "price level where net gamma changes sign; 0 in state feeds: not applicable"),
    Column("major_pos_vol", "DOUBLE", "strike of the largest positive GEX by volume"),
    Column("major_pos_oi", "DOUBLE", "strike of the largest positive GEX by open interest"),
    Column("major_neg_vol", "DOUBLE", "strike of the largest negative GEX by volume"),
    Column("major_neg_oi", "DOUBLE", "strike of the largest negative GEX by open interest"),
    Column("sum_gex_vol", "DOUBLE", "sum of the ladder's `gex_vol`, as the vendor reports it"),
    Column("sum_gex_oi", "DOUBLE", "sum of the ladder's `gex_oi`, as the vendor reports it"),
    Column("delta_risk_reversal", "DOUBLE", "as the vendor reports it; 0 in state feeds: not applicable"),
    Column(
        "max_priors",
        "STRUCT(strike DOUBLE, change DOUBLE)[]",
        "largest change of `gex_vol` now and over 1, 5, 10, 15 and 30 minutes, and its strike",
    ),
    Column(
        "extra",
        "VARCHAR",
        "fields without a column of their own, as a JSON object; NULL where there are none",
    ),
)

STRIKE_COLUMNS: tuple[Column, ...] = (
    Column("timestamp", "TIMESTAMPTZ", "the instant of the snapshot, UTC, to the microsecond"),
    Column("strike", "DOUBLE", "strike price, on the ticker's own price scale"),
    Column("gex_vol", "DOUBLE", "gamma exposure by volume; the vendor does not document its unit"),
    Column("gex_oi", "DOUBLE", "gamma exposure by open interest; the vendor does not document its unit"),
    *(
        Column(
            f"prior_{i}",
            "DOUBLE",
            f"`gex_vol` of this strike {minutes} earlier; NULL where the source had none",
        )
        for i, minutes in enumerate(("1 minute", "5 minutes", "10 minutes", "15 minutes", "30 minutes"), start=1)
    ),
)
