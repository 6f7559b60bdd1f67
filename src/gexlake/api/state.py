"""What all routes of a service share, in `app.state.service`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from starlette.requests import HTTPConnection

from gexlake.api.limits import RateLimits
from gexlake.api.metrics import Metrics
from gexlake.services.announce import Announcer
from gexlake.services.keys import KeyStore
from gexlake.settings import Settings


class ReadinessCheck(NamedTuple):
    """Something that has to be in order before the service can answer; asked on every `GET /ready`."""

    name: str
    problem: Callable[[], str | None]
    """What is wrong, in a sentence; None where nothing is."""


@dataclass
class ServiceState:
    """Made by `create_app`; the parts that `app.PARTS` lists open and close what belongs to a running service."""

    settings: Settings
    keys: KeyStore
    limits: RateLimits
    metrics: Metrics
    announcer: Announcer
    checks: list[ReadinessCheck] = field(default_factory=list)

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
