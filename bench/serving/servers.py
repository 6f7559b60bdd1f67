"""Which server to put the application behind: `python -m bench.serving.servers LAKE`, a lake of `bench.serving`'s.

The same application under uvicorn with either of its parsers, with and without our guard, and under Granian. Needs wrk.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.report import Findings, Table, machine, render
from bench.serving.__main__ import QUESTIONS, SPAN_SECONDS, _answers, session_starts
from bench.serving.load import put_under_load, quietest
from bench.timing import ROOT
from gexlake.settings import Settings

PORT = 8994
CLIENTS = (1, 16)
HEAD_BYTES, HEAD_MS = 64 << 10, 20_000
"""Granian's bounds on a head, those of our guard."""


def uvicorn_with(http: str | Callable[..., Any]) -> Callable[[Any], Any]:
    """Serve an application by uvicorn with a protocol."""
    import uvicorn

    def serve(app: Any) -> Any:
        config = uvicorn.Config(
            app, port=PORT, loop="uvloop", http=http, ws="none", lifespan="off", access_log=False, log_level="error"
        )  # type: ignore[arg-type]
        return uvicorn.Server(config).serve()

    return serve


def _guarded(**options: Any) -> Any:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from gexlake.api.guard import Guard

    return Guard(HttpToolsProtocol(**options))


def _granian(app: Any) -> Any:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    bounds = HTTP1Settings(header_read_timeout=HEAD_MS, max_buffer_size=HEAD_BYTES)
    return Server(
        app,
        port=PORT,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=bounds,
        websockets=False,
        log_enabled=False,
    ).serve()


SERVERS: dict[str, Callable[[Any], Any]] = {
    "uvicorn, httptools, guard (taken)": uvicorn_with(_guarded),
    "uvicorn, httptools": uvicorn_with("httptools"),
    "uvicorn, h11": uvicorn_with("h11"),
    "Granian": _granian,
}


def main() -> None:
    """Measure, and print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.servers", description=__doc__)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--seconds", type=int, default=5, metavar="N", help="of each load")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(options.lake, SERVERS[options.serve])
        return
    machine_line, starts = machine(), session_starts(options.lake)
    rows = []
    for name in SERVERS:
        with _running(name, options.lake) as url:
            for question in QUESTIONS.values():
                for connections in CLIENTS:
                    print(name, question.name, connections, file=sys.stderr, flush=True)
                    load = quietest(
                        lambda url=url, question=question, connections=connections: put_under_load(
                            url, question, starts, span=SPAN_SECONDS, connections=connections, seconds=options.seconds
                        )
                    )
                    numbers = f"{load.rate:,.0f}", f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}", str(load.failures)
                    rows.append([name, question.name, str(connections), *numbers])
    header = ["server", "question", "clients", "requests/s", "p50 ms", "p99 ms", "failed"]
    command = f"python -m bench.serving.servers {options.lake.name} --seconds {options.seconds}"
    print(render(command, machine_line, [Findings([], [Table("Servers", header, rows)])]))


def _serve(lake: Path, serve: Callable[[Any], Any]) -> None:
    import uvloop

    from gexlake.api.app import create_app

    app = create_app(Settings(lake=lake, rate_limit="", access_log=False, log_level="error"))

    async def run() -> None:
        async with app.router.lifespan_context(app):
            await serve(app)

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(run())


@contextmanager
def _running(name: str, lake: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.serving.servers", str(lake), "--serve", name]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{PORT}"
        while not _answers(f"{url}/ready"):
            if process.poll() is not None:
                sys.exit(f"{name} ended with {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
