"""Snapshots on a coarser grid of time. Pure, and backward-looking: what stands at an instant uses nothing later.

An interval ends at a multiple of its length since 1970 (UTC) and holds what came after the one before it, its own end
included: the row of 15:31:00 at one minute is made of 15:30:00.000001 to 15:31:00. Intervals without a snapshot have
no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gexlake.models.block import Doubles, Ints
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


def last_of_intervals(snapshots: pl.LazyFrame, seconds: int) -> pl.LazyFrame:
    """`timestamp` (the interval's end) and `last_timestamp` (that of its last snapshot), in order of time."""
    import polars as pl

    return (
        _by_interval(snapshots, seconds)
        .agg(pl.col("timestamp").last().alias("last_timestamp"))
        .rename({"interval_end": "timestamp"})
    )


def heatmap(intervals: pl.DataFrame, strikes: pl.LazyFrame, value: str) -> pl.LazyFrame:
    """Strike by time: `timestamp`, `strike` and one ladder column, `value`, of each interval's last snapshot."""
    import polars as pl

    wanted = intervals["last_timestamp"].implode()
    return (
        strikes.select("timestamp", "strike", value)
        .filter(pl.col("timestamp").is_in(wanted))
        .rename({"timestamp": "last_timestamp"})
        .join(intervals.lazy(), on="last_timestamp", how="inner", maintain_order="left")
        .select("timestamp", "strike", value)
    )


def matrix(cells: pl.DataFrame, value: str) -> tuple[Doubles, pl.Series, Doubles]:
    """The cells of `heatmap`, which are in order of time, as (n,) strikes, m instants and their (n, m) values.

    NaN where a ladder has no such strike; of two rows of one strike the later stands.
    """
    instants = cells["timestamp"].unique(maintain_order=True)
    every, found = cells["strike"].to_numpy(), cells[value].to_numpy()
    of_cells, of_columns = (times.to_physical().to_numpy() for times in (cells["timestamp"], instants))
    if _are_alike(every, of_cells, of_columns):  # as mostly
        return every[: len(every) // len(instants)], instants, np.ascontiguousarray(found.reshape(len(instants), -1).T)
    strikes, row = np.unique(every, return_inverse=True)
    values = np.full((len(strikes), len(instants)), np.nan)
    values[row, np.searchsorted(of_columns, of_cells)] = found
    return strikes, instants, values


def _are_alike(strikes: Doubles, timestamps: Ints, instants: Ints) -> bool:
    """Whether all ladders have the same strikes, in ascending order."""
    if not len(strikes) or len(strikes) % len(instants):
        return False
    ladders = strikes.reshape(len(instants), -1)
    together = (timestamps.reshape(len(instants), -1) == instants[:, np.newaxis]).all()
    return bool(together and (ladders == ladders[0]).all() and (np.diff(ladders[0]) > 0).all())


def _by_interval(snapshots: pl.LazyFrame, seconds: int) -> pl.lazyframe.group_by.LazyGroupBy:
    import polars as pl

    # A ceiling in whole microseconds: polars' own windows would begin at the first snapshot for some lengths.
    length = seconds * 1_000_000
    instant = pl.col("timestamp").dt.epoch("us")
    end = -((-instant).floordiv(length)) * length
    grouped = snapshots.sort("timestamp").with_columns(end.cast(pl.Datetime("us", "UTC")).alias("interval_end"))
    return grouped.group_by("interval_end", maintain_order=True)
