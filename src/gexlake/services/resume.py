"""Resume: sessions whose sources are all unchanged are found by hashing alone, without a worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from gexlake.errors import SourceError
from gexlake.importers.stream import hash_file
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.task import SessionTask
from gexlake.services.reading import find_replaced, find_unchanged, known_sizes, readings_of

TICK_SECONDS = 0.1
NICENESS = 10


class Hasher:
    """Takes the SHA-256 of files that may be known, `threads` at a time, at low priority."""

    def __init__(self, threads: int) -> None:
        self.bytes_read = 0
        self._threads = threads
        self._lock = threading.Lock()

    def hash_known(self, tasks: Sequence[SessionTask], *, on_tick: Callable[[], None]) -> list[SessionTask]:
        """The tasks with the digests of all sources whose size is that of a known one; an unreadable one has none."""
        wanted = {
            source.name: source for task in tasks for source in task.sources if source.size_bytes in known_sizes(task)
        }
        if not wanted:
            return list(tasks)
        with ThreadPoolExecutor(self._threads, initializer=_lower_priority) as pool:
            futures = {name: pool.submit(hash_file, source, on_bytes=self._count) for name, source in wanted.items()}
            try:
                _wait_for(futures.values(), on_tick)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        digests = {name: digest for name, future in futures.items() if (digest := _digest(future))}
        return [replace(task, digests=_digests_of(task, digests)) for task in tasks]

    def _count(self, count: int) -> None:
        with self._lock:
            self.bytes_read += count


def skipped_records(task: SessionTask) -> list[LineageRecord] | None:
    """The lineage of a session in which nothing has changed; None where something has, or may have."""
    sizes = known_sizes(task)
    if not all(source.size_bytes in sizes and source.name in task.digests for source in task.sources):
        return None
    readings = readings_of(task)
    find_unchanged(task, readings, on_bytes=None)
    if find_replaced(task, readings) or not all(reading.unchanged for reading in readings):
        return None
    for reading in readings:
        reading.record.status = FileStatus.SKIPPED
    return [reading.record for reading in readings]


def _digests_of(task: SessionTask, digests: dict[str, str]) -> dict[str, str]:
    names = (source.name for source in task.sources)
    return {name: digests[name] for name in names if name in digests}


def _digest(future: Future[str]) -> str | None:
    try:
        return future.result()
    except SourceError:
        return None  # the worker that is to read it will say so


def _wait_for(futures: Iterable[Future[str]], on_tick: Callable[[], None]) -> None:
    pending = set(futures)
    while pending:
        _, pending = wait(pending, timeout=TICK_SECONDS)
        on_tick()


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
