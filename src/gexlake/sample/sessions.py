"""The NYSE sessions that synthetic history is made for, in Unix seconds UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from gexlake.validation.calendar import cash_hours

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 1, 1)
"""Bounds of what can be generated; the calendar's rules say little beyond."""


@dataclass(frozen=True, slots=True)
class TradingSession:
    """The cash hours of one NYSE trading date, both ends inclusive, Unix seconds UTC."""

    date: date
    open_utc_seconds: int
    close_utc_seconds: int

    @property
    def seconds(self) -> int:
        """From the open to the close."""
        return self.close_utc_seconds - self.open_utc_seconds


def sessions_from(start: date, count: int) -> list[TradingSession]:
    """The first `count` sessions on or after `start`; holidays and weekends have none."""
    return _take(_iter_sessions(start, timedelta(days=1)), count, f"{count} sessions from {start}")


def sessions_before(start: date, count: int) -> list[TradingSession]:
    """The last `count` sessions before `start`, latest first."""
    before = _iter_sessions(start - timedelta(days=1), timedelta(days=-1))
    return _take(before, count, f"{count} sessions before {start}")


def session_on(day: date) -> TradingSession:
    """The session of that date. Raises ValueError on a holiday or weekend."""
    hours = cash_hours(day)
    if hours is None:
        raise ValueError(f"The NYSE has no session on {day:%A} {day}; sessions are trading days only.")
    return TradingSession(day, hours.open_us // 1_000_000, hours.close_us // 1_000_000)


def days_to_expiries(category: str, day: date) -> tuple[int, int]:
    """Calendar days to the nearest expiry of the category and to the one after it; each session has one."""
    nearest, following = ((session.date - day).days for session in sessions_from(day + timedelta(days=1), 2))
    return (nearest, following) if category.endswith("_one") else (0, nearest)


def _iter_sessions(start: date, step: timedelta) -> Iterator[TradingSession]:
    day = start
    while FIRST_DAY <= day <= LAST_DAY:
        if cash_hours(day) is not None:
            yield session_on(day)
        day += step


def _take(sessions: Iterator[TradingSession], count: int, wanted: str) -> list[TradingSession]:
    found = list(islice(sessions, count))
    if len(found) < count:
        raise ValueError(f"Cannot list {wanted}: synthetic history covers {FIRST_DAY} to {LAST_DAY}.")
    return found
