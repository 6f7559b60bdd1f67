"""Requests per API key, or per address where there is none: slowapi's limiter, in memory or in Redis.

slowapi's own middleware and decorators are not used. They look the route up a second time and inspect signatures, 50
microseconds in every request where the count itself takes 5. So the limiter is asked directly; where its counts lie in
Redis, in a thread: the event loop must not wait for a network. What becomes of Redis is decided and told here, in the
loop alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import NamedTuple

from limits import RateLimitItem, parse_many
from limits.strategies import RateLimiter
from slowapi import Limiter
from starlette.requests import Request

from gexlake.api.errors import ApiError

REDIS_ANSWER_SECONDS = 0.1
"""Within which Redis has to answer a command, else it counts as lost, and memory counts instead."""
SHARED_SECONDS = 0.25
"""Within which a check in Redis has to be done, those before it included: it may hang, trickle, or have no name."""
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 32.0
"""Between two tries of a Redis that is lost."""
LOST = "Redis is lost; rate limits are counted in this process only."
BACK = "Redis is back; rate limits are shared through it again."
logger = logging.getLogger(__name__)
_WHO = "gexlake.who"
_SCOPE = "global"  # slowapi's word for a limit on the application as a whole


class _Refused(NamedTuple):
    """A limit that a request has reached, and when it may come again."""

    item: RateLimitItem
    seconds: int


class RateLimits:
    """Counts requests and refuses what is too many. `rate_limit` as in the settings, empty for none."""

    def __init__(self, rate_limit: str, redis_url: str | None = None) -> None:
        self.enabled = bool(rate_limit)
        self.shared = self.enabled and redis_url is not None
        """Whether the counts lie in Redis: then `check_shared` is the one to call."""
        self._items: list[RateLimitItem] = parse_many(rate_limit) if rate_limit else []
        self._memory = Limiter(_who, storage_uri="memory://", storage_options={}).limiter
        self._redis = _shared_limiter(redis_url) if rate_limit and redis_url else None
        self._pause_seconds = self._lost_until = 0.0
        # One thread: what hangs there is one check, and the others are not even begun.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rate-limits") if self._redis else None

    def check(self, who: str) -> None:
        """Count a request in memory. Raises `ApiError` 429 with Retry-After when it is one too many."""
        self._raise(self._count(self._memory, who))

    async def check_shared(self, who: str) -> None:
        """Count a request in Redis, or in memory while Redis is lost. Raises as `check` does.

        It never takes longer than `SHARED_SECONDS`. Redis is lost when it has not counted by then, whatever came in
        place of that; it is tried again after a pause, ever longer ones as long as it stays lost.
        """
        if time.monotonic() < self._lost_until:
            self.check(who)
            return
        assert self._redis is not None
        counted = asyncio.get_running_loop().run_in_executor(self._thread, self._count, self._redis, who)
        counted.add_done_callback(_take_note)
        await asyncio.wait({counted}, timeout=SHARED_SECONDS)
        if counted.done() and counted.exception() is None:
            self._note_back()
            self._raise(counted.result())
            return
        counted.cancel()  # as long as it only waits for its turn
        self._note_lost()
        self.check(who)

    def _count(self, limiter: RateLimiter, who: str) -> _Refused | None:
        """Count a request. Raises whatever the place of the counts raises."""
        for item in self._items:
            if not limiter.hit(item, who, _SCOPE):
                reset_time, _ = limiter.get_window_stats(item, who, _SCOPE)
                return _Refused(item, max(1, ceil(reset_time - time.time())))
        return None

    def _raise(self, refused: _Refused | None) -> None:
        if refused is not None:
            raise _too_many(*refused)

    def _note_lost(self) -> None:
        if not self._pause_seconds:
            logger.warning(LOST)
        if time.monotonic() >= self._lost_until:  # not for each of those that waited together
            self._pause_seconds = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause_seconds), LAST_PAUSE_SECONDS)
            self._lost_until = time.monotonic() + self._pause_seconds

    def _note_back(self) -> None:
        if self._pause_seconds and time.monotonic() >= self._lost_until:
            self._pause_seconds = 0.0
            logger.warning(BACK)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)


def _shared_limiter(redis_url: str) -> RateLimiter:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options = {
        "socket_timeout": REDIS_ANSWER_SECONDS,
        "socket_connect_timeout": REDIS_ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),  # redis' own would keep a request waiting for seconds
        "key_prefix": "gexlake:limits",
    }
    return Limiter(
        _who,
        storage_uri=redis_url.replace("unix://", "redis+unix://", 1),
        storage_options=options,  # type: ignore[arg-type]  # annotated as text, passed on as they are
    ).limiter


def _take_note(counted: asyncio.Future[_Refused | None]) -> None:
    """Look at what came of a count that nobody waits for any more."""
    if not counted.cancelled():
        counted.exception()


def _who(request: Request) -> str:
    return str(request.scope[_WHO])


def _too_many(item: RateLimitItem, seconds: int) -> ApiError:
    return ApiError(
        429,
        "rate_limited",
        f"More than {item.amount} requests in {item.get_expiry()} s.",
        hint=f"Go on in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
