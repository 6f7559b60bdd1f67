"""One answer: which sessions it reads, from where, and what is put together from them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from gexlake.db.layout import LakeLayout
from gexlake.models.gex_columns import RECORD_TYPE
from gexlake.services.store.builds import BuildQueue
from gexlake.services.store.cache import RenderedCache, SessionState
from gexlake.services.store.cold import ColdSession
from gexlake.services.store.rendered import DamagedFileError, RenderedSession
from gexlake.services.store.timeline import Run, Timeline, last_before, pick
from gexlake.services.store.values import SEPARATOR, ColdError, Page, Record, Snapshots

COLD_SESSIONS = 8
"""Held open on the cold path: their footers and timestamps need not be read again."""
UNUSED_BYTES = 1 << 20
"""A hot answer reads at most this much text that nobody has used yet, and that may have to come from the disk."""


class DamagedStateError(Exception):
    """The rendered file of a session has turned out to be damaged."""

    def __init__(self, state: SessionState) -> None:
        super().__init__(state.path)
        self.state = state


class Sources:
    """Where the text of a session comes from: its rendered file, else its Parquet files. Safe in threads."""

    def __init__(self, layout: LakeLayout, cache: RenderedCache, builds: BuildQueue) -> None:
        self._layout = layout
        self._cache = cache
        self._builds = builds
        self._lock = threading.Lock()
        self._cold: OrderedDict[SessionState, ColdSession] = OrderedDict()

    def open(self, state: SessionState) -> Snapshots:
        """The session's map where there is a sound file; else its Parquet files, and a build is asked for."""
        rendered = self._cache.open(state)
        if rendered is not None:
            return rendered
        self._builds.ask(state)
        return self._open_cold(state)

    def warm(self, state: SessionState) -> None:
        """Have the session's last snapshot in memory, which is asked for most; no build is asked for."""
        if self._cache.open(state) is None:
            cold = self._open_cold(state)
            last_before(cold.timestamps, state.session.last_us or 0)
            cold.texts(len(cold) - 1, len(cold), strikes=True)

    def forget(self, states: set[SessionState]) -> None:
        """These are not wanted any more; answers under way keep what they hold."""
        with self._lock:
            for state in states:
                self._cold.pop(state, None)

    def _open_cold(self, state: SessionState) -> ColdSession:
        with self._lock:
            if state in self._cold:
                self._cold.move_to_end(state)
                return self._cold[state]
        key = state.session.key
        files = {name: self._layout.dataset_file(RECORD_TYPE, name, key) for name in ("snapshots", "strikes")}
        session = ColdSession(files, key, state.session.version)
        with self._lock:
            self._cold[state] = session
            while len(self._cold) > COLD_SESSIONS:
                self._cold.popitem(last=False)
        return session


class Reader:
    """Reads for one answer; `cold` says whether any of it came from Parquet.

    Raises `DamagedStateError`, `ColdError` if `hot_only`, and what `ColdSession` raises.
    """

    __slots__ = ("_hot_only", "_sources", "_unused_bytes", "cold")

    def __init__(self, sources: Sources, *, hot_only: bool) -> None:
        self._sources = sources
        self._hot_only = hot_only
        self._unused_bytes = 0
        self.cold = False

    def view(self, state: SessionState) -> Snapshots:
        """The session's snapshots."""
        rendered = state.rendered
        if rendered is not None:
            state.touch()
            return rendered
        if self._hot_only:
            raise ColdError
        view = self._sources.open(state)
        self.cold |= not isinstance(view, RenderedSession)
        return view

    def texts(self, state: SessionState, view: Snapshots, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in few buffers, a separator behind each."""
        self._admit(view, first, stop, strikes=strikes)
        try:
            return view.texts(first, stop, strikes=strikes)
        except DamagedFileError as error:
            raise DamagedStateError(state) from error

    def records(
        self, state: SessionState, view: Snapshots, first: int, stop: int, *, strikes: bool
    ) -> list[memoryview]:
        """The same, a buffer each."""
        self._admit(view, first, stop, strikes=strikes)
        try:
            return view.records(first, stop, strikes=strikes)
        except DamagedFileError as error:
            raise DamagedStateError(state) from error

    def _admit(self, view: Snapshots, first: int, stop: int, *, strikes: bool) -> None:
        if self._hot_only and isinstance(view, RenderedSession):
            self._unused_bytes += view.unused_bytes(first, stop, strikes=strikes)
            if self._unused_bytes > UNUSED_BYTES:
                raise ColdError


def find_last(timeline: Timeline, reader: Reader, moment_us: int, *, strikes: bool) -> Record | None:
    """The last snapshot at or before a moment; None where there is none."""
    best_us, best = -1, None
    for state in timeline.holding(moment_us):
        view = reader.view(state)
        index = last_before(view.timestamps, moment_us)
        if index >= 0 and view.timestamps[index] > best_us:
            best_us, best = int(view.timestamps[index]), (state, view, index)
    if best is None:
        return None
    state, view, index = best
    (text,) = reader.texts(state, view, index, index + 1, strikes=strikes)
    return Record(best_us, state.session.session_date, text[: -len(SEPARATOR)])


def collect_page(
    timeline: Timeline, reader: Reader, start_us: int, end_us: int, limit: int, *, descending: bool, strikes: bool
) -> Page:
    """The first `limit` snapshots of a range, both ends included, in the order asked for."""
    buffers: list[memoryview] = []
    instants: list[int] = []
    taken: list[tuple[str, int, int]] = []
    count, more = 0, False
    for group in timeline.groups(start_us, end_us, descending=descending) if start_us <= end_us else ():
        views = [reader.view(state) for state in group]
        runs, available = pick(views, start_us, end_us, limit - count, last=descending)
        for run in reversed(runs) if descending else runs:
            state, view = group[run.source], views[run.source]
            if descending:
                buffers += reversed(reader.records(state, view, run.first, run.stop, strikes=strikes))
            else:
                buffers += reader.texts(state, view, run.first, run.stop, strikes=strikes)
            instants += _ends(view, run, descending=descending)
            taken.append((state.session.version, run.first, run.stop))
            count += run.stop - run.first
        more = available > sum(run.stop - run.first for run in runs)
        if more:
            break
    first_us, last_us = (instants[0], instants[-1]) if instants else (None, None)
    return Page(buffers, count, first_us, last_us, more, tuple(taken))


def _ends(view: Snapshots, run: Run, *, descending: bool) -> tuple[int, int]:
    first, last = int(view.timestamps[run.first]), int(view.timestamps[run.stop - 1])
    return (last, first) if descending else (first, last)
