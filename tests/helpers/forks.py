"""Forks the command line from a process that has all of gexlake imported: a real process for the price of a fork.

What `programs.Program` asks for comes on a socket: words, environment, folder, and the files that are to be its stdin,
stdout and stderr. The process that is forked runs `gexlake.__main__.main`, waits for its threads, and calls what is to
be called at its end; its id and its exit status are written to a pipe that came along. It does not take all modules
apart, which is when some libraries complain. What the interpreter reads while it starts (`PYTHONPATH`, `LANG`) is as it
was here; `programs` sees to it that nobody counts on the opposite.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import re
import selectors
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import gexlake
import gexlake.__main__
from gexlake.cli import command_line
from helpers.zygote import loading

ORDER_BYTES = 1 << 20
FILES = 4
"""What comes with an order: stdin, stdout, stderr, and the pipe for what became of it."""
LOADED_LATE = (
    "anyio._backends._asyncio",
    "duckdb",
    "httpcore",
    "httpx",
    "msgspec",
    "numpy.ma",
    "orjson",
    "polars._utils.parquet",
    "pydantic.main",
    "typer._adapters",
    "typer._click.decorators",
    "uvicorn.lifespan.off",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
"""In functions, beside what the modules of gexlake import at once."""
NOT_LOADED = re.compile(r"\.__main__$|\.processes\.(dask|ray)_engine$|\.publishing\.iceberg(_\w+)?$")
"""Of gexlake: what is no module of this process, and what takes the extras of clusters and catalogs. Whatever is loaded
makes each fork dearer, and of those nobody forks the commands."""
FLUSH_FAILED = 120
"""The exit status of a Python program whose last words cannot be written."""
THREADS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Those of Polars begin as it is imported, and are idle; gexlake forks its own workers from such a process too."""


class ForkedError(Exception):
    """Raised in the new process: what it does begins where the old one began, not within its loop."""

    def __init__(self, order: dict[str, Any], streams: list[int]) -> None:
        super().__init__()
        self.order = order
        self.streams = streams


class Server:
    """Takes orders, forks, and tells what became of what it forked."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until nobody is left to give orders; raises `ForkedError` in each process that is forked."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._tell(key.fd, *key.data)
                elif not self._take_order():
                    return

    def _take_order(self) -> bool:
        text, files, _, _ = socket.recv_fds(self._orders, ORDER_BYTES, FILES)
        if not text:
            return False
        assert _threads() <= THREADS, "a fork has none of the other threads"
        *streams, report = files
        pid = os.fork()
        if pid == 0:
            for shared in (self._selector, self._orders):  # else the collector does it, when the numbers are others'
                shared.close()
            raise ForkedError(json.loads(text), streams)
        for stream in streams:
            os.close(stream)
        os.write(report, b"%d\n" % pid)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, report))
        return True

    def _tell(self, ended: int, pid: int, report: int) -> None:
        _, status = os.waitpid(pid, 0)
        self._selector.unregister(ended)
        with suppress(BrokenPipeError):  # who asked for it may have gone
            os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))
        for descriptor in (ended, report):
            os.close(descriptor)


def become(order: dict[str, Any], streams: list[int]) -> None:
    """Make this process the one that was asked for."""
    if order["new_session"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _open_anew(number, name)
    os.umask(order["umask"])
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv[:] = [gexlake.__main__.__file__, *order["words"]]
    sys.modules["__main__"] = gexlake.__main__


def _open_anew(number: int, name: str) -> None:
    old = getattr(sys, name)
    at_once = name == "stderr" or os.isatty(number)
    stream = open(  # noqa: SIM115
        number,
        "w" if number else "r",
        buffering=1 if at_once else -1,
        encoding=old.encoding,
        errors=old.errors,
        closefd=False,
    )
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def end_with(end: SystemExit) -> None:
    """What the interpreter does at its end, but for taking apart what this process shares with its origin."""
    status = end.code
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or FLUSH_FAILED
    os._exit(status or 0)


def _threads() -> set[str]:
    """Names of those that run in this process, beside the main one."""
    tasks = (task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid()))
    return {(task / "comm").read_text().strip() for task in tasks}


def load() -> None:
    """Import all that a command may need."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with loading():
        for module in pkgutil.walk_packages(gexlake.__path__, "gexlake."):
            if not NOT_LOADED.search(module.name):
                importlib.import_module(module.name)
        for name in LOADED_LATE:
            importlib.import_module(name)
        command_line()


if __name__ == "__main__":
    load()
    try:
        Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    except ForkedError as forked:
        order, streams = forked.order, forked.streams
    else:
        sys.exit()
    become(order, streams)
    try:
        gexlake.__main__.main()
    except SystemExit as end:
        end_with(end)
