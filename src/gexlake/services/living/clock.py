"""What time it is for whoever records: the system's clock, or that of a replay which stands in for the vendor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp

from gexlake.vendor.http import TRANSPORT_ERRORS, open_session

SECOND_US = 1_000_000
REPLAY_CLOCK = "/gexlake/replay/clock"
READ_SECONDS = 0.05
"""How often a replay is asked what its clock shows; it may have been paused, stepped or sought."""
WAIT_SECONDS = 5.0
"""How long its answer is waited for."""


class Clock(Protocol):
    """Unix microseconds, and waiting for them."""

    def now_us(self) -> int:
        """What time it is."""

    async def sleep_until(self, instant_us: int) -> None:
        """Wait until it is that late."""


class SystemClock:
    """The system's."""

    def now_us(self) -> int:
        """What time it is."""
        return time.time_ns() // 1000

    async def sleep_until(self, instant_us: int) -> None:
        """Wait until it is that late; looked at again every now and then, for the clock may be set."""
        while (left_us := instant_us - self.now_us()) > 0:
            await asyncio.sleep(min(left_us / SECOND_US, 30))


class ReplayedClock:
    """The clock of a replay at `origin`, as `http://127.0.0.1:8766`; `follow` has to run beside."""

    def __init__(self, origin: str) -> None:
        self._url = origin.rstrip("/") + REPLAY_CLOCK
        self._instant_us, self._speed, self._read_at = 0, 0.0, 0.0
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """Ask the replay again and again; one that is gone stands still."""
        async with open_session({}, aiohttp.ClientTimeout(total=WAIT_SECONDS)) as session:
            while True:
                try:
                    async with session.get(self._url) as answer:
                        facts = await answer.json()
                    speed = 0.0 if facts["paused"] else float(facts["speed"])
                    self._instant_us, self._speed, self._read_at = facts["instant_us"], speed, time.monotonic()
                except (*TRANSPORT_ERRORS, ValueError):
                    self._instant_us, self._speed, self._read_at = self.now_us(), 0.0, time.monotonic()
                self._changed.set()
                self._changed = asyncio.Event()
                await asyncio.sleep(READ_SECONDS)

    async def ready(self) -> None:
        """Until it was read for the first time."""
        while not self._instant_us:
            await self._changed.wait()

    def now_us(self) -> int:
        """What it shows."""
        return self._instant_us + int((time.monotonic() - self._read_at) * self._speed * SECOND_US)

    async def sleep_until(self, instant_us: int) -> None:
        """Wait until it shows that."""
        while (left_us := instant_us - self.now_us()) > 0:
            changed = asyncio.ensure_future(self._changed.wait())
            soon = left_us / SECOND_US / self._speed if self._speed else None
            await asyncio.wait([changed], timeout=soon)
            changed.cancel()


def clock_of(replay: str | None) -> Clock:
    """The clock of a replay at this origin, else the system's."""
    return ReplayedClock(replay) if replay else SystemClock()


@asynccontextmanager
async def followed(clock: Clock) -> AsyncIterator[None]:
    """Within the block a clock shows what it should."""
    if not isinstance(clock, ReplayedClock):
        yield
        return
    following = asyncio.create_task(clock.follow())
    try:
        await clock.ready()
        yield
    finally:
        following.cancel()
