"""What is missing of a ticker's archive, day by day: the feeds that it usually has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel

from gexlake.models.feed import Feed
from gexlake.validation.calendar import cash_hours
from gexlake.validation.gaps import StoredDay

USUAL_SHARE = 0.5
"""A feed that is there on so many of its ticker's days, from its first one on, is usually there."""


class MissingFeeds(BaseModel):
    """A day of which the lake has some feeds of a ticker, and lacks others that it usually has."""

    ticker: str
    session_date: date
    feeds: list[str]
    """As `state/gamma_zero`."""


def find_missing_feeds(sessions: Mapping[Feed, Mapping[date, StoredDay]]) -> list[MissingFeeds]:
    """The days of each ticker that lack a feed, by ticker and date.

    A day counts where the exchange was open and some feed of the ticker has a snapshot. A feed is expected from its
    first session on; one that is there on less than half of the days since then is not usual, and is never missing.
    """
    held = {feed: _days_with_snapshots(stored) for feed, stored in sessions.items()}
    missing: dict[tuple[str, date], list[str]] = {}
    for feed, days in held.items():
        if not days:
            continue
        of_ticker = set[date]().union(*(held[other] for other in held if other.ticker == feed.ticker))
        expected = {day for day in of_ticker if day >= min(days)}
        if len(days) < USUAL_SHARE * len(expected):
            continue
        for day in expected - days:
            missing.setdefault((feed.ticker, day), []).append(f"{feed.package}/{feed.category}")
    return [
        MissingFeeds(ticker=ticker, session_date=day, feeds=sorted(missing[ticker, day]))
        for ticker, day in sorted(missing)
    ]


def _days_with_snapshots(stored: Mapping[date, StoredDay]) -> set[date]:
    return {day for day, found in stored.items() if found.snapshots and cash_hours(day) is not None}
