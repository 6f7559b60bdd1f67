"""What was known at each of many instants: the last snapshot at or before it, and never a later one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.record_types import kind_of
from gexlake.services.asking.moments import Zone, end_of_day
from gexlake.services.asking.session_frames import Bounds, collect_rows, scan_range
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE
from gexlake.validation.zones import find_zone

if TYPE_CHECKING:
    import polars as pl

DAY_US = 86_400_000_000
SECOND_US = 1_000_000
AS_OF = "as_of"
AGE = "age_seconds"
_ROW = "\0row"
"""A name that no column of a user's has."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be joined: `columns` of the snapshots (None: all numbers), and what is made of them.

    With `distances`, how far spot is above each level of the snapshot, in points, NULL where there is no such level;
    with `within`, the share of the ladder's magnitude that lies at most so many points from spot; for each of
    `strikes`, the ladder's value there.
    """

    columns: Sequence[str] | None = None
    distances: bool = False
    within: float | None = None
    strikes: Sequence[float] = ()
    max_age: float | None = None
    """Seconds. Without it a snapshot has to be of the same session, by New York's date."""


def asof_frame(
    frame: pl.DataFrame,
    answer: Callable[[Feed, pl.Series], pl.DataFrame],
    *,
    on: str,
    feed: str | None,
    by: str | None,
    tz: Zone | None,
) -> pl.DataFrame:
    """A user's frame with what was known at each row behind it; see `Lake.asof`.

    `answer` gives a row for each of some instants (Datetime, UTC) of a feed.
    """
    import polars as pl

    if (feed is None) == (by is None):
        raise UsageError("Name the feed of all rows, or with `by` the column that has it for each row.")
    for name in (on, *([by] if by else [])):
        if name not in frame.columns:
            raise UsageError(f"The frame has no column {name!r}.", hint=f"It has {', '.join(frame.columns)}.")
    instants = instants_of(frame[on], tz)
    if by is None:
        found = answer(feed_of(feed or "", None, None), instants)
    else:
        parts = []
        for word in frame[by].drop_nulls().unique(maintain_order=True).to_list():
            rows = (frame[by] == word).arg_true()
            of_feed = answer(feed_of(str(word), None, None), instants.gather(rows))
            parts.append(of_feed.with_columns(rows.cast(pl.UInt32).alias(_ROW)))
        every = pl.DataFrame({_ROW: pl.arange(frame.height, dtype=pl.UInt32, eager=True)})
        joined = pl.concat(parts, how="diagonal") if parts else every
        found = every.join(joined, on=_ROW, how="left", maintain_order="left").drop(_ROW)
    taken = {name: f"{name}_gex" for name in found.columns if name in frame.columns}
    return frame.hstack(found.rename(taken).get_columns())


def instants_of(column: pl.Series, tz: Zone | None) -> pl.Series:
    """A column as instants, UTC to the microsecond; `tz` is where those without a zone are read.

    Raises `UsageError` for instants without a zone, and for what is no instant: numbers have no unit that could be
    known.
    """
    import polars as pl

    kind = column.dtype
    if not isinstance(kind, pl.Datetime):
        raise UsageError(
            f"The column {column.name!r} is {kind}, not of instants.",
            hint='Make it one of Datetime, as with pl.from_epoch(column, time_unit="s").',
        )
    if kind.time_zone is None:
        if tz is None:
            raise UsageError(
                f"The column {column.name!r} has instants without a zone.",
                hint='Say where to read them: tz="America/New_York".',
            )
        try:
            column = column.dt.replace_time_zone(str(find_zone(tz)))
        except pl.exceptions.ComputeError as error:
            raise UsageError(f"The column {column.name!r} has a time that {tz} does not have once: {error}.") from error
    return column.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))


def join_asof(layout: LakeLayout, feed: Feed, instants: pl.Series, wanted: Wanted) -> pl.DataFrame:
    """A row for each instant (Datetime, UTC, any order): `as_of`, `age_seconds`, and what is wanted.

    NULL where there is no such snapshot. Raises `UsageError` for a column that the feed does not have, `LakeError`
    where a file is damaged.
    """
    import polars as pl

    columns = _columns(feed, wanted)
    snapshots = _snapshots(layout, feed, instants, columns, wanted)
    place = _places(instants, snapshots["timestamp"], wanted.max_age)
    shown = list(wanted.columns) if wanted.columns is not None else columns
    made = [snapshots.select(pl.col("timestamp").alias(AS_OF), *shown)]
    if wanted.distances:
        made.append(snapshots.select(_distances(feed)))
    if wanted.within is not None or wanted.strikes:
        used = snapshots[place.drop_nulls().unique().sort().to_list()]
        made.append(_of_ladders(layout, feed, snapshots, used, wanted))
    found = pl.concat(made, how="horizontal").select(pl.all().gather(place))
    age = (instants - found[AS_OF]).dt.total_microseconds() / SECOND_US
    return found.insert_column(1, age.alias(AGE))


def _places(instants: pl.Series, timestamps: pl.Series, max_age: float | None) -> pl.Series:
    """For each instant the number of the last snapshot at or before it; null where none is near enough."""
    import polars as pl

    asked, times = instants.to_physical().fill_null(-(2**62)).to_numpy(), timestamps.to_physical().to_numpy()
    place = np.searchsorted(times, asked, side="right") - 1
    if max_age is None:  # of the same date in New York: before that date's end
        days = timestamps.dt.convert_time_zone(EXCHANGE_TIME_ZONE).dt.date()
        ends = {day: end_of_day(day) for day in days.unique().to_list()}
        until = np.array([ends[day] for day in days.to_list()], np.int64)
    else:
        until = times + round(max_age * SECOND_US)
    near = place >= 0
    near[near] = asked[near] <= until[place[near]]
    return pl.Series(np.where(near, place, 0)).set(pl.Series(~near), None)


def _columns(feed: Feed, wanted: Wanted) -> list[str]:
    """What has to be read of the snapshots."""
    kind = kind_of(feed)
    known = [column.name for column in kind.snapshot_columns if column.name != "timestamp"]
    if wanted.columns is None:
        return list(kind.numbers)
    for name in wanted.columns:
        if name not in known:
            raise UsageError(f"{feed} has no column {name!r}.", hint=f"It has {', '.join(known)}.")
    needed = [*wanted.columns]
    if wanted.distances:
        needed += ["spot", *kind.levels]
    if wanted.within is not None:
        needed.append("spot")
    return list(dict.fromkeys(needed))


def _distances(feed: Feed) -> list[pl.Expr]:
    import polars as pl

    spot = pl.col("spot")
    return [
        pl.when(pl.col(name) != 0).then(spot - pl.col(name)).alias(f"{name}_distance") for name in kind_of(feed).levels
    ]


def _snapshots(layout: LakeLayout, feed: Feed, instants: pl.Series, columns: list[str], wanted: Wanted) -> pl.DataFrame:
    """The snapshots among which those at or before the instants are, by time."""
    bounds = Bounds(first_us=0, last_us=0)
    if instants.len() > instants.null_count():
        first, last = (int(value) for value in (instants.to_physical().min(), instants.to_physical().max()))  # type: ignore[arg-type]
        reach_us = DAY_US if wanted.max_age is None else round(wanted.max_age * SECOND_US)
        bounds = Bounds(first_us=first - reach_us, last_us=last)
    frame = collect_rows(scan_range(layout, "snapshots", feed, bounds).select("timestamp", *columns))
    return frame if frame["timestamp"].is_sorted() else frame.sort("timestamp", maintain_order=True)


def _of_ladders(
    layout: LakeLayout, feed: Feed, snapshots: pl.DataFrame, used: pl.DataFrame, wanted: Wanted
) -> pl.DataFrame:
    """For each of the snapshots what is made of its ladder; only those that are used are read."""
    import polars as pl

    ladder = kind_of(feed).ladder
    if ladder is None:
        raise UsageError(f"{feed} has no ladders to make anything of.")
    made = snapshots.select("timestamp")
    instants, value = used["timestamp"], ladder.shown[0]
    ends = instants.to_physical().to_list() or [0]
    rows = scan_range(layout, ladder.dataset, feed, Bounds(first_us=ends[0], last_us=ends[-1]))
    rows = rows.select("timestamp", "strike", value).filter(pl.col("timestamp").is_in(instants.implode()))
    if wanted.within is not None:
        size, near = pl.col(value).abs(), (pl.col("strike") - pl.col("spot")).abs() <= wanted.within
        share = pl.when(size.sum() > 0).then(size.filter(near).sum() / size.sum())
        spot = used.select("timestamp", "spot").lazy()
        name = f"{value}_share_within_{wanted.within:g}"
        made = _joined(made, rows.join(spot, on="timestamp").group_by("timestamp").agg(share.alias(name)))
    for strike in wanted.strikes:
        at = rows.filter(pl.col("strike") == float(strike)).unique("timestamp", keep="last")
        made = _joined(made, at.select("timestamp", pl.col(value).alias(f"{value}_{strike:g}")))
    return made.drop("timestamp")


def _joined(made: pl.DataFrame, rows: pl.LazyFrame) -> pl.DataFrame:
    return made.join(collect_rows(rows), on="timestamp", how="left", maintain_order="left")
