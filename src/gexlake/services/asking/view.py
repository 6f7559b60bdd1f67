"""One session as a picture needs it: as many columns as there are pixels, however many snapshots it has.

Backward-looking, as everything here: a column shows the last snapshot at or before its end, and nothing at all where
that one is older than the column is long and than a gap has to be. The least and the greatest of what moves are kept
beside it, so that no spike is lost between two columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gexlake.db.layout import LakeLayout
from gexlake.db.published import sound_footer
from gexlake.db.segments import day_folder
from gexlake.models.feed import Feed
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import kind_of
from gexlake.scanner.synthetic import has_synthetic_note
from gexlake.services.asking.session_digest import LadderSums, session_digest, sums_of_ladders, sums_of_published
from gexlake.services.asking.session_frames import Bounds, published_days, published_files, scan_range
from gexlake.services.store.unpublished import UnpublishedSession
from gexlake.validation.calendar import CashHours, cash_hours
from gexlake.validation.gaps import HOLE_THRESHOLD_SECONDS

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SECOND_US = 1_000_000
MAX_CELLS = 1_200_000
"""Cells of one picture: where a ladder is very long, it has fewer columns."""
MOVE_SECONDS = 60
MOVES = 24
MOVES_APART_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Span:
    """What a picture shows of a session, Unix microseconds."""

    start_us: int
    end_us: int
    columns: int

    @property
    def column_us(self) -> int:
        """Length of a column: whole seconds, one at least."""
        seconds = -(-(self.end_us - self.start_us) // (self.columns * SECOND_US))
        return max(1, seconds) * SECOND_US

    def ends(self) -> Integers:
        """The end of each column; what is right after the one before it, up to this instant, belongs to it."""
        count = max(1, -(-(self.end_us - self.start_us) // self.column_us))
        return self.start_us + self.column_us * np.arange(1, count + 1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Move:
    """A large change of a sum over the minute that ends at `timestamp` (Unix seconds)."""

    timestamp: float
    change: float


@dataclass(frozen=True, slots=True)
class SessionView:
    """The picture. In `series` each array has an element per column; times are Unix seconds, nothing is NaN."""

    feed: Feed
    session_date: date
    value: str | None
    span: Span
    hours: CashHours | None
    snapshots: int
    first_us: int
    last_us: int
    strikes: Floats
    cells: Floats
    """Strike by column."""
    series: dict[str, Floats]
    moves: tuple[Move, ...]
    digest: str
    """Of the instants and numbers of all snapshots of the session, and of the ladders where there are cells."""
    known_digest: str | None
    """The same of those at or before the instant that is known already; None where none is."""
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Cells:
    """What the cells show: the ladder's column, or how much it has changed."""

    value: str
    change_us: int | None = None
    """The value minus that of the same strike so many microseconds earlier; None: the value itself."""


def view_session(
    layout: LakeLayout,
    feed: Feed,
    day: date,
    *,
    value: str | None = "gex_vol",
    columns: int = 1200,
    change_us: int | None = None,
    with_cells: bool = True,
    start_us: int | None = None,
    end_us: int | None = None,
    known_us: int | None = None,
    recorded: UnpublishedSession | None = None,
) -> SessionView | None:
    """The session of a date, or the part from `start_us` to `end_us`; None where the lake has no snapshot of it.

    `value` is the ladder's column that the cells show, or its change over `change_us`; None where there is no ladder,
    and so no cells. Without cells the ladders are not read at all. Whoever knows the session up to `known_us` sees by
    `known_digest` whether it still is what it was. `recorded` is what is not published yet.
    """
    import polars as pl

    kind = kind_of(feed)
    bounds = Bounds.between(day, day)
    frames = Frames(kind, recorded)
    frames.append_published(layout, feed, bounds)
    if not frames.snapshots:
        return None
    snapshots = pl.concat(frames.snapshots).collect().sort("timestamp")
    if not snapshots.height:
        return None
    times = snapshots["timestamp"].to_physical().to_numpy()
    hours = cash_hours(day)
    first, last = int(times[0]), int(times[-1])
    whole = _whole_span(hours, first, last)
    span = Span(whole[0] if start_us is None else start_us, whole[1] if end_us is None else end_us, columns)
    shown = Cells(value, change_us) if kind.ladder and value and with_cells else None
    strikes, cells, span = _cells(frames.ladders, shown, times, span)
    chosen = _chosen(times, span)
    changes = _changes(kind, snapshots, times, value)
    sums = frames.ladder_sums(layout, feed, day) if shown else []
    digest_until = partial(session_digest, kind, snapshots, times, sums)
    return SessionView(
        feed=feed,
        session_date=day,
        value=value,
        span=span,
        hours=hours,
        snapshots=snapshots.height,
        first_us=first,
        last_us=last,
        strikes=strikes,
        cells=cells,
        series=_series(kind, snapshots, times, span, chosen) | _changes_in_columns(times, changes, span),
        moves=() if changes is None else _largest_moves(times, changes),
        digest=digest_until(last),
        known_digest=None if known_us is None else digest_until(known_us),
        synthetic=is_synthetic(layout, feed, day, is_recorded=recorded is not None),
    )


def _whole_span(hours: CashHours | None, first_us: int, last_us: int) -> tuple[int, int]:
    """The cash hours and all that lies outside them."""
    opened, closed = (hours.open_us, hours.close_us) if hours else (first_us, last_us)
    return min(opened, first_us), max(closed, last_us)


class Frames:
    """What a picture is made of: what is recorded and not published, and, appended to it, what is published."""

    def __init__(self, kind: RecordType, recorded: UnpublishedSession | None) -> None:
        self.snapshots: list[pl.LazyFrame] = []
        self.ladders: list[pl.LazyFrame] = []
        self._ladder = kind.ladder
        self._is_recorded = recorded is not None
        if recorded is None:
            return
        import polars as pl

        numbers, rows, cells = recorded.tables()
        instants = pl.Series("timestamp", recorded.instants).cast(pl.Datetime("us", "UTC"))
        columns = [pl.Series(name, values) for name, values in zip(kind.numbers, numbers, strict=True)]
        self.snapshots.append(pl.DataFrame([instants, *columns]).lazy())
        if kind.ladder:
            times = pl.Series("timestamp", np.repeat(recorded.instants, rows)).cast(pl.Datetime("us", "UTC"))
            ladder = [pl.Series(name, values) for name, values in zip(kind.ladder_names, cells, strict=True)]
            self.ladders.append(pl.DataFrame([times, *ladder]).lazy())

    def ladder_sums(self, layout: LakeLayout, feed: Feed, day: date) -> list[LadderSums]:
        """The sums of all ladders, for the digest."""
        if self._ladder is None:
            return []
        recorded = [sums_of_ladders(rows, self._ladder) for rows in self.ladders[: int(self._is_recorded)]]
        return [*recorded, *sums_of_published(layout, feed, day, self._ladder)]

    def append_published(self, layout: LakeLayout, feed: Feed, bounds: Bounds) -> None:
        """Append what the lake has published of a feed, if it has something."""
        if not published_days(layout, feed, bounds):
            return
        kind = kind_of(feed)
        self.snapshots.append(scan_range(layout, "snapshots", feed, bounds).select("timestamp", *kind.numbers))
        if kind.ladder:
            self.ladders.append(scan_range(layout, kind.ladder.dataset, feed, bounds))


def is_synthetic(layout: LakeLayout, feed: Feed, day: date, *, is_recorded: bool = False) -> bool:
    """Whether a source of the session is marked as synthetic; of one that is recorded, what it is recorded into."""
    if is_recorded and has_synthetic_note(day_folder(layout, day)):
        return True
    files = published_files(layout, "snapshots", feed, Bounds.between(day, day))
    return any(source.get("synthetic") for file in files for source in sound_footer(file)["sources"])


def session_versions(layout: LakeLayout, feed: Feed, day: date) -> set[str]:
    """The version of the session that is live; none where there is none."""
    files = published_files(layout, "snapshots", feed, Bounds.between(day, day))
    return {sound_footer(file)["version"] for file in files}


# ---- columns -------------------------------------------------------------------------------------------------------


def _chosen(times: Integers, span: Span) -> Integers:
    """The place of the snapshot that each column shows, -1 where it shows none."""
    ends = span.ends()
    places = np.searchsorted(times, ends, side="right") - 1
    longest_us = max(span.column_us, int(HOLE_THRESHOLD_SECONDS * SECOND_US))
    shown = (places >= 0) & (ends - times[places] < longest_us)
    return np.where(shown, places, -1)


def _cells(
    ladders: list[pl.LazyFrame], shown: Cells | None, times: Integers, span: Span
) -> tuple[Floats, Floats, Span]:
    """Strikes, cells, and the span with as many columns as there is room for."""
    import polars as pl

    if shown is None:
        return np.empty(0), np.empty((0, len(span.ends()))), span
    rows = pl.concat([one.select("timestamp", "strike", pl.col(shown.value).alias("value")) for one in ladders])
    strikes, cells = _cells_of(rows, shown, times, span)
    while cells.size > MAX_CELLS and span.columns > 1:
        span = Span(span.start_us, span.end_us, max(1, MAX_CELLS // len(strikes)))
        strikes, cells = _cells_of(rows, shown, times, span)
    return strikes, cells, span


def _cells_of(ladders: pl.LazyFrame, shown: Cells, times: Integers, span: Span) -> tuple[Floats, Floats]:
    """A change is that of the snapshot which a column shows, against the one that stood so long before it."""
    import polars as pl

    chosen = _chosen(times, span)
    before = np.full_like(chosen, -1) if shown.change_us is None else _before(times, chosen, shown.change_us)
    wanted = np.unique(times[np.concatenate((chosen[chosen >= 0], before[before >= 0]))])
    instants = pl.Series(wanted).cast(pl.Datetime("us", "UTC"))
    rows = ladders.filter(pl.col("timestamp").is_in(instants.implode())).collect()
    strikes = rows["strike"].unique().sort().to_numpy()
    matrix = np.full((len(strikes), len(wanted) + 1), np.nan)  # the last column is that of "no snapshot"
    row = np.searchsorted(strikes, rows["strike"].to_numpy())
    column = np.searchsorted(wanted, rows["timestamp"].to_physical().to_numpy())
    matrix[row, column] = rows["value"].to_numpy()

    def shown_at(places: Integers) -> Floats:
        return matrix[:, np.where(places >= 0, np.searchsorted(wanted, times[places]), len(wanted))]

    return strikes, shown_at(chosen) if shown.change_us is None else shown_at(chosen) - shown_at(before)


def _before(times: Integers, places: Integers, ago_us: int) -> Integers:
    """Of each snapshot, by its place, the one that stood `ago_us` earlier; -1 where there is none, or no recent one."""
    asked = times[places] - ago_us
    before = np.searchsorted(times, asked, side="right") - 1
    known = (places >= 0) & (before >= 0) & (asked - times[before] <= int(HOLE_THRESHOLD_SECONDS * SECOND_US))
    return np.where(known, before, -1)


def _series(
    kind: RecordType, snapshots: pl.DataFrame, times: Integers, span: Span, chosen: Integers
) -> dict[str, Floats]:
    """Every number of the snapshots that are shown; with `_min` and `_max` of those that move from second to second."""
    shown = chosen >= 0
    series = {"time": span.ends() / SECOND_US, "last": np.where(shown, times[chosen] / SECOND_US, np.nan)}
    for name in kind.numbers:
        series[name] = np.where(shown, snapshots[name].to_numpy()[chosen], np.nan)
    column = _column_of(times, span)
    inside = (column >= 0) & (column < len(chosen))
    held, starts = np.unique(column[inside], return_index=True)
    for name in (name for name in kind.numbers if name not in kind.levels):
        values = snapshots[name].to_numpy()[inside]
        for reduce, suffix in ((np.fmin, "min"), (np.fmax, "max")):
            extreme = series[name].copy()  # a column that only holds on to an earlier snapshot has no other
            if len(held):
                extreme[held] = reduce.reduceat(values, starts)
            series[f"{name}_{suffix}"] = extreme
    return series


def _changes(kind: RecordType, snapshots: pl.DataFrame, times: Integers, value: str | None) -> Floats | None:
    """Of each snapshot the change over a minute of the sum of what is shown; None where the vendor reports none.

    Where the snapshot of a minute ago is missing, there is no change to speak of.
    """
    name = f"sum_{value}"
    if name not in kind.numbers:
        return None
    values = snapshots[name].to_numpy()
    before = _before(times, np.arange(len(times)), MOVE_SECONDS * SECOND_US)
    return np.asarray(np.nan_to_num(np.where(before >= 0, values - values[before], 0.0)))


def _largest_moves(times: Integers, changes: Floats) -> tuple[Move, ...]:
    """The largest changes, in order of time, each some minutes from the others."""
    left = np.abs(changes)
    found: list[int] = []
    while len(found) < MOVES and left.size and left.max() > 0:
        place = int(left.argmax())
        found.append(place)
        left[np.abs(times - times[place]) < MOVES_APART_SECONDS * SECOND_US] = 0
    return tuple(Move(float(times[place]) / SECOND_US, float(changes[place])) for place in sorted(found))


def _changes_in_columns(times: Integers, changes: Floats | None, span: Span) -> dict[str, Floats]:
    """The largest change in each column, and when it was.

    Which changes are the largest of a session is known at its end alone: who looks at it as it was earlier finds those
    until then among these.
    """
    if changes is None:
        return {}
    column = _column_of(times, span)
    order = np.lexsort((np.abs(changes), column))
    order = order[(column[order] >= 0) & (column[order] < len(span.ends())) & (changes[order] != 0)]
    largest = {name: np.full(len(span.ends()), np.nan) for name in ("moved_at", "moved")}
    largest["moved_at"][column[order]] = times[order] / SECOND_US  # of those in a column the last one stays
    largest["moved"][column[order]] = changes[order]
    return largest


def _column_of(times: Integers, span: Span) -> Integers:
    """The column that each snapshot falls into, which may be none of the span's."""
    column: Integers = -(-(times - span.start_us) // span.column_us) - 1
    column[times == span.start_us] = 0
    return column
