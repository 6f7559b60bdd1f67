"""The days that a replay runs through, as one axis of time. Pure; all instants are Unix microseconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

SECOND_US = 1_000_000


class Window(NamedTuple):
    """One day's span of time, both ends included."""

    day: date
    start_us: int
    end_us: int


class Schedule:
    """Windows in order of time, and the axis that a clock runs along: 0 at the first opening, `total_us` at the end.

    Between two windows it is the close of the first for one second, or, with `keep_gaps`, every instant between.
    """

    def __init__(self, windows: Sequence[Window], *, keep_gaps: bool = False) -> None:
        if not windows:
            raise ValueError("a schedule needs a window")
        self.windows = sorted(windows, key=lambda window: window.start_us)
        self._starts = [window.start_us for window in self.windows]
        if keep_gaps:
            self._places = [start - self._starts[0] for start in self._starts]
        else:
            lengths = (window.end_us - window.start_us + SECOND_US for window in self.windows[:-1])
            self._places = list(accumulate(lengths, initial=0))
        self._keep_gaps = keep_gaps
        last = self.windows[-1]
        self.total_us = self._places[-1] + last.end_us - last.start_us

    def instant(self, place_us: int) -> int:
        """What time it is at a place of the axis; beyond its ends, at the end."""
        place_us = min(max(place_us, 0), self.total_us)
        index = bisect_right(self._places, place_us) - 1
        window = self.windows[index]
        instant = window.start_us + place_us - self._places[index]
        return instant if self._keep_gaps else min(instant, window.end_us)

    def place(self, instant_us: int) -> int:
        """Where an instant is on the axis; one that is not on it is at the next opening, or at the end."""
        index = bisect_right(self._starts, instant_us) - 1
        if index < 0:
            return 0
        window = self.windows[index]
        if instant_us <= window.end_us or (self._keep_gaps and index + 1 < len(self.windows)):
            return self._places[index] + instant_us - window.start_us
        return self._places[index + 1] if index + 1 < len(self.windows) else self.total_us

    def window(self, instant_us: int) -> Window:
        """The window that an instant is in, or the last one before it; before all, the first."""
        return self.windows[max(bisect_right(self._starts, instant_us) - 1, 0)]
