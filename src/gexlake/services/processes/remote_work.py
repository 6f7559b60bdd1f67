"""What a worker of a cluster does for an import that runs elsewhere: it works at a task, and looks around when asked.

The staging directory of an import has a file that says who the import is, for as long as it works. Each task looks for
it before it begins, and a few times a second while it reads. So a worker that joined late and does not see the
directory, or that was cut off from the cluster and works for nobody any more, says so or stops.
"""

from __future__ import annotations

import secrets
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from gexlake._version import __version__
from gexlake.errors import WorkerError
from gexlake.services.processes.workers import Result, StoppedError, Work

TELL_SECONDS = 0.25
MARK_NAME = "at-work"

Tell = Callable[[int, int], None]
"""Called with the number of a task and the source bytes that it has read so far."""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A directory that everybody sees, with a file in it that says who works there."""

    directory: Path
    token: str

    @classmethod
    def open(cls, directory: Path) -> SharedPlace:
        """Say that work begins."""
        place = cls(directory, secrets.token_hex(8))
        place._mark.write_text(place.token, encoding="utf-8")
        return place

    def close(self) -> None:
        """Say that it is over."""
        with suppress(OSError):
            self._mark.unlink()

    @property
    def is_open(self) -> bool:
        """Whether it is still worked at. The file is opened for that, which asks the server of a network's disk."""
        try:
            return self._mark.read_text(encoding="utf-8") == self.token
        except OSError:
            return False

    def write(self) -> str:
        """Write a file that is to be seen elsewhere; its name."""
        name = f"seen-{secrets.token_hex(8)}"
        (self.directory / name).write_text(self.token, encoding="utf-8")
        return name

    def takes(self, name: str | None) -> bool:
        """Whether a file is here that was written elsewhere; it goes."""
        try:
            path = self.directory / str(name)
            found = path.read_text(encoding="utf-8") == self.token
            path.unlink()
        except OSError:
            return False
        return found

    @property
    def _mark(self) -> Path:
        return self.directory / MARK_NAME


@dataclass(frozen=True, slots=True)
class Order(Generic[Result]):
    """A task with all that a worker has to know; `number` is that of the task, for `tell`."""

    work: Work[Result]
    task: object
    number: int
    place: SharedPlace | None
    tell: Tell | None
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """What became of it: the result, or what the work raised. So what an engine raises is always of the engine."""

    bytes_read: int
    result: Result | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What a worker sees: the first of the paths that it does not, and the name of the file that it has written."""

    missing: Path | None = None
    written: str | None = None


def carry_out(order: Order[Result]) -> Outcome[Result]:
    """Work at a task."""
    counter = _Counter(order)
    try:
        _check(order)
        result = order.work(order.task, on_bytes=counter.count)
        return Outcome(counter.total, result)
    except Exception as error:
        error.add_note(f"On {socket.gethostname()}: {''.join(traceback.format_tb(error.__traceback__))}")
        return Outcome(counter.total, error=error)


def look_around(place: SharedPlace | None, sources: Sequence[Path]) -> View:
    """Look for what an import will read, and for the place where it will stage, and leave a file there."""
    for path in sources:
        try:
            path.stat()
        except OSError:
            return View(missing=path)
    if place is None:
        return View()
    if not place.is_open:
        return View(missing=place.directory)
    with suppress(OSError):
        return View(written=place.write())
    return View()


def not_seen(worker: str, path: Path) -> WorkerError:
    """What to say when a worker does not see what it should."""
    return WorkerError(
        f"The worker {worker} does not see {path}.",
        hint="Sources and lake have to stand under the same paths on all machines; mount them there.",
    )


def other_version(node: str, name: str, found: str | None, here: str | None) -> WorkerError:
    """What to say when not everybody runs the same."""
    there = f"no {name}" if found is None else f"{name} {found}"
    return WorkerError(
        f"The cluster's {node} has {there}, and this is {name} {here}: they could write different files.",
        hint="Install the same on all of them, the scheduler included.",
    )


def _check(order: Order[Result]) -> None:
    """A worker may have joined since the cluster was looked at."""
    if order.version != __version__:
        raise other_version(f"worker on {socket.gethostname()}", "gexlake", __version__, order.version)
    if order.place is not None and not order.place.is_open:
        raise not_seen(f"on {socket.gethostname()}", order.place.directory)


class _Counter:
    """Counts what is read, tells so and asks whether to go on, a few times a second."""

    def __init__(self, order: Order[Result]) -> None:
        self._order = order
        self._next = time.monotonic() + TELL_SECONDS
        self.total = 0

    def count(self, count: int) -> None:
        self.total += count
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + TELL_SECONDS
        if self._order.place is not None and not self._order.place.is_open:
            raise StoppedError
        if self._order.tell is not None:
            self._order.tell(self._order.number, self.total)
