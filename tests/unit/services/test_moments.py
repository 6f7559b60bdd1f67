from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from gexlake.errors import UsageError
from gexlake.services.moments import Moment, instant, parse_bound

NOON_US = 1763121600_000000  # 2025-11-14 12:00 UTC


@pytest.mark.parametrize("value", [date(2025, 11, 14), "2025-11-14", " 2025-11-14 "])
def test_a_date_is_a_session(value: Moment) -> None:
    assert parse_bound(value, parameter="start") == date(2025, 11, 14)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2025, 11, 14, 12),
        datetime(2025, 11, 14, 12, tzinfo=UTC),
        datetime(2025, 11, 14, 7, tzinfo=timezone(timedelta(hours=-5))),
        "2025-11-14T12:00:00",
        "2025-11-14 12:00",
        "2025-11-14T12:00:00Z",
        "2025-11-14T07:00:00-05:00",
        1763121600,
        1763121600.0,
    ],
)
def test_an_instant_is_utc_unless_it_says_otherwise(value: Moment) -> None:
    assert parse_bound(value, parameter="start") == NOON_US


def test_microseconds_are_kept() -> None:
    assert parse_bound("2025-11-14T12:00:00.000001Z", parameter="start") == NOON_US + 1
    assert parse_bound(1763121600.5, parameter="start") == NOON_US + 500_000
    assert instant(NOON_US + 1) == datetime(2025, 11, 14, 12, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "yesterday", "2025-13-01", True, float("nan"), -1, 1763121600000])
def test_anything_else_is_an_error(value: Moment) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bound(value, parameter="end")
    assert caught.value.message == f"`end` was {value!r}, which is neither a date nor an instant."
    assert caught.value.hint == ("Write 2025-11-14 for a session, 2025-11-14T15:30:00Z or Unix seconds for an instant.")
