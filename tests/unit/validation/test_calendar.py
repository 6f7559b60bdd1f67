"""The NYSE calendar against dates anybody can look up, and against the library its table comes from."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from gexlake.validation.calendar import (
    TABLE_PATH,
    CashHours,
    cash_hours,
    is_trading_day,
    iter_days,
    library_hours,
    trading_days,
)

MAKE_CALENDAR = Path(__file__).parents[3] / "tools" / "make_calendar.py"


def utc_us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def utc_hours(day: date) -> tuple[str, str]:
    hours = cash_hours(day)
    assert hours is not None
    opened, closed = (datetime.fromtimestamp(us / 1_000_000, UTC) for us in (hours.open_us, hours.close_us))
    assert opened.date() == closed.date() == day
    return f"{opened:%H:%M:%S}", f"{closed:%H:%M:%S}"


@cache
def table_range() -> tuple[date, date]:
    table = json.loads(TABLE_PATH.read_text(encoding="utf-8"))
    return date.fromisoformat(table["first_date"]), date.fromisoformat(table["last_date"])


@cache
def library_hours_of_table_range() -> dict[date, CashHours]:
    return library_hours(*table_range())


def test_a_winter_session_runs_from_14_30_to_21_00_utc() -> None:
    assert cash_hours(date(2025, 11, 14)) == CashHours(
        utc_us("2025-11-14T14:30:00"), utc_us("2025-11-14T21:00:00"), early_close=False
    )


@pytest.mark.parametrize(
    ("friday", "monday", "before", "after"),
    [
        (date(2025, 3, 7), date(2025, 3, 10), ("14:30:00", "21:00:00"), ("13:30:00", "20:00:00")),
        (date(2025, 10, 31), date(2025, 11, 3), ("13:30:00", "20:00:00"), ("14:30:00", "21:00:00")),
    ],
    ids=["March", "November"],
)
def test_hours_in_utc_move_with_daylight_saving(
    friday: date, monday: date, before: tuple[str, str], after: tuple[str, str]
) -> None:
    assert utc_hours(friday) == before
    assert utc_hours(monday) == after


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2025, 11, 28), ("14:30:00", "18:00:00")),
        (date(2025, 7, 3), ("13:30:00", "17:00:00")),
        (date(2024, 12, 24), ("14:30:00", "18:00:00")),
    ],
    ids=["day after Thanksgiving", "eve of Independence Day", "Christmas Eve"],
)
def test_an_early_close_is_at_13_00_exchange_time(day: date, utc: tuple[str, str]) -> None:
    hours = cash_hours(day)
    assert hours is not None
    assert hours.early_close
    assert utc_hours(day) == utc


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2025, 11, 27), id="Thanksgiving"),
        pytest.param(date(2024, 6, 19), id="Juneteenth"),
        pytest.param(date(2022, 6, 20), id="Juneteenth on a Sunday, observed on Monday"),
        pytest.param(date(2025, 1, 9), id="national day of mourning"),
        pytest.param(date(2012, 10, 29), id="hurricane Sandy"),
        pytest.param(date(2025, 4, 18), id="Good Friday"),
        pytest.param(date(2025, 11, 15), id="Saturday"),
        pytest.param(date(2025, 11, 16), id="Sunday"),
    ],
)
def test_the_exchange_is_closed(day: date) -> None:
    assert cash_hours(day) is None
    assert not is_trading_day(day)


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2021, 6, 18), id="Juneteenth was no exchange holiday before 2022"),
        pytest.param(date(2021, 12, 31), id="New Year on a Saturday is not observed"),
        pytest.param(date(2025, 11, 11), id="Veterans Day"),
    ],
)
def test_the_exchange_trades_a_full_session(day: date) -> None:
    hours = cash_hours(day)
    assert hours is not None
    assert not hours.early_close


def test_trading_days_include_both_ends_and_skip_holidays_and_weekends() -> None:
    assert trading_days(date(2025, 11, 26), date(2025, 12, 1)) == [
        date(2025, 11, 26),
        date(2025, 11, 28),
        date(2025, 12, 1),
    ]


def test_a_range_that_ends_before_it_starts_has_no_trading_days() -> None:
    assert trading_days(date(2025, 11, 14), date(2025, 11, 13)) == []


@pytest.mark.parametrize(("year", "count"), [(2021, 252), (2024, 252), (2025, 250)])
def test_the_trading_days_of_a_year_are_counted_right(year: int, count: int) -> None:
    assert len(trading_days(date(year, 1, 1), date(year, 12, 31))) == count


def test_the_table_equals_the_library_on_every_date() -> None:
    expected = library_hours_of_table_range()
    different = [day for day in iter_days(*table_range()) if cash_hours(day) != expected.get(day)]
    assert different == [], "run tools/make_calendar.py and review what changed"


def test_the_table_is_as_its_script_writes_it() -> None:
    written = runpy.run_path(str(MAKE_CALENDAR))["make_table"](*table_range())
    stored = json.loads(TABLE_PATH.read_text(encoding="utf-8"))
    del written["source"], stored["source"]  # a newer library that says the same needs no new table
    assert stored == written


def test_the_table_covers_whole_years() -> None:
    first, last = table_range()
    assert (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)


@pytest.mark.parametrize(
    ("day", "open_for_trade"),
    [
        pytest.param(date(2001, 9, 10), True, id="the day before the attacks"),
        pytest.param(date(2001, 9, 11), False, id="the attacks of 2001"),
        pytest.param(date(2035, 7, 4), False, id="Independence Day years ahead"),
        pytest.param(date(2035, 7, 5), True, id="the day after"),
    ],
)
def test_outside_the_table_the_library_answers(day: date, open_for_trade: bool) -> None:
    first, last = table_range()
    assert not first <= day <= last
    assert is_trading_day(day) is open_for_trade


@pytest.mark.parametrize(
    ("day", "open_for_trade"),
    [
        pytest.param(date.min, True, id="the first date, a Monday"),
        pytest.param(date(1500, 1, 6), False, id="a Saturday before the library"),
        pytest.param(date(2500, 12, 25), False, id="a Saturday beyond the library"),
        pytest.param(date.max, True, id="the last date, a Friday"),
    ],
)
def test_beyond_the_library_every_weekday_counts_as_a_full_session(day: date, open_for_trade: bool) -> None:
    hours = cash_hours(day)
    assert (hours is not None) is open_for_trade
    if hours is not None:
        assert hours.close_us - hours.open_us == 6.5 * 3600 * 1_000_000
        assert not hours.early_close


def test_no_heavy_library_is_loaded_for_dates_in_the_table() -> None:
    program = (
        "import sys; from datetime import date; from gexlake.validation.calendar import cash_hours;"
        "assert cash_hours(date(2025, 11, 14));"
        "print(sorted({'exchange_calendars', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    source_root = TABLE_PATH.parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source_root,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "[]\n"
