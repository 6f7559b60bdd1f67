"""One synthetic session as JSON texts, the pieces put together: market, columns, text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from gexlake.sample.columns import Columns, derive_columns
from gexlake.sample.feeds import FeedLike, SampleFeed, check_feed
from gexlake.sample.market import simulate_market
from gexlake.sample.sessions import days_to_next_sessions, session_on
from gexlake.sample.text import iter_record_texts

DEFAULT_SEED = 20251110
DEFAULT_START = date(2025, 11, 10)
DEFAULT_STRIKES = 99
DEFAULT_FEED = SampleFeed("NQ_NDX")
MOST_STRIKES = 1000


def generate_session(
    feed: FeedLike,
    session_date: date,
    *,
    seed: int = DEFAULT_SEED,
    snapshots: int | None = None,
    strikes: int = DEFAULT_STRIKES,
) -> Iterator[bytes]:
    """Synthetic snapshots of one session, each the text of one JSON object, in time order.

    The texts depend on these arguments alone; with `snapshots` given, they are the first so many of the
    session. Raises ValueError where the NYSE is closed on that date or the feed is not a classic or state
    GEX feed.
    """
    check_feed(feed)
    check_size(snapshots, strikes)
    session = session_on(session_date)
    market = simulate_market(feed, session, seed=seed, snapshots=snapshots, strikes=strikes)
    columns = derive_columns(market, feed.package)
    return _iter_texts(feed, session_date, columns)


def sample_records(
    count: int,
    feed: FeedLike = DEFAULT_FEED,
    session_date: date = DEFAULT_START,
    *,
    seed: int = DEFAULT_SEED,
    strikes: int = 9,
) -> list[dict[str, Any]]:
    """The first `count` synthetic snapshots of a session as Python dicts, for tests."""
    texts = generate_session(feed, session_date, seed=seed, snapshots=count, strikes=strikes)
    return [json.loads(text) for text in texts]


def check_size(snapshots: int | None, strikes: int) -> None:
    """Raise ValueError unless both sizes can be generated."""
    if snapshots is not None and snapshots < 1:
        raise ValueError(f"The `snapshots` must be at least 1, was {snapshots}.")
    if not 1 <= strikes <= MOST_STRIKES:
        raise ValueError(f"The `strikes` must be 1 to {MOST_STRIKES}, was {strikes}.")


def _iter_texts(feed: FeedLike, session_date: date, columns: Columns) -> Iterator[bytes]:
    nearest, following, last = (0, *days_to_next_sessions(session_date, 2))
    if feed.category == "gex_one":
        nearest, following = following, last
    return iter_record_texts(feed, columns, nearest, following)
