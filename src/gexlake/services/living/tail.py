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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
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
FIRST_INSTANTS = 64
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
    shown: int = 0
    """So many of them are in what is shown of the session."""


class _Shown:
    """What is shown of a session: its instants ascend, and more are put behind them without a copy of what is there."""

    def __init__(self) -> None:
        self._instants = np.empty(FIRST_INSTANTS, np.int64)
        self._places: list[Place] = []

    def add(self, instants: Sequence[int], places: Sequence[Place]) -> bool:
        """Put them behind what is there; False, and nothing is done, where they do not ascend from there."""
        count = len(self._places)
        before = int(self._instants[count - 1]) if count else -1
        if not all(one < other for one, other in pairwise([before, *instants])):
            return False
        end = count + len(instants)
        if end > len(self._instants):
            self._instants = np.concatenate([self._instants[:count], np.empty(end, np.int64)])
        self._instants[count:end] = instants
        self._places += places
        return True

    def state(self, session: SessionKey) -> UnpublishedSession:
        """As it is now; what is added later does not change it."""
        return UnpublishedSession(session, self._instants[: len(self._places)], self._places)


@dataclass(slots=True)
class _Day:
    """A folder of segments, as it was looked at last."""

    changed_ns: int = -1
    segments: dict[str, _Segment] = field(default_factory=dict)
    shown: dict[SessionKey, _Shown] = field(default_factory=dict)

    def let_go(self, name: str) -> SessionKey:
        """Follow a segment no more; what is shown of its session has to be made anew."""
        session = self.segments.pop(name).session
        self.shown.pop(session, None)
        return session


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
            self._show_all(changed, known)

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
            changed.add(known.let_go(name))
        for name, path in there.items():
            segment = known.segments.get(name)
            is_done = done.get(name) == path.stat().st_size
            if segment is not None and is_done:
                changed.add(known.let_go(name))
            elif segment is None and not is_done and (session := session_of_segment(path)):
                known.segments[name] = _Segment(path, session, Descriptor(path))
        return changed

    def _forget(self, known: _Day) -> None:
        for session in {known.let_go(name) for name in list(known.segments)}:
            self._show(session, [], known)

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

    def _show_all(self, changed: set[SessionKey], known: _Day) -> None:
        mine: dict[SessionKey, list[_Segment]] = {session: [] for session in sorted(changed)}
        for segment in known.segments.values():
            if segment.session in mine:
                mine[segment.session].append(segment)
        for session, segments in mine.items():
            self._show(session, segments, known)

    def _show(self, session: SessionKey, segments: list[_Segment], known: _Day) -> None:
        """Of several records of one instant the first stands, as at an import."""
        shown = known.shown.get(session)
        if shown is None or not all(_take_rest(segment, shown) for segment in segments):
            shown = known.shown[session] = _shown_anew(segments)
        if not segments:
            del known.shown[session]
        self._store.show(session, shown.state(session))


def _take_rest(segment: _Segment, shown: _Shown) -> bool:
    """Show what was read since; whether that is behind what was shown."""
    start, segment.shown = segment.shown, len(segment.instants)
    return start == segment.shown or shown.add(segment.instants[start:], segment.places[start:])


def _shown_anew(segments: list[_Segment]) -> _Shown:
    instants, first = np.unique(
        np.array([instant for segment in segments for instant in segment.instants], np.int64), return_index=True
    )
    places = [place for segment in segments for place in segment.places]
    shown = _Shown()
    shown.add(instants.tolist(), [places[i] for i in first.tolist()])
    for segment in segments:
        segment.shown = len(segment.instants)
    return shown


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _settled(changed_ns: int) -> int:
    """The time of a change, if a further one would bear another; else one that calls for another look."""
    return changed_ns if time.time_ns() - changed_ns > SETTLED_NS else -1
