"""Where work on sessions is done: right here when there is little to do, else by workers here or of a cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

INLINE_BYTES = 16 << 20
"""Less than this is done in the calling process: starting workers would take longer."""
NICENESS = 10
TICK_SECONDS = 0.1

Result = TypeVar("Result")
Task = TypeVar("Task")
OnBytes = Callable[[int], None]
Work = Callable[..., Result]
"""A function of a module, called with a task and `on_bytes`, which it calls with the source bytes that it has read."""


class StoppedError(Exception):
    """The work was to stop while this session was at hand."""


class Workers(Protocol):
    """Does work on sessions, `parallel` at a time; `bytes_read` counts source bytes over all of them.

    A future raises what the work raised, or `WorkerError` where a worker ended without a result.
    """

    @property
    def parallel(self) -> int:
        """May change from moment to moment where workers come and go."""

    @property
    def bytes_read(self) -> int: ...

    def submit(self, work: Work[Result], task: object) -> Future[Result]: ...

    def share(self, area: Path | None, sources: Sequence[Path]) -> None:
        """Before work that stages in `area` (None: none does) and reads below `sources`: see that all see these.

        Raises `WorkerError` where one does not.
        """

    def check(self) -> None:
        """To be asked while work is waited for. Raises `WorkerError` where nobody is left to do it."""

    def stop(self) -> None:
        """Have the work end at its next read, and wait until it has; may be called again."""


class LocalWorkers:
    """What is to be said of workers on this machine: they see what it sees, and futures tell when one has died."""

    def share(self, area: Path | None, sources: Sequence[Path]) -> None:
        """All is shared."""

    def check(self) -> None:
        """Nothing to ask."""

    def stop(self) -> None:
        """Nothing runs between calls."""


class InlineWorker(LocalWorkers):
    """Works in the calling process, on one session at a time."""

    parallel = 1
    bytes_read = 0

    def submit(self, work: Work[Result], task: object) -> Future[Result]:
        """Work at once; the future is done when this returns."""
        future: Future[Result] = Future()
        try:
            future.set_result(work(task, on_bytes=self._count))
        except Exception as error:
            future.set_exception(error)
        return future

    def _count(self, count: int) -> None:
        self.bytes_read += count


class WorkerThreads(LocalWorkers):
    """Works in threads of the calling process, at low priority: for what lets go of the interpreter, as hashing."""

    bytes_read = 0

    def __init__(self, count: int) -> None:
        self.parallel = count
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(count, initializer=_lower_priority)

    def submit(self, work: Work[Result], task: object) -> Future[Result]:
        return self._executor.submit(work, task, on_bytes=self._count)

    def stop(self) -> None:
        """What is under way goes on to its end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _count(self, count: int) -> None:
        with self._lock:
            self.bytes_read += count


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


@contextmanager
def open_workers(*, count: int | None, total_bytes: int, cluster: str | None = None) -> Iterator[Workers]:
    """Workers fit for that much work, `count` of them or one per core, or those of a cluster; stopped at the end.

    Raises `UsageError` or `WorkerError` where there is no such cluster.
    """
    workers = _workers(count, total_bytes, cluster)
    try:
        yield workers
    finally:
        workers.stop()


def _workers(count: int | None, total_bytes: int, cluster: str | None) -> Workers:
    if cluster is not None:
        from gexlake.services.processes.cluster import ClusterWorkers

        return ClusterWorkers(cluster)
    if total_bytes <= INLINE_BYTES:
        return InlineWorker()
    from gexlake.services.processes.pool import WorkerPool

    return WorkerPool(count or cores())


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def iter_done(
    workers: Workers, work: Work[Result], tasks: Iterable[Task], *, on_tick: Callable[[], None]
) -> Iterator[tuple[Task, Future[Result]]]:
    """Each task with its future when that is done, in no order; twice as many are under way as workers are at."""
    waiting, under_way = iter(tasks), dict[Future[Result], Task]()
    while True:
        for task in islice(waiting, max(0, 2 * workers.parallel - len(under_way))):
            under_way[workers.submit(work, task)] = task
        if not under_way:
            return
        done, _ = wait(under_way, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            yield under_way.pop(future), future
        workers.check()
        on_tick()
