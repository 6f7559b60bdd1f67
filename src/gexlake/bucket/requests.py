"""Requests to stores, each in a thread of its own: who waits for one hears Ctrl-C.

Only plain calls of obstore are made. Its coroutines are ended by threads of obstore's own, which call into Python to do
so; one that still does while the interpreter goes down aborts the process.
"""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, TypeVar

from gexlake.aside import call_aside

Item = TypeVar("Item")
Result = TypeVar("Result")

TICK_SECONDS = 0.2
LAST_SECONDS = 2.0
"""So long does a process that ends wait for requests that nobody waits for any more."""

_under_way: set[Future[Any]] = set()


def wait_for(request: Callable[[], Result], on_tick: Callable[[], None] = lambda: None) -> Result:
    """What a request comes to; meanwhile `on_tick` is called a few times a second.

    Raises what the request raises, or `on_tick`; then, as with Ctrl-C, the request is left to itself.
    """
    future = _start(request)
    while wait([future], timeout=TICK_SECONDS).not_done:
        on_tick()
    return future.result()


def iter_results(request: Callable[[Item], Result], items: Iterable[Item], at_a_time: int) -> Iterator[Result]:
    """What a request comes to for each item, in their order, with so many under way. Raises what a request raises."""
    started = deque[Future[Result]]()
    for item in items:
        if len(started) == at_a_time:
            yield started.popleft().result()
        started.append(_start(partial(request, item)))
    while started:
        yield started.popleft().result()


def _start(request: Callable[[], Result]) -> Future[Result]:
    future = call_aside(request)
    _under_way.add(future)
    future.add_done_callback(_under_way.discard)
    return future


@atexit.register
def _let_them_end() -> None:
    """None comes back while the interpreter goes down, as far as that can be had."""
    wait(tuple(_under_way), timeout=LAST_SECONDS)
