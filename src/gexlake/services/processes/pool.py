"""Worker processes on this machine, at low priority; they end when the process does that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

from gexlake.db.layout import LakeLayout
from gexlake.errors import WorkerError
from gexlake.models.location import Location
from gexlake.services.processes.workers import (
    INLINE_BYTES,
    NICENESS,
    LocalWorkers,
    OnBytes,
    Result,
    StoppedError,
    Work,
)

THREADS_OF_NUMPY = "OPENBLAS_NUM_THREADS"


class WorkerPool(LocalWorkers):
    """Works in worker processes; each runs at low priority and ends when this process does."""

    def __init__(self, workers: int) -> None:
        self.parallel = workers
        start_server()
        context = multiprocessing.get_context("forkserver")
        self._bytes = context.Value("Q", 0)
        self._stop = context.Event()
        told = self._bytes, self._stop, dict(os.environ)
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker, initargs=told)
        # Starting the first worker waits until the server has imported its modules: the caller need not.
        self._start = threading.Thread(target=self._warm_up, name="start-workers")
        self._start.start()

    def _warm_up(self) -> None:
        # Workers that are broken: who waits for work is told. A process that ends: nothing waits for any.
        with _main_hidden(), suppress(RuntimeError):
            for _ in range(self.parallel):
                self._executor.submit(os.getpid)

    @property
    def bytes_read(self) -> int:
        """Source bytes read so far."""
        return int(self._bytes.get_obj().value)  # without its lock, which a worker that was killed may have taken along

    def submit(self, work: Work[Result], task: object) -> Future[Result]:
        """Work in some worker; raises `WorkerError` when the workers have died."""
        self._start.join()
        try:
            with _main_hidden():
                done = self._executor.submit(_do, work, task)
        except BrokenProcessPool as error:
            raise _worker_died() from error
        future: Future[Result] = Future()
        done.add_done_callback(partial(_settle, future))
        return future

    def stop(self) -> None:
        """Ask workers to stop at their next read, and wait until they are gone."""
        self._stop.set()
        self._start.join()
        if self._executor._broken:  # a worker that started after the others were ended would be waited for for ever
            for process in list((self._executor._processes or {}).values()):
                process.kill()
        self._executor.shutdown(wait=not self._executor._broken, cancel_futures=True)


def start_server() -> None:
    """Start the process that workers are forked from, if it does not run yet; it imports what they need meanwhile.

    Called early, that is done by the time there is work.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(["gexlake.services.importing.preload"])
    # The server inherits these and hands them on: Ctrl-C is for the parent, also while modules are being imported, and
    # nothing here is done by the threads that numpy would start for linear algebra.
    resource_tracker.ensure_running()  # it unblocks the signals that it finds blocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threads = os.environ.get(THREADS_OF_NUMPY)
    os.environ[THREADS_OF_NUMPY] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if threads is None:
            del os.environ[THREADS_OF_NUMPY]
        else:
            os.environ[THREADS_OF_NUMPY] = threads
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_server_early(sources: Iterable[Location], lake: Path) -> None:
    """Start it for a first import that is large: before anything else is loaded, both take place side by side."""
    files = [source for source in sources if isinstance(source, Path)]
    if not LakeLayout(lake).database.exists() and _exceeds(files, INLINE_BYTES):
        start_server()


def _exceeds(sources: Iterable[Path], size: int) -> bool:
    """Whether the files in these places are larger, all together; what cannot be read will be named later."""
    for source in sources:
        with suppress(OSError):  # a name that no file system takes is one that `rglob` cannot look at
            for path in (source, *source.rglob("*")):
                with suppress(OSError):
                    size -= path.stat().st_size
                if size < 0:
                    return True
    return False


@contextmanager
def _main_hidden() -> Iterator[None]:
    """While workers may start: keep them from running the caller's script again, as multiprocessing would have them.

    They need nothing of it, it may be slow to import, and without `if __name__ == "__main__"` it would import anew.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _worker_died() -> WorkerError:
    """What to say when a worker was killed, as the system does when memory runs out."""
    return WorkerError(
        "A worker process ended without a result; it may have been killed for want of memory.",
        hint="Run the same command again, with fewer --workers if it happens twice.",
    )


def _settle(future: Future[Result], done: Future[Result]) -> None:
    """Give a future the end of the pool's own. Nothing is raised on the way: a frame in which something is caught holds
    those around it, and with them what is to be gone when the workers are.
    """
    if done.cancelled():
        future.cancel()
        future.set_running_or_notify_cancel()
    elif (error := done.exception()) is not None:
        future.set_exception(_worker_died() if isinstance(error, BrokenProcessPool) else error)
    else:
        future.set_result(done.result())


_on_bytes: OnBytes | None = None


def _begin_worker(counter: Any, stop: Any, environment: dict[str, str]) -> None:
    global _on_bytes  # noqa: PLW0603 - a worker process has no other place to keep what its initializer was given
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    os.nice(NICENESS)
    # As the caller's is now: the server's is that of its start, and credentials may have been named since.
    os.environ.clear()
    os.environ.update(environment | {THREADS_OF_NUMPY: "1"})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()

    def count(read: int) -> None:
        if stop.is_set():
            raise StoppedError
        with counter.get_lock():
            counter.value += read

    _on_bytes = count


def _die_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _do(work: Work[Result], task: object) -> Result:
    return work(task, on_bytes=_on_bytes)
