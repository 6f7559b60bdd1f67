"""Import jobs without a service: one at a time, bounded, stopped at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.models.import_order import ImportOptions
from gexlake.services.importing.jobs import KEPT, ImportJobs, JobStatus, TooManyImportsError
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.lakes import select

COUNT = 10
Use = Callable[[ImportJobs], Coroutine[Any, Any, None]]
Run = Callable[[Use], list[str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_array(tmp_path / "source" / vendor_name(MONDAY), records_of(MONDAY, COUNT))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    with open_database(LakeLayout(tmp_path / "data"), write=True):
        pass
    return tmp_path / "data"


@pytest.fixture
def run(lake: Path) -> Run:
    def run(use: Use) -> list[str]:
        """Do something with the jobs of a lake; the ids of those that ended, in order."""
        ended: list[str] = []

        async def work() -> None:
            jobs = ImportJobs(lake, workers=1, most=2, on_end=lambda job: ended.append(job.import_id))
            try:
                await use(jobs)
            finally:
                await jobs.close()

        asyncio.run(work())
        return ended

    return run


def test_jobs_run_one_after_the_other_and_say_when_they_have_changed(run: Run, source: Path, lake: Path) -> None:
    async def use(jobs: ImportJobs) -> None:
        first, second = (jobs.submit([source], ImportOptions(force=True)) for _ in range(2))
        seen = [job.status async for job in second.changes()]
        assert first.status.ended, "the second waited for it"
        assert (seen[0], seen[-1]) == (JobStatus.QUEUED, JobStatus.SUCCESS)
        assert second.report is not None
        assert second.report["import_id"] == second.import_id
        assert first.finished_at is not None
        assert second.started_at is not None
        assert first.started_at is not None
        assert first.started_at < first.finished_at <= second.started_at
        assert [job.import_id for job in jobs.all()] == [first.import_id, second.import_id]

    assert len(run(use)) == 2
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(COUNT,)]


def test_more_than_may_wait_are_refused(run: Run, source: Path) -> None:
    async def use(jobs: ImportJobs) -> None:
        for _ in range(2):
            jobs.submit([source], ImportOptions())
        with pytest.raises(TooManyImportsError, match="2 imports wait or run already"):
            jobs.submit([source], ImportOptions())
        await jobs.stop(jobs.all()[1])
        jobs.submit([source], ImportOptions())

    assert len(run(use)) == 3


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 20])
def test_a_job_that_is_stopped_early_has_changed_nothing(run: Run, source: Path, lake: Path, turns: int) -> None:
    """Before its task began, while its process is made, before that has its order."""

    async def use(jobs: ImportJobs) -> None:
        job = jobs.submit([source], ImportOptions())
        for _ in range(turns):
            await asyncio.sleep(0)
        await jobs.stop(job)
        assert job.status is JobStatus.INTERRUPTED
        assert job.error == "It was stopped before it began."
        await jobs.stop(job)

    assert len(run(use)) == 1
    assert select(lake, "SELECT count(*) FROM imports") == [(0,)]


def test_a_process_that_is_killed_leaves_its_job_interrupted(run: Run, source: Path) -> None:
    async def use(jobs: ImportJobs) -> None:
        job = jobs.submit([source], ImportOptions())
        async for state in job.changes():
            if state.status is JobStatus.RUNNING and job._process is not None:
                job._process.kill()
        assert job.status is JobStatus.INTERRUPTED
        assert job.error == "The import's process was killed; run it again."

    run(use)


def test_a_lake_that_is_gone_is_not_made_anew(run: Run, source: Path, lake: Path) -> None:
    async def use(jobs: ImportJobs) -> None:
        lake.rename(lake.with_name("gone"))
        job = jobs.submit([source], ImportOptions())
        await job.wait()
        assert (job.status, job.error) == (JobStatus.FAILED, f"The lake {lake} is gone.")
        assert not lake.exists()
        lake.with_name("gone").rename(lake)

    run(use)


def test_old_jobs_are_forgotten(run: Run, source: Path) -> None:
    async def use(jobs: ImportJobs) -> None:
        for _ in range(KEPT + 5):
            await jobs.stop(jobs.submit([source], ImportOptions()))
        assert len(jobs.all()) == KEPT + 1

    run(use)
