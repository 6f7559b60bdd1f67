"""Ctrl-C, and workers that die: what was committed stays, the rest is named, the next run completes."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from helpers.histories import write_history
from helpers.lakes import select
from helpers.pauses import paused_import
from helpers.processes import until, wait_for_end
from helpers.runner import Outcome, Runner
from helpers.whole import assert_completes, fresh_content

WITH_WORKERS = {"inline_bytes": 0}


def assert_named(outcome: Outcome, lake: Path, sessions: int) -> None:
    """What was committed is in the lake and in the report, the rest is pending, and nothing is left in staging."""
    files = outcome.report["totals"]["files"]
    assert files.get("success", 0) + files.get("pending", 0) == sessions
    assert select(lake, "SELECT count(*) FROM sessions") == [(files.get("success", 0),)]
    if "pending" in files:
        assert (outcome.status, outcome.report["status"]) == (1, "interrupted")
        assert select(lake, "SELECT status FROM imports") == [("interrupted",)]
    assert not list((lake / "staging").iterdir())


def test_interrupt_at_changes_from_the_first_to_the_last(work: Path, runner: Runner) -> None:
    folder = work / "history"
    write_history(folder, sessions=2)
    points = runner.run_import(folder, work / "undisturbed", {"count": True}).points
    expected, seen = fresh_content(folder, work / "fresh"), set()
    for point in range(1, points + 1, 21):
        lake = work / f"lake-{point}"
        outcome = runner.run_import(folder, lake, {"interrupt_at": point})
        if outcome.out:
            assert_named(outcome, lake, 2)
            seen.add(outcome.report["totals"]["files"].get("pending", 0))
        else:  # before the work began, or after it
            assert outcome.err.rstrip().endswith("KeyboardInterrupt")
        assert_completes(folder, lake, expected)
    assert seen >= {0, 1, 2}


def test_interrupt_of_workers_at_random_moments(work: Path, runner: Runner) -> None:
    folder = work / "history"
    write_history(folder, sessions=4)
    expected = fresh_content(folder, work / "fresh")
    started = time.monotonic()
    assert runner.run_import(folder, work / "undisturbed", WITH_WORKERS).status == 0
    seconds = time.monotonic() - started
    chance = random.Random(1)
    for number in range(2):
        lake = work / f"lake-{number}"
        running = runner.start_import(folder, lake, WITH_WORKERS)
        time.sleep(chance.uniform(0.2, 1) * seconds)  # the moment is what is tested
        running.interrupt()
        outcome = running.wait()
        if outcome.out:
            assert outcome.err == ""
            assert_named(outcome, lake, 4)
        assert_completes(folder, lake, expected)


def workers_of(pid: int) -> list[int]:
    """Processes of the group that were forked from its fork server, which is a child of the process itself."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[2]) == pid:
            parents[int(path.parent.name)] = int(after_name[1])
    return [child for child, parent in parents.items() if parents.get(parent) == pid]


def test_worker_that_is_killed_is_named_and_the_next_run_completes(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=4)
    with paused_import(runner, folder, lake, WITH_WORKERS, workers=2) as paused:
        workers = until(lambda: workers_of(paused.running.pid))  # not all: one that is idle spares another's start
        os.kill(workers[0], signal.SIGKILL)
        outcome = paused.resume()
    assert outcome.status == 1
    assert outcome.err.startswith("WorkerError: A worker process ended without a result")
    assert_completes(folder, lake, fresh_content(folder, work / "fresh"))


def test_workers_end_with_the_process_that_started_them(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=4)
    with paused_import(runner, folder, lake, WITH_WORKERS, workers=2) as paused:
        workers = until(lambda: workers_of(paused.running.pid))  # not all: one that is idle spares another's start
        os.kill(paused.running.pid, signal.SIGKILL)
        wait_for_end(workers)
        paused.ended()
    assert_completes(folder, lake, fresh_content(folder, work / "fresh"))
