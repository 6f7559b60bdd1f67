"""Bounds of a time range, and ages, as people write them. Pure.

- A date (`date`, or ISO text without a time) stands for the whole session of that date.
- An instant (`datetime`, ISO text with a time, or Unix seconds) stands for itself. Without an offset it says nothing
  until somebody names the zone: it is refused, never guessed.

Both ends of a range are included.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from numbers import Real
from zoneinfo import ZoneInfo

from gexlake.errors import UsageError
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE
from gexlake.validation.zones import find_zone, in_zone

Moment = date | datetime | str | float
"""A bound: a date, an instant, ISO 8601 text of either, or Unix seconds."""
Zone = str | tzinfo
"""A time zone: an IANA name, or the zone itself."""
Age = float | str | timedelta
"""A span back in time: seconds, or text as 90s, 15m, 4h, 3d."""

SECOND_US = 1_000_000
HOW_TO_SAY_WHERE = (
    "Write 2025-11-19T10:00:00-05:00 or 2025-11-19T15:00:00Z, or name the zone to read it in: tz=America/New_York."
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3600 * SECOND_US
_LATEST_SECONDS = 253_402_300_800
"""The year 10000: what is later is not in seconds."""
_NEW_YORK = ZoneInfo(EXCHANGE_TIME_ZONE)
_AGE = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_INTERVAL = re.compile(r"([1-9]\d{0,4})([smh])", re.ASCII)
_AGE_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class UnzonedError(UsageError):
    """An instant without a zone, or one that the zone's clocks leave out or show twice."""


# ---- bounds --------------------------------------------------------------------------------------------------------


def parse_bound(value: Moment, *, parameter: str, tz: Zone | None = None) -> date | int:
    """A session date, or an instant in Unix microseconds; `tz` is where one without a zone of its own is read.

    Raises `UnzonedError` for an instant of which the zone is not known, `UsageError` for anything else.
    """
    if isinstance(value, str):
        return _parse_text(value.strip(), parameter, tz)
    if isinstance(value, datetime):
        return _microseconds(value, value, parameter, tz)
    if isinstance(value, date):
        return value
    is_number = isinstance(value, Real) and not isinstance(value, bool)  # numpy's too
    if not is_number or not math.isfinite(value) or not 0 <= value < _LATEST_SECONDS:
        raise _unusable(value, parameter)
    return round(value * SECOND_US)


def parse_instant(value: Moment, *, parameter: str, tz: Zone | None = None) -> int:
    """An instant in Unix microseconds; a date is the last of that day in New York. Raises as `parse_bound` does."""
    bound = parse_bound(value, parameter=parameter, tz=tz)
    try:
        return end_of_day(bound) if isinstance(bound, date) else bound
    except (OverflowError, ValueError) as error:  # the last day of the year 9999
        raise _unusable(value, parameter) from error


def parse_interval(text: str) -> int:
    """A length of time as 30s, 5m or 1h, in seconds. Raises `UsageError`."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no interval.", hint="Write a number and s, m or h, as 30s, 5m or 1h.")
    return int(found[1]) * _AGE_UNITS[found[2]]


def start_of_day(day: date) -> int:
    """The first instant of a day in New York, in Unix microseconds."""
    return int(datetime.combine(day, time(), _NEW_YORK).timestamp()) * SECOND_US


def end_of_day(day: date) -> int:
    """The last instant of a day in New York, in Unix microseconds."""
    return start_of_day(day + timedelta(days=1)) - 1


def new_york_day(microseconds: int) -> tuple[date, int]:
    """The date in New York at an instant, and the first instant of it in Unix microseconds."""
    return _day_of_hour(microseconds // _HOUR_US)


@lru_cache(maxsize=4096)
def _day_of_hour(hour: int) -> tuple[date, int]:
    """Of an hour since 1970: days in New York begin on the hour. Every answer to `/gex/at` asks for it."""
    day = instant(hour * _HOUR_US).astimezone(_NEW_YORK).date()
    return day, start_of_day(day)


def instant(microseconds: int) -> datetime:
    """The instant of Unix microseconds, UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def iso(microseconds: int) -> str:
    """The instant of Unix microseconds as 2025-11-14T15:30:00Z."""
    return instant(microseconds).isoformat().replace("+00:00", "Z")


def _parse_text(text: str, parameter: str, tz: Zone | None) -> date | int:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise _unusable(text, parameter) from error
    return _microseconds(moment, text, parameter, tz)


def _microseconds(moment: datetime, shown: datetime | str, parameter: str, tz: Zone | None) -> int:
    if moment.utcoffset() is not None:
        return (moment - _EPOCH) // _MICROSECOND
    if tz is None:
        shown = shown if isinstance(shown, str) else shown.isoformat()
        raise UnzonedError(f"`{parameter}` was {shown!r}, an instant without a zone.", hint=HOW_TO_SAY_WHERE)
    try:
        return (in_zone(moment.replace(tzinfo=None), find_zone(tz)) - _EPOCH) // _MICROSECOND
    except ValueError as error:
        raise UnzonedError(f"`{parameter}` is no one instant: {error}.", hint="Write it with its offset.") from None


def _unusable(value: object, parameter: str) -> UsageError:
    return UsageError(
        f"`{parameter}` was {value!r}, which is neither a date nor an instant.",
        hint="Write 2025-11-14 for a session, 2025-11-14T15:30:00Z or Unix seconds for an instant.",
    )


# ---- ages ----------------------------------------------------------------------------------------------------------


def parse_age(value: Age, *, parameter: str = "max_age") -> float:
    """An age in seconds: a number of them, or text as 90s, 15m, 4h, 3d, a day being 24 hours. Raises `UsageError`."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        value = seconds_of(value)
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    raise UsageError(
        f"`{parameter}` was {value!r}, which is no age.", hint="Write seconds, or a number and s, m, h or d, as 3d."
    )


def seconds_of(text: str) -> float | str:
    """The seconds of an age with its unit; any other text as it is, but for a number."""
    found = _AGE.fullmatch(text)
    if found is not None:
        return int(found[1]) * _AGE_UNITS[found[2]]
    try:
        return float(text)
    except ValueError:
        return text


def in_words(seconds: float) -> str:
    """147596.0 -> 40 h 59 min 56 s"""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if hours or minutes else "", f"{rest} s"]
    return " ".join(part for part in parts if part)
