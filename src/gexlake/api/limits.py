"""Requests per API key, or per address where there is none: slowapi's limiter, in memory or in Redis.

slowapi's own middleware and decorators are not used. They look the route up a second time and inspect signatures, 50
microseconds in every request where the count itself takes 5. So in memory the limiter is asked directly. With Redis its
whole check runs, which also falls back to memory when Redis is lost and tries it again later, but in a thread: the
event loop must not wait for a network.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import Any

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from starlette.requests import Request

from gexlake.api.errors import ApiError

REDIS_ANSWER_SECONDS = 0.1
"""Within which Redis has to answer a check, else it counts as lost, and memory counts instead."""
SHARED_SECONDS = 0.25
"""Within which a check in Redis has to be done, those before it included: it may hang, trickle, or have no name."""
MOST_SLOW_SECONDS = 32.0
LOST = "Rate limit storage unreachable"
RECOVERED = "Rate limit storage recovered"
logger = logging.getLogger(__name__)
_WHO = "gexlake.who"
_SCOPE = "global"  # slowapi's word for a limit on the application as a whole


class RateLimits:
    """Counts requests and refuses what is too many. `rate_limit` as in the settings, empty for none."""

    def __init__(self, rate_limit: str, redis_url: str | None = None) -> None:
        self.enabled = bool(rate_limit)
        self.shared = self.enabled and redis_url is not None
        """Whether the counts lie in Redis: then `check_shared` is the one to call."""
        self._items: list[RateLimitItem] = parse_many(rate_limit) if rate_limit else []
        self._limiter = _limiter(rate_limit, redis_url) if rate_limit else None
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._slow_until = self._slow_seconds = 0.0
        # One thread: slowapi's fallback is not made for two that meet a lost Redis at the same moment.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rate-limits") if self.shared else None

    def check(self, who: str) -> None:
        """Count a request in memory. Raises `ApiError` 429 with Retry-After when it is one too many."""
        if self._limiter is None:
            return
        limiter = self._limiter.limiter
        for item in self._items:
            if not limiter.hit(item, who, _SCOPE):
                raise _too_many(item, self._seconds_left(item, who))

    async def check_shared(self, who: str) -> None:
        """Count a request in Redis, or in memory while Redis is lost or slow. Raises as `check` does.

        It never takes longer than `SHARED_SECONDS`: what Redis has not answered by then is counted in memory, and so
        are the requests of the next moments, ever more of them as long as it stays slow.
        """
        if time.monotonic() < self._slow_until:
            self._check_in_memory(who)
            return
        loop = asyncio.get_running_loop()
        checked = loop.run_in_executor(self._thread, self._check_with_fallback, who)
        checked.add_done_callback(_take_note)
        await asyncio.wait({checked}, timeout=SHARED_SECONDS)
        if checked.done():
            self._note_in_time()
            checked.result()
            return
        checked.cancel()  # as long as it only waits for its turn
        self._note_slow()
        self._check_in_memory(who)

    def _check_in_memory(self, who: str) -> None:
        for item in self._items:
            if not self._own.hit(item, who, _SCOPE):
                reset_time, _ = self._own.get_window_stats(item, who, _SCOPE)
                raise _too_many(item, max(1, ceil(reset_time - time.time())))

    def _note_slow(self) -> None:
        if not self._slow_seconds:
            logger.warning("Redis is slow; rate limits are counted in this process only.")
        if time.monotonic() >= self._slow_until:  # not for each of those that waited together
            self._slow_seconds = min(max(1.0, 2 * self._slow_seconds), MOST_SLOW_SECONDS)
            self._slow_until = time.monotonic() + self._slow_seconds

    def _note_in_time(self) -> None:
        if self._slow_seconds and time.monotonic() >= self._slow_until:
            self._slow_seconds = 0.0
            logger.warning("Redis is quick again; rate limits are shared through it again.")

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _check_with_fallback(self, who: str) -> None:
        assert self._limiter is not None
        try:
            self._limiter._check_request_limit(_request_of(who), None)
        except RateLimitExceeded as exceeded:
            limit = exceeded.limit
        else:
            return
        assert limit is not None
        raise _too_many(limit.limit, self._seconds_left(limit.limit, who))

    def _seconds_left(self, item: RateLimitItem, who: str) -> int:
        assert self._limiter is not None
        try:
            reset_time, _ = self._limiter.limiter.get_window_stats(item, who, _SCOPE)
        except Exception:  # Redis was lost in this moment; whatever it raised, a second is no bad guess
            return 1
        return max(1, ceil(reset_time - time.time()))


def _limiter(rate_limit: str, redis_url: str | None) -> Limiter:
    if redis_url is None:
        return Limiter(_who, application_limits=[rate_limit], storage_uri="memory://", storage_options={})
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options = {
        "socket_timeout": REDIS_ANSWER_SECONDS,
        "socket_connect_timeout": REDIS_ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),  # redis' own would keep a request waiting for seconds
        "key_prefix": "gexlake:limits",
    }
    limiter = Limiter(
        _who,
        application_limits=[rate_limit],
        storage_uri=redis_url.replace("unix://", "redis+unix://", 1),
        storage_options=options,  # type: ignore[arg-type]  # annotated as text, passed on as they are
        in_memory_fallback_enabled=True,
    )
    limiter._storage.check = partial(_counts, limiter._storage)  # type: ignore[method-assign]
    return limiter


def _counts(storage: Any) -> bool:
    """Whether Redis can count again. It may answer a ping all the while: read-only, full, or not allowed to us."""
    try:
        storage.incr("probe", 1)
    except Exception:  # whatever it is that answers there
        return False
    return True


def _take_note(checked: asyncio.Future[None]) -> None:
    """Look at what came of a check that nobody waits for any more."""
    if not checked.cancelled():
        checked.exception()


def _who(request: Request) -> str:
    return str(request.scope[_WHO])


def _request_of(who: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [], _WHO: who})


def _too_many(item: RateLimitItem, seconds: int) -> ApiError:
    return ApiError(
        429,
        "rate_limited",
        f"More than {item.amount} requests in {item.get_expiry()} s.",
        hint=f"Go on in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


def _report(record: logging.LogRecord) -> bool:
    """Of slowapi's log, what an operator needs: Redis is lost, Redis is back. A line per refused request is not."""
    message = record.getMessage()
    if message.startswith(LOST):
        record.msg, record.args = "Redis is lost; rate limits are counted in this process only.", ()
    elif message.startswith(RECOVERED):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "Redis is back; rate limits are shared through it again.", ()
    return not message.startswith("ratelimit ")


_slowapi_logger = logging.getLogger("slowapi")
_slowapi_logger.setLevel(logging.INFO)
_slowapi_logger.addFilter(_report)
