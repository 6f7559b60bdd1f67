"""Coverage on the time grid: where a session has no snapshots, and what a feed has of each trading date.

Feeds record about once a second, but real days run at 1.3 s for a while and pause for 2 or 3 s, so a row
count says little. What counts is time: a *hole* is a stretch of cash hours longer than
`HOLE_THRESHOLD_SECONDS` without a snapshot. All times are Unix microseconds UTC; `timestamps_us` are int64,
as DuckDB's `epoch_us(timestamp)` gives them.

A service measures each stored session once (`measure_day`), keeps the holes, and later joins them with the
trading calendar (`assess`):

    stored[day] = measure_day(day, timestamps_us, source_files=1)
    for row in assess(stored, start, end): ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gexlake.validation.calendar import CashHours, cash_hours, iter_days

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOLE_THRESHOLD_SECONDS = 5
"""A stretch without snapshots longer than this is a hole; one exactly as long is not."""


class Hole(NamedTuple):
    """A stretch of cash hours without a snapshot, Unix microseconds UTC.

    It runs from the last snapshot before it (or the open) to the first after it (or the close).
    """

    start_us: int
    end_us: int

    @property
    def seconds(self) -> float:
        """Length, to the microsecond."""
        return (self.end_us - self.start_us) / 1_000_000


class DayStatus(StrEnum):
    """What the lake has of one date of a feed."""

    COMPLETE = "complete"
    """Snapshots throughout the cash hours."""
    HOLES = "holes"
    """Snapshots, but at least one hole."""
    MISSING = "missing"
    """A trading date of which the lake has nothing."""
    EMPTY = "empty"
    """A trading date of which a source file was read, but no snapshot stands."""
    CLOSED_DAY_ROWS = "closed_day_rows"
    """Snapshots on a date when the exchange was closed."""


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What the lake holds of one date of a feed. `holes` are ascending, as `find_holes` gave them."""

    snapshots: int
    source_files: int
    holes: tuple[Hole, ...] = ()


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """How well the lake covers one date of a feed.

    `hours` and `coverage` (the share of cash hours outside holes, 0 to 1) are None on closed dates.
    """

    session_date: date
    status: DayStatus
    hours: CashHours | None
    snapshots: int
    source_files: int
    holes: tuple[Hole, ...]
    coverage: float | None

    @property
    def early_close(self) -> bool:
        """Whether the exchange closed before its regular time; False on closed dates."""
        return self.hours is not None and self.hours.early_close


def find_holes(
    timestamps_us: NDArray[np.int64], hours: CashHours, *, threshold_seconds: float = HOLE_THRESHOLD_SECONDS
) -> list[Hole]:
    """The stretches of cash hours longer than `threshold_seconds` without a snapshot, ascending and disjoint.

    - The open and the close bound a stretch as snapshots do: a late first snapshot leaves a hole before it.
    - Snapshots outside the cash hours are ignored; one exactly at the open or close is inside.
    - Without a snapshot inside them, the whole cash hours are one hole, whatever the threshold.
    - To measure a session still running, cut its hours off at the present: `hours._replace(close_us=now_us)`.

    Raises ValueError if the timestamps inside the cash hours are not ascending; repeated ones are allowed.
    """
    import numpy as np

    inside = timestamps_us[(timestamps_us >= hours.open_us) & (timestamps_us <= hours.close_us)]
    if not inside.size:
        return [_whole(hours)]
    edges = np.concatenate(([hours.open_us], inside, [hours.close_us]))
    stretches = np.diff(edges)
    if stretches.min() < 0:
        raise ValueError("The timestamps must be sorted ascending.")
    before = np.flatnonzero(stretches > threshold_seconds * 1_000_000)
    return [Hole(start, end) for start, end in zip(edges[before].tolist(), edges[before + 1].tolist(), strict=True)]


def coverage(holes: Iterable[Hole], hours: CashHours) -> float:
    """The share of the cash hours that lies outside the holes, 0 to 1. The holes must be disjoint."""
    missing_us = sum(hole.end_us - hole.start_us for hole in _clip(holes, hours))
    return 1 - missing_us / (hours.close_us - hours.open_us)


def measure_day(
    day: date,
    timestamps_us: NDArray[np.int64],
    *,
    source_files: int,
    threshold_seconds: float = HOLE_THRESHOLD_SECONDS,
) -> StoredDay:
    """Count and measure the snapshots of one date of a feed; a closed date has no holes.

    Raises ValueError if the timestamps are not ascending, as `find_holes` does.
    """
    hours = cash_hours(day)
    holes = find_holes(timestamps_us, hours, threshold_seconds=threshold_seconds) if hours else []
    return StoredDay(snapshots=len(timestamps_us), source_files=source_files, holes=tuple(holes))


def assess(stored: Mapping[date, StoredDay], start: date, end: date) -> list[DayCoverage]:
    """Join the dates from `start` to `end`, both inclusive, with what the lake holds of a feed; ascending.

    Every trading date gives a row, a closed date only if it has snapshots. Trading dates that have not begun
    count as missing, so the caller ends the range where expectations end.
    """
    rows = (_assess_day(day, cash_hours(day), stored.get(day)) for day in iter_days(start, end))
    return [row for row in rows if row is not None]


_NOTHING = StoredDay(snapshots=0, source_files=0)


def _assess_day(day: date, hours: CashHours | None, found: StoredDay | None) -> DayCoverage | None:
    stored = found or _NOTHING
    if hours is None:
        if not stored.snapshots:
            return None
        return DayCoverage(
            day,
            DayStatus.CLOSED_DAY_ROWS,
            None,
            stored.snapshots,
            stored.source_files,
            holes=(),
            coverage=None,
        )
    holes = _holes(stored, hours)
    return DayCoverage(
        day,
        _status(found, holes),
        hours,
        stored.snapshots,
        stored.source_files,
        holes,
        coverage(holes, hours),
    )


def _holes(stored: StoredDay, hours: CashHours) -> tuple[Hole, ...]:
    if not stored.snapshots:
        return (_whole(hours),)
    return tuple(_clip(stored.holes, hours))


def _status(stored: StoredDay | None, holes: tuple[Hole, ...]) -> DayStatus:
    if stored is None:
        return DayStatus.MISSING
    if not stored.snapshots:
        return DayStatus.EMPTY
    return DayStatus.HOLES if holes else DayStatus.COMPLETE


def _clip(holes: Iterable[Hole], hours: CashHours) -> list[Hole]:
    """The parts inside the cash hours: stored holes may be older than a correction of the calendar."""
    clipped = (Hole(max(hole.start_us, hours.open_us), min(hole.end_us, hours.close_us)) for hole in holes)
    return [hole for hole in clipped if hole.start_us < hole.end_us]


def _whole(hours: CashHours) -> Hole:
    return Hole(hours.open_us, hours.close_us)
