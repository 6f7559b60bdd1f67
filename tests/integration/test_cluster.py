"""Imports that a cluster stages: the lake is that of a local import, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexlake.errors import WorkerError
from gexlake.models.import_order import ImportOptions, Progress
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes.cluster import ClusterWorkers
from gexlake.services.upkeep.verify import verify_lake
from helpers.clusters import Cluster, running_cluster, until
from helpers.gates import kill_worker
from helpers.histories import endless, write_history
from helpers.lakes import Content, lake_content
from helpers.processes import wait_for_end
from helpers.runner import Outcome, Runner

DATA = ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet", "quarantine", "lineage")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def two_workers(request: pytest.FixtureRequest) -> None:
    """Whatever the test before has killed is there again."""
    if "cluster" in request.fixturenames:
        request.getfixturevalue("cluster").wait_for(2)


@pytest.fixture(scope="module")
def folder(fast_disk: Path) -> Path:
    folder = fast_disk / "cluster-history"
    write_history(folder, sessions=4)
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> Content:
    """What a local import of the folder gives."""
    import_history(folder, folder.with_name("local"))
    return lake_content(folder.with_name("local"))


def assert_whole(lake: Path, expected: Content) -> None:
    found = lake_content(lake)
    assert {name: found[name] for name in DATA} == {name: expected[name] for name in DATA}
    assert verify_lake(lake).findings == []
    assert not list((lake / "staging").iterdir())


def assert_completes(runner: Runner, folder: Path, lake: Path, expected: Content) -> None:
    """The next import does, without a cluster."""
    assert runner.run_import(folder, lake).status == 0
    assert_whole(lake, expected)


def assert_good(outcome: Outcome, sessions: int) -> None:
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.report["totals"]["files"] == {"success": sessions}


def test_lake_is_that_of_a_local_import(cluster: Cluster, folder: Path, work: Path, expected: Content) -> None:
    seen: list[Progress] = []
    options = ImportOptions(cluster=cluster.address)
    report = import_history(folder, work / "lake", options, on_progress=seen.append)
    assert report.totals.files == {"success": 4}
    assert [Path(file.source_file).name for file in report.files] == sorted(p.name for p in folder.iterdir())
    assert seen[-1].bytes_done == sum(path.stat().st_size for path in folder.iterdir())
    assert_whole(work / "lake", expected)
    again = import_history(folder, work / "lake", options)
    assert again.totals.files == {"skipped": 4}


def test_dry_run_reports_the_same_and_writes_nothing(cluster: Cluster, folder: Path, work: Path) -> None:
    report = import_history(folder, work / "lake", ImportOptions(cluster=cluster.address, dry_run=True))
    assert report.totals.records_imported == 160
    assert list(work.iterdir()) == []


def test_two_imports_of_the_same_files(
    cluster: Cluster, runner: Runner, other_runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    lake = work / "lake"
    both = [each.start_import(folder, lake, cluster=cluster.address) for each in (runner, other_runner)]
    outcomes = [running.wait() for running in both]
    assert [(outcome.status, outcome.err) for outcome in outcomes] == [(0, ""), (0, "")]
    assert sum(outcome.report["totals"]["records_imported"] for outcome in outcomes) == 160
    found = lake_content(lake)
    assert {name: found[name] for name in DATA[:-1]} == {name: expected[name] for name in DATA[:-1]}
    assert verify_lake(lake).findings == []


def test_task_of_a_worker_that_is_killed_is_done_by_another(
    cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    with cluster.holding():
        running = runner.start_import(folder, work / "lake", cluster=cluster.address)
        killed, _ = cluster.held(2)
        os.kill(killed, signal.SIGKILL)
        wait_for_end([killed])
    assert_good(running.wait(), 4)
    assert_whole(work / "lake", expected)


def test_worker_that_was_cut_off_publishes_nothing(
    cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    """It is stopped, given up, and goes on when its task is done by another and the import has ended."""
    lake = work / "lake"
    with cluster.holding():
        running = runner.start_import(folder, lake, cluster=cluster.address)
        pid, _ = cluster.held(2)
        with cluster.cut_off(pid):
            cluster.open(but=pid)
            assert_good(running.wait(), 4)
            assert_whole(lake, expected)
    assert len(list((lake / "staging").glob("*/*/manifest.json"))) == 1
    assert_completes(runner, folder, lake, expected)


def test_import_that_is_killed_is_completed_by_the_next(
    cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    lake = work / "lake"
    with cluster.holding():
        running = runner.start_import(folder, lake, cluster=cluster.address)
        cluster.held(2)
        running.kill()
        assert running.wait().status == -signal.SIGKILL
    assert_completes(runner, folder, lake, expected)


def test_interrupt_ends_what_workers_are_reading(cluster: Cluster, runner: Runner, work: Path) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=1)
    with endless(folder):
        running = runner.start_import(folder, lake, cluster=cluster.address)
        until(lambda: any(lake.glob("gex/strikes/**/strikes.parquet")))
        running.interrupt()
        outcome = running.wait()
    assert (outcome.status, outcome.err) == (1, "")
    assert outcome.report["totals"]["files"] == {"success": 1, "pending": 1}
    assert not list((lake / "staging").iterdir())


def test_task_that_kills_its_workers_is_given_up(cluster: Cluster) -> None:
    workers = ClusterWorkers(cluster.address)
    try:
        with pytest.raises(WorkerError, match=r"ended without a result \(KilledWorker\)"):
            workers.submit(kill_worker, None).result()
    finally:
        workers.stop()
