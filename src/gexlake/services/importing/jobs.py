"""Import jobs: imports that a service has been asked for, one at a time, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError, SourceError
from gexlake.models.import_order import ORDER, ImportOptions, ImportOrder, new_import_id
from gexlake.services.processes.orders import INTERRUPTED, OrderProcess

log = logging.getLogger(__name__)

KEPT = 100
"""Jobs that have ended and are still known here; the lake remembers every import that wrote."""
IMPORT_MODULE = "gexlake.services.importing.import_process"


class JobStatus(StrEnum):
    """How far a job is; what an import ends with is the status of its report."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.STOPPING)


class TooManyImportsError(GexlakeError):
    """As many imports wait as may."""

    retryable = True


@dataclass
class ImportJob:
    """One import; `report` is the import's own once it has ended, `error` says why there is none. Times are in UTC."""

    import_id: str
    sources: tuple[Path, ...]
    options: ImportOptions
    status: JobStatus = JobStatus.QUEUED
    submitted_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    error: str | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _task: asyncio.Task[None] | None = field(default=None, repr=False)
    _process: OrderProcess | None = field(default=None, repr=False)

    def say(self) -> None:
        """Wake everyone who watches."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[ImportJob]:
        """The job now and whenever it has changed, for the last time when it has ended."""
        while True:
            changed = self._changed
            yield self
            if self.status.ended:
                return
            await changed.wait()

    async def wait(self) -> None:
        """Until it has ended."""
        async for _ in self.changes():
            pass


class ImportJobs:
    """The jobs of one lake, which is there. For one event loop; `close` stops what runs and waits for it."""

    def __init__(self, lake: Path, *, workers: int, most: int, on_end: Callable[[ImportJob], None]) -> None:
        self._lake = lake.absolute()
        self._workers = workers
        self._most = most
        self._on_end = on_end
        self._jobs: dict[str, ImportJob] = {}
        self._turn = asyncio.Lock()

    def submit(self, sources: Sequence[Path], options: ImportOptions) -> ImportJob:
        """Queue an import. Raises `TooManyImportsError`."""
        if sum(not job.status.ended for job in self._jobs.values()) >= self._most:
            raise TooManyImportsError(
                f"{self._most} imports wait or run already, which is the most.", hint="Try again when one has ended."
            )
        job = ImportJob(new_import_id(), tuple(sources), replace(options, workers=self._workers))
        self._jobs[job.import_id] = job
        self._forget_old()
        job._task = asyncio.get_running_loop().create_task(self._run(job), name=f"import {job.import_id}")
        return job

    def get(self, import_id: str) -> ImportJob | None:
        """A job that waits, runs or has ended lately."""
        return self._jobs.get(import_id)

    def all(self) -> list[ImportJob]:
        """Every job known here, the oldest first."""
        return list(self._jobs.values())

    async def stop(self, job: ImportJob) -> None:
        """Have a job end cleanly: what it has committed stays. Returns when it has ended."""
        if not job.status.ended:
            if job._process is None:
                self._end(job, JobStatus.INTERRUPTED, error="It was stopped before it began.")
            else:
                job.status = JobStatus.STOPPING
                job.say()
                job._process.ask_to_stop()
        if job._task is not None:
            await asyncio.wait([job._task])

    async def close(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(self.stop(job) for job in self.all()))

    async def _run(self, job: ImportJob) -> None:
        async with self._turn:
            if job.status.ended:
                return
            try:
                await self._work(job)
            except Exception as error:
                log.exception("import %s failed", job.import_id)
                self._end(job, JobStatus.FAILED, error=f"The import's process failed: {error}")
            if not job.status.ended:
                self._end(job, JobStatus.INTERRUPTED, error="The import's process was killed; run it again.")

    async def _work(self, job: ImportJob) -> None:
        if not LakeLayout(self._lake).database.exists():  # it has vanished, and the import would make another
            self._end(job, JobStatus.FAILED, error=f"The lake {self._lake} is gone.")
            return
        order = ImportOrder(job.import_id, job.sources, self._lake, job.options)
        process = job._process = await OrderProcess.start(IMPORT_MODULE)
        if job.status.ended:  # it was stopped while its process was made, which has no order yet
            process.kill()
            await process.wait()
            return
        job.status, job.started_at = JobStatus.RUNNING, datetime.now(UTC)
        job.say()
        async with aclosing(process.answers(ORDER.dump_json(order))) as answers:
            async for document in answers:
                self._take(job, document)

    def _take(self, job: ImportJob, document: dict[str, Any]) -> None:
        if "progress" in document:
            job.progress = document["progress"]
            job.say()
        elif "report" in document:
            job.report = document["report"]
            self._end(job, JobStatus(document["report"]["status"]))
        elif document["fault"] == INTERRUPTED:
            self._end(job, JobStatus.INTERRUPTED, error=document["message"])
        else:
            words = f"{document['message']} {document['hint']}".strip()
            status = JobStatus.FAILED
            if document["fault"] == SourceError.__name__:
                words = document["message"]  # its hint is for the command line
            self._end(job, status, error=words)

    def _end(self, job: ImportJob, status: JobStatus, *, error: str | None = None) -> None:
        job.status, job.error, job.finished_at = status, error, datetime.now(UTC)
        job.say()
        log.info("import %s ended: %s%s", job.import_id, status.value, f": {error}" if error else "")
        self._on_end(job)

    def _forget_old(self) -> None:
        ended = [job.import_id for job in self._jobs.values() if job.status.ended]
        for import_id in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[import_id]
