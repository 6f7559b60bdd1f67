"""A worker as its asker sees it: started, given one statement at a time, ended with SIGKILL when its time is over."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gexlake.db.live import DATASETS, READABLE
from gexlake.errors import QueryError, WorkerError
from gexlake.services.statements.hand_over import Files, view_of
from gexlake.services.statements.names import SPILL
from gexlake.services.statements.place import Limits

START_SECONDS = 60.0
"""Loading what it needs takes half a second, many times that on a busy machine; no statement is under way meanwhile."""
READ_BYTES = 1 << 20
_numbers = itertools.count(1)


class DiedError(Exception):
    """The process has ended without an answer."""


class MissingError(Exception):
    """The statement reads a table that was not handed over."""


class DamagedFileError(Exception):
    """A published file that the statement would read is not as it was written; `path` is its place for the worker."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path)
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class View:
    """A view that a worker is to have, with the published files that it reads."""

    name: str
    ddl: str
    files: Sequence[str]


@dataclass(eq=False)
class Process:
    """One worker, started at once; `confined` says what the kernel forbids it, as soon as it is ready."""

    place: Path
    limits: Limits
    confined: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0
    busy: bool = False
    """Whether it is at a statement, and has said so."""
    _views: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spill = self.place / SPILL / str(number := next(_numbers))
        self._spill.mkdir(exist_ok=True)
        # Outside of the terminal's group: on Ctrl-C the asker ends it. Of the environment it has what Python needs.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gexlake.services.statements.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.place,
            env=_environment(),
            process_group=0,
        )
        with suppress(DiedError):  # waiting for it will tell
            self._send({**asdict(self.limits), "number": number, "names": READABLE, "parent": os.getpid()})

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, statement: str, *, limit: int | None, views: Sequence[View], seconds: float | None) -> bytes:
        """The rows as an Arrow IPC stream.

        Raises `QueryError` for what is wrong with the statement or longer than `seconds`, `MissingError`,
        `DamagedFileError`, `DiedError` where the process had ended before, `WorkerError` where it could not start.
        Where `alive` is false afterwards, it can be asked no more.
        """
        self.wait_until_ready()
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            self._send({"statement": statement, "limit": limit, "views": [asdict(view) for view in views]})
            self.busy = bool(json.loads(self._chunk(deadline)))
            answer = self._answer(deadline)
            chunks = list(iter(lambda: self._chunk(deadline), b""))
        except TimeoutError:
            self.kill()
            raise QueryError(
                f"The statement took longer than {seconds:g} seconds.", hint="Select fewer columns or sessions."
            ) from None
        except DiedError:
            self.kill()
            if not self.busy:
                raise
            raise _too_much_memory() from None
        except BaseException as error:
            if not isinstance(error, MissingError | DamagedFileError | QueryError):
                self.kill()  # Ctrl-C above all: the answer is still under way
            raise
        finally:
            self.busy = False
        self.peak_bytes = answer["peak_bytes"]
        return b"".join(chunks)

    def renew_views(self, files: Files, numbers: Mapping[str, int]) -> list[View]:
        """The views that it does not have yet as they are to be; it is taken to get them with the next order.

        A thing that is handed over has a number of its own; who has none is a view that says so.
        """
        views = [
            View(name, view_of(files, name), files.get(name, []) if name in DATASETS else [])
            for name in READABLE
            if self._views.get(name) != numbers.get(name, 0)
        ]
        self._views = {name: numbers.get(name, 0) for name in READABLE}
        return views

    def _answer(self, deadline: float | None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._chunk(deadline))
        if not answer.get("renewed", True):  # a damaged file, say
            self._views.clear()
        if answer.get("missing"):
            raise MissingError
        if "damaged" in answer:
            raise DamagedFileError(answer["damaged"], answer["problem"])
        if "error" in answer:
            raise QueryError(answer["error"], hint=answer["hint"])
        return answer

    def wait_until_ready(self) -> None:
        """Until it has loaded what it needs. Raises `WorkerError` where it cannot, `DiedError` where it was ended."""
        if self.confined:
            return
        try:
            answer = json.loads(self._chunk(time.monotonic() + START_SECONDS))
        except TimeoutError:
            self.kill()
            raise not_started("it took too long") from None
        except BaseException:
            self.kill()
            raise
        self.confined = answer.get("ready", {})
        if not self.confined:
            self.kill()
            raise not_started(answer["unprepared"])

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End it at once, whatever it is at: who waits for its answer is told."""
        self._process.kill()

    def kill(self) -> None:
        """End it, and remove what it has spilled and what it was spoken to by. Nobody may wait for its answer."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def _send(self, document: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(document).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise DiedError from None

    def _chunk(self, deadline: float | None) -> bytes:
        (length,) = struct.unpack("<I", self._read(4, deadline))
        return self._read(length, deadline)

    def _read(self, length: int, deadline: float | None) -> bytes:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        ready = select.poll()
        ready.register(source, select.POLLIN)
        parts: list[bytes] = []
        while length:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not ready.poll(None if left is None else left * 1000):
                raise TimeoutError
            part = os.read(source, min(length, READ_BYTES))
            if not part:
                raise DiedError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


def not_started(why: str) -> WorkerError:
    """What to say where there is no worker to be had."""
    return WorkerError(f"The process for SQL statements could not be started: {why}.", hint="Try again.")


def _too_much_memory() -> QueryError:
    return QueryError(
        "Out of Memory Error: the statement took more memory than it may, and its process ended.",
        hint="Select fewer columns or sessions, or sum up before joining.",
    )


def _environment() -> dict[str, str]:
    """No secret and no path beyond what finding the modules takes; one thread where a library would start many."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PATH", "PYTHONHOME") if name in os.environ}
    path = os.environ.get("PYTHONPATH")
    if path:
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in path.split(os.pathsep) if part)
    return {
        **kept,
        "HOME": "/",
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",  # each reserves 64 MiB of what is counted as memory
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
    }
