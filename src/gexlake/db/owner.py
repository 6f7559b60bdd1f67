"""Keep others from a database file without opening it in DuckDB: it may be damaged, and is about to be replaced."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gexlake.db.faults import LOCK_WAIT_SECONDS, POLL_SECONDS, locked_error
from gexlake.db.layout import LakeLayout

_FLOCK = "hhqqi"
"""`struct flock` of Linux on 64 bits: type, whence, start, length, process."""


@contextmanager
def owned_database(layout: LakeLayout, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[int | None]:
    """Hold the lock that DuckDB takes on a database it writes; a descriptor of the file, None where there is none.

    Raises `LakeLockedError` when another process still holds it after `wait_seconds`. Not for a process that has the
    database open itself: the system drops all its locks on a file when one of its descriptors is closed.
    """
    try:
        descriptor = os.open(layout.database, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError) as error:
                if time.monotonic() >= deadline:
                    raise locked_error(layout, _holder(descriptor)) from error
                time.sleep(POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    """The process that holds the lock, None where it has just let go."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)[: struct.calcsize(_FLOCK)])
    return None if kind == fcntl.F_UNLCK else pid
