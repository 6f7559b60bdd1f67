"""When the NYSE trades: the cash hours of a date, in Unix microseconds UTC.

Every GEXBot feed, the futures tickers too, records NYSE cash hours only: 09:30 to 16:00 America/New_York,
until 13:00 on early closes, nothing on holidays. An import asks for the hours of every file, so the answer
has to be quick, and `exchange_calendars`, which knows it, takes about a second to import. So three sources
answer, in this order:

1. `nyse.json` beside this module, for the dates it covers. `tools/make_calendar.py` writes it from
   `exchange_calendars`, and a test proves that both say the same.
2. `exchange_calendars` itself, imported on first need, for other dates.
3. Monday to Friday, 09:30 to 16:00, for dates beyond the library (before 1678, after 2261). No snapshot is
   that old or that new, but a misnamed file may claim to be, and one such name must not stop an import.

Dates ahead are what the exchange had announced, or what its rules imply, when the table or library was made.
The exchange can still close at short notice, as it did on 2025-01-09, a national day of mourning.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

EXCHANGE_TIME_ZONE = "America/New_York"

REGULAR_OPEN = time(9, 30)
"""Opening of the cash session, exchange time."""

REGULAR_CLOSE = time(16, 0)
"""Close of a full session, exchange time."""

TABLE_PATH = Path(__file__).with_name("nyse.json")

_SATURDAY = 5


class CashHours(NamedTuple):
    """The cash hours of one trading date, both ends inclusive, Unix microseconds UTC."""

    open_us: int
    close_us: int
    early_close: bool


def new_york_day(instant_us: int) -> date:
    """The exchange's date at an instant in Unix microseconds."""
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).astimezone(ZoneInfo(EXCHANGE_TIME_ZONE)).date()


@cache
def cash_hours(day: date) -> CashHours | None:
    """The cash hours of an America/New_York date, None if the exchange is closed. Answers for every date."""
    table = _table()
    if table.first_date <= day <= table.last_date:
        return table.hours(day)
    hours_of_year = _library_year(day.year)
    if hours_of_year is not None:
        return hours_of_year.get(day)
    return None if _is_weekend(day) else _hours_until(REGULAR_CLOSE, day)


def is_trading_day(day: date) -> bool:
    """Whether the exchange trades on that date, be it until an early close."""
    return cash_hours(day) is not None


def trading_days(start: date, end: date) -> list[date]:
    """The trading dates from `start` to `end`, both inclusive, ascending; none if `end` is before `start`."""
    return [day for day in iter_days(start, end) if is_trading_day(day)]


def iter_days(start: date, end: date) -> Iterator[date]:
    """Every calendar date from `start` to `end`, both inclusive, ascending."""
    return map(date.fromordinal, range(start.toordinal(), end.toordinal() + 1))


def library_hours(first: date, last: date) -> dict[date, CashHours]:
    """What `exchange_calendars` says of each trading date from `first` to `last`, both inclusive.

    Slow: the library pulls in pandas. Raises ValueError for dates outside the library's range.
    """
    with warnings.catch_warnings():  # the library's own use of pandas is not ours to warn about
        warnings.simplefilter("ignore")
        library: Any = import_module("exchange_calendars")  # by name: it has no types, and must not load at import
        nyse = library.get_calendar("XNYS", start=first.isoformat(), end=last.isoformat())
        early = set(nyse.early_closes)
        return {
            session.date(): CashHours(_timestamp_us(opened), _timestamp_us(closed), session in early)
            for session, opened, closed in zip(nyse.sessions, nyse.opens, nyse.closes, strict=True)
        }


class _Table(NamedTuple):
    """What `nyse.json` holds: the dates, within its range, that are not plain weekday sessions."""

    first_date: date
    last_date: date
    closed_weekdays: frozenset[date]
    early_closes: dict[date, time]

    def hours(self, day: date) -> CashHours | None:
        if _is_weekend(day) or day in self.closed_weekdays:
            return None
        return _hours_until(self.early_closes.get(day, REGULAR_CLOSE), day)


@cache
def _table() -> _Table:
    content = json.loads(TABLE_PATH.read_text(encoding="utf-8"))
    return _Table(
        first_date=date.fromisoformat(content["first_date"]),
        last_date=date.fromisoformat(content["last_date"]),
        closed_weekdays=frozenset(map(date.fromisoformat, content["closed_weekdays"])),
        early_closes={
            date.fromisoformat(day): time.fromisoformat(close) for day, close in content["early_closes"].items()
        },
    )


@cache
def _library_year(year: int) -> dict[date, CashHours] | None:
    """The cash hours of a year's trading dates, None if the library does not cover the whole year."""
    try:
        return library_hours(date(year, 1, 1), date(year, 12, 31))
    except ValueError:  # pandas' out-of-bounds error is one too
        return None


def _hours_until(close: time, day: date) -> CashHours:
    return CashHours(_exchange_time_us(day, REGULAR_OPEN), _exchange_time_us(day, close), close < REGULAR_CLOSE)


def _exchange_time_us(day: date, at: time) -> int:
    return _timestamp_us(datetime.combine(day, at, ZoneInfo(EXCHANGE_TIME_ZONE)))


def _timestamp_us(moment: datetime) -> int:
    """Exact, because the exchange opens and closes on whole seconds."""
    return int(moment.timestamp()) * 1_000_000


def _is_weekend(day: date) -> bool:
    return day.weekday() >= _SATURDAY
