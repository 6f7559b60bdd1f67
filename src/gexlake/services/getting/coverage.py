"""What came and is incomplete all the same: imported sessions that have holes, as `gexlake gaps` finds them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gexlake.models.feed import SessionKey
from gexlake.services.asking.gaps import find_gaps
from gexlake.services.getting.report import IncompleteSession
from gexlake.validation.gaps import DayStatus


def find_incomplete(lake: Path, sessions: Collection[SessionKey]) -> list[IncompleteSession]:
    """Those of the sessions that have holes or nothing in them, the least complete first. Raises `LakeError`."""
    if not sessions:
        return []
    dates = [session.session_date for session in sessions]
    report = find_gaps(lake, since=min(dates), until=max(dates))
    found = [
        IncompleteSession(**feed.feed._asdict(), **day.model_dump())
        for feed in report.feeds
        for day in feed.days
        if SessionKey(feed.feed, day.session_date) in sessions and day.status in (DayStatus.HOLES, DayStatus.EMPTY)
    ]
    return sorted(found, key=lambda one: one.coverage or 0.0)
