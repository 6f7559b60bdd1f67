"""Builds that have been asked for: each once, the most recently asked first, a few at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError
from gexlake.models.gex_columns import RECORD_TYPE
from gexlake.services.store.cache import RenderedCache, SessionState
from gexlake.services.store.rendered import BuildTask, Built
from gexlake.services.store.values import PublishedSession

SubmitBuild = Callable[[BuildTask], Future[Built]]

MAX_WAITING = 64
"""Who asks for a thousand sessions once does not want them all rendered; the latest will do."""
RETRY_SECONDS = 60.0
"""A build that failed, say for want of space, is not tried again sooner."""


@dataclass(slots=True)
class BuildCounts:
    """Counts since the start."""

    done: int = 0
    failed: int = 0
    seconds: float = 0.0


class BuildQueue:
    """Hands sessions to `submit`, `at_once` at a time, and their files to the cache. Safe in threads."""

    def __init__(
        self, layout: LakeLayout, cache: RenderedCache, submit: SubmitBuild | None, *, at_once: int = 1
    ) -> None:
        self._layout = layout
        self._cache = cache
        self._submit = submit
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: deque[SessionState] = deque(maxlen=MAX_WAITING)
        self._running: set[SessionState] = set()
        self._failed_at: dict[SessionState, float] = {}
        self.counts = BuildCounts()

    @property
    def waiting(self) -> int:
        """How many have been asked for and are not done."""
        return len(self._waiting) + len(self._running)

    def ask(self, state: SessionState) -> None:
        """Have a session rendered, ahead of those that wait."""
        if self._submit is None or state.unusable or state.retired:
            return
        with self._lock:
            failed_at = self._failed_at.get(state)
            if state in self._running or (failed_at is not None and time.monotonic() - failed_at < RETRY_SECONDS):
                return
            if state in self._waiting:
                self._waiting.remove(state)
            self._waiting.append(state)
        self._start_builds()

    def forget(self, states: set[SessionState]) -> None:
        """These are not wanted any more; what is being built is thrown away at its end."""
        with self._lock:
            self._waiting = deque((state for state in self._waiting if state not in states), maxlen=MAX_WAITING)
            for state in states:
                self._failed_at.pop(state, None)

    def _start_builds(self) -> None:
        assert self._submit is not None
        while True:
            with self._lock:
                if not self._waiting or len(self._running) >= self._at_once:
                    return
                state = self._waiting.pop()
                self._running.add(state)
            try:
                future = self._submit(self._task(state.session, state))
            except (GexlakeError, RuntimeError):  # the workers have died, or are being stopped
                self._end(state, None)
                return
            future.add_done_callback(partial(self._done, state))

    def _task(self, session: PublishedSession, state: SessionState) -> BuildTask:
        files = {name: self._layout.dataset_file(RECORD_TYPE, name, session.key) for name in ("snapshots", "strikes")}
        return BuildTask(session.key, session.version, files, state.path)

    def _done(self, state: SessionState, future: Future[Built]) -> None:
        built = None if future.cancelled() or future.exception() else future.result()
        if built is not None:
            self._cache.admit(state)
        self._end(state, built)
        self._start_builds()

    def _end(self, state: SessionState, built: Built | None) -> None:
        with self._lock:
            self._running.discard(state)
            if built is None:
                self.counts.failed += 1
                if not state.retired:
                    self._failed_at[state] = time.monotonic()
            else:
                self.counts.done += 1
                self.counts.seconds += built.seconds
                self._failed_at.pop(state, None)
