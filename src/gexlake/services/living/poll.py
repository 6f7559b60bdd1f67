"""Polling: the newest snapshot of each feed once a second, on a grid of whole seconds.

Whoever asks a second after the answer came loses every third record; so a request leaves on its second, whatever became
of the one before. The feeds' requests are spread over the second.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from gexlake.errors import GexlakeError
from gexlake.models.feed import Feed
from gexlake.services.living.clock import SECOND_US, Clock
from gexlake.services.living.recorder import Recorder
from gexlake.vendor.live import LiveClient
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError

MOST_WAITED_FOR = 2
"""Requests of one feed that are under way: one that hangs does not hold back the next."""
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 1.0, 60.0
JITTER = 0.2


class Poller:
    """Polls feeds until it is cancelled. Raises `VendorError` where the vendor does not take the key."""

    def __init__(self, client: LiveClient, feeds: Sequence[Feed], recorder: Recorder, clock: Clock) -> None:
        self._client, self._feeds, self._recorder, self._clock = client, list(feeds), recorder, clock
        self._under_way: Counter[Feed] = Counter()
        self._not_before: dict[Feed, float] = {}
        self._waits: dict[Feed, float] = {}

    async def run(self) -> None:
        """Ask, second for second."""
        async with asyncio.TaskGroup() as group:
            for place, feed in enumerate(self._feeds):
                group.create_task(self._keep_asking(group, feed, place * SECOND_US // len(self._feeds)))

    async def _keep_asking(self, group: asyncio.TaskGroup, feed: Feed, phase_us: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now_us = self._clock.now_us()
            await self._clock.sleep_until((now_us - phase_us) // SECOND_US * SECOND_US + SECOND_US + phase_us)
            if self._under_way[feed] < MOST_WAITED_FOR and loop.time() >= self._not_before.get(feed, 0.0):
                self._under_way[feed] += 1
                group.create_task(self._ask(feed))

    async def _ask(self, feed: Feed) -> None:
        try:
            text = await self._client.newest(feed)
            self._waits.pop(feed, None)
            if text is not None:
                self._recorder.take_text(feed, text)
        except TroubleError as error:
            self._recorder.interrupt([feed], error.message)
            self._wait(feed, error)
        finally:
            self._under_way[feed] -= 1

    def _wait(self, feed: Feed, error: GexlakeError) -> None:
        """Ask less often where the vendor says so; what merely broke is asked for again on the next second."""
        if not isinstance(error, LimitedError | RefusedError):
            return
        wait_seconds = self._waits.get(feed, FIRST_WAIT_SECONDS)
        self._waits[feed] = min(2 * wait_seconds, LAST_WAIT_SECONDS)
        wait_seconds = max(wait_seconds, error.wait_seconds or 0.0) * random.uniform(1, 1 + JITTER)
        self._not_before[feed] = asyncio.get_running_loop().time() + wait_seconds
