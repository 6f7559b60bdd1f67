"""A clock that can be paused, sought, stepped and run at another speed. Pure: it is told what time it really is.

`now` is always a monotonic time in seconds, as of `time.monotonic`; instants are Unix microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from gexlake.errors import UsageError
from gexlake.replay.schedule import SECOND_US, Schedule

SLOWEST, FASTEST = 0.1, 1000.0


class AtEnd(StrEnum):
    """What the clock does at the end of the last day."""

    HOLD = "hold"
    LOOP = "loop"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows: the instant, how often it has jumped (been sought, or begun anew), and where to last."""

    instant_us: int
    jumps: int
    origin_us: int
    at_end: bool


class ReplayClock:
    """One clock over a schedule, which runs from `now` on unless it is `paused`."""

    def __init__(
        self, schedule: Schedule, now: float, *, speed: float = 1.0, at_end: AtEnd = AtEnd.HOLD, paused: bool = False
    ) -> None:
        self.schedule = schedule
        self.speed = checked_speed(speed)
        self.paused = paused
        self.at_end = at_end
        self._place_us, self._since = 0, now
        self._jumps, self._origin_us = 0, schedule.instant(0)

    # ---- reading -------------------------------------------------------------------------------------------

    def read(self, now: float) -> Reading:
        """What it shows."""
        self._take_laps(now)
        place_us = self._place(now)
        at_end = place_us >= self.schedule.total_us
        return Reading(self.schedule.instant(place_us), self._jumps, self._origin_us, at_end)

    def seconds_until(self, now: float, instant_us: int) -> float:
        """How long it really takes until it shows an instant, if nobody touches it; infinite where it never will."""
        if self.paused:
            return math.inf
        self._take_laps(now)
        away_us = self.schedule.place(instant_us) - self._place(now)
        if away_us < 0 and self.at_end is not AtEnd.LOOP:
            return math.inf
        if away_us < 0:
            away_us += self._lap_us
        return away_us / (self.speed * SECOND_US)

    def facts(self, now: float) -> dict[str, Any]:
        """What there is to say about it, for people and programs."""
        reading = self.read(now)
        return {
            "instant": iso(reading.instant_us),
            **asdict(reading),
            "paused": self.paused,
            "speed": self.speed,
            "then": self.at_end.value,
        }

    # ---- setting -------------------------------------------------------------------------------------------

    def pause(self, now: float) -> None:
        """Stand still."""
        self._settle(now)
        self.paused = True

    def resume(self, now: float) -> None:
        """Run on."""
        self._settle(now)
        self.paused = False

    def set_speed(self, now: float, speed: float) -> None:
        """Run so many times as fast as time does. Raises `UsageError` outside 0.1 to 1,000."""
        speed = checked_speed(speed)
        self._settle(now)
        self.speed = speed

    def seek(self, now: float, instant_us: int) -> None:
        """Show another instant, earlier or later; between days it is the next opening."""
        self._place_us, self._since = self.schedule.place(instant_us), now
        self._jumps, self._origin_us = self._jumps + 1, self.schedule.instant(self._place_us)

    def step(self, now: float, by_us: int) -> None:
        """Run ahead by so much at once; what lies between has happened. Raises `UsageError` for a step back."""
        if by_us < 0:
            raise UsageError(f"`seconds` was {by_us / SECOND_US:g}: a step leads ahead.", hint="Seek to go back.")
        self._settle(now)
        self._place_us += by_us
        self._take_laps(now)

    # ---- the place on the axis -----------------------------------------------------------------------------

    @property
    def _lap_us(self) -> int:
        return self.schedule.total_us + SECOND_US

    def _place(self, now: float) -> int:
        run_us = 0 if self.paused else int((now - self._since) * self.speed * SECOND_US)
        place_us = self._place_us + max(run_us, 0)
        return place_us if self.at_end is AtEnd.LOOP else min(place_us, self.schedule.total_us)

    def _settle(self, now: float) -> None:
        self._place_us, self._since = self._place(now), now

    def _take_laps(self, now: float) -> None:
        """Begin anew where the end is behind."""
        if self.at_end is AtEnd.LOOP and self._place(now) >= self._lap_us:
            self._settle(now)
            laps, self._place_us = divmod(self._place_us, self._lap_us)
            self._jumps, self._origin_us = self._jumps + laps, self.schedule.instant(0)


def checked_speed(speed: float) -> float:
    """The speed, if it is one; raises `UsageError` in words."""
    if not SLOWEST <= speed <= FASTEST:
        raise UsageError(f"`speed` was {speed:g}, it must be from {SLOWEST:g} to {FASTEST:g}.")
    return float(speed)


def iso(instant_us: int) -> str:
    """An instant as ISO 8601, UTC."""
    return datetime.fromtimestamp(instant_us / SECOND_US, UTC).isoformat().replace("+00:00", "Z")


class Clocks:
    """One clock for all, or one for each key; `monotonic` says what time it really is."""

    MOST = 1000
    """Of keys with a clock of their own; the one used longest ago is forgotten."""

    def __init__(self, make: Callable[[float], ReplayClock], monotonic: Callable[[], float], *, per_key: bool) -> None:
        self._make, self._monotonic, self.per_key = make, monotonic, per_key
        self._shared = make(monotonic())
        self._clocks: dict[str, ReplayClock] = {}

    @property
    def schedule(self) -> Schedule:
        """The days of all clocks."""
        return self._shared.schedule

    def now(self) -> float:
        """What time it really is."""
        return self._monotonic()

    def of(self, key_id: str) -> ReplayClock:
        """The clock of a key; its own one starts when it is first asked for."""
        if not self.per_key or not key_id:
            return self._shared
        clock = self._clocks.pop(key_id, None) or self._make(self.now())
        self._clocks[key_id] = clock
        while len(self._clocks) > self.MOST:
            del self._clocks[next(iter(self._clocks))]
        return clock

    def id_of(self, key_id: str) -> str:
        """What tells the clock of a key from others: "" for the shared one."""
        return key_id if self.per_key else ""

    def instant_us(self, key_id: str) -> int:
        """What the clock of a key shows."""
        return self.of(key_id).read(self.now()).instant_us
