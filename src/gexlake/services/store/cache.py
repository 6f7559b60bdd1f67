"""The rendered files on disk and their maps: which there are, how much they take, and which go first."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.services.store.rendered import RenderedSession, cache_root, open_rendered, rendered_path
from gexlake.services.store.values import PublishedSession

MAX_MAPS = 200
"""Each holds two file descriptors, of which a process has 1,024 by default."""

_ticks = count(1)


class SessionState:
    """What the store knows of one version of a session.

    `rendered` is read without a lock; all else, and every change, is the cache's, under its lock.
    """

    __slots__ = ("path", "rendered", "retired", "session", "size_bytes", "unusable", "used")

    def __init__(self, session: PublishedSession, path: Path) -> None:
        self.session = session
        self.path = path
        self.rendered: RenderedSession | None = None
        self.size_bytes = 0
        """Of the file on disk, 0 where there is none."""
        self.used = 0
        """Grows with every use, over all sessions."""
        self.retired = False
        self.unusable = False
        """Its file is larger than the cache, or damaged and not to be removed: it is always answered from Parquet."""

    def touch(self) -> None:
        """Say that it is in use."""
        self.used = next(_ticks)


class RenderedCache:
    """Keeps the files of all states together below `cache_bytes` by removing what was not used for longest.

    A file that is removed or replaced stays readable for those who hold a slice of it. Safe in threads.
    """

    def __init__(self, layout: LakeLayout, cache_bytes: int, *, max_maps: int = MAX_MAPS) -> None:
        self._layout = layout
        self._cache_bytes = cache_bytes
        self._max_maps = max_maps
        self._lock = threading.RLock()
        self._states: set[SessionState] = set()
        self._mapped: set[SessionState] = set()
        self._disk_bytes = 0

    @property
    def disk_bytes(self) -> int:
        """What the files take."""
        return self._disk_bytes

    @property
    def open_maps(self) -> int:
        """How many of them are mapped."""
        return len(self._mapped)

    def state(self, session: PublishedSession) -> SessionState:
        """A state for a session that the cache has not seen yet in this version."""
        state = SessionState(session, rendered_path(self._layout, session.key, session.version))
        with self._lock:
            self._states.add(state)
        return state

    def adopt_files(self) -> None:
        """Take stock of what is on disk, the one used longest ago first, and remove what belongs to no state."""
        with self._lock:
            known = {str(state.path): state for state in self._states}
            for path in sorted(cache_root(self._layout).glob("*/*/*/*/*"), key=_changed_ns):
                state = known.get(str(path))
                if state is None:
                    _unlink(path)
                else:
                    state.touch()
                    self._resize(state, _size_of(path))
            self._trim()

    def open(self, state: SessionState) -> RenderedSession | None:
        """The session's map; None where there is no sound file. What is not sound is removed."""
        with self._lock:
            if state.rendered is not None or state.retired or state.unusable:
                return state.rendered
            session = state.session
            rendered = open_rendered(state.path, session.key, session.version)
            self._resize(state, rendered.size_bytes if rendered else 0)
            if rendered is None:
                return None
            with suppress(OSError):
                os.utime(state.path)  # the order of use outlives the process
            state.touch()
            state.rendered = rendered
            self._mapped.add(state)
            self._trim()
            return rendered

    def discard(self, state: SessionState) -> None:
        """Remove the session's file: it has turned out to be damaged, or it is not wanted any more."""
        with self._lock:
            self._unmap(state)
            state.unusable |= not _unlink(state.path)
            self._resize(state, 0)

    def retire(self, states: Iterable[SessionState]) -> None:
        """The database does not hold these versions any more: their files go, now and when a build ends late."""
        with self._lock:
            for state in states:
                state.retired = True
                self.discard(state)
                self._states.discard(state)

    def admit(self, state: SessionState) -> None:
        """A build of the session has ended well: map its file, unless nobody wants it any more."""
        with self._lock:
            size = _size_of(state.path)
            if state.retired or size > self._cache_bytes:
                state.unusable |= size > self._cache_bytes
                self.discard(state)
                return
            self.open(state)

    def close(self) -> None:
        """Let go of all maps; slices that are still held keep theirs."""
        with self._lock:
            for state in list(self._mapped):
                self._unmap(state)

    def _trim(self) -> None:
        while len(self._mapped) > self._max_maps:
            self._unmap(min(self._mapped, key=_last_use))
        while self._disk_bytes > self._cache_bytes:
            self.discard(min((state for state in self._states if state.size_bytes), key=_last_use))

    def _unmap(self, state: SessionState) -> None:
        state.rendered = None
        self._mapped.discard(state)

    def _resize(self, state: SessionState, size_bytes: int) -> None:
        self._disk_bytes += size_bytes - state.size_bytes
        state.size_bytes = size_bytes


def _last_use(state: SessionState) -> int:
    return state.used


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _unlink(path: Path) -> bool:
    """Remove a file; whether it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
