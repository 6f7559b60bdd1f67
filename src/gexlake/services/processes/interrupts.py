"""Ctrl-C, held back while something must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
