"""Answers that are made on the event loop are made in order of arrival, a few in each cycle of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

CYCLE_SECONDS = 0.002
"""Answers take so much of a cycle, or one of them takes more. A cycle costs 50 microseconds, a tenth of a snapshot."""


class FairQueue:
    """Lets so many requests go on in each cycle of the event loop as can be answered within `CYCLE_SECONDS`.

    Between cycles the loop looks for new requests. Without, it takes up all that have come and answers all of them
    before it looks again: who came just after it looked would wait for two rounds, and small answers for large ones.
    How many it can be is what the cycle before has shown; behind a pause it is one.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._began, self._admitted = 0.0, 0
        """When the last cycle began, and how many requests went on in it."""

    async def wait(self) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        if len(self._waiting) == 1:
            self._admitted = 0
            loop.call_soon(self._next)
        await place

    def _next(self) -> None:
        now = self._clock()
        count = min(self._most(now - self._began), len(self._waiting))
        self._began, self._admitted = now, count
        for _ in range(count):
            place = self._waiting.popleft()
            if not place.done():  # else its request was given up
                place.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)

    def _most(self, seconds: float) -> int:
        """How many requests can go on, the ones of the cycle before having taken so long."""
        return max(1, int(self._admitted * CYCLE_SECONDS / max(seconds, 1e-6)))
