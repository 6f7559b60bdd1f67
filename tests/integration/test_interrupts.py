"""Ctrl-C, and workers that die: what was committed stays, the rest is named, the next run completes."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from gexlake.services.import_history import import_history
from gexlake.services.verify import verify_lake
from helpers.histories import write_history
from helpers.lakes import lake_content, select
from helpers.pauses import paused_import
from helpers.runner import Runner

ROUNDS = 8
PATIENCE_SECONDS = 30
DATA = ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet")


def assert_completes(runner: Runner, folder: Path, lake: Path) -> None:
    assert runner.run_import(folder, lake).status == 0
    fresh = lake.with_name("fresh")
    if not fresh.exists():
        import_history([folder], fresh)
    found, expected = lake_content(lake), lake_content(fresh)
    assert {name: found[name] for name in DATA} == {name: expected[name] for name in DATA}
    assert verify_lake(lake).findings == []
    assert not list((lake / "staging").iterdir())


@pytest.mark.parametrize("faults", [{}, {"inline_bytes": 0}], ids=["inline", "workers"])
def test_interrupt_at_random_moments(work: Path, runner: Runner, faults: dict[str, int]) -> None:
    folder = work / "history"
    write_history(folder, sessions=6)
    started = time.monotonic()
    assert runner.run_import(folder, work / "undisturbed", faults).status == 0
    seconds = time.monotonic() - started
    chance, interrupted = random.Random(1), 0
    for number in range(ROUNDS if not faults else ROUNDS // 2):
        lake = work / f"lake-{number}"
        running = runner.start_import(folder, lake, faults)
        time.sleep(chance.uniform(0.2, 1) * seconds)  # the moment is what is tested
        running.interrupt()
        outcome = running.wait()
        if outcome.out and "pending" in outcome.report["totals"]["files"]:
            interrupted += 1
            files = outcome.report["totals"]["files"]
            assert (outcome.status, outcome.err, outcome.report["status"]) == (1, "", "interrupted")
            assert files.get("success", 0) + files["pending"] == 6
            assert select(lake, "SELECT count(*) FROM sessions") == [(files.get("success", 0),)]
            assert select(lake, "SELECT status FROM imports") == [("interrupted",)]
            assert not list((lake / "staging").iterdir())
        assert_completes(runner, folder, lake)
    assert interrupted > 0


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
    with paused_import(runner, folder, lake, {"inline_bytes": 0}, workers=2) as paused:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (workers := workers_of(paused.running.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(workers[0], signal.SIGKILL)
        outcome = paused.resume()
    assert outcome.status == 1
    assert outcome.err.startswith("WorkerError: A worker process ended without a result")
    assert_completes(runner, folder, lake)


def test_workers_end_with_the_process_that_started_them(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=4)
    with paused_import(runner, folder, lake, {"inline_bytes": 0}, workers=2) as paused:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(workers := workers_of(paused.running.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(paused.running.pid, signal.SIGKILL)
        while any(Path("/proc", str(worker)).exists() for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        paused.ended()
    assert_completes(runner, folder, lake)
