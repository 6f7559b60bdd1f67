"""Holes and coverage on the time grid, and the join of stored sessions with the trading calendar."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gexlake.validation.calendar import CashHours, cash_hours, trading_days
from gexlake.validation.gaps import (
    HOLE_THRESHOLD_SECONDS,
    DayStatus,
    Hole,
    StoredDay,
    assess,
    coverage,
    find_holes,
    measure_day,
)

SECOND = 1_000_000
FRIDAY = date(2025, 11, 14)
THANKSGIVING = date(2025, 11, 27)
EARLY_CLOSE = date(2025, 11, 28)


def hours_of(day: date) -> CashHours:
    hours = cash_hours(day)
    assert hours is not None
    return hours


HOURS = hours_of(FRIDAY)
SESSION_SECONDS = 23_400


def at(*seconds: float) -> NDArray[np.int64]:
    """Timestamps at these seconds after the open."""
    return np.array([HOURS.open_us + round(second * SECOND) for second in seconds], dtype=np.int64)


def hole(start: float, end: float) -> Hole:
    return Hole(HOURS.open_us + round(start * SECOND), HOURS.open_us + round(end * SECOND))


def every_second(hours: CashHours = HOURS, step: int = 1) -> NDArray[np.int64]:
    return np.arange(hours.open_us, hours.close_us + 1, step * SECOND, dtype=np.int64)


def without(timestamps_us: NDArray[np.int64], start: int, end: int) -> NDArray[np.int64]:
    """Cut the timestamps strictly between two seconds after the open."""
    cut = (timestamps_us > HOURS.open_us + start * SECOND) & (timestamps_us < HOURS.open_us + end * SECOND)
    return timestamps_us[~cut]


class TestFindHoles:
    @pytest.mark.parametrize("step", [1, 2, 3, 5])
    def test_a_slow_cadence_has_no_holes(self, step: int) -> None:
        assert find_holes(every_second(step=step), HOURS) == []

    def test_a_pause_longer_than_five_seconds_is_a_hole_between_its_neighbours(self) -> None:
        assert find_holes(without(every_second(), 100, 106), HOURS) == [hole(100, 106)]

    def test_a_pause_of_exactly_five_seconds_is_none(self) -> None:
        assert find_holes(without(every_second(), 100, 105), HOURS) == []

    def test_fractions_of_a_second_count(self) -> None:
        timestamps_us = np.concatenate([every_second()[:101], at(105.1), every_second()[106:]])
        assert find_holes(timestamps_us, HOURS) == [hole(100, 105.1)]

    def test_a_late_first_snapshot_leaves_a_hole_after_the_open(self) -> None:
        assert find_holes(every_second()[60:], HOURS) == [hole(0, 60)]

    def test_an_early_last_snapshot_leaves_a_hole_before_the_close(self) -> None:
        assert find_holes(every_second()[:-60], HOURS) == [hole(SESSION_SECONDS - 60, SESSION_SECONDS)]

    def test_the_usual_first_snapshot_two_seconds_after_the_open_leaves_none(self) -> None:
        assert find_holes(every_second()[2:], HOURS) == []

    def test_a_single_snapshot_leaves_a_hole_on_either_side(self) -> None:
        assert find_holes(at(1000), HOURS) == [hole(0, 1000), hole(1000, SESSION_SECONDS)]

    def test_no_snapshots_are_one_hole_over_the_session(self) -> None:
        assert find_holes(at(), HOURS) == [hole(0, SESSION_SECONDS)]

    def test_no_snapshots_are_a_hole_under_any_threshold(self) -> None:
        assert find_holes(at(), HOURS, threshold_seconds=1e9) == [hole(0, SESSION_SECONDS)]

    def test_snapshots_outside_the_cash_hours_fill_nothing(self) -> None:
        assert find_holes(at(-3600, -1, SESSION_SECONDS + 1), HOURS) == [hole(0, SESSION_SECONDS)]

    def test_snapshots_outside_the_cash_hours_do_not_lengthen_a_hole(self) -> None:
        timestamps_us = np.concatenate([at(-100), every_second()[60:], at(SESSION_SECONDS + 500)])
        assert find_holes(timestamps_us, HOURS) == [hole(0, 60)]

    def test_a_full_early_close_session_has_no_hole_in_the_afternoon(self) -> None:
        early = hours_of(EARLY_CLOSE)
        assert find_holes(every_second(early), early) == []

    def test_the_threshold_can_be_chosen(self) -> None:
        timestamps_us = without(every_second(), 100, 106)
        assert find_holes(timestamps_us, HOURS, threshold_seconds=6) == []
        assert find_holes(timestamps_us, HOURS, threshold_seconds=0.999)[100] == hole(100, 106)

    def test_a_running_session_is_measured_up_to_the_present(self) -> None:
        so_far = HOURS._replace(close_us=HOURS.open_us + 600 * SECOND)
        assert find_holes(every_second()[:601], so_far) == []

    def test_unsorted_timestamps_are_refused(self) -> None:
        with pytest.raises(ValueError, match="sorted ascending"):
            find_holes(at(10, 9), HOURS)

    def test_holes_are_plain_integers(self) -> None:
        (found,) = find_holes(without(every_second(), 100, 106), HOURS)
        assert {type(value) for value in found} == {int}
        assert found.seconds == 6


class TestCoverage:
    def test_a_session_without_holes_is_covered_wholly(self) -> None:
        assert coverage([], HOURS) == 1

    def test_a_session_without_snapshots_is_not_covered(self) -> None:
        assert coverage([hole(0, SESSION_SECONDS)], HOURS) == 0

    def test_it_is_a_share_of_the_seconds(self) -> None:
        assert coverage([hole(0, 2340), hole(10_000, 12_340)], HOURS) == pytest.approx(0.8)

    def test_an_early_close_is_measured_on_its_own_length(self) -> None:
        early = hours_of(EARLY_CLOSE)
        morning = Hole(early.open_us, early.open_us + 6300 * SECOND)
        assert coverage([morning], early) == 0.5

    def test_time_outside_the_cash_hours_does_not_count(self) -> None:
        assert coverage([hole(-500, 0), hole(SESSION_SECONDS - 234, SESSION_SECONDS + 500)], HOURS) == 0.99


# Around the session, on whole seconds and between them, in clusters as well as spread out.
seconds_after_open = st.one_of(
    st.integers(-600, SESSION_SECONDS + 600),
    st.integers(0, 60),
    st.floats(0, 30, allow_nan=False),
)
timestamps = st.lists(seconds_after_open, max_size=60).map(lambda seconds: at(*sorted(seconds)))
thresholds = st.one_of(st.just(float(HOLE_THRESHOLD_SECONDS)), st.floats(0, 4000))


class TestEveryInput:
    @given(timestamps, thresholds)
    def test_holes_are_ordered_disjoint_and_within_the_cash_hours(
        self, timestamps_us: NDArray[np.int64], threshold: float
    ) -> None:
        holes = find_holes(timestamps_us, HOURS, threshold_seconds=threshold)
        bounds = [HOURS.open_us, *(edge for found in holes for edge in found), HOURS.close_us]
        assert bounds == sorted(bounds)
        assert all(found.start_us < found.end_us for found in holes)

    @given(timestamps, thresholds)
    def test_a_stretch_is_a_hole_exactly_if_it_is_longer_than_the_threshold(
        self, timestamps_us: NDArray[np.int64], threshold: float
    ) -> None:
        inside = [us for us in timestamps_us.tolist() if HOURS.open_us <= us <= HOURS.close_us]
        edges = [HOURS.open_us, *inside, HOURS.close_us]
        stretches = [Hole(start, end) for start, end in pairwise(edges)]
        longer = [stretch for stretch in stretches if stretch.end_us - stretch.start_us > threshold * SECOND]
        assert find_holes(timestamps_us, HOURS, threshold_seconds=threshold) == longer

    @given(timestamps, thresholds)
    def test_no_snapshot_lies_within_a_hole(self, timestamps_us: NDArray[np.int64], threshold: float) -> None:
        for found in find_holes(timestamps_us, HOURS, threshold_seconds=threshold):
            assert not ((timestamps_us > found.start_us) & (timestamps_us < found.end_us)).any()

    @given(timestamps, thresholds)
    def test_coverage_is_a_share_and_with_the_holes_makes_the_session(
        self, timestamps_us: NDArray[np.int64], threshold: float
    ) -> None:
        holes = find_holes(timestamps_us, HOURS, threshold_seconds=threshold)
        share = coverage(holes, HOURS)
        assert 0 <= share <= 1
        assert share * SESSION_SECONDS + sum(found.seconds for found in holes) == pytest.approx(SESSION_SECONDS)

    @given(timestamps, st.integers(0, SESSION_SECONDS))
    def test_one_more_snapshot_never_lowers_coverage(self, timestamps_us: NDArray[np.int64], second: int) -> None:
        more = np.sort(np.concatenate([timestamps_us, at(second)]))
        assert coverage(find_holes(more, HOURS), HOURS) >= coverage(find_holes(timestamps_us, HOURS), HOURS)

    @given(
        st.dictionaries(
            st.dates(date(2025, 11, 20), date(2025, 12, 3)),
            st.builds(StoredDay, snapshots=st.integers(0, 3), source_files=st.integers(0, 2)),
        )
    )
    def test_every_trading_date_has_one_row_and_no_snapshot_goes_unmentioned(
        self, stored: dict[date, StoredDay]
    ) -> None:
        start, end = date(2025, 11, 20), date(2025, 12, 3)
        rows = assess(stored, start, end)
        dates = [row.session_date for row in rows]
        assert dates == sorted(set(dates))
        assert set(trading_days(start, end)) <= set(dates)
        assert sum(row.snapshots for row in rows) == sum(day.snapshots for day in stored.values())


def stored_day(day: date, timestamps_us: NDArray[np.int64], source_files: int = 1) -> dict[date, StoredDay]:
    return {day: measure_day(day, timestamps_us, source_files=source_files)}


def only_row(stored: dict[date, StoredDay], day: date = FRIDAY) -> Any:
    (row,) = assess(stored, day, day)
    return row


class TestAssess:
    def test_a_full_session_is_complete(self) -> None:
        row = only_row(stored_day(FRIDAY, every_second()))
        assert (row.status, row.holes, row.coverage) == (DayStatus.COMPLETE, (), 1)
        assert (row.session_date, row.hours, row.snapshots, row.source_files) == (FRIDAY, HOURS, 23_401, 1)

    def test_a_session_with_a_pause_has_holes(self) -> None:
        row = only_row(stored_day(FRIDAY, without(every_second(), 0, 2340)))
        assert (row.status, row.holes) == (DayStatus.HOLES, (hole(0, 2340),))
        assert row.coverage == pytest.approx(0.9)

    def test_a_trading_date_that_is_not_stored_is_missing(self) -> None:
        row = only_row({})
        assert (row.status, row.snapshots, row.source_files) == (DayStatus.MISSING, 0, 0)
        assert (row.holes, row.coverage) == ((hole(0, SESSION_SECONDS),), 0)

    def test_a_session_without_snapshots_makes_the_date_empty(self) -> None:
        row = only_row(stored_day(FRIDAY, at(), source_files=0))
        assert (row.status, row.source_files, row.coverage) == (DayStatus.EMPTY, 0, 0)

    def test_an_empty_date_is_one_hole_even_if_none_was_recorded(self) -> None:
        row = only_row({FRIDAY: StoredDay(snapshots=0, source_files=0)})
        assert (row.holes, row.coverage) == ((hole(0, SESSION_SECONDS),), 0)

    def test_snapshots_outside_the_cash_hours_only_leave_one_hole(self) -> None:
        row = only_row(stored_day(FRIDAY, at(-10, -9)))
        assert (row.status, row.snapshots, row.coverage) == (DayStatus.HOLES, 2, 0)

    def test_snapshots_on_a_holiday_are_reported(self) -> None:
        row = only_row(stored_day(THANKSGIVING, at(0, 1)), THANKSGIVING)
        assert (row.status, row.snapshots, row.hours) == (DayStatus.CLOSED_DAY_ROWS, 2, None)
        assert (row.holes, row.coverage, row.early_close) == ((), None, False)

    def test_closed_dates_without_snapshots_give_no_row(self) -> None:
        saturday = FRIDAY + timedelta(days=1)
        assert assess(stored_day(saturday, at()), saturday, saturday + timedelta(days=1)) == []

    def test_an_early_close_is_complete_with_fewer_snapshots(self) -> None:
        row = only_row(stored_day(EARLY_CLOSE, every_second(hours_of(EARLY_CLOSE))), EARLY_CLOSE)
        assert (row.status, row.early_close, row.snapshots) == (DayStatus.COMPLETE, True, 12_601)

    def test_stored_holes_are_cut_to_the_cash_hours_of_a_corrected_calendar(self) -> None:
        early = hours_of(EARLY_CLOSE)
        afternoon = Hole(early.close_us, early.close_us + 3 * 3600 * SECOND)
        row = only_row({EARLY_CLOSE: StoredDay(snapshots=12_601, source_files=1, holes=(afternoon,))}, EARLY_CLOSE)
        assert (row.status, row.holes, row.coverage) == (DayStatus.COMPLETE, (), 1)

    def test_a_range_gives_its_trading_dates_in_order_with_both_ends(self) -> None:
        stored = stored_day(THANKSGIVING, at(0)) | stored_day(EARLY_CLOSE, every_second(hours_of(EARLY_CLOSE)))
        rows = assess(stored, date(2025, 11, 26), date(2025, 12, 1))
        assert [(row.session_date.isoformat(), row.status.value) for row in rows] == [
            ("2025-11-26", "missing"),
            ("2025-11-27", "closed_day_rows"),
            ("2025-11-28", "complete"),
            ("2025-12-01", "missing"),
        ]

    def test_stored_dates_outside_the_range_are_left_out(self) -> None:
        assert assess(stored_day(FRIDAY, every_second()), THANKSGIVING, THANKSGIVING) == []
