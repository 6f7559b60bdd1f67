"""What each trading day of each feed is, and what is asked for: calendar x feeds x what is there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gexlake.errors import UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.getting.manifest import Event, Mark
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.plan import (
    EOD_AFTER,
    HISTORY_AFTER,
    Window,
    assess_days,
    last_session,
    next_due,
    next_run,
    plan_window,
    wanted_days,
)
from gexlake.services.getting.report import EodResult, GetDay, GetReport, GetStatus

NEW_YORK = ZoneInfo("America/New_York")
FEED = Feed("NQ_NDX", "classic", "gex_zero")
OTHER = Feed("NQ_NDX", "state", "gex_full")
THANKSGIVING = date(2025, 11, 27)
NOW = datetime(2025, 12, 1, 21, 0, tzinfo=NEW_YORK)
WEEK = Window(date(2025, 11, 24), date(2025, 12, 1))
"""Five sessions: the 27th is a holiday, the 29th and 30th are a weekend."""


def mark(what: object, event: Event, at: datetime = NOW) -> dict[str, Mark]:
    return {str(what): Mark(what=str(what), event=event, at=at, reason="a reason")}


def days(
    *feeds: Feed, window: Window = WEEK, marks: dict[str, Mark] | None = None, now: datetime = NOW, **options: object
) -> list[GetDay]:
    present = options.get("present", frozenset())
    return assess_days(feeds or [FEED], window, present=present, marks=marks or {}, now=now)  # type: ignore[arg-type]


def dates(found: list[GetDay]) -> list[int]:
    return [day.session_date.day for day in found]


# ---- the window ------------------------------------------------------------------------------------------------------


def test_a_day_is_asked_for_in_its_evening_and_its_report_in_the_afternoon() -> None:
    monday = date(2025, 12, 1)
    for hour, minute, at, last in [
        (19, 59, HISTORY_AFTER, date(2025, 11, 28)),
        (20, 0, HISTORY_AFTER, monday),
        (17, 4, EOD_AFTER, date(2025, 11, 28)),
        (17, 5, EOD_AFTER, monday),
    ]:
        assert last_session(datetime(2025, 12, 1, hour, minute, tzinfo=NEW_YORK), at) == last


def test_behind_an_early_close_it_is_asked_for_earlier() -> None:
    friday = date(2025, 11, 28)  # until 13:00
    assert last_session(datetime(2025, 11, 28, 16, 59, tzinfo=NEW_YORK), HISTORY_AFTER) == date(2025, 11, 26)
    assert last_session(datetime(2025, 11, 28, 17, 0, tzinfo=NEW_YORK), HISTORY_AFTER) == friday
    assert last_session(datetime(2025, 11, 28, 14, 5, tzinfo=NEW_YORK), EOD_AFTER) == friday


@pytest.mark.parametrize(
    ("now", "eod", "due"),
    [
        ("2025-12-01 12:00", False, "2025-12-01 20:00"),
        ("2025-12-01 12:00", True, "2025-12-01 17:05"),
        ("2025-12-01 17:05", True, "2025-12-01 20:00"),
        ("2025-12-01 20:00", True, "2025-12-02 17:05"),
        ("2025-11-26 20:00", False, "2025-11-28 17:00"),  # a holiday, then an early close
        ("2025-11-28 17:00", False, "2025-12-01 20:00"),
        ("2025-10-31 20:00", False, "2025-11-03 20:00"),  # the clocks change in between
    ],
)
def test_next_time_is_behind_the_next_close(now: str, eod: bool, due: str) -> None:
    moment, expected = (datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in (now, due))
    assert next_due(moment, eod=eod) == expected


def report_of(*found: GetDay, eod: EodResult | None = None) -> GetReport:
    return GetReport(
        directory="", lake="", checked_only=False, since=WEEK.since, until=WEEK.until,
        days=list(found), eod=[eod] if eod else [],
    )  # fmt: skip


def test_it_is_asked_again_in_an_hour_while_something_may_come_yet() -> None:
    soon, next_day = NOW + timedelta(hours=1), datetime(2025, 12, 2, 20, 0, tzinfo=NEW_YORK)
    newest = Window(date(2025, 12, 1), date(2025, 12, 1))
    there = days(window=newest, present={SessionKey(FEED, newest.since)})
    none_yet = days(window=newest, marks=mark(SessionKey(FEED, newest.since), Event.NO_FILE))
    older = EodResult(ticker="NQ_NDX", session_date=newest.since, status=GetStatus.FETCHED, reason="of another day")
    assert next_run(NOW, None, eod=False) == soon
    assert next_run(NOW, report_of(*days(window=newest)), eod=False) == soon
    assert next_run(NOW, report_of(*none_yet), eod=False) == soon
    assert next_run(NOW, report_of(*there, eod=older), eod=False) == soon
    assert next_run(NOW, report_of(*there), eod=False) == next_day
    assert next_run(NOW, report_of(), eod=False) == next_day


def test_the_last_session_before_a_holiday_is_that_of_the_day_before() -> None:
    assert last_session(datetime(2025, 11, 27, 21, tzinfo=NEW_YORK), HISTORY_AFTER) == date(2025, 11, 26)


def test_it_is_evening_in_new_york_when_it_is_night_in_london() -> None:
    assert last_session(datetime(2025, 12, 2, 0, 59, tzinfo=UTC), HISTORY_AFTER) == date(2025, 11, 28)
    assert last_session(datetime(2025, 12, 2, 1, 0, tzinfo=UTC), HISTORY_AFTER) == date(2025, 12, 1)


def test_ninety_calendar_days_are_looked_at() -> None:
    assert plan_window(NOW, since=None, until=None) == Window(date(2025, 9, 2), date(2025, 12, 1))
    assert plan_window(NOW, since=date(2025, 11, 3), until=date(2025, 11, 7)) == (date(2025, 11, 3), date(2025, 11, 7))
    assert plan_window(NOW, since=None, until=date(2026, 1, 1)).until == date(2025, 12, 1)
    afternoon = NOW.replace(hour=18)
    assert plan_window(afternoon, since=None, until=None).until == date(2025, 11, 28)
    assert plan_window(afternoon, since=None, until=None, eod=True).until == date(2025, 12, 1)


# ---- what a day is ---------------------------------------------------------------------------------------------------


def test_every_session_of_the_calendar_is_a_day_and_no_other() -> None:
    found = days(FEED, OTHER)
    assert dates(found) == [24, 24, 25, 25, 26, 26, 28, 28, 1, 1]
    assert {day.status for day in found} == {GetStatus.MISSING}
    assert all(day.is_open for day in found)


def test_what_is_there_is_not_asked_for() -> None:
    present = {SessionKey(FEED, date(2025, 11, 25)), SessionKey(FEED, date(2025, 11, 28))}
    found = days(present=present)
    assert [day.status.value for day in found] == ["missing", "present", "missing", "present", "missing"]
    assert dates(wanted_days(found, {}, now=NOW, again=False)) == [24, 26, 1]


def test_what_expires_soonest_comes_first() -> None:
    found = days(FEED, OTHER, window=plan_window(NOW, since=None, until=None))
    wanted = wanted_days(found, {}, now=NOW, again=False)
    left = [day.expires_in_days for day in wanted]
    assert left == sorted(left, key=lambda number: -1 if number is None else number)
    assert (left[0], left[-1]) == (0, 90)


def test_what_has_expired_is_named_and_left() -> None:
    found = days(window=Window(date(2025, 8, 29), date(2025, 9, 2)))
    assert [(day.status.value, day.expires_in_days, day.is_open) for day in found] == [
        ("expired", None, False),
        ("missing", 0, True),
    ]
    assert dates(wanted_days(found, {}, now=NOW, again=True)) == [2]


def test_a_denied_package_is_left_for_a_week_and_is_no_missing_day() -> None:
    marks = mark("NQ_NDX/state", Event.DENIED)
    found = days(FEED, OTHER, marks=marks, window=Window(date(2025, 11, 28), date(2025, 11, 28)))
    assert [(day.status.value, day.is_open) for day in found] == [("missing", True), ("denied", False)]
    assert [day.package for day in wanted_days(found, marks, now=NOW, again=False)] == ["classic"]
    assert [day.package for day in wanted_days(found, marks, now=NOW, again=True)] == ["classic", "state"]
    later = NOW + timedelta(days=7)
    assert days(OTHER, marks=marks, now=later)[0].status is GetStatus.MISSING
    marks = mark("NQ_NDX/state", Event.GRANTED)
    assert days(OTHER, marks=marks)[0].status is GetStatus.MISSING


MONDAY = date(2025, 12, 1)


@pytest.mark.parametrize(
    ("asked_after", "now_after", "asks", "is_open"),
    [
        (timedelta(hours=20), timedelta(hours=20, minutes=30), False, False),
        (timedelta(hours=20), timedelta(hours=21), True, False),
        (timedelta(hours=23), timedelta(hours=32), False, False),
        (timedelta(hours=23), timedelta(hours=36), False, True),
        (timedelta(hours=23), timedelta(hours=43), True, True),
        (timedelta(hours=48), timedelta(hours=80), True, True),
        (timedelta(hours=73), timedelta(hours=200), False, False),
    ],
)
def test_a_day_without_a_file_is_asked_for_again_until_it_is_settled(
    asked_after: timedelta, now_after: timedelta, asks: bool, is_open: bool
) -> None:
    midnight = datetime(2025, 12, 1, tzinfo=NEW_YORK)
    marks = mark(SessionKey(FEED, MONDAY), Event.NO_FILE, midnight + asked_after)
    now = midnight + now_after
    (day,) = days(window=Window(MONDAY, MONDAY), marks=marks, now=now)
    assert (day.status, day.reason, day.is_open) == (GetStatus.NO_FILE, "a reason", is_open)
    assert bool(wanted_days([day], marks, now=now, again=False)) is asks
    assert wanted_days([day], marks, now=now, again=True)


def test_what_was_throttled_or_failed_is_asked_for_by_the_next_run_the_failed_last() -> None:
    first, second = (SessionKey(FEED, date(2025, 11, day)) for day in (24, 25))
    marks = mark(first, Event.FAILED) | mark(second, Event.THROTTLED)
    found = days(marks=marks)
    assert [day.status.value for day in found] == ["failed", "throttled", "missing", "missing", "missing"]
    assert all(day.is_open for day in found)
    assert dates(wanted_days(found, marks, now=NOW, again=False)) == [25, 26, 28, 1, 24]


@pytest.mark.parametrize("event", [Event.PENDING, Event.FETCHED])
def test_a_file_that_was_taken_away_or_never_came_whole_is_missing(event: Event) -> None:
    session = SessionKey(FEED, date(2025, 11, 24))
    assert days(marks=mark(session, event))[0].status is GetStatus.MISSING


def test_between_report_and_history_a_day_is_looked_at_and_not_asked_for() -> None:
    now = NOW.replace(hour=18)
    found = days(window=plan_window(now, since=date(2025, 11, 28), until=None, eod=True), now=now)
    assert dates(found) == [28, 1]
    assert dates(wanted_days(found, {}, now=now, again=False)) == [28]


# ---- the order -------------------------------------------------------------------------------------------------------


def order(**options: object) -> GetOrder:
    return GetOrder(**{"tickers": ("nq_ndx",), "directory": Path("x"), **options})  # type: ignore[arg-type]


def test_a_ticker_has_fifteen_feeds_unless_fewer_are_wanted() -> None:
    assert len(order().feeds()) == 15
    assert len(order(tickers=("NQ_NDX", "SPX", "nq_ndx")).feeds()) == 30
    assert order(packages=("classic",), categories=("zero",)).feeds() == [FEED]
    assert [str(feed) for feed in order(categories=("gex_full",)).feeds()] == [
        "NQ_NDX/classic/gex_full",
        "NQ_NDX/state/gex_full",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"tickers": ()},
        {"tickers": ("../x",)},
        {"packages": ("classical",)},
        {"packages": ("orderflow",), "categories": ("gex_zero",)},
        {"since": MONDAY, "until": date(2025, 11, 3)},
    ],
)
def test_what_cannot_be_wanted_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        order(**options).feeds()
