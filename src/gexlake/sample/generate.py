"""One synthetic session as JSON texts, by the type of its records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from gexlake.sample.feeds import FeedLike, RecordType, SampleFeed, check_feed, record_type
from gexlake.sample.gex import gex_texts
from gexlake.sample.greeks import greek_texts
from gexlake.sample.market import snapshot_seconds
from gexlake.sample.orderflow import orderflow_texts
from gexlake.sample.sessions import session_on

DEFAULT_SEED = 20251110
DEFAULT_START = date(2025, 11, 10)
DEFAULT_STRIKES = 99
DEFAULT_FEED = SampleFeed("NQ_NDX")
MOST_STRIKES = 1000

WRITERS = {RecordType.GEX: gex_texts, RecordType.GREEK: greek_texts, RecordType.ORDERFLOW: orderflow_texts}
"""Record type -> what writes a session of it."""


def generate_session(
    feed: FeedLike,
    session_date: date,
    *,
    seed: int = DEFAULT_SEED,
    snapshots: int | None = None,
    strikes: int = DEFAULT_STRIKES,
) -> Iterator[bytes]:
    """Synthetic records of one session, each the text of one JSON object, in time order.

    The texts depend on these arguments alone; with `snapshots` given, they are the first so many of the
    session. Raises ValueError where the NYSE is closed on that date or the vendor has no such feed.
    """
    check_feed(feed)
    check_size(snapshots, strikes)
    session = session_on(session_date)
    timestamps = snapshot_seconds(feed, session, seed=seed, snapshots=snapshots)
    return WRITERS[record_type(feed)](feed, session, timestamps, seed=seed, strikes=strikes)


def sample_records(
    count: int,
    feed: FeedLike = DEFAULT_FEED,
    session_date: date = DEFAULT_START,
    *,
    seed: int = DEFAULT_SEED,
    strikes: int = 9,
) -> list[dict[str, Any]]:
    """The first `count` synthetic records of a session as Python dicts, for tests."""
    texts = generate_session(feed, session_date, seed=seed, snapshots=count, strikes=strikes)
    return [json.loads(text) for text in texts]


def check_size(snapshots: int | None, strikes: int) -> None:
    """Raise ValueError unless both sizes can be generated."""
    if snapshots is not None and snapshots < 1:
        raise ValueError(f"The `snapshots` must be at least 1, was {snapshots}.")
    if not 1 <= strikes <= MOST_STRIKES:
        raise ValueError(f"The `strikes` must be 1 to {MOST_STRIKES}, was {strikes}.")
