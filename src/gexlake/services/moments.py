"""Bounds of a time range as people write them. Pure.

- A date (`date`, or ISO text without a time) stands for the whole session of that date.
- An instant (`datetime`, ISO text with a time, or Unix seconds) stands for itself. Without an offset it is UTC.

Both ends of a range are included.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

from gexlake.errors import UsageError

Moment = date | datetime | str | float
"""A bound: a date, an instant, ISO 8601 text of either, or Unix seconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST_SECONDS = 253_402_300_800
"""The year 10000: what is later is not in seconds."""


def parse_bound(value: Moment, *, parameter: str) -> date | int:
    """A session date, or an instant in Unix microseconds; raises `UsageError` for anything else."""
    if isinstance(value, str):
        return _parse_text(value.strip(), parameter)
    if isinstance(value, datetime):
        return _microseconds(value)
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or not math.isfinite(value) or not 0 <= value < _LATEST_SECONDS:
        raise _unusable(value, parameter)
    return round(value * 1_000_000)


def instant(microseconds: int) -> datetime:
    """The instant of Unix microseconds, UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def _parse_text(text: str, parameter: str) -> date | int:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return _microseconds(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise _unusable(text, parameter) from error


def _microseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def _unusable(value: object, parameter: str) -> UsageError:
    return UsageError(
        f"`{parameter}` was {value!r}, which is neither a date nor an instant.",
        hint="Write 2025-11-14 for a session, 2025-11-14T15:30:00Z or Unix seconds for an instant.",
    )
