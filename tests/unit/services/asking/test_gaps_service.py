from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.models.feed import Feed
from gexlake.services.asking.gaps import FeedGaps, assess_feed, find_gaps
from gexlake.validation.gaps import DayStatus, Hole, StoredDay

NQ = Feed("NQ_NDX", "classic", "gex_zero")
FRIDAY = date(2025, 11, 14)
FULL = StoredDay(snapshots=23_400, source_files=1)


def gaps_of(lake: Path) -> FeedGaps:
    return find_gaps(lake, tickers=["NQ_NDX"]).feeds[0]


def test_range_is_that_of_the_feeds_own_sessions(lake: Path) -> None:
    report = find_gaps(lake)
    assert [(feed.feed, feed.since, feed.until) for feed in report.feeds] == [
        (NQ, date(2025, 11, 24), date(2025, 11, 28)),
        (Feed("SPX", "state", "gex_full"), date(2025, 11, 24), date(2025, 11, 24)),
    ]
    assert not report.complete


def test_missing_sessions_holes_and_early_closes(lake: Path) -> None:
    feed = gaps_of(lake)
    assert (feed.sessions_expected, feed.sessions_present, feed.sessions_missing) == (4, 3, 1)
    assert (feed.sessions_empty, feed.closed_days_with_rows, feed.early_closes, feed.gaps) == (0, 0, 1, 3)
    assert [(day.session_date.day, day.status, day.early_close) for day in feed.days] == [
        (24, DayStatus.HOLES, False),
        (25, DayStatus.MISSING, False),
        (26, DayStatus.HOLES, False),
        (28, DayStatus.HOLES, True),
    ]
    assert feed.days[1].holes == []
    (hole,) = feed.days[3].holes
    assert hole.end.isoformat() == "2025-11-28T18:00:00+00:00"
    assert hole.seconds == (hole.end - hole.start).total_seconds()


def test_wider_range_expects_more(lake: Path) -> None:
    report = find_gaps(lake, tickers=["nq_ndx"], since=date(2025, 11, 20), until=date(2025, 12, 2))
    assert report.feeds[0].sessions_missing == 1 + 2 + 2


def test_narrower_range_expects_less(lake: Path) -> None:
    feed = find_gaps(lake, tickers=["NQ_NDX"], since=date(2025, 11, 24), until=date(2025, 11, 24)).feeds[0]
    assert (feed.sessions_expected, feed.sessions_missing) == (1, 0)


def test_days_to_come_are_not_missing() -> None:
    feed = assess_feed(NQ, {FRIDAY: FULL}, until=date(2200, 1, 1))
    assert feed.until < date(2200, 1, 1)


def test_filters_that_fit_no_feed_are_an_error(lake: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_gaps(lake, tickers=["NDX"])
    assert str(caught.value) == (
        f"No feed in the lake {lake} fits the filters. It holds NQ_NDX/classic/gex_zero, SPX/state/gex_full."
    )


def test_empty_lake_misses_nothing(empty_lake: Path) -> None:
    report = find_gaps(empty_lake, tickers=["NDX"])
    assert report.feeds == []
    assert report.complete


def test_a_whole_session_is_complete() -> None:
    feed = assess_feed(NQ, {FRIDAY: FULL})
    assert (feed.complete, feed.coverage, feed.days) == (True, 1.0, [])


@pytest.mark.parametrize(
    ("day", "stored", "status"),
    [
        (FRIDAY, StoredDay(0, 1), DayStatus.EMPTY),
        (FRIDAY, StoredDay(9, 1, (Hole(1763130600000000, 1763130610000000),)), DayStatus.HOLES),
        (date(2025, 11, 15), StoredDay(9, 1), DayStatus.CLOSED_DAY_ROWS),
    ],
)
def test_each_finding_makes_a_feed_incomplete(day: date, stored: StoredDay, status: DayStatus) -> None:
    feed = assess_feed(NQ, {day: stored})
    assert not feed.complete
    assert [found.status for found in feed.days] == [status]


def test_an_early_close_is_no_fault() -> None:
    feed = assess_feed(NQ, {date(2025, 11, 28): FULL})
    assert (feed.complete, feed.early_closes, len(feed.days)) == (True, 1, 1)
