"""Processes that carry out the orders of a service (`services.processes.orders`), forked as programs are.

One that is started cold spends half a second on loading what it needs, which is more than its order takes.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from typing import Any

from gexlake.services.processes.orders import LINE_BYTES, OrderProcess
from helpers.programs import Program


class _Process:
    """A program as asyncio shows processes."""

    def __init__(self, program: Program, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.kill = program.kill
        self._program = program

    async def wait(self) -> int:
        return await asyncio.to_thread(self._program.wait)


async def _start(module: str) -> OrderProcess:
    pipe = subprocess.PIPE
    program = Program(["-m", module], stdin=pipe, stdout=pipe, start_new_session=True)
    loop, answers = asyncio.get_running_loop(), asyncio.StreamReader(limit=LINE_BYTES)
    protocol = asyncio.StreamReaderProtocol(answers)
    await loop.connect_read_pipe(lambda: protocol, program.stdout)
    transport, writing = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), program.stdin
    )
    process: Any = _Process(program, asyncio.StreamWriter(transport, writing, None, loop), answers)
    return OrderProcess(process)


def fork_orders(put: Callable[[object, str, object], None] = setattr) -> None:
    """Have this process fork those that carry out its orders."""
    put(OrderProcess, "start", staticmethod(_start))
