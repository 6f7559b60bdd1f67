"""Snapshots on a coarser grid of time. Pure, and backward-looking: what stands at an instant uses nothing later.

An interval ends at a multiple of its length since 1970 (UTC) and holds what came after the one before it, its own end
included: the row of 15:31:00 at one minute is made of 15:30:00.000001 to 15:31:00. Intervals without a snapshot have
no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gexlake.models.block import Ints
from gexlake.models.record_type import RecordType

if TYPE_CHECKING:
    import polars as pl


def bars(kind: RecordType, snapshots: pl.LazyFrame, seconds: int) -> pl.LazyFrame:
    """One row per interval of `seconds` with snapshots, in order of time.

    `timestamp` is the interval's end; `open`, `high`, `low` and `close` are of `spot`; all other numbers are those of
    the last snapshot, at `last_timestamp`; `snapshots` counts them.
    """
    import polars as pl

    spot = pl.col("spot")
    return (
        _by_interval(snapshots, seconds)
        .agg(
            pl.col("timestamp").last().alias("last_timestamp"),
            pl.len().cast(pl.Int64).alias("snapshots"),
            spot.first().alias("open"),
            spot.max().alias("high"),
            spot.min().alias("low"),
            spot.last().alias("close"),
            *(pl.col(name).last() for name in kind.numbers if name != "spot"),
        )
        .rename({"interval_end": "timestamp"})
    )


def last_of_intervals(timestamps: Ints, seconds: int) -> tuple[Ints, Ints]:
    """Which (m,) of ascending timestamps are the last ones of their intervals, and where the (m,) intervals end.

    All in Unix microseconds.
    """
    length = seconds * 1_000_000
    ends = -(-timestamps // length) * length
    last = np.flatnonzero(np.diff(ends, append=ends[-1:] + 1))
    return last, ends[last]


def _by_interval(snapshots: pl.LazyFrame, seconds: int) -> pl.lazyframe.group_by.LazyGroupBy:
    import polars as pl

    # A ceiling in whole microseconds: polars' own windows would begin at the first snapshot for some lengths.
    length = seconds * 1_000_000
    instant = pl.col("timestamp").dt.epoch("us")
    end = -((-instant).floordiv(length)) * length
    grouped = snapshots.sort("timestamp").with_columns(end.cast(pl.Datetime("us", "UTC")).alias("interval_end"))
    return grouped.group_by("interval_end", maintain_order=True)
