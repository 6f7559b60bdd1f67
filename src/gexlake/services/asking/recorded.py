"""What is recorded live and not published yet, in listings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gexlake.models.record_types import kind_of

if TYPE_CHECKING:
    import polars as pl

    from gexlake.models.session_filter import SessionFilter
    from gexlake.services.store.store import SnapshotStore


def with_recorded(sessions: pl.DataFrame, store: SnapshotStore, wanted: SessionFilter) -> pl.DataFrame:
    """Rows of table `sessions`, and before them those of which all is recorded and nothing published yet.

    Of these only the feed, the date, the snapshots, their first and last instant are known; they lie in no gap.
    """
    import polars as pl

    there = set(sessions.select("ticker", "package", "category", "session_date").iter_rows())
    rows = [
        {
            "record_type": kind_of(feed).name,
            **feed._asdict(),
            "session_date": session.session_date,
            "snapshots": session.snapshots,
            "first_timestamp": session.first_us,
            "last_timestamp": session.last_us,
        }
        for feed in store.feeds()
        for session, _ in store.unpublished(feed)
        if wanted.admits(session.key) and (*feed, session.session_date) not in there
    ]
    if not rows:
        return sessions
    schema = {name: kind for name, kind in sessions.schema.items() if name in rows[0]}
    recorded = pl.DataFrame(rows, schema=schema).sort("session_date", descending=True, maintain_order=True)
    return pl.concat([recorded, sessions], how="diagonal")
