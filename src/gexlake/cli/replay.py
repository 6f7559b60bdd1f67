"""`gexlake replay`."""

from __future__ import annotations

import signal
from datetime import date
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli.command import command
from gexlake.cli.listening import listen, url_of
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, Since, Until, parse_date
from gexlake.cli.terminal import Terminal
from gexlake.services.processes.interrupts import STOP_SIGNALS

if TYPE_CHECKING:
    from socket import socket

    from gexlake.replay.server import ReplayOptions
    from gexlake.replay.state import Replay


class ClockOf(StrEnum):
    """Whose the clock is."""

    SHARED = "shared"
    PER_KEY = "per-key"


class Then(StrEnum):
    """What happens at the end."""

    HOLD = "hold"
    LOOP = "loop"
    STOP = "stop"


Dates = Annotated[
    list[date] | None,
    typer.Option(
        "--date",
        metavar="DATE",
        parser=parse_date,
        help="A session date to replay; repeatable.  [default: the newest of the lake]",
    ),
]
Speed = Annotated[float, typer.Option("--speed", metavar="N", help="Times as fast as time, 0.1 to 1000.")]
Port = Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port to listen on; 0: a free one.")]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
Clock = Annotated[ClockOf, typer.Option("--clock", help="One clock for all, or one for each key.")]
End = Annotated[Then, typer.Option("--at-end", help="At the end of the last day: stay there, begin anew, or end.")]
KeepGaps = Annotated[bool, typer.Option("--keep-gaps", help="Let the time between two days pass as well.")]
Strict = Annotated[bool, typer.Option("--strict", help="Hold clients to tiers, to 1 request a second, to 150 groups.")]
Paused = Annotated[bool, typer.Option("--paused", help="Wait for the first control request before the clock runs.")]
StartAt = Annotated[
    str,
    typer.Option(
        "--start-at", metavar="WHEN", help="start, end, a time as 10:05 in New York, or an instant with its zone."
    ),
]
Proxies = Annotated[
    list[str] | None,
    typer.Option("--proxy", metavar="ADDRESS", help="Believe X-Forwarded-Proto from this address; repeatable."),
]
CarryOver = Annotated[
    bool, typer.Option("--carry-over", help="Before the first record of a day, answer with the last one before it.")
]

Backlog = Annotated[
    int,
    typer.Option(
        "--backlog",
        metavar="N",
        min=1,
        help="Records of a group that are sent late where the clock is faster than this machine; of more, the last N.",
    ),
]


@command("replay", example="gexlake replay --date 2025-11-14 --speed 10 --port 8766")
def replay(
    terminal: Terminal,
    *,
    dates: Dates = None,
    since: Since = None,
    until: Until = None,
    speed: Speed = 1.0,
    port: Port = 8766,
    host: Host = "127.0.0.1",
    clock: Clock = ClockOf.SHARED,
    at_end: End = Then.HOLD,
    keep_gaps: KeepGaps = False,
    strict: Strict = False,
    paused: Paused = False,
    start_at: StartAt = "start",
    carry_over: CarryOver = False,
    backlog: Backlog = 64,
    proxies: Proxies = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Replay days of the lake as the vendor's service, until Ctrl-C or SIGTERM ends it.

    REST, history downloads and sockets are those of the vendor, on one address; any key will do. Nothing that is later
    than the clock leaves the server. It takes no lock and works beside `gexlake serve`. See docs/replay.md.
    """
    from gexlake.replay.clock import AtEnd
    from gexlake.replay.server import ReplayOptions

    options = ReplayOptions(
        lake=lake,
        days=tuple(dates or ()),
        since=since,
        until=until,
        speed=speed,
        paused=paused,
        start_at=start_at,
        at_end=AtEnd(at_end.value),
        keep_gaps=keep_gaps,
        clock_per_key=clock is ClockOf.PER_KEY,
        strict=strict,
        carry_over=carry_over,
        backlog=backlog,
    )
    _configure_log(terminal)
    with listen(host, port) as listener:
        _run(terminal, options, listener, proxies or [])


def _configure_log(terminal: Terminal) -> None:
    import logging

    from gexlake.api.logs import configure_logging
    from gexlake.replay.server import Redaction

    configure_logging("text", "info" if terminal.verbose else "warning")
    for handler in logging.getLogger().handlers:
        handler.addFilter(Redaction())


def _run(terminal: Terminal, options: ReplayOptions, listener: socket, proxies: list[str]) -> None:
    import asyncio

    import uvloop

    from gexlake.replay.server import open_replay, serve

    with open_replay(options) as opened:
        # uvicorn sends itself the signal again when it is done, so that the process would die of it: this one stays.
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: None)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            greet = partial(_greet, terminal, opened, url_of(listener))
            runner.run(serve(opened, listener, on_ready=greet, proxies=proxies))


def _greet(terminal: Terminal, opened: Replay, url: str) -> None:
    days = f"{opened.days[0]} to {opened.days[-1]}" if len(opened.days) > 1 else str(opened.days[0])
    terminal.talk(f"Replaying {days} at {url} (base URL of clients: {url}/v2; clock: {url}/gexlake/replay)")
