"""Workers of a cluster that runs already, elsewhere: what there is to it whatever engine runs it.

An engine brings a function and its arguments to some worker and the result back; how, is said in a module of its own
(`dask_engine`, `ray_engine`). All else is here and in `remote_work`: that everybody runs the same gexlake and sees the
same files, what was read, that work stops when it is to, and that a cluster which is no more is not waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from gexlake.aside import call_aside
from gexlake.errors import UsageError, WorkerError
from gexlake.services.processes.remote_work import (
    Order,
    Outcome,
    SharedPlace,
    Tell,
    carry_out,
    look_around,
    not_seen,
    other_version,
)
from gexlake.services.processes.workers import Result, StoppedError, Work

ENGINES = {"dask": "dask", "tls": "dask", "ray": "ray"}
"""By the scheme of a cluster's address the engine: the module `…_engine` beside this one, and the extra it needs."""
LOST_SECONDS = 40.0
"""A cluster that has had no worker, or has not answered, for so long is one no more."""
JOIN_SECONDS = 40.0
"""How long to wait for a first worker."""
STOP_SECONDS = 10.0
"""How long to wait for work to end that was told to: a worker may be writing."""
WATCH_SECONDS = 1.0


class Engine(Protocol):
    """Runs functions on the workers of a cluster; what the engine raises is for `ClusterWorkers` to put into words."""

    def versions(self) -> Mapping[str, Mapping[str, str | None]]:
        """By node of the cluster, and under "here", the versions of Python, gexlake and what it stages by."""

    def slots(self) -> Mapping[str, int]:
        """By worker that is there now, how many tasks it does at a time."""

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Have some worker call it, another one if that dies."""

    def ask_all(self, function: Callable[..., Result], *arguments: object) -> Mapping[str, Result | BaseException]:
        """Have every worker call it; by worker what it gave or raised."""

    @property
    def tell(self) -> Tell | None:
        """What a worker calls to have `on_told` called here; None where there is no such way."""

    def close(self) -> None:
        """Leave the cluster; what it is at for us need not be done any more."""


class ClusterWorkers:
    """Works on the workers of the cluster at an address, such as dask://host:8786.

    Raises `UsageError` for an address that is none, `WorkerError` where nobody answers there, no worker comes, or one
    has another version.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._futures: set[Future[Any]] = set()
        self._place: SharedPlace | None = None
        self._number = 0
        self._read: dict[int, int] = {}
        self.bytes_read = 0
        self._lock = threading.Lock()
        self._engine = self._answer(lambda: open_engine(address, self._count))
        self._stopped, self._is_lost = threading.Event(), False
        self._seen, self._slots = time.monotonic(), 0
        try:
            self._join()
        except BaseException:
            self._engine.close()
            raise
        threading.Thread(target=self._watch, name="watch-cluster", daemon=True).start()

    def _join(self) -> None:
        """Wait for a first worker, and see that all are as we are."""
        deadline = time.monotonic() + JOIN_SECONDS
        while not (slots := self._answer(self._engine.slots)):
            if time.monotonic() > deadline:
                raise WorkerError(f"The cluster at {self.address} has no workers.", hint="Start some, and try again.")
            time.sleep(0.1)
        for worker, count in slots.items():
            if count != 1:
                raise WorkerError(
                    f"The worker {worker} does {count} tasks at a time in one process, and each needs a core.",
                    hint="Start workers that do one: `dask worker … --nworkers N --nthreads 1`.",
                )
        self._slots = len(slots)
        versions = dict(self._answer(self._engine.versions))
        here = versions.pop("here")
        for node, found in versions.items():
            for name, version in here.items():
                if found.get(name) != version:
                    raise other_version(node, name, found.get(name), version)

    # ---- work ----------------------------------------------------------------------------------------------------

    @property
    def parallel(self) -> int:
        """One for each worker that is there."""
        return max(1, self._slots)

    def share(self, area: Path | None, sources: Sequence[Path]) -> None:
        """Have each worker look for the sources, and for a file in `area`, and write one that is looked for here.

        Raises `WorkerError` where something is not seen.
        """
        if area is not None:
            self._place = SharedPlace.open(area)
        answers = self._answer(lambda: self._engine.ask_all(look_around, self._place, tuple(sources)))
        for worker, answer in answers.items():
            if isinstance(answer, BaseException):  # it has gone just now, or else each task will say what there is
                continue
            if answer.missing is not None:
                raise not_seen(worker, answer.missing)
            if self._place is not None and not self._place.takes(answer.written):
                raise WorkerError(
                    f"What worker {worker} writes to {area} is not seen here.",
                    hint="Mount the same directory on both, so that both may write there.",
                )

    def submit(self, work: Work[Result], task: object) -> Future[Result]:
        """Work on some worker."""
        self._number += 1
        number = self._number
        order = Order(work, task, number, self._place, self._engine.tell)
        try:
            given = self._engine.submit(carry_out, order)
        except Exception as error:
            raise self._fault(error) from error
        self._read[number] = 0
        future: Future[Result] = Future()
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        given.add_done_callback(partial(self._settle, future, number))
        return future

    def check(self) -> None:
        """Raises `WorkerError` where no worker has been seen for a while."""
        if time.monotonic() - self._seen > LOST_SECONDS:
            self._is_lost = True
            raise self._gone()

    def stop(self) -> None:
        """Take away the sign that this import works, wait until those at work have seen it, and leave."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._place is not None:
            self._place.close()
            if not self._is_lost:
                wait(list(self._futures), timeout=STOP_SECONDS)
        self._engine.close()

    def _settle(self, future: Future[Result], number: int, done: Future[Outcome[Result]]) -> None:
        """Give a future the end of the engine's own, which lets go of all of them when it loses the cluster."""
        if done.cancelled():
            future.set_exception(self._gone())
            return
        if (fault := done.exception()) is not None:
            future.set_exception(self._fault(fault))
            return
        outcome = done.result()
        self._count(number, outcome.bytes_read)
        self._read.pop(number)
        if outcome.error is None:
            future.set_result(cast(Result, outcome.result))
        elif isinstance(outcome.error, StoppedError) and self._place is not None and not self._stopped.is_set():
            future.set_exception(not_seen(f"of {self.address}", self._place.directory))
        else:
            future.set_exception(outcome.error)

    def _count(self, number: int, bytes_read: int) -> None:
        """A task has read so much; one that is done again has not read more for that."""
        with self._lock:
            before = self._read.get(number)
            if before is not None and bytes_read > before:
                self._read[number] = bytes_read
                self.bytes_read += bytes_read - before

    # ---- the cluster ---------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            with suppress(Exception):  # not seen, then
                self._slots = len(self._engine.slots())
                if self._slots:
                    self._seen = time.monotonic()

    def _gone(self) -> WorkerError:
        return WorkerError(
            f"The cluster at {self.address} does not answer, or has no workers.",
            hint="Start it, and run the same command again: what is committed stays.",
        )

    def _answer(self, ask: Callable[[], Result]) -> Result:
        """What the cluster answers; `WorkerError` where it does not, or does not in time."""
        try:
            return call_aside(ask).result(timeout=LOST_SECONDS)
        except (FutureTimeoutError, OSError) as error:
            raise self._gone() from error

    def _fault(self, error: BaseException) -> WorkerError:
        """What an engine raises, in words."""
        if isinstance(error, CancelledError | FutureTimeoutError | OSError):
            return self._gone()
        return WorkerError(
            f"A worker of the cluster at {self.address} ended without a result ({type(error).__name__}); it may have "
            "been killed for want of memory.",
            hint="Its log says more. Run the same command again: what is committed stays.",
        )


def open_engine(address: str, on_told: Tell) -> Engine:
    """The engine of the cluster at an address. Raises `UsageError` where that is none, `OSError` if nobody answers."""
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ENGINES and parts.netloc == f"{parts.hostname}:{parts.port}" and not parts.path
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(
            "The address of a cluster is dask://HOST:PORT, tls://HOST:PORT for Dask with certificates, or ray://HOST:PORT."
        )
    name = ENGINES[parts.scheme]
    try:
        module = import_module(f"gexlake.services.processes.{name}_engine")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"A cluster at {parts.scheme}:// needs a library that is not installed: {error.name}.",
            hint=f"Install it: pip install 'gexlake[{name}]'",
        ) from error
    engine: Engine = module.open_engine(address, on_told)
    return engine
