"""NYSE sessions: which days, and their hours in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gexlake.sample.sessions import session_on, sessions_before, sessions_from


def utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_sessions_skip_thanksgiving_and_the_weekend() -> None:
    days = [session.date for session in sessions_from(date(2025, 11, 26), 3)]
    assert days == [date(2025, 11, 26), date(2025, 11, 28), date(2025, 12, 1)]


def test_sessions_before_a_date_come_latest_first() -> None:
    days = [session.date for session in sessions_before(date(2025, 12, 1), 3)]
    assert days == [date(2025, 11, 28), date(2025, 11, 26), date(2025, 11, 25)]


def test_sessions_before_a_weekend_begin_with_friday() -> None:
    assert sessions_before(date(2025, 11, 15), 1)[0].date == date(2025, 11, 14)


def test_no_sessions_wanted_gives_none() -> None:
    assert sessions_from(date(2025, 11, 26), 0) == []


def test_hours_follow_new_york_through_both_halves_of_the_year() -> None:
    winter, summer = session_on(date(2025, 11, 10)), session_on(date(2025, 7, 8))
    assert utc(winter.open_utc_seconds) == "2025-11-10T14:30:00+00:00"
    assert utc(summer.close_utc_seconds) == "2025-07-08T20:00:00+00:00"


def test_dates_beyond_the_calendar_are_named() -> None:
    with pytest.raises(ValueError, match="Cannot list 3 sessions from 2999-01-01: synthetic history covers"):
        sessions_from(date(2999, 1, 1), 3)
