"""The DuckDB instances of this process: whoever has closed a database leaves his to the next.

To make an instance takes twelve times as long as to attach a database to one, and an import opens its database for
every batch that it commits. An instance has one database at a time, so that what befalls that stays with it. In one
process a file can be attached once: who opens it beside another has a cursor of the same instance.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.schema import quoted

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Setting = str | bool | int | float | list[str]
"""The value of one of DuckDB's settings."""
MEMORY_LIMIT = "192MB"
LAKE = "lake"
"""What a database is called in its instance."""
NEVER: dict[str, Setting] = {
    "checkpoint_threshold": "1TB",
    "auto_checkpoint_skip_wal_threshold": 1 << 40,
}
"""DuckDB's settings that have it make no checkpoint by itself while a database is open."""
NOT_AT_THE_END = "PRAGMA disable_checkpoint_on_shutdown"
IDLE = 2
"""So many instances wait for the next database."""


class BusyError(Exception):
    """This process has the database open for reading only, and it is to be written."""


@dataclass
class _Attached:
    """A database that is open in this process, and how often."""

    instance: Connection
    write: bool
    users: int = 0
    is_spoilt: bool = False
    """Whether something has gone wrong with it: then its instance is of no use to others."""


_lock = threading.Lock()
_attached: dict[Path, _Attached] = {}
_idle: list[Connection] = []


def settings(aside: Path) -> dict[str, Setting]:
    """DuckDB's settings for work on a lake; what does not fit into memory is written `aside`.

    What has been read of other files is not kept: an instance lives longer than they stay as they are.
    """
    return {
        "memory_limit": MEMORY_LIMIT,
        "threads": 2,
        "temp_directory": str(aside),
        "enable_external_file_cache": False,
    }


@contextmanager
def attached(path: Path, *, write: bool, aside: Path, keep: bool = True) -> Iterator[Connection]:
    """A connection to a database, which is closed at the end; without `keep`, with all that was set in it.

    What does not fit into memory is written `aside`. Raises what DuckDB raises, and `BusyError`.
    """
    path = path.absolute()
    with _lock:
        found = _attached.get(path)
        if found is None:
            found = _attached[path] = _attach(path, write=write, aside=aside)
        elif write and not found.write:
            raise BusyError
        found.users += 1
    try:
        with closing(found.instance.cursor()) as connection:
            connection.execute(f"USE {LAKE}")
            yield connection
    except BaseException:
        found.is_spoilt = True
        raise
    finally:
        with _lock:
            found.is_spoilt |= not keep
            found.users -= 1
            if not found.users:
                del _attached[path]
                _detach(found)


def _attach(path: Path, *, write: bool, aside: Path) -> _Attached:
    import duckdb

    instance = _prepared(aside)
    try:
        mode = "READ_WRITE" if write else "READ_ONLY"
        instance.execute(f"ATTACH {quoted(str(path))} AS {LAKE} (TYPE duckdb, {mode})")
    except duckdb.IOException:  # mostly somebody else has it, and it is tried again
        _put_back(instance)
        raise
    except BaseException:
        instance.close()
        raise
    return _Attached(instance, write)


def _prepared(aside: Path) -> Connection:
    """An instance that writes to this place aside: one that waits, or a new one."""
    import duckdb

    if _idle:
        instance = _idle.pop()
        instance.execute(f"SET temp_directory = {quoted(str(aside))}")
        return instance
    instance = duckdb.connect(config=settings(aside) | NEVER)
    instance.execute(NOT_AT_THE_END)
    instance.execute("SET GLOBAL TimeZone = 'UTC'")
    return instance


def _detach(one: _Attached) -> None:
    if one.is_spoilt:
        one.instance.close()
        return
    try:
        one.instance.execute(f"DETACH {LAKE}")
    except BaseException:
        one.instance.close()
        raise
    _put_back(one.instance)


def _put_back(instance: Connection) -> None:
    """Keep it, if it is wanted and has written nothing aside: else it would leave a file there."""
    import duckdb

    try:
        instance.execute("SET temp_directory = ''")
    except duckdb.Error:
        instance.close()
        return
    if len(_idle) < IDLE:
        _idle.append(instance)
    else:
        instance.close()


@atexit.register
def close_idle() -> None:
    """Let go of the instances that wait."""
    with _lock:
        _close_idle()


def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


def _before_fork() -> None:
    """A process that forks has none: their threads do not go along."""
    _lock.acquire()
    _close_idle()


os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_lock.release)
