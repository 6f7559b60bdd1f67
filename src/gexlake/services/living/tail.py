"""Follows the segments of a lake, whoever writes them, and has the snapshot store show what is not imported yet.

So a service answers from a record as soon as it stands in its segment, whether it records itself, another process does,
or one did before it was started.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import IMPORTED, day_folder, imported_segments, recorded_days, segments_of, session_of_segment
from gexlake.models.block import Int
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import kind_of
from gexlake.services.store.store import SnapshotStore
from gexlake.services.store.unpublished import Descriptor, Place, UnpublishedSession, decode_lines

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
SETTLED_NS = 50_000_000
"""Times of files move on in steps of some milliseconds."""
READ_BYTES = 1 << 20
"""At a time: so long the event loop may be kept."""


@dataclass(frozen=True)
class LiveNews:
    """A record that can be read from now on, the last one of its feed; its instant in Unix seconds."""

    ticker: str
    package: str
    category: str
    session_date: str
    timestamp: float
    records: int
    """That became readable with it."""


@dataclass(slots=True)
class _Segment:
    """A segment that is followed, as far as it has been read."""

    path: Path
    session: SessionKey
    file: Descriptor
    offset: int = 0
    instants: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class _Day:
    """A folder of segments, as it was looked at last."""

    changed_ns: int = -1
    segments: dict[str, _Segment] = field(default_factory=dict)


class LiveTail:
    """What segments hold that no import has taken up. For one event loop."""

    def __init__(self, layout: LakeLayout, store: SnapshotStore, on_news: Callable[[LiveNews], None]) -> None:
        self.layout, self._store, self._on_news = layout, store, on_news
        self.last_us: dict[Feed, int] = {}
        """The instant of the last record of each feed, in Unix microseconds."""
        self.records: Counter[Feed] = Counter()
        self._days: dict[date, _Day] = {}
        self._root_changed_ns = -1

    async def follow(self) -> None:
        """Look again and again."""
        while True:
            try:
                self.look()
            except OSError as error:
                log.warning("Segments cannot be read: %s.", error)
            await asyncio.sleep(TICK_SECONDS)

    def look(self) -> None:
        """See what has been written since, or as much of it as may be read at a time."""
        self._look_for_days()
        left = READ_BYTES
        for day, known in self._days.items():
            changed = self._look_for_segments(day, known)
            for segment in known.segments.values():
                if left > 0 and (size := os.fstat(segment.file.number).st_size) > segment.offset:
                    left -= size - segment.offset
                    if self._read(segment):
                        changed.add(segment.session)
            for session in sorted(changed):
                self._show(session, known)

    # ---- which there are -----------------------------------------------------------------------------------

    def _look_for_days(self) -> None:
        changed_ns = _changed_ns(self.layout.live)
        if changed_ns != self._root_changed_ns:
            self._root_changed_ns = _settled(changed_ns)
            days = recorded_days(self.layout) if changed_ns else []
            for gone in self._days.keys() - set(days):
                self._forget(self._days.pop(gone))
            for day in days:
                self._days.setdefault(day, _Day())

    def _look_for_segments(self, day: date, known: _Day) -> set[SessionKey]:
        """Open what is new and let go of what is imported; the sessions of which some were let go."""
        folder = day_folder(self.layout, day)
        changed_ns = max(_changed_ns(folder), _changed_ns(folder / IMPORTED))
        if changed_ns == known.changed_ns:
            return set()
        known.changed_ns = _settled(changed_ns)
        done = imported_segments(self.layout, day)
        there = {path.name: path for path in segments_of(self.layout, day)}
        changed = set()
        for name in known.segments.keys() - there.keys():
            changed.add(known.segments.pop(name).session)
        for name, path in there.items():
            segment = known.segments.get(name)
            is_done = done.get(name) == path.stat().st_size
            if segment is not None and is_done:
                changed.add(known.segments.pop(name).session)
            elif segment is None and not is_done and (session := session_of_segment(path)):
                known.segments[name] = _Segment(path, session, Descriptor(path))
        return changed

    def _forget(self, known: _Day) -> None:
        sessions = {segment.session for segment in known.segments.values()}
        known.segments.clear()
        for session in sessions:
            self._show(session, known)

    # ---- what they hold ------------------------------------------------------------------------------------

    def _read(self, segment: _Segment) -> bool:
        """Read the next lines; whether there was a record among them."""
        text = os.pread(segment.file.number, READ_BYTES, segment.offset)
        end = text.rfind(b"\n") + 1
        if not end:
            return False
        before, feed = len(segment.places), segment.session.feed
        for block in decode_lines(kind_of(feed), feed.ticker, text[:end]):
            instants = block.column(Int.TIMESTAMP).tolist()
            bounds = zip(block.column(Int.START).tolist(), block.column(Int.END).tolist(), strict=True)
            for instant_us, (start, stop) in zip(instants, bounds, strict=True):
                segment.instants.append(instant_us)
                segment.places.append(Place(segment.file, segment.offset + start, segment.offset + stop))
        segment.offset += end
        count = len(segment.places) - before
        if count:
            last_us = segment.instants[-1]
            self.records[feed] += count
            self.last_us[feed] = max(self.last_us.get(feed, 0), last_us)
            day = segment.session.session_date.isoformat()
            self._on_news(LiveNews(*feed, day, last_us / 1_000_000, count))
        return count > 0

    def _show(self, session: SessionKey, known: _Day) -> None:
        """Of several records of one instant the first stands, as at an import."""
        mine = [segment for segment in known.segments.values() if segment.session == session]
        instants = np.array([instant for segment in mine for instant in segment.instants], np.int64)
        places = [place for segment in mine for place in segment.places]
        if len(instants) > 1 and not (np.diff(instants) > 0).all():
            instants, first = np.unique(instants, return_index=True)
            places = [places[i] for i in first.tolist()]
        self._store.show(session, UnpublishedSession(session, instants, places))


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _settled(changed_ns: int) -> int:
    """The time of a change, if a further one would bear another; else one that calls for another look."""
    return changed_ns if time.time_ns() - changed_ns > SETTLED_NS else -1
