"""The snapshot store: the JSON text of any snapshot or range of a lake, straight from the published files."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from gexlake.db.layout import LakeLayout
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.store.answers import Open, collect_page, find_last
from gexlake.services.store.opened import OpenedSessions
from gexlake.services.store.parquet_session import warm_up
from gexlake.services.store.timeline import Timeline
from gexlake.services.store.unpublished import UnpublishedSession
from gexlake.services.store.values import Page, PublishedSession, Record, Snapshots

END_OF_TIME_US = 1 << 62

Answer = TypeVar("Answer")


class SnapshotStore:
    """Answers from the sessions that it was told of.

    Every answer is of one version of each session. All instants are Unix microseconds; both ends of a range are
    included. `DamagedSessionError` is raised where the files of a session are damaged. Safe in threads.
    """

    def __init__(self, layout: LakeLayout) -> None:
        warm_up()
        self._opened = OpenedSessions(layout)
        self._lock = threading.Lock()
        self._sessions: dict[SessionKey, PublishedSession] = {}
        self._timelines: dict[Feed, Timeline] = {}
        self._unpublished: dict[SessionKey, UnpublishedSession] = {}
        self._recorded: frozenset[Feed] = frozenset()
        """The feeds of those."""
        self._composed: dict[Feed, Timeline] = {}
        """Of feeds with unpublished snapshots, for as long as nothing changes."""
        self._states = itertools.count(1)

    # ---- what the lake holds -------------------------------------------------------------------------------

    def refresh(self, sessions: Iterable[PublishedSession]) -> None:
        """These are all sessions that the database holds now."""
        with self._lock:
            wanted = {session.key: session for session in sessions}
            kept = {key for key, session in self._sessions.items() if wanted.get(key) == session}
            self._publish(wanted, {key.feed for key in wanted.keys() | self._sessions.keys() if key not in kept})

    def replace(self, session: PublishedSession) -> None:
        """The database holds this version of the session now; the others are as they were."""
        with self._lock:
            if self._sessions.get(session.key) != session:
                self._publish({**self._sessions, session.key: session}, {session.feed})

    def _publish(self, sessions: dict[SessionKey, PublishedSession], changed: set[Feed]) -> None:
        """Make these the sessions; readers see each feed as it was or as it is."""
        old, self._sessions = self._sessions, sessions
        members: dict[Feed, list[PublishedSession]] = {feed: [] for feed in changed}
        for key, session in sessions.items():
            if key.feed in members:
                members[key.feed].append(session)
        timelines = self._timelines | {feed: Timeline(of_feed) for feed, of_feed in members.items()}
        self._timelines = {feed: timeline for feed, timeline in timelines.items() if timeline.sessions}
        for feed in changed:
            self._composed.pop(feed, None)
        self._opened.forget(session for key, session in old.items() if sessions.get(key) != session)

    def show(self, session: SessionKey, snapshots: UnpublishedSession) -> None:
        """These are all snapshots of the session that are recorded and perhaps not published yet.

        An instant that is published as well is answered as it is published.
        """
        with self._lock:
            unpublished = {**self._unpublished, session: snapshots}
            if not len(snapshots):
                del unpublished[session]
            self._unpublished = unpublished
            self._recorded = frozenset(key.feed for key in unpublished)
            self._composed.pop(session.feed, None)

    def unpublished(self, feed: Feed) -> list[tuple[PublishedSession, UnpublishedSession]]:
        """What is recorded of a feed and not published, by date; as it is answered."""
        timeline = self._timeline(feed)
        overlay = timeline.overlay if isinstance(timeline, _Composed) else {}
        return sorted(overlay.items(), key=lambda item: item[0].session_date)

    def open_ahead(self, seconds: float) -> None:
        """Open the newest sessions, for so long at most: the first answer of each would take twice as long."""
        self._opened.open_ahead(self._sessions.values(), seconds)

    def close(self) -> None:
        """Let go of all files; what has been handed out stays readable."""
        self._opened.forget(list(self._sessions.values()))

    # ---- answers -------------------------------------------------------------------------------------------

    def feeds(self) -> list[Feed]:
        """The feeds that hold a snapshot, sorted."""
        return sorted(self._timelines.keys() | self._recorded)

    def holds(self, feed: Feed) -> bool:
        """Whether the feed holds a snapshot."""
        return feed in self._timelines or feed in self._recorded

    def latest(self, feed: Feed, *, strikes: bool = True) -> Record | None:
        """The feed's last snapshot; None where it has none."""
        return self.at(feed, END_OF_TIME_US, strikes=strikes)

    def at(self, feed: Feed, moment_us: int, *, strikes: bool = True) -> Record | None:
        """The last snapshot at or before a moment, never after; None where there is none."""

        def find(timeline: Timeline) -> Record | None:
            return find_last(timeline, self._opener(timeline), moment_us, strikes=strikes)

        return self._answer(feed, find, None)

    def page(
        self,
        feed: Feed,
        start_us: int,
        end_us: int,
        limit: int,
        *,
        descending: bool = False,
        strikes: bool = True,
        after_us: int | None = None,
    ) -> Page:
        """At most `limit` snapshots of a range, both ends included, in order of time or against it.

        `after_us` is the instant of the last snapshot of the page before. The text of a page is in memory, so `limit`
        bounds what it takes.
        """
        if limit < 1:
            raise ValueError(f"`limit` was {limit}, it must be at least 1")
        if after_us is not None and descending:
            end_us = min(end_us, after_us - 1)
        elif after_us is not None:
            start_us = max(start_us, after_us + 1)

        def collect(timeline: Timeline) -> Page:
            return collect_page(
                timeline, self._opener(timeline), start_us, end_us, limit, descending=descending, strikes=strikes
            )

        return self._answer(feed, collect, Page([], 0, None, None, more=False))

    def _answer(self, feed: Feed, work: Callable[[Timeline], Answer], nothing: Answer) -> Answer:
        timeline = self._timeline(feed)
        return nothing if timeline is None else work(timeline)

    # ---- what is not published yet -------------------------------------------------------------------------

    def _timeline(self, feed: Feed) -> Timeline | None:
        """The feed's published sessions, with what is recorded beside them."""
        published = self._timelines.get(feed)
        if feed not in self._recorded:
            return published
        composed = self._composed.get(feed)
        if composed is None:
            unpublished = self._unpublished
            composed = self._compose(feed, published, unpublished)
            with self._lock:
                if self._timelines.get(feed) is published and self._unpublished is unpublished:
                    self._composed[feed] = composed
        return composed

    def _compose(
        self, feed: Feed, timeline: Timeline | None, unpublished: dict[SessionKey, UnpublishedSession]
    ) -> Timeline:
        sessions = {session.session_date: session for session in timeline.sessions} if timeline else {}
        overlay = {}
        for key in (key for key in unpublished if key.feed == feed):
            snapshots, published = unpublished[key], sessions.get(key.session_date)
            if published is not None and published.snapshots:
                snapshots = snapshots.without(self._opened.open(published).timestamps)
            if len(snapshots):
                first_us, last_us = int(snapshots.timestamps[0]), int(snapshots.timestamps[-1])
                version = f"unpublished/{next(self._states)}"
                shown = PublishedSession(feed, key.session_date, version, len(snapshots), first_us, last_us)
                overlay[shown] = snapshots
        return _Composed([*sessions.values(), *overlay], overlay)

    def _opener(self, timeline: Timeline) -> Open:
        if not isinstance(timeline, _Composed):
            return self._opened.open

        def open_session(session: PublishedSession) -> Snapshots:
            return timeline.overlay.get(session) or self._opened.open(session)

        return open_session


class _Composed(Timeline):
    """A timeline with snapshots that are not published: by the session as which they are shown."""

    def __init__(
        self, sessions: Iterable[PublishedSession], overlay: dict[PublishedSession, UnpublishedSession]
    ) -> None:
        super().__init__(sessions)
        self.overlay = overlay
