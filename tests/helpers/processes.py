"""Processes of other programs, as the system knows them."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 30.0


def descendants(pid: int) -> list[int]:
    """Every process below one, by the system's own list."""
    found, waiting = [], [pid]
    while waiting:
        with suppress(OSError):
            for task in Path(f"/proc/{waiting[0]}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
        waiting.pop(0)
    return found


def wait_for_end(pids: list[int]) -> None:
    """Until these processes have ended, which nobody but the system is told of."""
    for pid in pids:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                assert select.select([descriptor], [], [], PATIENCE_SECONDS)[0], f"process {pid} has not ended"
            finally:
                os.close(descriptor)
