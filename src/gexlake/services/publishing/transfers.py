"""Several files on their way at once, to a mirror or from one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
TRANSFERS_AT_ONCE = 4


class StoppedError(Exception):
    """It is to end; what is left the next one does."""


def iter_transferred(
    work: Callable[[Item], Result], items: Sequence[Item], stop: threading.Event, *, at_once: int = TRANSFERS_AT_ONCE
) -> Iterator[Result]:
    """What `work` gives for each item, in order. What has not begun when one fails, or on Ctrl-C, does not begin.

    Raises what `work` raises, and `StoppedError` once `stop` is set.
    """

    def unless_stopped(item: Item) -> Result:
        if stop.is_set():
            raise StoppedError
        return work(item)

    pool = ThreadPoolExecutor(at_once, thread_name_prefix="transfer")
    try:
        yield from pool.map(unless_stopped, items)
    finally:
        pool.shutdown(cancel_futures=True)
