"""Ctrl-C: while a command is loaded, while it works, and while something must not be left half done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = "Error: Interrupted.\n"


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
