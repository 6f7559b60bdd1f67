"""`gexlake serve`."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexlake.cli.command import command
from gexlake.cli.listening import listen, url_of
from gexlake.cli.terminal import Terminal
from gexlake.services.processes.interrupts import STOP_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from socket import socket

    from uvicorn import Config

    from gexlake.settings import Settings

STOP_SECONDS = 0.1
"""How soon a signal to stop is passed on to open streams."""
COLLECT_OFTEN = (700, 10, 10)
"""Python's own thresholds: looking for cycles keeps requests waiting for a fraction of a millisecond, not for 20."""
SWITCH_SECONDS = 0.0005
"""So long at most an answer waits for a thread that commits, each time it needs the interpreter; Python's own is ten
times that."""

Mirror = Annotated[
    str | None,
    typer.Option("--mirror", metavar="PLACE", help="Carry commits to a bucket (s3://…) or folder as they come."),
]
Replica = Annotated[
    str | None,
    typer.Option("--replica", metavar="PLACE", help="Follow a lake's mirror, and only read; --lake is the copy."),
]


@command("serve", example="gexlake serve --lake data --port 8765 --watch outputs/gex_bridge/history")
def serve(
    terminal: Terminal,
    *,
    lake: Annotated[Path | None, typer.Option("--lake", metavar="DIR", help="The lake.  [default: data]")] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Port to listen on, 0 for a free one.  [default: 8765]")
    ] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option("--watch", metavar="DIR", help="Import what is new or changed in this folder; repeatable."),
    ] = None,
    import_root: Annotated[
        list[Path] | None,
        typer.Option("--import-root", metavar="DIR", help="Admit imports over HTTP from this folder; repeatable."),
    ] = None,
    live: Annotated[
        list[str] | None,
        typer.Option("--live", metavar="TICKER", help="Record this ticker live; repeatable. See `gexlake live`."),
    ] = None,
    get: Annotated[
        list[str] | None,
        typer.Option("--get", metavar="TICKER", help="Fetch this ticker's history daily; repeatable."),
    ] = None,
    get_to: Annotated[
        Path | None, typer.Option("--get-to", metavar="DIR", help="Where the files go that --get fetches.")
    ] = None,
    mirror: Mirror = None,
    replica: Replica = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Worker processes of an import.  [default: 1]")
    ] = None,
) -> None:
    """Serve the lake over HTTP, until Ctrl-C or SIGTERM ends it.

    It listens on this machine only, unless the lake has an API key. There are more settings than options:
    `gexlake config` shows all of them.
    """
    options = {
        "lake": lake,
        "host": host,
        "port": port,
        "watch": tuple(watch or ()) or None,
        "import_roots": tuple(import_root or ()) or None,
        "live": tuple(live or ()) or None,
        "get": tuple(get or ()) or None,
        "get_to": get_to,
        "mirror": mirror,
        "replica": replica,
        "workers": workers,
    }
    with _tuned_interpreter():
        _serve(terminal, options)


@contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Python as it suits a service; as it was behind the block."""
    gc.disable()  # until it serves: there is nothing to find while modules are loaded
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        gc.enable()


def _serve(terminal: Terminal, options: Mapping[str, object]) -> None:
    from gexlake.api.auth import check_binding
    from gexlake.api.logs import configure_logging
    from gexlake.services.owner.keys import KeyStore
    from gexlake.settings import load_settings

    settings = load_settings(options)
    check_binding(settings, KeyStore(settings.lake))
    configure_logging(settings.log_format, settings.log_level)
    listener = listen(settings.host, settings.port)
    with listener:
        _run(terminal, settings, listener)


def _run(terminal: Terminal, settings: Settings, listener: socket) -> None:
    import asyncio

    import uvicorn

    from gexlake.api.app import create_app

    app = create_app(settings)
    app.state.service.url = url_of(listener, local=True)
    server = uvicorn.Server(_server_config(app, settings))
    # uvicorn sends itself the signal again when it is done, so that the process would die of it: this one stays.
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))

    async def run() -> None:
        # Opened here and not by uvicorn, which would turn a clear error into a traceback.
        async with app.router.lifespan_context(app):
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not (server.started or serving.done()):
                await asyncio.sleep(0.001)
            if server.started:
                gc.freeze()  # what there is now stays: looking through it, even once, would take 100 milliseconds
                gc.set_threshold(*COLLECT_OFTEN)
                gc.enable()
                _greet(terminal, settings, listener)
            while not (server.should_exit or serving.done()):
                await asyncio.sleep(STOP_SECONDS)
            app.state.service.stopping.set()
            await serving

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())


def _server_config(app: object, settings: Settings) -> Config:
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from gexlake.api.guard import Guard

    def guarded(**options: Any) -> Guard:
        return Guard(HttpToolsProtocol(**options))

    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="uvloop",
        http=guarded,  # type: ignore[arg-type]  # called for each connection
        ws="none",
        lifespan="off",
        log_config=None,  # configured already
        access_log=False,  # the middleware writes its own
        server_header=False,
        # Named by our setting alone: else uvicorn believes whoever connects from this machine, or FORWARDED_ALLOW_IPS.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def _greet(terminal: Terminal, settings: Settings, listener: socket) -> None:
    """Say where it listens: one line, of the form that all lines on stderr have."""
    import logging

    from gexlake.api.logs import FIELDS

    url = url_of(listener)
    if settings.log_format == "json":
        logging.getLogger("gexlake").info("serving", extra={FIELDS: {"lake": str(settings.lake), "url": url}})
    else:
        terminal.talk(f"Serving {settings.lake} at {url} (documentation: {url}/docs)")
