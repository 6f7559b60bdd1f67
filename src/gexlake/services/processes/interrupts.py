"""Ctrl-C: while a command is loaded, while it works, and while something must not be left half done."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""They end what runs until it is told to end."""
INTERRUPTED = "Error: Interrupted.\n"
SOON_SECONDS = 0.001
"""By then a finalizer has mostly ended; if not, it is tried again."""
AGAIN_SECONDS = 1.0


def end_when_interrupted() -> None:
    """Have Ctrl-C end the process with a word, until `raise_when_interrupted`.

    For as long as modules are loaded there is nothing to put in order, and an exception could come out anywhere: as a
    traceback, or not at all, where the library that is being loaded drops it. Who ignores Ctrl-C goes on to do so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and wait until it has ended, however it does.

    A group of tasks in it drops a cancellation that comes in the moment of a failure, until Python 3.13: say it again.
    """
    import asyncio

    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)


def raise_when_interrupted() -> None:
    """Have Ctrl-C raise `KeyboardInterrupt`: work begins."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def kept_interrupts() -> Iterator[None]:
    """Within the block Ctrl-C is not lost in a finalizer, where Python drops what is raised: it is raised behind it."""
    plain_hook, plain_handler = sys.unraisablehook, signal.getsignal(signal.SIGINT)
    keeper = _Keeper(plain_hook)
    is_ours = plain_handler is signal.default_int_handler
    is_ours = is_ours and threading.current_thread() is threading.main_thread()
    if is_ours:
        signal.signal(signal.SIGINT, keeper)
    sys.unraisablehook = keeper.raise_behind
    try:
        yield
        keeper.wait()  # it comes out here at the latest
    finally:
        sys.unraisablehook = plain_hook
        if is_ours:
            signal.signal(signal.SIGINT, plain_handler)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run`; Ctrl-C cancels the work, which asyncio sees to where Python's own handler is set, and no other."""
    import asyncio

    handler = signal.getsignal(signal.SIGINT)
    if not isinstance(handler, _Keeper):
        return asyncio.run(work)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return asyncio.run(work)
    finally:
        signal.signal(signal.SIGINT, handler)


class _Keeper:
    """Raises `KeyboardInterrupt` like Python's own handler, and again where it was dropped."""

    def __init__(self, plain_hook: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._plain_hook = plain_hook
        self._timers: list[threading.Timer] = []
        self._in_hook = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._in_hook:  # what is raised there is dropped as well
            self._raise_soon()
        else:
            signal.default_int_handler(number, frame)

    def raise_behind(self, unraisable: sys.UnraisableHookArgs) -> None:
        """What was raised in a finalizer is raised behind it."""
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._plain_hook(unraisable)
            return
        self._in_hook = True
        self._raise_soon()
        self._in_hook = False

    def wait(self) -> None:
        """Until nothing is left to be raised."""
        for timer in self._timers:
            timer.join()

    def _raise_soon(self) -> None:
        self._timers.append(threading.Timer(SOON_SECONDS, _thread.interrupt_main))
        self._timers[-1].start()


def _end(*_: object) -> None:
    os.write(2, INTERRUPTED.encode())
    os._exit(1)


@contextmanager
def undisturbed(*, to_the_end: bool = False) -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, and let it have its way then.

    With `to_the_end` it is forgotten: nothing is left behind the block that it could stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    interrupts: list[int] = []
    plain = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if plain is None else plain)
    if interrupts and not to_the_end:
        raise KeyboardInterrupt
