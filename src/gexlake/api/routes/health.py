"""`/health`, `/ready` and `/metrics`: for those who watch the service."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from gexlake._version import __version__
from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, OPEN_RESPONSES, RETRY_SECONDS, ApiError, ErrorDetail, responses
from gexlake.api.fetching import Fetching
from gexlake.api.metrics import CONTENT_TYPE
from gexlake.api.recording import LiveWatch
from gexlake.api.state import service_of
from gexlake.db.layout import LakeLayout
from gexlake.db.published import find_damaged
from gexlake.models.mirror import ReplicaStatus
from gexlake.services.owner.keys import Scope

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The service lives."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class LiveAge(BaseModel):
    """What is recorded live: how old the last record of all is, and that of the feed that waits longest."""

    feeds: int
    last_record_age_seconds: float
    oldest_feed_age_seconds: float
    doing: str = ""
    problem: str = ""


class Readiness(BaseModel):
    """The service can answer; `checks` names what was looked at, `warnings` say what it cannot answer from."""

    status: Literal["ready"] = "ready"
    checks: list[str]
    warnings: list[str] = []
    live: LiveAge | None = None
    get: Fetching | None = None
    replica: ReplicaStatus | None = None


@router.get("/health", responses=OPEN_RESPONSES)
async def health() -> Health:
    """Say that the process lives and answers. Needs no key, is never limited."""
    return Health()


@router.get("/ready", responses=OPEN_RESPONSES | responses(503))
async def ready(request: Request) -> Readiness:
    """Say whether the service can answer for the lake, and if not, what is missing. Needs no key, is never limited."""
    checks = service_of(request).checks
    problems = [(check.name, problem) for check in checks if (problem := check.problem()) is not None]
    if problems:
        raise ApiError(
            503,
            "not_ready",
            f"Not ready: {', '.join(name for name, _ in problems)}.",
            details=[ErrorDetail(parameter=name, message=problem) for name, problem in problems],
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    damaged = {one.session for one in find_damaged(LakeLayout(service_of(request).settings.lake))}
    count = "1 session is" if len(damaged) == 1 else f"{len(damaged)} sessions are"
    warnings = [f"{count} damaged and not answered from: see `gexlake status`."] if damaged else []
    watch, replica = service_of(request).get, service_of(request).replica
    followed = replica.status if replica else None
    if followed is not None and followed.problem:
        warnings.append(f"Nothing newer comes from {followed.source}: {followed.problem}")
    return Readiness(
        checks=[check.name for check in checks],
        warnings=warnings,
        live=_live_age(service_of(request).live),
        get=watch.state() if watch else None,
        replica=followed,
    )


def _live_age(watch: LiveWatch | None) -> LiveAge | None:
    ages = watch.ages().values() if watch else []
    if watch is None or not ages:
        return None
    youngest, oldest = round(min(ages), 3), round(max(ages), 3)
    return LiveAge(
        feeds=len(ages),
        last_record_age_seconds=youngest,
        oldest_feed_age_seconds=oldest,
        doing=watch.doing,
        problem=watch.problem,
    )


@router.get(
    "/metrics",
    dependencies=[Depends(Needs(Scope.READ))],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **DATA_RESPONSES},
)
async def metrics(request: Request) -> Response:
    """Give counters, gauges and histograms in Prometheus' text format."""
    return Response(service_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})
