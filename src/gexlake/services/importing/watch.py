"""New and changed files below watched directories, once they have settled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gexlake.errors import SourceError
from gexlake.scanner.walk import is_left_out

SETTLE_SECONDS = 1.5
"""A file is taken when nothing has been written to it for so long."""
POLL_MILLISECONDS = 250


class Settling:
    """Which of the paths that have changed have settled. Moments are of any one clock, in seconds."""

    def __init__(self, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._settle_seconds = settle_seconds
        self._changed: dict[Path, float] = {}

    def note(self, path: Path, now: float) -> None:
        """A path has changed at that moment."""
        self._changed[path] = now

    def forget(self, path: Path) -> None:
        """A path is there no more."""
        self._changed.pop(path, None)

    def take(self, now: float) -> tuple[Path, ...]:
        """The paths that have settled, each once, in order."""
        settled = sorted(path for path, moment in self._changed.items() if now - moment >= self._settle_seconds)
        for path in settled:
            del self._changed[path]
        return tuple(settled)


def iter_settled(
    directories: Sequence[Path],
    *,
    exclude: Path,
    stop: threading.Event | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Iterator[tuple[Path, ...]]:
    """First the directories themselves, then, each time some have settled, the files that are new or have changed.

    Watching begins before the directories are given, so nothing is missed in between. Left out are hidden files,
    unfinished downloads, and what is below `exclude`, the lake. Ends when `stop` is set, or on Ctrl-C with
    `KeyboardInterrupt`. Raises `SourceError` for a directory that is not there.
    """
    from watchfiles import Change, watch

    for directory in directories:
        if not directory.is_dir():
            raise SourceError(f"{directory} is not a directory.", hint="Name a directory to watch.")
    settling = Settling(settle_seconds)
    batches = watch(
        *directories,
        watch_filter=None,
        step=POLL_MILLISECONDS // 5,
        debounce=POLL_MILLISECONDS,
        rust_timeout=POLL_MILLISECONDS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=True,
    )
    next(batches)
    yield tuple(directories)
    for changes in batches:
        now = time.monotonic()
        for change, name in changes:
            path = Path(name)
            if change is Change.deleted:
                settling.forget(path)
            elif not path.is_relative_to(exclude.absolute()) and _is_wanted(path, directories):
                settling.note(path, now)
        if ready := tuple(path for path in settling.take(now) if path.exists()):
            yield ready


def _is_wanted(path: Path, directories: Iterable[Path]) -> bool:
    """Whether neither the path nor a folder on the way to it is hidden or unfinished."""
    for directory in directories:
        if path.is_relative_to(directory.absolute()):
            folders = path.relative_to(directory.absolute()).parts
            return not any(part.startswith(".") for part in folders) and not is_left_out(path.name)
    return not is_left_out(path.name)
