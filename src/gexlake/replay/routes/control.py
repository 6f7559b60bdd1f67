"""Our own routes: the clock, and what is to go wrong. Errors here are ours, in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, time
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexlake.errors import GexlakeError, UsageError
from gexlake.replay.access import caller_of, key_of
from gexlake.replay.clock import FASTEST, SLOWEST, ReplayClock
from gexlake.replay.faults import DroppedSockets, Faults
from gexlake.replay.routes.sockets import socket_facts
from gexlake.replay.routes.vendor_route import json_answer
from gexlake.replay.schedule import SECOND_US, Schedule
from gexlake.replay.state import PREFIX, Replay, replay_of
from gexlake.services.asking.moments import parse_bound, start_of_day
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

MOST_BODY_BYTES = 64 << 10

Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Empty(_Body):
    """Nothing to say."""


class Speed(_Body):
    """How many times as fast as time does the clock is to run."""

    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)]


class Seek(_Body):
    """Where to: see `place_of`."""

    to: float | str


class Step(_Body):
    """How far ahead, in seconds of the clock."""

    seconds: Annotated[float, Field(ge=0, le=10 * 86_400)] = 1.0


def place_of(word: float | str, schedule: Schedule, instant_us: int, *, parameter: str = "to") -> int:
    """The instant, in Unix microseconds, that a word stands for.

    `start` and `end` of the whole replay, a date (its opening), an instant with its zone, Unix seconds, or a time of
    day in New York, as 10:05, of the day that the clock is in. Raises `UsageError`.
    """
    if word == "start":
        return schedule.windows[0].start_us
    if word == "end":
        return schedule.windows[-1].end_us
    if isinstance(word, str):
        with suppress(ValueError):
            moment = time.fromisoformat(word)
            if moment.tzinfo is None:
                day = schedule.window(instant_us).day
                return int(datetime.combine(day, moment, ZoneInfo(EXCHANGE_TIME_ZONE)).timestamp() * SECOND_US)
    bound = parse_bound(word, parameter=parameter)
    return start_of_day(bound) if isinstance(bound, date) else bound


# ---- the clock -----------------------------------------------------------------------------------------------------


async def _show(replay: Replay, clock: ReplayClock, _: Empty) -> dict[str, Any]:
    return {}


async def _pause(replay: Replay, clock: ReplayClock, _: Empty) -> dict[str, Any]:
    clock.pause(replay.clocks.now())
    return {}


async def _resume(replay: Replay, clock: ReplayClock, _: Empty) -> dict[str, Any]:
    clock.resume(replay.clocks.now())
    return {}


async def _speed(replay: Replay, clock: ReplayClock, body: Speed) -> dict[str, Any]:
    clock.set_speed(replay.clocks.now(), body.speed)
    return {}


async def _seek(replay: Replay, clock: ReplayClock, body: Seek) -> dict[str, Any]:
    now = replay.clocks.now()
    asked_us = place_of(body.to, clock.schedule, clock.read(now).instant_us)
    clock.seek(now, asked_us)
    reached_us = clock.read(now).instant_us
    return {} if reached_us == asked_us else {"note": "There is no replay at that instant; this is the next there is."}


async def _step(replay: Replay, clock: ReplayClock, body: Step) -> dict[str, Any]:
    clock.step(replay.clocks.now(), round(body.seconds * SECOND_US))
    return {}


def _clock_route(
    name: str, model: type[Body], work: Callable[[Replay, ReplayClock, Body], Awaitable[dict[str, Any]]], method: str
) -> Route:
    """A route that does something with the clock of whoever asks, and answers with what it shows then."""

    async def endpoint(request: Request) -> Response:
        replay = replay_of(request)
        key = key_of(request.headers.get("authorization"), request.query_params)
        key_id = caller_of(key).key_id if key else ""
        clock = replay.clocks.of(key_id)
        found = await work(replay, clock, await _body_of(request, model))
        await replay.hubs.catch_up(key_id)
        return json_answer({**clock.facts(replay.clocks.now()), **found})

    return Route(f"{PREFIX}/{name}", _answering(endpoint), methods=[method])


# ---- everything else -----------------------------------------------------------------------------------------------


async def _status(request: Request) -> Response:
    replay = replay_of(request)
    return json_answer(
        {
            "clock": replay.clocks.of("").facts(replay.clocks.now()),
            "clock_per_key": replay.clocks.per_key,
            "days": [day.isoformat() for day in replay.days],
            "feeds": [str(feed) for feed in replay.reader.feeds()],
            "strict": replay.strict,
            "sockets": socket_facts(replay),
            "faults": replay.faults.facts(),
        }
    )


async def _faults(request: Request) -> Response:
    replay = replay_of(request)
    if request.method == "PUT":
        replay.faults.set(await _body_of(request, Faults))
    elif request.method == "DELETE":
        replay.faults.set(Faults())
    return json_answer(replay.faults.facts())


async def _drop_sockets(request: Request) -> Response:
    replay = replay_of(request)
    body = await _body_of(request, DroppedSockets)
    dropped = [connection for connection in replay.slots.connections() if body.hub in ("", connection.hub)]
    for connection in dropped:
        connection.drop(body.code)
    return json_answer({"dropped": len(dropped)})


async def _expire_urls(request: Request) -> Response:
    replay_of(request).signer.forget()
    return json_answer({})


async def _body_of(request: Request, model: type[Body]) -> Body:
    """The body of a request; one that is left out is `{}`. Raises `UsageError` in words."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > MOST_BODY_BYTES:
            raise UsageError(f"The body has more than {MOST_BODY_BYTES} bytes.")
    try:
        return model.model_validate_json(text or b"{}")
    except ValidationError as error:
        found = error.errors()[0]
        place = ".".join(map(str, found["loc"])) or "the body"
        raise UsageError(f"`{place}` is not valid: {found['msg']}.") from None


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The same, with errors in our own shape: the vendor's key `error`, and what to do next."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except GexlakeError as error:
            status = 400 if isinstance(error, UsageError) else 503
            return json_answer({"error": error.message, "hint": error.hint}, status)

    return answer


ROUTES = [
    Route(PREFIX, _answering(_status), methods=["GET"]),
    _clock_route("clock", Empty, _show, "GET"),
    _clock_route("pause", Empty, _pause, "POST"),
    _clock_route("resume", Empty, _resume, "POST"),
    _clock_route("speed", Speed, _speed, "POST"),
    _clock_route("seek", Seek, _seek, "POST"),
    _clock_route("step", Step, _step, "POST"),
    Route(f"{PREFIX}/faults", _answering(_faults), methods=["GET", "PUT", "DELETE"]),
    Route(f"{PREFIX}/sockets/drop", _answering(_drop_sockets), methods=["POST"]),
    Route(f"{PREFIX}/urls/expire", _answering(_expire_urls), methods=["POST"]),
]
