"""One process records into a lake; the system takes the lock from one that dies, and the next goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gexlake.db.layout import LakeLayout, make_directories, try_lock

RETRY_SECONDS = 0.25
MAX_PID_BYTES = 32


@asynccontextmanager
async def recording_lock(layout: LakeLayout, on_wait: Callable[[str], None]) -> AsyncIterator[None]:
    """Hold the lock; `on_wait` is told once of the process that has it."""
    make_directories(layout.live)
    descriptor = os.open(layout.live / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        told = False
        while not try_lock(descriptor):
            if not told:
                told = True
                pid = os.pread(descriptor, MAX_PID_BYTES, 0).decode("ascii", "replace").strip()
                on_wait(f"Process {pid or 'of another user'} records into this lake; this one waits to take over.")
            await asyncio.sleep(RETRY_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
