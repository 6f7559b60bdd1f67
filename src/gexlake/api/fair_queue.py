"""Answers that are made on the event loop are made in order of arrival, one in each cycle of it."""

from __future__ import annotations

import asyncio
from collections import deque


class FairQueue:
    """Lets one request go on in each cycle of the event loop.

    Between cycles the loop sends what was written, and looks for new requests. Without, it takes up all that have come,
    answers all of them, and only then sends and looks again: who came just after it looked would wait for two rounds,
    and small answers for large ones.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        if len(self._waiting) == 1:
            loop.call_soon(self._next)
        await place

    def _next(self) -> None:
        place = self._waiting.popleft()
        if not place.done():  # else its request was given up
            place.set_result(None)
        if self._waiting:
            place.get_loop().call_soon(self._next)
