"""The process that serves a replay: made of its options, run until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET, socket

import uvicorn

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.replay.access import redact
from gexlake.replay.app import create_app
from gexlake.replay.archive import Archive
from gexlake.replay.clock import AtEnd, Clocks, ReplayClock, checked_speed
from gexlake.replay.faults import FaultBox
from gexlake.replay.hubs.broadcast import BACKLOG, Hubs
from gexlake.replay.hubs.slots import PREFIX
from gexlake.replay.lake_reader import LakeReader, check_days
from gexlake.replay.routes.control import place_of
from gexlake.replay.schedule import Schedule
from gexlake.replay.signing import Signer
from gexlake.replay.state import Replay

SEND_BUFFER_BYTES = 128 << 10
GRACE_SECONDS = 2
"""What is under way when it is told to end has so long."""
WATCH_SECONDS = 0.1
PING_SECONDS, PONG_SECONDS = 20.0, 40.0
"""Clients of the vendor's send no pings; one that is silent for a minute is gone."""
LAST_SECONDS = 1.0
"""So long the last messages have to arrive, where the end of the clock ends the server."""
MOST_FRAME_BYTES = 64 << 10
"""Of what a client sends on a socket."""


@dataclass(frozen=True)
class ReplayOptions:
    """What is replayed, and how.

    Without `days`, from `since` to `until`, both included; without these too, the newest day of the lake.
    """

    lake: Path
    days: tuple[date, ...] = ()
    since: date | None = None
    until: date | None = None
    speed: float = 1.0
    paused: bool = False
    start_at: str = "start"
    at_end: AtEnd = AtEnd.HOLD
    keep_gaps: bool = False
    clock_per_key: bool = False
    strict: bool = False
    carry_over: bool = False
    backlog: int = BACKLOG
    """Records of a group that may be late, where the clock runs faster than they are sent."""


@contextmanager
def open_replay(options: ReplayOptions) -> Iterator[Replay]:
    """A replay over published files. Raises `LakeError` where there is nothing to replay, `UsageError` for options."""
    reader = LakeReader(LakeLayout(options.lake.absolute()))
    days = _days_of(options, reader)
    checked_speed(options.speed)
    schedule = Schedule([reader.window(day) for day in days], keep_gaps=options.keep_gaps)
    start_us = place_of(options.start_at, schedule, schedule.windows[0].start_us, parameter="start_at")

    def make_clock(now: float) -> ReplayClock:
        clock = ReplayClock(schedule, now, speed=options.speed, at_end=options.at_end, paused=options.paused)
        if options.start_at != "start":
            clock.seek(now, start_us)
        return clock

    clocks = Clocks(make_clock, time.monotonic, per_key=options.clock_per_key)
    reader.prime(days[0])
    faults, archive = FaultBox(), Archive(reader)
    try:
        yield Replay(
            reader,
            clocks,
            archive,
            Signer(time.time),
            Hubs(reader, clocks, faults, PREFIX, options.backlog),
            faults,
            tuple(days),
            strict=options.strict,
            carry_over=options.carry_over,
        )
    finally:
        archive.close()


def _days_of(options: ReplayOptions, reader: LakeReader) -> list[date]:
    ranged = options.since is not None or options.until is not None
    if options.days and ranged:
        raise UsageError("Days are named one by one, or from one to another, not both.")
    if options.days:
        days = sorted(set(options.days))
        check_days(reader, days)
        return days
    check_days(reader, [])
    held = reader.days()
    if not ranged:
        return held[-1:]
    days = [day for day in held if (options.since or day) <= day <= (options.until or day)]
    if not days:
        span = f"from {options.since or 'the first'} to {options.until or 'the last'}"
        raise UsageError(f"The lake holds no day {span}.", hint=f"It has {held[0]} to {held[-1]}.")
    return days


class Redaction(logging.Filter):
    """Takes keys, tokens and signatures out of what is logged, whoever logs it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


async def serve(replay: Replay, listener: socket, *, on_ready: Callable[[], None], proxies: Sequence[str] = ()) -> None:
    """Serve until a signal ends it, or the clock is at its end and is to stop there.

    `proxies` are believed when they say by X-Forwarded-Proto that a request came to them over TLS.
    """
    config = uvicorn.Config(
        create_app(replay),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",  # waits for slow readers, and is what uvicorn keeps of the two by `websockets`
        ws_per_message_deflate=False,  # messages are packed already
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ws_max_size=MOST_FRAME_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # What the system takes off our hands is what a slow reader gets late: connections inherit the bound.
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.001)
    if server.started:
        gc.collect()
        gc.freeze()  # what there is now stays: looking through it would keep answers waiting
        on_ready()
    while not (serving.done() or _is_over(replay)):
        await asyncio.sleep(WATCH_SECONDS)
    if not serving.done():
        await asyncio.sleep(LAST_SECONDS)
    server.should_exit = True
    await serving


def _is_over(replay: Replay) -> bool:
    clock = replay.clocks.of("")
    return clock.at_end is AtEnd.STOP and clock.read(replay.clocks.now()).at_end
