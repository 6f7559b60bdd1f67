"""Ctrl-C: while a command is loaded, while it works, and while something must not be left half done."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = "Error: Interrupted.\n"
SOON_SECONDS = 0.001
"""By then a finalizer has mostly ended; if not, it is tried again."""


def end_when_interrupted() -> None:
    """Have Ctrl-C end the process with a word, until `raise_when_interrupted`.

    For as long as modules are loaded there is nothing to put in order, and an exception could come out anywhere: as a
    traceback, or not at all, where the library that is being loaded drops it. Who ignores Ctrl-C goes on to do so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_when_interrupted() -> None:
    """Have Ctrl-C raise `KeyboardInterrupt`: work begins."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def kept_interrupts() -> Iterator[None]:
    """Within the block Ctrl-C is not lost in a finalizer, where Python drops what is raised: it is raised behind it."""
    plain_hook, plain_handler = sys.unraisablehook, signal.getsignal(signal.SIGINT)
    timers: list[threading.Timer] = []
    in_hook = False

    def raise_soon() -> None:
        timers.append(threading.Timer(SOON_SECONDS, _thread.interrupt_main))
        timers[-1].start()

    def raise_behind(unraisable: sys.UnraisableHookArgs) -> None:
        nonlocal in_hook
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            plain_hook(unraisable)
            return
        in_hook = True
        raise_soon()
        in_hook = False

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if in_hook:  # what is raised there is dropped as well
            raise_soon()
        else:
            signal.default_int_handler(number, frame)

    is_ours = plain_handler is signal.default_int_handler
    is_ours = is_ours and threading.current_thread() is threading.main_thread()
    if is_ours:
        signal.signal(signal.SIGINT, on_interrupt)
    sys.unraisablehook = raise_behind
    try:
        yield
        for timer in timers:
            timer.join()  # it comes out here at the latest
    finally:
        sys.unraisablehook = plain_hook
        if is_ours:
            signal.signal(signal.SIGINT, plain_handler)


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
