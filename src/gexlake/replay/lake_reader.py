"""What a lake holds, straight from its published files: no database and no lock, so it works beside everything else."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import published_session, read_footer
from gexlake.db.published import session_of
from gexlake.errors import GexlakeError, LakeError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import RECORD_TYPES, kind_of, record_type_of
from gexlake.replay.schedule import Window
from gexlake.services.store.opened import OpenedSessions
from gexlake.services.store.parquet_session import warm_up
from gexlake.services.store.values import SEPARATOR, PublishedSession, Snapshots
from gexlake.validation.calendar import cash_hours

CHUNK = 64
"""Records read at once: pages and blocks hold as many, so one of them takes as long as all."""
CHUNK_BYTES = 128 << 20
"""Of chunks that are kept, those used last."""
LOOK_AGAIN_SECONDS = 1.0
"""How often at most the folders are listed anew for what was not there before."""


class ReplayRecord(NamedTuple):
    """One record: its session and its number in it, its instant in Unix microseconds, and its JSON object."""

    session: SessionKey
    number: int
    timestamp_us: int
    text: bytes


class LakeReader:
    """Records of a lake. Safe in threads.

    What raises `DamagedSessionError` does so for files that are not as they were written. A session that is replaced
    meanwhile is taken up in its new version.
    """

    def __init__(self, layout: LakeLayout) -> None:
        warm_up()
        self._layout = layout
        self._opened = OpenedSessions(layout)
        self._lock = threading.Lock()
        self._versions: dict[SessionKey, PublishedSession] = {}
        self._chunks: OrderedDict[tuple[PublishedSession, int], list[bytes]] = OrderedDict()
        self._chunk_bytes = 0
        self._sessions: frozenset[SessionKey] = frozenset()
        self._feeds: dict[date | None, list[Feed]] = {}
        self._listed_at = 0.0
        self.refresh()

    # ---- what there is -------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List the lake's sessions anew. Raises `LakeError` where there is no lake."""
        if not self._layout.root.is_dir():
            raise LakeError(f"There is no lake at {self._layout.root}.", hint="Import history first, or name --lake.")
        found = set()
        for name in RECORD_TYPES:
            for file in self._layout.dataset_files(name, "snapshots"):
                session = session_of(file)
                if record_type_of(session.feed.category) is not None:
                    found.add(session)
        self._sessions, self._feeds, self._listed_at = frozenset(found), {}, time.monotonic()

    def sessions(self) -> frozenset[SessionKey]:
        """The sessions that the lake held when it was last listed."""
        return self._sessions

    def holds(self, session: SessionKey) -> bool:
        """Whether the lake holds a session, though it may be new."""
        if session not in self._sessions and time.monotonic() - self._listed_at > LOOK_AGAIN_SECONDS:
            self.refresh()
        return session in self._sessions

    def days(self) -> list[date]:
        """The dates of which the lake holds a session, sorted."""
        return sorted({session.session_date for session in self._sessions})

    def feeds(self, day: date | None = None) -> list[Feed]:
        """The feeds of a day, or of all days, sorted."""
        found = self._feeds.get(day)
        if found is None:
            found = sorted({session.feed for session in self._sessions if day in (None, session.session_date)})
            self._feeds[day] = found
        return found

    def window(self, day: date) -> Window:
        """A day from the exchange's opening, or the first record, to its close, or the last record."""
        hours = cash_hours(day)
        ends = [hours.open_us, hours.close_us] if hours else []
        for session in self._sessions:
            if session.session_date == day:
                file = self._layout.dataset_file(kind_of(session.feed).name, "snapshots", session)
                summary = read_footer(file)["summary"]
                ends += [moment for moment in (summary["first_us"], summary["last_us"]) if moment is not None]
        if not ends:
            raise LakeError(f"The lake holds no record of {day}, and the exchange was closed.")
        return Window(day, min(ends), max(ends))

    def prime(self, day: date) -> None:
        """Open all sessions of a day: the first answer need not wait for that. One that is damaged is passed over."""
        for session in self._sessions:
            if session.session_date == day:
                with suppress(GexlakeError):
                    self.next_instant(session, 0)

    # ---- records -------------------------------------------------------------------------------------------

    def last(self, session: SessionKey, instant_us: int) -> ReplayRecord | None:
        """The last record of a session at or before an instant; None where there is none."""
        if not self.holds(session):
            return None
        published, snapshots = self.opened(session)
        index = bisect_right(snapshots.timestamps, instant_us) - 1
        return None if index < 0 else self._record(published, snapshots, index)

    def between(self, session: SessionKey, after_us: int, until_us: int, most: int) -> list[ReplayRecord]:
        """The last `most` records of a session behind one instant and at or before another, in order of time."""
        if not self.holds(session):
            return []
        published, snapshots = self.opened(session)
        stop = bisect_right(snapshots.timestamps, until_us)
        first = max(bisect_right(snapshots.timestamps, after_us), stop - most)
        return [self._record(published, snapshots, index) for index in range(first, stop)]

    def next_instant(self, session: SessionKey, after_us: int) -> int | None:
        """The instant of the first record of a session behind an instant; None where there is none."""
        if not self.holds(session):
            return None
        timestamps = self.opened(session)[1].timestamps
        index = bisect_left(timestamps, after_us + 1)
        return int(timestamps[index]) if index < len(timestamps) else None

    def opened(self, session: SessionKey) -> tuple[PublishedSession, Snapshots]:
        """A session of the lake in the version that was live when it was first asked for, and all of its snapshots.

        Where that was replaced and collected since, in the version that is live now.
        """
        known = self._versions.get(session)
        if known is not None:
            try:
                return known, self._opened.open(known)
            except LakeError:
                if self._published(session).version == known.version:
                    raise
        published = self._published(session)
        snapshots = self._opened.open(published)
        self._versions[session] = published
        return published, snapshots

    def _published(self, session: SessionKey) -> PublishedSession:
        found = published_session(self._layout, kind_of(session.feed).name, session)
        if found is None:
            raise LakeError(f"The session {session} is gone from the lake.")
        return PublishedSession(session.feed, session.session_date, found.version, 0, None, None)

    def _record(self, published: PublishedSession, snapshots: Snapshots, index: int) -> ReplayRecord:
        chunk = self._chunk(published, snapshots, index // CHUNK)
        return ReplayRecord(published.key, index, int(snapshots.timestamps[index]), chunk[index % CHUNK])

    def _chunk(self, published: PublishedSession, snapshots: Snapshots, number: int) -> list[bytes]:
        key = published, number
        with self._lock:
            found = self._chunks.get(key)
            if found is not None:
                self._chunks.move_to_end(key)
                return found
        first = number * CHUNK
        chunk = records_of(snapshots, first, min(first + CHUNK, len(snapshots.timestamps)))
        with self._lock:
            if key not in self._chunks:
                self._chunks[key] = chunk
                self._chunk_bytes += sum(map(len, chunk))
            while self._chunk_bytes > CHUNK_BYTES and len(self._chunks) > 1:
                self._chunk_bytes -= sum(map(len, self._chunks.popitem(last=False)[1]))
        return chunk


def records_of(snapshots: Snapshots, first: int, stop: int) -> list[bytes]:
    """The JSON objects of the records first … stop - 1."""
    return [bytes(record)[: -len(SEPARATOR)] for record in snapshots.records(first, stop, strikes=True)]


def check_days(reader: LakeReader, days: Sequence[date]) -> None:
    """Raise `LakeError` where the lake holds nothing of one of the days."""
    held = reader.days()
    if not held:
        raise LakeError("The lake holds no session.", hint="Import history first: `gexlake import SOURCE`.")
    for day in days:
        if day not in held:
            nearest = min(held, key=lambda other: abs((other - day).days))
            raise LakeError(
                f"The lake holds nothing of {day}.", hint=f"It has {held[0]} to {held[-1]}; the nearest is {nearest}."
            )
