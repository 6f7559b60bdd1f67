"""Calls in threads of their own, which nobody has to wait for: one that hangs keeps no process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def call_aside(work: Callable[[], Result]) -> Future[Result]:
    """Have a daemon thread do it: the future of what it returns or raises."""
    future = Future[Result]()
    threading.Thread(target=_fulfil, args=(future, work), name="gexlake-aside", daemon=True).start()
    return future


def _fulfil(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
