"""NYSE trading sessions, in Unix seconds UTC.

`exchange_calendars` pulls in pandas (about a second), so it is imported on first use only.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any


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
    calendar = _nyse()
    try:
        first = calendar.date_to_session(start.isoformat(), direction="next")
        window = calendar.sessions_window(first, count) if count else []
    except (ValueError, OverflowError) as exc:
        raise ValueError(_out_of_calendar(f"{count} sessions from {start}")) from exc
    return [_session(day.date()) for day in window]


def sessions_before(start: date, count: int) -> list[TradingSession]:
    """The last `count` sessions before `start`, latest first."""
    calendar = _nyse()
    try:
        last = calendar.date_to_session(start.isoformat(), direction="next")
        window = calendar.sessions_window(last, -(count + 1))[:-1]
    except (ValueError, OverflowError) as exc:
        raise ValueError(_out_of_calendar(f"{count} sessions before {start}")) from exc
    return [_session(day.date()) for day in reversed(window)]


def session_on(day: date) -> TradingSession:
    """The session of that date. Raises ValueError on a holiday or weekend."""
    if not _nyse().is_session(day.isoformat()):
        raise ValueError(f"The NYSE has no session on {day:%A} {day}; sessions are trading days only.")
    return _session(day)


def days_to_next_sessions(day: date, count: int) -> list[int]:
    """Calendar days from `day` to each of the following `count` sessions."""
    following = _nyse().sessions_window(day.isoformat(), count + 1)[1:]
    return [(session.date() - day).days for session in following]


@lru_cache(maxsize=4096)
def _session(day: date) -> TradingSession:
    opened, closed = _nyse().session_open_close(day.isoformat())
    return TradingSession(day, int(opened.timestamp()), int(closed.timestamp()))


def _out_of_calendar(wanted: str) -> str:
    calendar = _nyse()
    first, last = calendar.first_session.date(), calendar.last_session.date()
    return f"Cannot list {wanted}: the trading calendar covers {first} to {last}."


@lru_cache(maxsize=1)
def _nyse() -> Any:
    with warnings.catch_warnings():  # the library's own use of pandas is not ours to warn about
        warnings.simplefilter("ignore")
        import exchange_calendars

        return exchange_calendars.get_calendar("XNYS")
