"""What was recorded live, and what comes in its place: the vendor's file of the day.

A segment is a source file like any other, but for its claim: its snapshots yield to those of any source that is no
segment, and stay where nothing else has their key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import is_segment
from gexlake.models.feed import SessionKey
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.source import SourceFile
from gexlake.models.task import FeedTask, KnownSource


def segments_last(lake: Path, sources: Iterable[SourceFile]) -> list[SourceFile]:
    """The sources in an order in which the first of equal claims is never a segment where there is another."""
    live = LakeLayout(lake).live
    return sorted(sources, key=lambda source: is_segment(source.name, live))


def reads_history(task: FeedTask) -> bool:
    """Whether a source of the task is no segment, so that segments yield to it."""
    live = LakeLayout(task.lake).live
    return not all(is_segment(source.name, live) for source in task.sources)


def recorded_readings(lake: Path, known: Iterable[KnownSource], session: SessionKey) -> tuple[KnownSource, ...]:
    """The readings of segments that gave snapshots to a session."""
    live, day = LakeLayout(lake).live, session.session_date.isoformat()
    return tuple(
        one for one in known if one.sessions.get(day) and not one.is_copy and is_segment(one.source_file, live)
    )


def superseded(task: FeedTask, lineage: Iterable[LineageRecord]) -> list[LineageRecord]:
    """What lineage is to say of the segments in whose place sources have come, now that the task is committed."""
    if not task.recorded:
        return []
    live, day = LakeLayout(task.lake).live, task.session.session_date.isoformat()
    heirs = [one for one in lineage if one.sessions.get(day) and not is_segment(one.source_file, live)]
    if not heirs:
        return []
    return [
        LineageRecord(
            import_id=task.import_id,
            source_file=known.source_file,
            source_sha256=known.sha256,
            source_bytes=known.size_bytes,
            record_type=task.record_type,
            **task.session.feed._asdict(),
            session_date=day,
            status=FileStatus.SKIPPED,
            message=f"superseded by {heirs[0].source_file}",
            import_timestamp=datetime.now(UTC),
        )
        for known in task.recorded
    ]
