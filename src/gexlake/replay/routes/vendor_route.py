"""What all routes of the vendor have in common: key, User-Agent, faults, tiers and limits, and the shape of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexlake.replay.access import ANYBODY, NO_KEY, NO_USER_AGENT, Caller, caller_of, key_of
from gexlake.replay.clock import iso
from gexlake.replay.faults import ERRORS
from gexlake.replay.state import Replay, replay_of

Handler = Callable[[Request, Replay, Caller], Awaitable[Response]]
CLOCK_HEADER = "X-Gexlake-Replay"
"""What the clock shows, on every answer of a vendor's route."""
VERSIONS = ("/v2", "")
"""Both spellings of every path: today's, and that of the older interface."""


class VendorError(Exception):
    """An error as the vendor answers it."""

    def __init__(self, status: int, error: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(error)
        self.status, self.retry_after = status, retry_after
        self.error = error or ERRORS.get(status, "Internal server error.")


def json_answer(document: object, status: int = 200) -> Response:
    """A document as JSON."""
    return Response(orjson.dumps(document), status, media_type="application/json")


def error_answer(error: VendorError) -> Response:
    """An error: `{"error": "…"}`."""
    answer = json_answer({"error": error.error}, error.status)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = f"{error.retry_after:g}"
    return answer


def vendor_routes(
    path: str, handler: Handler, *, methods: tuple[str, ...] = ("GET",), needs_key: bool = True
) -> list[Route]:
    """The routes of a path, in both spellings."""

    async def endpoint(request: Request) -> Response:
        replay = replay_of(request)
        caller = ANYBODY
        if replay.faults.faults.delay_seconds:
            await asyncio.sleep(replay.faults.faults.delay_seconds)
        try:
            if refusal := replay.faults.refusal(request.url.path):
                raise VendorError(refusal.status, refusal.error, retry_after=refusal.retry_after)  # noqa: TRY301
            caller = _caller(request, needs_key=needs_key)
            answer = await handler(request, replay, caller)
        except VendorError as error:
            answer = error_answer(error)
        answer.headers[CLOCK_HEADER] = iso(replay.clocks.instant_us(caller.key_id))
        return answer

    return [Route(f"{version}{path}", endpoint, methods=list(methods)) for version in VERSIONS]


def _caller(request: Request, *, needs_key: bool) -> Caller:
    """Who asks. Raises `VendorError` for a request that the vendor would not even look at."""
    if not request.headers.get("user-agent", "").strip():
        raise VendorError(400, NO_USER_AGENT)
    key = key_of(request.headers.get("authorization"), request.query_params)
    if key:
        return caller_of(key)
    if needs_key:
        raise VendorError(400, NO_KEY)
    return ANYBODY


def check_tier(replay: Replay, caller: Caller, tier: str) -> None:
    """Raise the vendor's 403 where the replay is strict and the key has not what the route needs."""
    if replay.strict and not caller.may(tier):
        raise VendorError(403)


def check_pace(replay: Replay, caller: Caller, metric: str) -> None:
    """Raise the vendor's 429 where the replay is strict and the key has asked for this less than a second ago."""
    if replay.strict and not replay.pace.admits(f"{caller.key_id} {metric}", replay.clocks.now()):
        raise VendorError(429)
