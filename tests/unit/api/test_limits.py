"""Rate limits in a real Redis that comes and goes: shared while it is there, never in the way when it is not."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from gexlake.api import limits as limits_module
from gexlake.api.errors import ApiError
from gexlake.api.limits import BACK, LOST, RateLimits
from helpers.redis_server import NONSENSE, NotRedis, RedisServer, free_port

NEVER_LONGER_SECONDS = 20.0
"""A check takes 0.25 s when Redis hangs; the rest is for a busy machine."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is only slow, as on a busy machine, is not taken for lost."""
    monkeypatch.setattr(limits_module, "REDIS_ANSWER_SECONDS", NEVER_LONGER_SECONDS)
    monkeypatch.setattr(limits_module, "SHARED_SECONDS", NEVER_LONGER_SECONDS)


@pytest.fixture
def limits(redis_server: RedisServer, patient: None) -> Iterator[RateLimits]:
    limits = RateLimits("3/hour", redis_server.url)
    yield limits
    limits.close()


def allowed(limits: RateLimits, who: str = "address 127.0.0.1") -> bool:
    started = time.monotonic()
    refusal = None
    try:
        asyncio.run(limits.check_shared(who))
    except ApiError as error:
        refusal = error
    assert time.monotonic() - started < NEVER_LONGER_SECONDS
    assert refusal is None or (refusal.status == 429 and int(refusal.headers["Retry-After"]) > 0)
    return refusal is None


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_two_services_share_one_count(redis_server: RedisServer, limits: RateLimits) -> None:
    other = RateLimits("3/hour", redis_server.url)
    assert [allowed(limits), allowed(other), allowed(limits)] == [True, True, True]
    assert [allowed(other), allowed(limits)] == [False, False]
    assert allowed(other, "key 00000000")
    other.close()


def test_refused_requests_write_no_line_each(limits: RateLimits, caplog: pytest.LogCaptureFixture) -> None:
    assert [allowed(limits) for _ in range(5)] == [True, True, True, False, False]
    assert reports(caplog) == []


def test_a_redis_that_dies_is_reported_once_and_memory_counts(
    redis_server: RedisServer, limits: RateLimits, caplog: pytest.LogCaptureFixture
) -> None:
    assert allowed(limits)
    redis_server.kill()
    assert [allowed(limits) for _ in range(4)] == [True, True, True, False], "memory begins at nothing"
    assert reports(caplog) == [LOST]
    assert "open-sesame" not in caplog.text


def test_a_redis_that_is_back_is_used_again(
    redis_server: RedisServer, limits: RateLimits, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "FIRST_PAUSE_SECONDS", 0.01)
    redis_server.kill()
    assert allowed(limits)
    redis_server.start()
    while BACK not in reports(caplog):
        allowed(limits, f"address {time.monotonic_ns()}")
    assert reports(caplog) == [LOST, BACK]
    redis_server.kill()
    while reports(caplog) == [LOST, BACK]:
        allowed(limits, f"address {time.monotonic_ns()}")
    assert reports(caplog) == [LOST, BACK, LOST]


def test_a_redis_that_hangs_delays_no_request_for_long(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.freeze()
    limits = RateLimits("3/hour", redis_server.url)
    assert allowed(limits)
    assert allowed(limits)
    assert reports(caplog) == [LOST]
    limits.close()


def test_many_requests_at_the_moment_of_the_loss_are_all_answered(redis_server: RedisServer) -> None:
    limits = RateLimits("1000/hour", redis_server.url)

    async def burst() -> None:
        await limits.check_shared("address 127.0.0.1")
        redis_server.kill()
        await asyncio.gather(*(limits.check_shared("address 127.0.0.1") for _ in range(50)))

    asyncio.run(burst())
    limits.close()


def test_a_service_starts_without_its_redis(caplog: pytest.LogCaptureFixture) -> None:
    limits = RateLimits("2/hour", f"redis://:open-sesame@127.0.0.1:{free_port()}")
    assert [allowed(limits) for _ in range(3)] == [True, True, False]
    assert reports(caplog) == [LOST]
    limits.close()


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_what_is_not_redis_or_answers_wrongly_keeps_nobody_from_being_counted(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with NotRedis(answer) as place:
        limits = RateLimits("2/hour", place.url)
        assert [allowed(limits) for _ in range(4)] == [True, True, False, False]
        limits.close()
    assert reports(caplog) == [LOST]


def test_a_redis_that_can_be_pinged_but_not_written_is_not_back(
    redis_server: RedisServer, limits: RateLimits, caplog: pytest.LogCaptureFixture
) -> None:
    client = redis.Redis.from_url(redis_server.url)
    client.config_set("min-replicas-to-write", 1)  # -NOREPLICAS to whatever writes
    assert [allowed(limits) for _ in range(4)] == [True, True, True, False]
    assert client.ping()
    limits._lost_until = 0.0  # the pause is over
    assert not allowed(limits), "memory goes on counting"
    assert reports(caplog) == [LOST]
    client.config_set("min-replicas-to-write", 0)
    limits._lost_until = 0.0
    assert allowed(limits)
    assert reports(caplog) == [LOST, BACK]


def test_a_key_of_another_type_is_counted_in_memory(redis_server: RedisServer, limits: RateLimits) -> None:
    assert allowed(limits)
    client = redis.Redis.from_url(redis_server.url)
    (key,) = [key for key in client.scan_iter() if b"127.0.0.1" in key]
    client.delete(key)
    client.lpush(key, "x")
    assert [allowed(limits) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("answer", [b":1\r\n", b"*2\r\n:1\r\n:1\r\n"])
def test_a_redis_that_trickles_keeps_nobody_waiting(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Each byte comes in time, the whole of it never."""
    with NotRedis(b"$1000\r\n" + answer * 100, slowly=True) as place:
        limits = RateLimits("3/hour", place.url)
        assert [allowed(limits) for _ in range(5)] == [True, True, True, False, False]
        limits.close()
    assert reports(caplog) == [LOST]


def test_many_requests_at_a_slow_redis_wait_together_and_not_one_after_the_other(redis_server: RedisServer) -> None:
    limits = RateLimits("1000/hour", redis_server.url)
    lock = threading.Lock()

    def slow(*_: object) -> None:
        lock.acquire()  # never comes back before it is let go

    assert limits._redis is not None
    limits._redis.hit = slow  # type: ignore[assignment]

    async def burst() -> float:
        started = time.monotonic()
        await asyncio.gather(*(limits.check_shared("address 127.0.0.1") for _ in range(200)))
        return time.monotonic() - started

    with lock:
        assert asyncio.run(burst()) < NEVER_LONGER_SECONDS
    limits.close()
