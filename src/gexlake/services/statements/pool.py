"""Workers at the ready for the statements that come to a service, and the states of the lake that they see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import changes
from gexlake.db.layout import LakeLayout
from gexlake.db.live import READABLE
from gexlake.db.published import damaged_session
from gexlake.errors import LakeError, QueryError
from gexlake.services.statements.hand_over import Files, hand_over, named_in
from gexlake.services.statements.place import Limits, confined_to, private_place
from gexlake.services.statements.process import DamagedFileError, DiedError, MissingError, Process, not_started

if TYPE_CHECKING:
    import polars as pl

REPLACED_BYTES = 512 << 20
"""A worker that has taken so much once is replaced: it keeps some of it."""
TRIES = 3
_states = count(1)


@dataclass(eq=False)
class _State:
    """The lake after so many changes, as far as statements have asked for it. A number for each thing handed over."""

    change: int
    files: Files = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    users: int = 0


class StatementPool:
    """Runs statements, `at_once` side by side; the rest is the caller's to hold back. Threads may share it.

    Nothing is started before the first statement. A worker is used again and again, and replaced when it has died, was
    ended at its time, or has grown.
    """

    def __init__(self, layout: LakeLayout, limits: Limits, *, seconds: float, at_once: int) -> None:
        self._layout, self._limits, self._seconds, self._at_once = layout, limits, seconds, at_once
        self._lock = threading.RLock()
        self._stack = ExitStack()
        # Workers end with the thread that started them: it has to live as long as they may.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="statements")
        self._place: Path | None = None
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._current: _State | None = None
        self._living: list[_State] = []
        self._closed = False

    def run(self, statement: str, *, limit: int | None = None) -> pl.DataFrame:
        """The rows of one statement that only reads, at most `limit`, of the lake as it is now.

        Raises `QueryError` for what is wrong with it or beyond a limit, `WorkerError` where no worker can be started,
        and what `open_database` raises.
        """
        import polars as pl

        try:
            stream = self._answer(statement, limit, named_in(statement))
        except MissingError:
            stream = self._answer(statement, limit, list(READABLE))
        return pl.read_ipc_stream(stream)

    def close(self) -> None:
        """End all workers, whatever they are at, and remove what they saw."""
        with self._lock:
            self._closed = True
            for process in self._idle:
                process.kill()
            for process in self._all.difference(self._idle):
                process.stop()  # the thread that waits for its answer does the rest
            self._stack.close()
            self._starter.shutdown()

    @property
    def pids(self) -> list[int]:
        """Of the workers that there are."""
        with self._lock:
            return [process.pid for process in self._all]

    def _answer(self, statement: str, limit: int | None, names: list[str]) -> bytes:
        for _ in range(TRIES):
            process = self._take()
            try:
                process.wait_until_ready()
                with self._state(names) as state:
                    views = process.renew_views(state.files, state.numbers)
                    return process.ask(statement, limit=limit, views=views, seconds=self._seconds)
            except DamagedFileError as error:
                raise damaged_session(self._layout, error.path, error.problem) from error
            except DiedError:  # it was ended while it waited; another is none the worse
                continue
            except QueryError:
                self._check_open()
                raise
            finally:
                self._give_back(process)
        raise not_started("it ended again and again")

    # ---- workers ---------------------------------------------------------------------------------------------------

    def _take(self) -> Process:
        """An idle worker or a new one; another is started beside it, to be ready for the next who comes."""
        with self._lock:
            self._check_open()
            process = self._idle.pop() if self._idle else self._start()
            if not self._idle and len(self._all) < self._at_once:
                self._idle.append(self._start())
            return process

    def _check_open(self) -> None:
        if self._closed:
            raise LakeError("The service is not running.", hint="Try again in a moment.")

    def _start(self) -> Process:
        try:
            if self._place is None:
                self._place = self._stack.enter_context(private_place(self._layout))
            limits = confined_to(self._place, self._layout, self._limits)
            process = self._starter.submit(Process, self._place, limits).result()
        except OSError as error:
            raise not_started(str(error)) from error
        self._all.add(process)
        return process

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if process.alive and process.peak_bytes < REPLACED_BYTES and not self._closed:
                self._idle.append(process)
                return
            process.kill()
            self._all.discard(process)
            if not self._closed and not self._idle:
                self._idle.append(self._start())

    # ---- states of the lake ----------------------------------------------------------------------------------------

    @contextmanager
    def _state(self, names: list[str]) -> Iterator[_State]:
        """The lake as it is now, with these tables and views at least; kept until nobody uses it."""
        with self._lock:
            state = self._current
            if state is None or state.change != changes(self._layout):
                state = _State(changes(self._layout))
            wanted = [name for name in names if name not in state.files]
            while wanted:
                files = hand_over(self._layout.root, place=str(self._place), names=wanted)
                if state.files and state.change != changes(self._layout):  # else it would be of two moments
                    state = _State(changes(self._layout))
                    wanted = list(names)
                    continue
                state.files.update(files)
                state.numbers.update({name: next(_states) for name in files})
                break
            if state not in self._living:
                self._living.append(state)
            self._current = state
            state.users += 1
        try:
            yield state
        finally:
            with self._lock:
                state.users -= 1
                self._sweep()

    def _sweep(self) -> None:
        """Remove what only states have that are neither in use nor the latest."""
        gone = [state for state in self._living if not state.users and state is not self._current]
        if not gone or self._place is None:
            return
        self._living = [state for state in self._living if state not in gone]
        kept = {file for state in self._living for files in state.files.values() for file in files}
        for file in {file for state in gone for files in state.files.values() for file in files} - kept:
            (self._place / file).unlink(missing_ok=True)
