"""What all routes of a service share, in `app.state.service`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from starlette.requests import HTTPConnection

from gexlake.api.announce import Announcer
from gexlake.api.fair_queue import FairQueue
from gexlake.api.fetching import GetWatch
from gexlake.api.limits import RateLimits
from gexlake.api.metrics import Metrics
from gexlake.api.recording import LiveWatch
from gexlake.errors import LakeError
from gexlake.services.importing.jobs import ImportJobs
from gexlake.services.owner.held_lake import HeldLake
from gexlake.services.owner.keys import KeyStore
from gexlake.services.owner.served import ServerAddress
from gexlake.services.statements.pool import StatementPool
from gexlake.settings import Settings

if TYPE_CHECKING:
    from gexlake.services.publishing.replica import Replica

Item = TypeVar("Item")
STATEMENTS_AT_ONCE = 2
"""Statements of SQL that may run side by side: each takes all that it may, if it can."""


class ReadinessCheck(NamedTuple):
    """Something that has to be in order before the service can answer; asked on every `GET /ready`."""

    name: str
    problem: Callable[[], str | None]
    """What is wrong, in a sentence; None where nothing is."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """What the routes work with while the service runs."""

    settings: Settings
    lake: HeldLake
    jobs: ImportJobs
    statements: StatementPool
    address: ServerAddress
    announcer: Announcer


@dataclass
class ServiceState:
    """Made by `create_app`; what `lifespan.RESOURCES` lists opens and closes what belongs to a running service."""

    settings: Settings
    keys: KeyStore
    limits: RateLimits
    metrics: Metrics
    announcer: Announcer
    checks: list[ReadinessCheck] = field(default_factory=list)
    queue: FairQueue = field(default_factory=FairQueue)
    """Of requests that are answered on the event loop."""
    url: str = ""
    """Where processes of this machine reach the service; known once it listens."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is to end: streams that would go on for ever end then."""
    replica: Replica | None = None
    """What follows a published lake, in a service that is a replica."""
    live: LiveWatch | None = None
    """What is recorded live; while the service runs."""
    get: GetWatch | None = None
    """What is fetched; likewise."""
    running: RunningService | None = None
    """What exists only while the service runs."""

    @classmethod
    def of_settings(cls, settings: Settings) -> ServiceState:
        """The state of a service that has not started."""
        redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        return cls(
            settings=settings,
            keys=KeyStore(settings.lake),
            limits=RateLimits(settings.rate_limit, redis_url),
            metrics=Metrics(),
            announcer=Announcer(redis_url),
        )


def service_of(request: HTTPConnection) -> ServiceState:
    """The state of the service that a request was sent to."""
    return cast(ServiceState, request.scope["app"].state.service)


def running(request: HTTPConnection) -> RunningService:
    """What the service that a request was sent to works with; raises `LakeError` while it starts or ends."""
    service: RunningService | None = request.scope["app"].state.service.running
    if service is None:
        raise LakeError("The service is not running.", hint="Try again in a moment.")
    return service


async def until_stopping(request: HTTPConnection, items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """The items, until the service is to end: an open stream would hold it back for as long as requests may take."""
    stopping = asyncio.ensure_future(service_of(request).stopping.wait())
    following: asyncio.Future[Item] | None = None
    try:
        while not stopping.done():
            following = asyncio.ensure_future(anext(items))
            await asyncio.wait([following, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                yield following.result()
            except StopAsyncIteration:
                return
    finally:
        stopping.cancel()
        if following is not None and not following.done():
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
