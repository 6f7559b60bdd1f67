"""The snapshot store: the text of any snapshot or range of a lake, in microseconds where its session is rendered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.store.answers import DamagedStateError, Reader, Sources, collect_page, find_last
from gexlake.services.store.builds import BuildQueue, SubmitBuild
from gexlake.services.store.cache import MAX_MAPS, RenderedCache, SessionState
from gexlake.services.store.cold import warm_up
from gexlake.services.store.timeline import Timeline
from gexlake.services.store.values import Page, PublishedSession, Record, SessionReplacedError, Statistics

END_OF_TIME_US = 1 << 62

Answer = TypeVar("Answer")


class SnapshotStore:
    """Answers from rendered files where there are any, else from Parquet, and has those sessions rendered.

    Every answer is of one version of each session. All instants are Unix microseconds; both ends of a range are
    included. With `hot_only`, `ColdError` is raised where an answer would need more than memory and page cache.
    Without, `SessionReplacedError` is raised where the lake holds another version than `refresh` was told of, and
    `LakeError` where its files are damaged. Safe in threads; nothing waits for a build.
    """

    def __init__(
        self, layout: LakeLayout, *, cache_bytes: int, submit_build: SubmitBuild | None, max_maps: int = MAX_MAPS
    ) -> None:
        warm_up()
        self._cache = RenderedCache(layout, cache_bytes, max_maps=max_maps)
        self._builds = BuildQueue(layout, self._cache, submit_build)
        self._lock = threading.Lock()
        self._states: dict[SessionKey, SessionState] = {}
        self._timelines: dict[Feed, Timeline] = {}
        self._adopted = False
        self._sources = Sources(layout, self._cache, self._builds)
        self._hot_answers = 0
        self._cold_answers = 0

    # ---- what the lake holds -------------------------------------------------------------------------------

    def refresh(self, sessions: Iterable[PublishedSession]) -> None:
        """These are all sessions that the database holds now. Files of other versions are removed from disk."""
        with self._lock:
            wanted = {session.key: session for session in sessions}
            kept = {key: state for key, state in self._states.items() if wanted.get(key) == state.session}
            states = {key: kept.get(key) or self._cache.state(session) for key, session in wanted.items()}
            self._publish(states, {key.feed for key in states.keys() | self._states.keys() if key not in kept})
            if not self._adopted:
                self._cache.adopt_files()
                self._adopted = True

    def replace(self, session: PublishedSession) -> None:
        """The database holds this version of the session now; the others are as they were."""
        with self._lock:
            state = self._states.get(session.key)
            if state is None or state.session != session:
                states = {**self._states, session.key: self._cache.state(session)}
                self._publish(states, {session.feed})

    def _publish(self, states: dict[SessionKey, SessionState], changed: set[Feed]) -> None:
        """Make these the sessions; readers see each feed as it was or as it is."""
        old, self._states = self._states, states
        members: dict[Feed, list[SessionState]] = {feed: [] for feed in changed}
        for key, state in states.items():
            if key.feed in members:
                members[key.feed].append(state)
        timelines = self._timelines | {feed: Timeline(of_feed) for feed, of_feed in members.items()}
        timelines = {feed: timeline for feed, timeline in timelines.items() if timeline.states}
        if self._adopted:
            self._warm(timelines[feed].states[-1] for feed in changed & timelines.keys())
        self._timelines = timelines
        retired = {state for key, state in old.items() if states.get(key) is not state}
        self._builds.forget(retired)
        self._cache.retire(retired)
        self._sources.forget(retired)

    def _warm(self, latest: Iterable[SessionState]) -> None:
        """Before anybody can ask for them: a session that was just committed is the one that readers wait for."""
        for state in latest:
            with suppress(GexlakeError):  # who asks for it will be told
                self._sources.warm(state)

    def close(self) -> None:
        """Let go of all maps and files; what has been handed out stays readable."""
        self._cache.close()
        self._sources.forget(set(self._states.values()))

    # ---- answers -------------------------------------------------------------------------------------------

    def feeds(self) -> list[Feed]:
        """The feeds that hold a snapshot, sorted."""
        return sorted(self._timelines)

    def holds(self, feed: Feed) -> bool:
        """Whether the feed holds a snapshot."""
        return feed in self._timelines

    def latest(self, feed: Feed, *, strikes: bool = True, hot_only: bool = False) -> Record | None:
        """The feed's last snapshot; None where it has none."""
        return self.at(feed, END_OF_TIME_US, strikes=strikes, hot_only=hot_only)

    def at(self, feed: Feed, moment_us: int, *, strikes: bool = True, hot_only: bool = False) -> Record | None:
        """The last snapshot at or before a moment, never after; None where there is none."""

        def find(timeline: Timeline, reader: Reader) -> Record | None:
            return find_last(timeline, reader, moment_us, strikes=strikes)

        return self._answer(feed, find, None, hot_only=hot_only)

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
        hot_only: bool = False,
    ) -> Page:
        """At most `limit` snapshots of a range, both ends included, in order of time or against it.

        `after_us` is the instant of the last snapshot of the page before. The text of a page from Parquet is in memory,
        so `limit` bounds what it takes.
        """
        if limit < 1:
            raise ValueError(f"`limit` was {limit}, it must be at least 1")
        if after_us is not None and descending:
            end_us = min(end_us, after_us - 1)
        elif after_us is not None:
            start_us = max(start_us, after_us + 1)

        def collect(timeline: Timeline, reader: Reader) -> Page:
            return collect_page(timeline, reader, start_us, end_us, limit, descending=descending, strikes=strikes)

        return self._answer(feed, collect, Page([], 0, None, None, more=False), hot_only=hot_only)

    def _answer(
        self, feed: Feed, work: Callable[[Timeline, Reader], Answer], nothing: Answer, *, hot_only: bool
    ) -> Answer:
        """Do the work anew as long as what it rests on turns out to be damaged or replaced."""
        while True:
            timeline = self._timelines.get(feed)
            if timeline is None:
                return nothing
            reader = Reader(self._sources, hot_only=hot_only)
            try:
                answer = work(timeline, reader)
            except DamagedStateError as error:
                self._cache.discard(error.state)
            except SessionReplacedError:
                if self._timelines.get(feed) is timeline:
                    raise
            else:
                if reader.cold:
                    self._cold_answers += 1
                else:
                    self._hot_answers += 1
                return answer

    def statistics(self) -> Statistics:
        """Counts for metrics; hot and cold answers may miss one that was counted at the same moment as another."""
        counts = self._builds.counts
        return Statistics(
            hot_answers=self._hot_answers,
            cold_answers=self._cold_answers,
            builds=counts.done,
            builds_failed=counts.failed,
            build_seconds=counts.seconds,
            builds_waiting=self._builds.waiting,
            disk_bytes=self._cache.disk_bytes,
            open_maps=self._cache.open_maps,
        )
