from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gexlake.errors import UsageError
from gexlake.services.asking.moments import (
    Age,
    Moment,
    Zone,
    end_of_day,
    instant,
    new_york_day,
    parse_age,
    parse_bound,
    start_of_day,
)

NOON_US = 1763121600_000000  # 2025-11-14 12:00 UTC


@pytest.mark.parametrize("value", [date(2025, 11, 14), "2025-11-14", " 2025-11-14 "])
def test_a_date_is_a_session(value: Moment) -> None:
    assert parse_bound(value, parameter="start") == date(2025, 11, 14)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2025, 11, 14, 12, tzinfo=UTC),
        datetime(2025, 11, 14, 7, tzinfo=timezone(timedelta(hours=-5))),
        "2025-11-14T12:00:00Z",
        "2025-11-14T07:00:00-05:00",
        1763121600,
        1763121600.0,
        np.int64(1763121600),
        np.float64(1763121600),
    ],
)
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
def test_an_instant_that_says_where_it_is_from_stands_for_itself(value: Moment, tz: str | None) -> None:
    assert parse_bound(value, parameter="start", tz=tz) == NOON_US


NAIVE = [datetime(2025, 11, 14, 12), "2025-11-14T12:00:00", "2025-11-14 12:00", "20251114T120000", "2025-W46-5T12:00"]


@pytest.mark.parametrize("value", NAIVE)
def test_an_instant_without_a_zone_is_refused_and_both_forms_are_shown(value: Moment) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bound(value, parameter="start")
    shown = value if isinstance(value, str) else "2025-11-14T12:00:00"
    assert caught.value.message == f"`start` was {shown!r}, an instant without a zone."
    assert caught.value.hint == (
        "Write 2025-11-19T10:00:00-05:00 or 2025-11-19T15:00:00Z, or name the zone to read it in: tz=America/New_York."
    )


@pytest.mark.parametrize("value", NAIVE)
@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", 0), ("America/New_York", 5), (ZoneInfo("America/Chicago"), 6), (timezone(timedelta(hours=-5)), 5)],
)
def test_or_read_in_the_zone_that_is_named(value: Moment, zone: Zone, hours: int) -> None:
    assert parse_bound(value, parameter="start", tz=zone) == NOON_US + hours * 3_600_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-03-09T02:30:00", "2025-03-09T02:30:00 does not exist in America/New_York, clocks went forward over it"),
        (
            "2025-11-02T01:30:00",
            "2025-11-02T01:30:00 comes twice in America/New_York, as 2025-11-02T01:30:00-04:00 and, clocks put back, "
            "2025-11-02T01:30:00-05:00",
        ),
    ],
)
def test_a_time_that_a_clock_change_leaves_out_or_brings_twice_is_refused(text: str, words: str) -> None:
    for value in (text, datetime.fromisoformat(text)):
        with pytest.raises(UsageError) as caught:
            parse_bound(value, parameter="end", tz="America/New_York")
        assert caught.value.message == f"`end` is no one instant: {words}."
    assert parse_bound(text, parameter="end", tz="UTC")
    edges = {"2025-03-09T03:00:00": "-04:00", "2025-11-02T00:59:59": "-04:00", "2025-11-02T02:00:00": "-05:00"}
    for edge, offset in edges.items():
        expected = parse_bound(edge + offset, parameter="end")
        assert parse_bound(edge, parameter="end", tz="America/New_York") == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/localtime",
        "America",
        "localtime",
        "right/UTC",
        "UTC\0",
        "é",
        "a" * 99,
    ],
)
def test_a_zone_that_there_is_not_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="There is no time zone"):
        parse_bound("2025-11-14 12:00", parameter="start", tz=name)


def test_a_date_is_that_session_whatever_the_zone() -> None:
    assert parse_bound("2025-11-14", parameter="start", tz="Asia/Tokyo") == date(2025, 11, 14)


@pytest.mark.parametrize(
    ("age", "seconds"), [(0, 0), (1.5, 1.5), ("90", 90), ("90s", 90), ("15m", 900), ("4h", 14_400), ("3d", 259_200)]
)
def test_an_age_is_seconds_or_has_a_unit(age: Age, seconds: float) -> None:
    assert parse_age(age) == seconds
    assert parse_age(timedelta(seconds=seconds)) == seconds


@pytest.mark.parametrize("age", ["", "d", "3 d", "3w", "-1d", -1, float("nan"), "inf", True, "1d12h", None])
def test_anything_else_is_no_age(age: Age) -> None:
    with pytest.raises(UsageError, match="which is no age"):
        parse_age(age)


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


@pytest.mark.parametrize("day", [date(2025, 3, 9), date(2025, 11, 2), date(2025, 11, 14), date(1970, 1, 2)])
def test_a_day_in_new_york_has_its_own_first_and_last_instant(day: date) -> None:
    first, last = start_of_day(day), end_of_day(day)
    assert instant(first).astimezone(ZoneInfo("America/New_York")).isoformat()[:19] == f"{day}T00:00:00"
    assert new_york_day(first) == new_york_day(last) == (day, first)
    assert new_york_day(first - 1)[0] == day - timedelta(days=1)
    assert new_york_day(last + 1) == (day + timedelta(days=1), last + 1)
