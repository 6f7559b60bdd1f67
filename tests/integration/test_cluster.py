"""Imports that a cluster stages: the lake is that of a local import, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gexlake._version import __version__
from gexlake.errors import WorkerError
from gexlake.models.import_order import ImportOptions, Progress
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes import cluster as processes_cluster
from gexlake.services.processes import dask_engine
from gexlake.services.processes.cluster import ClusterWorkers
from gexlake.services.upkeep.verify import verify_lake
from helpers.clusters import Cluster, end, running_cluster
from helpers.gates import kill_worker
from helpers.histories import endless, write_history
from helpers.lakes import Content, lake_content
from helpers.processes import until, wait_for_end
from helpers.runner import Outcome, Runner, python_path
from helpers.whole import DATA, assert_completes, assert_whole, fresh_content

ALL = (*DATA, "lineage")


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


@pytest.fixture
def both(runner: Runner, other_runner: Runner) -> tuple[Runner, Runner]:
    return runner, other_runner


@pytest.fixture(scope="module")
def expected(folder: Path) -> Content:
    """What a local import of the folder gives."""
    return fresh_content(folder, folder.with_name("local"))


def assert_good(outcome: Outcome, sessions: int) -> None:
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.report["totals"]["files"] == {"success": sessions}


def test_lake_is_that_of_a_local_import(cluster: Cluster, history: Path, lake: Path, work: Path) -> None:
    seen: list[Progress] = []
    options = ImportOptions(cluster=cluster.address)
    report = import_history(history, work / "lake", options, on_progress=seen.append)
    local, found = lake_content(lake), lake_content(work / "lake")
    assert found == local
    assert found["quarantine"]
    assert verify_lake(work / "lake").findings == []
    assert seen[-1].bytes_done == seen[-1].bytes_total == sum(file.source_bytes for file in report.files)
    again = import_history(history, work / "lake", options)
    assert again.totals.records_seen == 0
    assert again.totals.files.keys() == {"skipped", "partial"}


def test_dry_run_reports_the_same_and_writes_nothing(cluster: Cluster, folder: Path, work: Path) -> None:
    report = import_history(folder, work / "lake", ImportOptions(cluster=cluster.address, dry_run=True))
    assert report.totals.records_imported == 160
    assert list(work.iterdir()) == []


def test_two_imports_of_the_same_files(
    cluster: Cluster, both: tuple[Runner, Runner], folder: Path, work: Path, expected: Content
) -> None:
    lake = work / "lake"
    under_way = [runner.start_import(folder, lake, cluster=cluster.address) for runner in both]
    outcomes = [running.wait() for running in under_way]
    assert [(outcome.status, outcome.err) for outcome in outcomes] == [(0, ""), (0, "")]
    assert sum(outcome.report["totals"]["records_imported"] for outcome in outcomes) == 160
    assert_whole(lake, expected)


def test_task_of_a_worker_that_is_killed_is_done_by_another(
    cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    with cluster.holding():
        running = runner.start_import(folder, work / "lake", cluster=cluster.address)
        killed, _ = cluster.held(2)
        os.kill(killed, signal.SIGKILL)
        wait_for_end([killed])
    assert_good(running.wait(), 4)
    assert_whole(work / "lake", expected, names=ALL)


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
            assert_whole(lake, expected, names=ALL)
    assert len(list((lake / "staging").glob("*/*/manifest.json"))) == 1
    assert_completes(folder, lake, expected, names=ALL)


def test_import_that_is_killed_is_completed_by_the_next(
    cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    lake = work / "lake"
    with cluster.holding():
        running = runner.start_import(folder, lake, cluster=cluster.address)
        cluster.held(2)
        running.kill()
        assert running.wait().status == -signal.SIGKILL
    assert_completes(folder, lake, expected, names=ALL)


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


# ---- clusters that will not do -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Without workers: each test starts its own. The last one takes the scheduler away."""
    with running_cluster(tmp_path_factory.mktemp("odd"), workers=0) as cluster:
        yield cluster


@contextmanager
def odd_worker(cluster: Cluster, *options: str, **environment: str) -> Iterator[str]:
    """One worker, while the block runs; its address."""
    worker = cluster.start_worker("--no-nanny", *options, **environment)
    cluster.wait_for(1)
    (address,) = cluster.client.nthreads()
    try:
        yield address
    finally:
        end(worker)


def refusal(cluster: Cluster, work: Path, folder: Path, **lake: Path) -> str:
    """Why an import ends before it has staged anything."""
    with pytest.raises(WorkerError) as caught:
        import_history(folder, lake.get("lake", work / "lake"), ImportOptions(cluster=cluster.address))
    assert caught.value.hint
    return caught.value.message


def test_cluster_without_workers(
    odd_cluster: Cluster, work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes_cluster, "JOIN_SECONDS", 0.0)
    assert refusal(odd_cluster, work, folder) == f"The cluster at {odd_cluster.address} has no workers."
    assert not (work / "lake").exists()


def test_address_where_nobody_is(work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_engine, "CONNECT_SECONDS", 0.1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(WorkerError) as caught:
            import_history(folder, work / "lake", ImportOptions(cluster=address))
    assert caught.value.message == f"The cluster at {address} does not answer, or has no workers."
    assert not (work / "lake").exists()


def test_worker_of_another_version(odd_cluster: Cluster, work: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "gexlake-0.0.1.dist-info").mkdir()
    (tmp_path / "gexlake-0.0.1.dist-info" / "METADATA").write_text("Name: gexlake\nVersion: 0.0.1\n")
    with odd_worker(odd_cluster, PYTHONPATH=f"{tmp_path}:{python_path()}") as worker:
        assert refusal(odd_cluster, work, folder) == (
            f"The cluster's worker {worker} has gexlake 0.0.1, and this is gexlake {__version__}: they could write "
            "different files."
        )
    assert not (work / "lake").exists()


def test_worker_of_several_threads(odd_cluster: Cluster, work: Path, folder: Path) -> None:
    with odd_worker(odd_cluster, "--nthreads", "2") as worker:
        said = f"The worker {worker} does 2 tasks at a time in one process, and each needs a core."
        assert refusal(odd_cluster, work, folder) == said
    assert not (work / "lake").exists()


def test_worker_that_does_not_see_sources_or_lake(
    odd_cluster: Cluster, work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each process /proc/self/cwd is another directory."""
    write_history(work / "history", sessions=1)
    here = Path("/proc/self/cwd")
    with odd_worker(odd_cluster) as worker:
        monkeypatch.chdir(work)
        unseen = f"The worker {worker} does not see {here}"
        assert refusal(odd_cluster, work, here / "history") == f"{unseen}/history."
        assert refusal(odd_cluster, work, folder, lake=here / "shared").startswith(f"{unseen}/shared/staging/")
    assert not list((work / "shared" / "staging").glob("*/*"))


def test_workers_that_are_gone_are_not_waited_for(odd_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_worker(odd_cluster):
        workers = ClusterWorkers(odd_cluster.address)
    try:
        workers.check()
        monkeypatch.setattr(processes_cluster, "LOST_SECONDS", 0.1)
        with pytest.raises(WorkerError, match="does not answer, or has no workers"):  # noqa: PT012 - by and by
            while True:
                workers.check()
    finally:
        workers.stop()


def test_scheduler_that_is_gone_ends_the_import_and_the_next_completes(
    odd_cluster: Cluster, runner: Runner, folder: Path, work: Path, expected: Content
) -> None:
    with odd_worker(odd_cluster), odd_cluster.holding():
        running = runner.start_import(folder, work / "lake", cluster=odd_cluster.address)
        odd_cluster.held(1)
        end(odd_cluster.scheduler)
        outcome = running.wait()
    assert outcome.status == 1
    assert outcome.err.startswith(f"WorkerError: The cluster at {odd_cluster.address} does not answer")
    assert_completes(folder, work / "lake", expected, names=ALL)
