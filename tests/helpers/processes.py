"""Processes of other programs, as the system knows them."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.01


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition that nothing tells of, and give what it gave; the test's own time is the bound."""
    while not (found := condition()):
        time.sleep(POLL_SECONDS)
    return found


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


def stop(pids: list[int]) -> None:
    """SIGSTOP, and wait until the system has stopped them."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    until(lambda: all(map(is_stopped, pids)))


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def let_go_on(pids: list[int]) -> None:
    """SIGCONT; no matter if one has ended."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def wait_for_end(pids: list[int]) -> None:
    """Until these processes have ended, which nobody but the system is told of."""
    for pid in pids:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                assert select.select([descriptor], [], [], PATIENCE_SECONDS)[0], f"process {pid} has not ended"
            finally:
                os.close(descriptor)
