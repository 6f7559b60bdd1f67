"""Run a command as a process of its own and say what it took: wall clock, processor time, peak memory.

Peak memory is the largest resident set that any one process of the command ever had, workers included, as the
kernel counted it (`ru_maxrss`), so nothing is sampled and no spike is missed. For that the kernel has to report
every process to us: those that outlive their parent, as a fork server does, come to this process instead of init
(PR_SET_CHILD_SUBREAPER), and all are waited for. A child's count starts at the size of the process that it was
forked from, so this process has to stay small: nothing heavy is imported here.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT_SECONDS = 1800
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a command took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Contestant:
    """A command and the directory it writes; unless `keeps`, that is removed before each run."""

    name: str
    command: tuple[str, ...]
    output: Path | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of some values."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


def adopt_orphans() -> None:
    """Have processes whose parent ends become children of this one. Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def run_once(command: Sequence[str]) -> Run:
    """Time from start to exit of the command; processor time and peak of all its processes.

    Ends the program if the command fails: what it measured would mean nothing.
    """
    os.sync()  # what the one before has written is not to be paid for by this one
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        alarm = threading.Timer(TIME_LIMIT_SECONDS, process.kill)
        alarm.daemon = True
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        usages = [usage]
        while True:
            try:
                usages.append(os.wait4(-1, 0)[2])
            except ChildProcessError:
                break
        if process.returncode:
            log.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{log.read().decode(errors='replace')}")
    return Run(
        seconds=seconds,
        cpu_seconds=sum(usage.ru_utime + usage.ru_stime for usage in usages),
        peak_bytes=max(usage.ru_maxrss for usage in usages) * 1024,
    )


def run_in_turn(
    contestants: Sequence[Contestant], runs: int, *, say: Callable[[str], None] = lambda _: None
) -> dict[str, list[Run]]:
    """Each contestant once to warm up, then `runs` rounds of A B C …, so that run i of each shares its weather."""
    results: dict[str, list[Run]] = {contestant.name: [] for contestant in contestants}
    for number in range(runs + 1):
        for contestant in contestants:
            if contestant.output is not None and not contestant.keeps:
                shutil.rmtree(contestant.output, ignore_errors=True)
            run = run_once(contestant.command)
            label = f"run {number}" if number else "warm-up"
            say(f"{contestant.name}, {label}: {run.seconds:.2f} s, {run.cpu_seconds:.2f} s of processor time")
            if number:
                results[contestant.name].append(run)
    return results


def seconds_of(runs: Sequence[Run]) -> Spread:
    """Wall-clock seconds."""
    return Spread.of([run.seconds for run in runs])


def ratio_of(numerator: Sequence[Run], denominator: Sequence[Run]) -> Spread:
    """Ratios of wall-clock time, taken pair by pair."""
    return Spread.of([one.seconds / other.seconds for one, other in zip(numerator, denominator, strict=True)])


def peak_of(runs: Sequence[Run]) -> int:
    """The highest peak of all runs, in bytes."""
    return max(run.peak_bytes for run in runs)
