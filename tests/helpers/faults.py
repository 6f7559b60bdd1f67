"""Faults at chosen moments, arranged inside a process before it does its work.

A point is a place where an import changes something that outlives it: a rename, a new directory, a file opened for
writing or removed, an fsync, a statement or commit of the database. They are counted as they are reached, so "die at
point k" for every k up to their number tries all crashes there are between two changes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import changes
from helpers.crashes import Copies

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename": 1, "os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.link": 1}
"""Audit events that change a directory, and which of their arguments is the path that appears or goes."""


def arrange(faults: dict[str, Any], lake: Path) -> Callable[[], int] | None:
    """Prepare the faults of a command; a function that gives the number of points reached, if they are counted.

    `count`: only count. `die_at`: SIGKILL to this process at that point. `interrupt_at`: SIGINT, as on Ctrl-C.
    `copy_to`: keep what a death at each point would leave, see `crashes`. `fail_at` and `errno`: that change fails.
    `file_bytes`: no file may grow beyond it. `inline_bytes`: less source than this is staged without workers.
    `wait_seconds`: how long to wait for a database that is held, and for a server that is stopped. `read_error`: the
    source whose name ends so fails to be read, after so many bytes. `change`: that source changes while it is read, see
    `changes`. `say`: tell `power.Watch` what is acknowledged. `torn`: settings of `torn.c`, where that is preloaded.
    """
    os.environ.update(faults.get("torn", {}))
    if "inline_bytes" in faults:
        from gexlake.services.processes import workers

        workers.INLINE_BYTES = faults["inline_bytes"]
    if "wait_seconds" in faults:
        from gexlake.db import database
        from gexlake.services.owner import served

        served.STOPPED_SECONDS = faults["wait_seconds"]
        database.open_database.__wrapped__.__kwdefaults__["wait_seconds"] = faults["wait_seconds"]  # type: ignore[attr-defined]
    if "read_error" in faults:
        _fail_reading(*faults["read_error"])
    if "change" in faults:
        changes.arrange(**faults["change"])
    if "say" in faults:
        _say_what_is_committed()
    if "file_bytes" in faults:
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults["file_bytes"], resource.RLIM_INFINITY))
    if not faults.keys() & {"count", "copy_to", "die_at", "interrupt_at", "fail_at"}:
        return None
    signals = {faults.get("die_at"): signal.SIGKILL, faults.get("interrupt_at"): signal.SIGINT}
    copies = Copies(lake, Path(faults["copy_to"])) if "copy_to" in faults else None
    points = _Points(lake, signals, copies, fail_at=faults.get("fail_at"), errno=faults.get("errno", 0))
    points.install(database="fail_at" not in faults)
    return lambda: points.reached


class _Points:
    def __init__(
        self,
        lake: Path,
        signals: dict[int | None, signal.Signals],
        copies: Copies | None,
        *,
        fail_at: int | None,
        errno: int,
    ) -> None:
        self.reached = 0
        self._lake = str(lake.absolute())
        self._signals = signals
        self._copies = copies
        self._fail_at = fail_at
        self._errno = errno

    def install(self, *, database: bool) -> None:
        sys.addaudithook(self._audit)
        if not database:
            return
        import duckdb

        plain_fsync, plain_connect = os.fsync, duckdb.connect

        def fsync(descriptor: int) -> None:
            plain_fsync(descriptor)
            self.reach()

        os.fsync = fsync
        duckdb.connect = lambda *args, **options: _Database(plain_connect(*args, **options), self.reach)  # type: ignore[assignment]

    def reach(self, path: str = "") -> None:
        self.reached += 1
        if self._copies is not None:
            self._copies.take(self.reached)
        if self.reached in self._signals:
            os.kill(os.getpid(), self._signals[self.reached])
        if self.reached == self._fail_at:
            raise OSError(self._errno, os.strerror(self._errno), path)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES:
            path = arguments[CHANGES[event]]
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            path = arguments[0]
        else:
            return
        if isinstance(path, (str, os.PathLike)) and self._is_inside(os.fspath(path)):
            self.reach(str(path))

    def _is_inside(self, path: str) -> bool:
        return str(Path(path).absolute()).startswith(self._lake)


class _Database:
    """A connection that changes the file at points: statements of their own, and the beginning and end of commits."""

    def __init__(self, connection: Any, reach: Callable[[], None]) -> None:
        self._connection = connection
        self._reach = reach
        self._in_transaction = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._connection, name)
        if name == "cursor":
            return lambda: _Database(value(), self._reach)
        if name not in {"execute", "begin", "commit", "rollback", "close"}:
            return value

        def call(*args: Any, **options: Any) -> Any:
            reading = name == "execute" and args[0].lstrip().upper().startswith(
                ("SELECT", "SET", "USE", "WITH", "FROM")
            )
            if not reading and (name == "commit" or not self._in_transaction):
                self._reach()
            result = value(*args, **options)
            self._in_transaction = name == "begin" or (self._in_transaction and name == "execute")
            if name == "commit":
                self._reach()
            return result

        return call


def _say_what_is_committed() -> None:
    from gexlake.services.importing import commits
    from helpers.power import say

    commit, finish = commits.commit_groups, commits.end_import
    write_journal = commits.write_journal

    def commit_and_say(connection: Any, layout: Any, groups: Any) -> Any:
        groups = list(groups)
        outcomes = commit(connection, layout, groups)
        for group, outcome in zip(groups, outcomes, strict=True):
            for staged in group if outcome == "committed" else ():
                if staged.changes_data:
                    say(f"session {staged.session.session_date} {staged.checksum}")
        return outcomes

    def finish_and_note(connection: Any, import_id: str, status: str, files: int) -> None:
        finish(connection, import_id, status, files)
        ended.append(f"import {import_id} {status}")

    def write_and_say(*args: Any) -> Any:
        written = write_journal(*args)
        for words in ended:
            say(words)
        return written

    ended: list[str] = []
    commits.commit_groups = commit_and_say
    commits.end_import = finish_and_note
    commits.write_journal = write_and_say  # the import is over when this is


def _fail_reading(ending: str, after_bytes: int, errno: int) -> None:
    """Reading a source fails like that of a bad disk."""
    import io

    from gexlake.importers import stream

    plain = stream._HashedFile.readinto

    class _BadFile(io.RawIOBase):
        def __init__(self, file: Any) -> None:
            self._file = file

        def readinto(self, target: Any) -> int | None:
            if self._file.tell() >= after_bytes:
                raise OSError(errno, os.strerror(errno))
            count: int | None = self._file.readinto(memoryview(target)[:after_bytes])
            return count

        def close(self) -> None:
            self._file.close()

    def readinto(self: Any, target: Any) -> int:
        if str(self._place.path).endswith(ending) and not isinstance(self._file, _BadFile):
            self._file = _BadFile(self._file)
        return plain(self, target)

    stream._HashedFile.readinto = readinto  # type: ignore[method-assign]
