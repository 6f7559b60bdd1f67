"""What all routes of a service share, in `app.state.service`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from starlette.requests import HTTPConnection

from gexlake.api.limits import RateLimits
from gexlake.api.metrics import Metrics
from gexlake.errors import LakeError
from gexlake.services.announce import Announcer
from gexlake.services.held_lake import HeldLake
from gexlake.services.jobs import ImportJobs
from gexlake.services.keys import KeyStore
from gexlake.services.served import ServerAddress
from gexlake.settings import Settings


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
    address: ServerAddress
    announcer: Announcer


@dataclass
class ServiceState:
    """Made by `create_app`; the parts that `app.PARTS` lists open and close what belongs to a running service."""

    settings: Settings
    keys: KeyStore
    limits: RateLimits
    metrics: Metrics
    announcer: Announcer
    checks: list[ReadinessCheck] = field(default_factory=list)
    url: str = ""
    """Where processes of this machine reach the service; known once it listens."""
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
