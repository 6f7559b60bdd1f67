"""What a service does with a published lake: carry its own to a mirror, or follow one as a replica."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from gexlake.api.state import ReadinessCheck, ServiceState
from gexlake.db.commits import commits_after
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError, UsageError
from gexlake.models.mirror import PushReport
from gexlake.settings import Settings

if TYPE_CHECKING:
    from gexlake.services.publishing.replica import Replica

logger = logging.getLogger(__name__)


# ---- a replica -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def replica_directory(service: ServiceState) -> AsyncIterator[None]:
    """What a replica keeps its copy in, before the database in it is opened. Raises `UsageError`."""
    settings = service.settings
    if settings.replica is not None:
        from gexlake.models.location import location_of
        from gexlake.services.publishing.replica import Replica  # only where it is asked for

        _check_only_reads(settings)
        replica = Replica(settings.lake, location_of(settings.replica))
        # Tables of snapshots would be a copy of what stands in Parquet, from which everything here is answered.
        with open_database(LakeLayout(settings.lake), write=True, snapshots_in_database=False):
            pass
        service.replica = replica
        service.checks.append(ReadinessCheck("replica", lambda: replica.problem))
        _add_replica_metrics(service.metrics.registry, replica)
    yield


@asynccontextmanager
async def followed_lake(service: ServiceState) -> AsyncIterator[None]:
    """Have a replica follow, in a thread of its own."""
    replica, running = service.replica, service.running
    if replica is None:
        yield
        return
    assert running is not None
    source = replica.status.source
    async with _in_thread(
        lambda: replica.follow(running.lake.refresh, lambda words: _log(source, words)), replica.stop
    ):
        yield


def _check_only_reads(settings: Settings) -> None:
    writing = [
        name for name in ("watch", "live", "get", "import_roots", "mirror", "catalog") if getattr(settings, name)
    ]
    if writing:
        raise UsageError(
            f"A replica only reads, and has no use for the setting {writing[0]}.",
            hint="Set it where the owner of the published lake is.",
        )


def _add_replica_metrics(registry: CollectorRegistry, replica: Replica) -> None:
    commit = Gauge("gexlake_replica_commit", "The last commit that was followed.", registry=registry)
    commit.set_function(lambda: replica.status.commit)
    publication = Gauge("gexlake_replica_publication", "The last publication that was followed.", registry=registry)
    publication.set_function(lambda: replica.status.publication)
    behind = Gauge(
        "gexlake_replica_behind_seconds",
        "Seconds for which it has not been known that nothing newer is published.",
        registry=registry,
    )
    behind.set_function(lambda: replica.behind_seconds)


# ---- a mirror ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pushed_mirror(service: ServiceState) -> AsyncIterator[None]:
    """Carry what is committed to the mirror, in a thread of its own: no commit waits for that, nor fails with it."""
    settings, stop = service.settings, threading.Event()
    if settings.mirror is None:
        yield
        return
    mirror = _Mirror(settings, stop)
    _add_mirror_metrics(service.metrics.registry, mirror)
    async with _in_thread(mirror.push, stop.set):
        yield


class _Mirror:
    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        from gexlake.bucket.store import open_place
        from gexlake.models.location import location_of

        assert settings.mirror is not None
        self._place = location_of(settings.mirror)
        open_place(self._place)  # which says so where it cannot be
        self.layout = LakeLayout(settings.lake.absolute())
        self._stop = stop
        self._problem = ""
        self.report: PushReport | None = None

    def push(self) -> None:
        """Until it is stopped, whatever happens."""
        from gexlake.services.publishing.push import RETRY_SECONDS, iter_pushed

        while not self._stop.is_set():
            try:
                for report in iter_pushed(self.layout.root, self._place, self._stop):
                    self._note(report)
            except GexlakeError as error:
                self._note(error)
                self._stop.wait(RETRY_SECONDS)

    def _note(self, report: PushReport | GexlakeError) -> None:
        problem = "" if isinstance(report, PushReport) else str(report)
        if problem != self._problem:
            _log(str(self._place), problem)
            self._problem = problem
        if isinstance(report, PushReport):
            if report.changed:
                logger.info(
                    "published to %s: publication %d, commit %d", self._place, report.publication, report.commit
                )
            self.report = report

    @property
    def commits_behind(self) -> int:
        """Commits that the mirror does not have."""
        with open_database(self.layout, write=False) as connection:
            return commits_after(connection, self.report.commit if self.report else 0)


def _add_mirror_metrics(registry: CollectorRegistry, mirror: _Mirror) -> None:
    behind = Gauge("gexlake_mirror_commits_behind", "Commits that the mirror does not have.", registry=registry)
    behind.set_function(lambda: mirror.commits_behind)
    publication = Gauge("gexlake_mirror_publication", "The last publication in the mirror.", registry=registry)
    publication.set_function(lambda: mirror.report.publication if mirror.report else 0)


# ---- both ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _in_thread(work: Callable[[], None], stop: Callable[[], None]) -> AsyncIterator[None]:
    """Have something go on in a thread, and end with the block."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        yield
    finally:
        stop()
        await asyncio.wait([task])


def _log(place: str, problem: str) -> None:
    if problem:
        logger.warning("%s: %s", place, problem)
    else:
        logger.warning("%s: it goes on.", place)
