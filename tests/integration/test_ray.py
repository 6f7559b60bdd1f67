"""Imports that a Ray cluster stages; what there is to a cluster whatever runs it is in `test_cluster`."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from gexlake.aside import call_aside
from gexlake.errors import UsageError, WorkerError
from gexlake.models.import_order import ImportOptions, Progress
from gexlake.services.importing import import_history as importing
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes import ray_engine
from gexlake.services.processes.cluster import ClusterWorkers
from gexlake.services.upkeep.verify import verify_lake
from helpers import gates
from helpers.commands import be_patient
from helpers.histories import endless, write_history
from helpers.lakes import lake_content
from helpers.processes import until, wait_for_end
from helpers.ray_cluster import RayCluster, running_ray_cluster
from helpers.runner import Runner


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with running_ray_cluster(tmp_path_factory.mktemp("ray")) as cluster, pytest.MonkeyPatch.context() as patch:
        be_patient(patch.setattr)
        yield cluster


def test_lake_is_that_of_a_local_import_although_a_worker_is_killed(
    cluster: RayCluster, work: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, seen = work / "history", list[Progress]()
    write_history(folder, sessions=3)
    import_history(folder, work / "local")
    monkeypatch.setattr(importing, "stage_sources", gates.stage_at_gates)
    options = ImportOptions(cluster=cluster.address)
    with cluster.holding():
        done = call_aside(lambda: import_history(folder, work / "lake", options, on_progress=seen.append))
        killed, _ = cluster.held(2)
        with pytest.raises(UsageError, match="connected to Ray already"):
            ClusterWorkers(cluster.address)
        os.kill(killed, signal.SIGKILL)
        wait_for_end([killed])
    report = done.result()
    assert report.totals.files == {"success": 3}
    assert lake_content(work / "lake") == lake_content(work / "local")
    assert verify_lake(work / "lake").findings == []
    assert not list((work / "lake" / "staging").iterdir())
    assert seen[-1].bytes_done == seen[-1].bytes_total == sum(file.source_bytes for file in report.files)
    assert capfd.readouterr() == ("", "")


def test_interrupt_ends_what_workers_are_reading(cluster: RayCluster, runner: Runner, work: Path) -> None:
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


def test_task_that_kills_its_workers_is_given_up(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "MAX_RETRIES", 1)
    workers = ClusterWorkers(cluster.address)
    try:
        assert workers.parallel == 2
        with pytest.raises(WorkerError, match=r"ended without a result \(WorkerCrashedError\)"):
            workers.submit(gates.kill_worker, None).result()
    finally:
        workers.stop()


def test_cluster_of_another_version(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.__version__", "2.59.0")
    with pytest.raises(WorkerError) as caught:
        ClusterWorkers(cluster.address)
    assert "does not take us: Version mismatch: The cluster was started with: Ray: " in caught.value.message


def test_address_where_nobody_is(work: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(WorkerError) as caught:
            import_history(work, work / "lake", ImportOptions(cluster=address))
    assert caught.value.message == f"The cluster at {address} does not answer, or has no workers."
    assert not (work / "lake").exists()
