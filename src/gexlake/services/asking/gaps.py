"""What is missing: sessions by the NYSE calendar, and holes inside sessions, feed by feed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.segments import Interruption, interruptions_of, recorded_days
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.session_filter import SessionFilter
from gexlake.services.asking.missing_feeds import MissingFeeds, find_missing_feeds
from gexlake.services.asking.moments import instant
from gexlake.services.owner.served import served
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE, cash_hours
from gexlake.validation.gaps import DayCoverage, DayStatus, Hole, StoredDay, assess

if TYPE_CHECKING:
    import duckdb


class HoleSpan(BaseModel):
    """A stretch of cash hours without a snapshot, UTC."""

    start: datetime
    end: datetime
    seconds: float
    reason: str | None = None
    """Why, where that was written down while it was recorded live."""


class DayGaps(BaseModel):
    """One date of a feed. `coverage` is the share of its cash hours outside holes, None on a closed date."""

    session_date: date
    status: DayStatus
    early_close: bool
    snapshots: int
    source_files: int
    coverage: float | None
    holes: list[HoleSpan]
    """Holes between snapshots; of a missing or empty session there are none to name."""


class FeedGaps(BaseModel):
    """One feed from `since` to `until`, both included. `days` are those not complete, and those of an early close."""

    ticker: str
    package: str
    category: str
    since: date
    until: date
    sessions_expected: int
    sessions_present: int
    """Trading days with snapshots."""
    sessions_missing: int
    """Trading days of which the lake has nothing."""
    sessions_empty: int
    """Trading days with a source file but no snapshot."""
    closed_days_with_rows: int
    early_closes: int
    gaps: int
    """Holes longer than 5 s, in all sessions present."""
    gap_seconds: float
    coverage: float | None
    """Share of the cash hours outside holes, where a missing or empty session is one hole; None without a session."""
    days: list[DayGaps]

    @property
    def feed(self) -> Feed:
        """Which feed this is of."""
        return Feed(self.ticker, self.package, self.category)

    @property
    def complete(self) -> bool:
        """Whether there is nothing to find fault with; an early close is no fault."""
        return not (self.sessions_missing or self.sessions_empty or self.closed_days_with_rows or self.gaps)


class GapsReport(BaseModel):
    """The gaps of some feeds."""

    lake: str
    feeds: list[FeedGaps]
    missing_feeds: list[MissingFeeds]
    """Days of which some feeds of a ticker are there, and others that it usually has are not."""

    @property
    def complete(self) -> bool:
        """Whether no feed misses anything, and no day a feed."""
        return all(feed.complete for feed in self.feeds) and not self.missing_feeds


@served
def find_gaps(
    lake: Path,
    *,
    tickers: Sequence[str] = (),
    packages: Sequence[str] = (),
    categories: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
) -> GapsReport:
    """Compare what the lake holds of each feed with the trading calendar, and with the other feeds of its ticker.

    The range is that of the feed's sessions unless `since` and `until` say otherwise (both included); it never
    reaches beyond the last cash session that has ended. Raises `UsageError` where no feed fits the filters.
    """
    SessionFilter.of(since=since, until=until)
    wanted = SessionFilter.of(tickers=tickers, packages=packages, categories=categories)
    with open_database(LakeLayout(lake), write=False) as connection:
        sessions = load_sessions(connection)
    chosen = [feed for feed in sessions if wanted.admits(SessionKey(feed, date.min))]
    if sessions and not chosen:
        raise UsageError(
            f"No feed in the lake {lake} fits the filters.", hint=f"It holds {', '.join(map(str, sessions))}."
        )
    feeds = [assess_feed(feed, sessions[feed], since=since, until=until) for feed in chosen]
    explain_holes(LakeLayout(lake), feeds)
    missing = [
        day.model_copy(update={"feeds": of_day})
        for day in find_missing_feeds(sessions)
        if (since is None or day.session_date >= since)
        and (until is None or day.session_date <= until)
        and (of_day := [name for name in day.feeds if Feed(day.ticker, *name.split("/")) in chosen])
    ]
    return GapsReport(lake=str(lake), feeds=feeds, missing_feeds=missing)


def load_sessions(connection: duckdb.DuckDBPyConnection) -> dict[Feed, dict[date, StoredDay]]:
    """What the lake holds of each date of each feed, in order."""
    sessions: dict[Feed, dict[date, StoredDay]] = {}
    for ticker, package, category, day, snapshots, source_files, holes in connection.execute(
        "SELECT ticker, package, category, session_date, snapshots, source_files, holes FROM sessions ORDER BY ALL"
    ).fetchall():
        stored = StoredDay(snapshots, source_files, tuple(Hole(*hole) for hole in json.loads(holes)))
        sessions.setdefault(Feed(ticker, package, category), {})[day] = stored
    return sessions


def assess_feed(
    feed: Feed, stored: dict[date, StoredDay], *, since: date | None = None, until: date | None = None
) -> FeedGaps:
    """Join one feed's sessions with the trading calendar; `stored` holds one at least."""
    last = max(stored)
    first_day = since or min(stored)
    last_day = min(until or last, max(last, _last_ended_day(datetime.now(UTC))))
    days = assess(stored, first_day, last_day)
    trading = [day for day in days if day.hours is not None]
    holes = [hole for day in trading if day.status is DayStatus.HOLES for hole in day.holes]
    return FeedGaps(
        **feed._asdict(),
        since=first_day,
        until=last_day,
        sessions_expected=len(trading),
        sessions_present=sum(day.snapshots > 0 for day in trading),
        sessions_missing=_count(days, DayStatus.MISSING),
        sessions_empty=_count(days, DayStatus.EMPTY),
        closed_days_with_rows=_count(days, DayStatus.CLOSED_DAY_ROWS),
        early_closes=sum(day.early_close for day in days),
        gaps=len(holes),
        gap_seconds=sum(hole.seconds for hole in holes),
        coverage=_coverage(trading),
        days=[_day_gaps(day) for day in days if day.status is not DayStatus.COMPLETE or day.early_close],
    )


def explain_holes(layout: LakeLayout, feeds: Iterable[FeedGaps]) -> None:
    """Give holes the reason of the interruption that they are of, if one was written down."""
    known: dict[date, list[Interruption]] = {}
    recorded = set(recorded_days(layout))
    for feed in feeds:
        for day in feed.days:
            if day.session_date not in recorded or not day.holes:
                continue
            if day.session_date not in known:
                known[day.session_date] = interruptions_of(layout, day.session_date)
            mine = [one for one in known[day.session_date] if one.feed == feed.feed]
            for hole in day.holes:
                reasons = [
                    one.reason for one in mine if instant(one.start_us) < hole.end and instant(one.end_us) > hole.start
                ]
                hole.reason = "; ".join(dict.fromkeys(reasons)) or None


def _last_ended_day(now: datetime) -> date:
    """The last date whose cash session, if it has one, is over."""
    today = now.astimezone(ZoneInfo(EXCHANGE_TIME_ZONE)).date()
    hours = cash_hours(today)
    is_over = hours is None or now.timestamp() * 1_000_000 > hours.close_us
    return today if is_over else today - timedelta(days=1)


def _count(days: Iterable[DayCoverage], status: DayStatus) -> int:
    return sum(day.status is status for day in days)


def _coverage(trading: Iterable[DayCoverage]) -> float | None:
    """Coverage over all days, weighted by the length of their cash hours."""
    covered_us = total_us = 0.0
    for day in trading:
        assert day.hours is not None
        assert day.coverage is not None
        length_us = day.hours.close_us - day.hours.open_us
        covered_us += day.coverage * length_us
        total_us += length_us
    return covered_us / total_us if total_us else None


def _day_gaps(day: DayCoverage) -> DayGaps:
    return DayGaps(
        session_date=day.session_date,
        status=day.status,
        early_close=day.early_close,
        snapshots=day.snapshots,
        source_files=day.source_files,
        coverage=day.coverage,
        holes=[_hole_span(hole) for hole in day.holes] if day.status is DayStatus.HOLES else [],
    )


def _hole_span(hole: Hole) -> HoleSpan:
    return HoleSpan(start=instant(hole.start_us), end=instant(hole.end_us), seconds=hole.seconds)
