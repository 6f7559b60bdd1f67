"""A process that carries out one order, at low priority: JSON lines on its stdin and stdout.

    {…}                                                                     the order, one line on stdin
    {"progress": {…}}  …  {"report": {…}} or {"fault": …, "message": …}     the answer

When stdin ends, because who gave the order has ended or wants it stopped, the work ends cleanly as on Ctrl-C.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from gexlake.errors import GexlakeError, fault_document
from gexlake.services.processes.workers import NICENESS

Order = TypeVar("Order")
INTERRUPTED = "Interrupted"
"""The fault of what was stopped."""
STOPPED = {"fault": INTERRUPTED, "message": "It was stopped before it began.", "hint": ""}
LINE_BYTES = 1 << 26
"""A report has a line for each file; this bounds what a broken process could make us hold."""


# ---- who gives the order -------------------------------------------------------------------------------------------


class OrderProcess:
    """A process of a module that calls `carry_out`. For one event loop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str) -> OrderProcess:
        """Start it; it waits for its order."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
            start_new_session=True,  # Ctrl-C in the service's terminal is the service's, which stops its own processes
        )
        return cls(process)

    async def answers(self, order: bytes) -> AsyncGenerator[dict[str, Any], None]:
        """Give the order; what it says, until it has ended. Who leaves early has it stopped."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(order + b"\n")
            await self._process.stdin.drain()
            async for line in self._process.stdout:
                yield json.loads(line)
        finally:
            self.ask_to_stop()
            await self.wait()

    def ask_to_stop(self) -> None:
        """Have it end cleanly, what is done stays; not waited for."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    async def wait(self) -> None:
        """Until it has ended."""
        await self._process.wait()


# ---- who carries it out --------------------------------------------------------------------------------------------


def carry_out(read_order: Callable[[str], Order], work: Callable[[Order], BaseModel]) -> None:
    """Take the order from stdin and say what comes of it: the whole of such a process."""
    text = sys.stdin.readline()
    if not text:
        say(STOPPED)
        return
    order = read_order(text)
    os.nice(NICENESS)
    try:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
        report = work(order)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # too late to stop anything but the report
        say({"report": report.model_dump(mode="json")})
    except GexlakeError as error:
        say(fault_document(error))
    except KeyboardInterrupt:
        say(STOPPED)


def say(document: dict[str, Any]) -> None:
    """A line of the answer."""
    try:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody listens any more; stdin has ended as well
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives


def _stop_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)
