"""What starts and ends with a service, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from starlette.concurrency import run_in_threadpool

from gexlake.api.fetching import GetWatch, fetcher_of
from gexlake.api.published import followed_lake, pushed_mirror, replica_directory
from gexlake.api.recording import LiveWatch, runner_of
from gexlake.api.state import STATEMENTS_AT_ONCE, ReadinessCheck, RunningService, ServiceState
from gexlake.db.layout import LakeLayout
from gexlake.services.importing.jobs import ImportJob, ImportJobs
from gexlake.services.living.runner import run_in_service
from gexlake.services.living.tail import LiveTail
from gexlake.services.owner.held_lake import HeldLake
from gexlake.services.owner.served import announced_server
from gexlake.services.processes.interrupts import end_task
from gexlake.services.statements.place import Limits
from gexlake.services.statements.pool import StatementPool
from gexlake.settings import Settings

logger = logging.getLogger(__name__)

MOST_BYTES = 64 << 20
"""Of the rows of a statement, as they lie in memory: 100,000 rows of `gex_snapshots` take half of it."""
SLACK_BYTES = 4 * MOST_BYTES
"""Memory of a statement beyond twice what DuckDB plans with: rows on their way out."""
OPEN_AHEAD_SECONDS = 0.5
"""So long at most the newest sessions are opened before the first request: 256 full ones take 0.1 s from memory."""
READ_SECONDS = 3600.0
"""So long may somebody read an open table as it stood when that began."""
Resource = Callable[[ServiceState], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _lake_directory(service: ServiceState) -> AsyncIterator[None]:
    """Readiness of the lake's directory, which can vanish: an unmounted disk, a folder that was moved."""
    lake = service.settings.lake
    service.checks.append(
        ReadinessCheck("lake", lambda: None if lake.is_dir() else f"The lake's directory {lake} is not there.")
    )
    yield


@asynccontextmanager
async def _rate_limits(service: ServiceState) -> AsyncIterator[None]:
    if not service.limits.enabled:
        logger.warning("Requests are not limited: the setting rate_limit is empty.")
    yield
    service.limits.close()


@asynccontextmanager
async def _announcements(service: ServiceState) -> AsyncIterator[None]:
    async with service.announcer:
        yield


@asynccontextmanager
async def _held_lake(service: ServiceState) -> AsyncIterator[None]:
    """The database, the import jobs that commit into it, and the address by which other processes find it.

    At the end the address goes first, then the database: what imports are under way commit by themselves, and are
    asked to stop.
    """
    settings = service.settings
    layout = LakeLayout(settings.lake.absolute())
    lake = HeldLake(
        layout,
        memory=settings.memory_limit,
        grace=timedelta(seconds=settings.gc_grace_seconds),
        on_news=lambda news: service.announcer.publish({"type": "session", **asdict(news)}),
    )
    statements = StatementPool(layout, _limits(settings), seconds=settings.query_seconds, at_once=STATEMENTS_AT_ONCE)
    jobs = ImportJobs(layout.root, workers=settings.workers, most=settings.max_imports, on_end=_log_end)
    try:
        with lake, announced_server(layout, service.url) as address:
            _add_metrics(service.metrics.registry, lake, jobs)
            lake.store.open_ahead(OPEN_AHEAD_SECONDS)
            service.running = RunningService(settings, lake, jobs, statements, address, service.announcer)
            try:
                yield
            finally:
                service.running = None
                await run_in_threadpool(statements.close)
    finally:
        await jobs.close()


def _limits(settings: Settings) -> Limits:
    """What a statement may take. A stranger's: vectors, results and code are counted as well, which DuckDB does not."""
    from pydantic import ByteSize, TypeAdapter

    memory = TypeAdapter(ByteSize).validate_python(settings.memory_limit)
    return Limits(
        rows=settings.query_rows,
        bytes=MOST_BYTES,
        memory=settings.memory_limit,
        more_bytes=2 * memory + SLACK_BYTES,
        spill_bytes=settings.query_spill_bytes,
        threads=2,
    )


def _log_end(job: ImportJob) -> None:
    logger.debug("job %s is over", job.import_id)


def _add_metrics(registry: CollectorRegistry, lake: HeldLake, jobs: ImportJobs) -> None:
    sessions = Gauge("gexlake_sessions", "Sessions in the lake.", registry=registry)
    sessions.set_function(lambda: len(lake.sessions))
    waiting = Gauge("gexlake_imports_under_way", "Import jobs that wait or run.", registry=registry)
    waiting.set_function(lambda: sum(not job.status.ended for job in jobs.all()))


@asynccontextmanager
async def _watched_directories(service: ServiceState) -> AsyncIterator[None]:
    settings, running = service.settings, service.running
    assert running is not None
    if not settings.watch:
        yield
        return
    from gexlake.models.import_order import ImportOptions
    from gexlake.services.importing.watch_jobs import (
        import_as_they_appear,  # with all that looks at files: 40 ms of a start
    )

    lake = running.lake.layout.root
    options = ImportOptions(naive_zone=settings.naive_zone)
    work = import_as_they_appear(running.jobs, settings.watch, lake=lake, options=options)
    async with _beside(work, name="watch"):
        yield


@asynccontextmanager
async def _open_tables(service: ServiceState) -> AsyncIterator[None]:
    settings, running = service.settings, service.running
    assert running is not None
    if settings.catalog is None:
        yield
        return
    from gexlake.models.publishing import Expiry, PublishOrder
    from gexlake.services.publishing.publish_job import publish_as_committed

    order = PublishOrder(
        settings.catalog,
        settings.catalog_namespace,
        settings.catalog_files,
        Expiry(settings.catalog_keep, grace_seconds=READ_SECONDS),
    )
    async with _beside(publish_as_committed(running.lake.layout.root, order), name="publish"):
        yield


@asynccontextmanager
async def _recorded_segments(service: ServiceState) -> AsyncIterator[None]:
    """Answers from what is recorded live, by this process or another, from the moment on that it is written."""
    running = service.running
    assert running is not None
    tail = LiveTail(
        running.lake.layout,
        running.lake.store,
        lambda news: service.announcer.publish({"type": "live", **asdict(news)}, lasting=False),
    )
    service.live = LiveWatch(tail)
    service.metrics.registry.register(service.live)
    async with _beside(tail.follow(), name="segments"):
        yield


@asynccontextmanager
async def _live_recording(service: ServiceState) -> AsyncIterator[None]:
    """Recording in the service itself."""
    if not service.settings.live:
        yield
        return
    assert service.running is not None
    assert service.live is not None
    runner = service.live.runner = runner_of(service.settings, service.live.tail, service.running.jobs)
    async with _beside(run_in_service(runner), name="live"):
        yield


@asynccontextmanager
async def _history_fetching(service: ServiceState) -> AsyncIterator[None]:
    """Fetching history after each close."""
    assert service.running is not None
    watch = service.get = GetWatch(service.running.lake.layout)
    service.metrics.registry.register(watch)
    if not service.settings.get:
        yield
        return
    watch.runner = fetcher_of(service.settings)
    async with _beside(watch.runner.run(), name="get"):
        yield


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    """Have something go on beside, and end with the block."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end_task(task)
        with suppress(asyncio.CancelledError):
            task.result()


RESOURCES: tuple[Resource, ...] = (
    _lake_directory,
    _rate_limits,
    _announcements,
    replica_directory,
    _held_lake,
    followed_lake,
    pushed_mirror,
    _watched_directories,
    _open_tables,
    _recorded_segments,
    _live_recording,
    _history_fetching,
)
"""Opened in this order before the first request is taken, closed in reverse after the last was answered.

What one raises of `GexlakeError` while it opens ends `gexlake serve` with that message.
"""
