"""Announcements, in memory and over a real Redis that comes and goes."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from starlette.requests import Request

from gexlake.api import announce
from gexlake.api.announce import CHANNEL, Announcer, LaggedError
from gexlake.api.routes.records import follow_sessions
from helpers.redis_server import NONSENSE, NotRedis, RedisServer, free_port

PATIENCE_SECONDS = 60.0


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await test()

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "LAST_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(announce, "PING_SECONDS", 0.1)
    monkeypatch.setattr(announce, "ANSWER_SECONDS", 0.5)


def test_every_subscriber_gets_every_event_in_order() -> None:
    async def test() -> None:
        async with Announcer() as announcer, announcer.subscribe() as first, announcer.subscribe() as second:
            for number in range(3):
                announcer.publish({"number": number})
            for events in (first, second):
                assert [(await anext(events))["number"] for _ in range(3)] == [0, 1, 2]

    run(test)


def test_an_event_may_come_from_any_thread() -> None:
    async def test() -> None:
        async with Announcer() as announcer, announcer.subscribe() as events:
            thread = threading.Thread(target=announcer.publish, args=({"from": "thread"},))
            thread.start()
            assert await anext(events) == {"from": "thread"}
            thread.join()

    run(test)


def test_subscriptions_end_with_the_announcer_and_publishing_after_it_is_no_error() -> None:
    async def test() -> None:
        async with Announcer() as announcer:
            subscribed = asyncio.Event()

            async def follow() -> list[dict[str, Any]]:
                async with announcer.subscribe() as events:
                    subscribed.set()
                    return [event async for event in events]

            follower = asyncio.create_task(follow())
            await subscribed.wait()
            announcer.publish({"number": 1})
            await asyncio.sleep(0)
        assert await follower == [{"number": 1}]
        announcer.publish({"number": 2})

    run(test)


def test_a_subscriber_that_lags_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "MAX_LAG_EVENTS", 2)

    async def test() -> None:
        async with Announcer() as announcer, announcer.subscribe() as events:
            for number in range(3):
                announcer.publish({"number": number})
            assert [(await anext(events))["number"] for _ in range(2)] == [0, 1]
            with pytest.raises(LaggedError):
                await anext(events)

    run(test)


def test_stream_of_one_that_lags_ends_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "MAX_LAG_EVENTS", 2)

    async def test() -> None:
        async with Announcer() as announcer:
            service = SimpleNamespace(running=SimpleNamespace(announcer=announcer), stopping=asyncio.Event())
            app = SimpleNamespace(state=SimpleNamespace(service=service))
            stream = follow_sessions(Request({"type": "http", "app": app}))
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            for number in range(3):
                announcer.publish({"number": number})
            said = [await first] + [event async for event in stream]
            assert [event.event for event in said] == ["session", "session", "lagged"]
            assert said[-1].data["message"] == "More than 2 announcements waited. Read the state anew."

    run(test)


def test_events_reach_other_processes_once_and_their_own_once(redis_server: RedisServer) -> None:
    async def test() -> None:
        async with Announcer(redis_server.url) as here, Announcer(redis_server.url) as there:
            await until(lambda: here.connected and there.connected)
            async with here.subscribe() as own, there.subscribe() as others:
                for number in range(3):
                    here.publish({"number": number})
                there.publish({"number": 3})
                assert [(await anext(others))["number"] for _ in range(4)].count(3) == 1
                assert sorted([(await anext(own))["number"] for _ in range(4)]) == [0, 1, 2, 3]

    run(test)


def test_the_channel_carries_plain_json_and_survives_nonsense(redis_server: RedisServer) -> None:
    async def test() -> None:
        with redis.Redis.from_url(redis_server.url) as client, client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            async with Announcer(redis_server.url) as announcer, announcer.subscribe() as events:
                await until(lambda: announcer.connected)
                announcer.publish({"session_date": "2025-11-14"})
                assert await anext(events) == {"session_date": "2025-11-14"}
                message: Any = None
                while message is None:
                    message = await asyncio.to_thread(channel.get_message, timeout=1.0)
                assert json.loads(message["data"])["session_date"] == "2025-11-14"
                for text in ("", "[1]", "null", "{", '{"from": "outside"}'):
                    client.publish(CHANNEL, text)
                assert await anext(events) == {"from": "outside"}

    run(test)


def test_a_redis_that_dies_is_reported_once_and_used_again_when_it_is_back(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with Announcer(redis_server.url) as here, Announcer(redis_server.url) as there:
            await until(lambda: here.connected and there.connected)
            async with here.subscribe() as own, there.subscribe() as others:
                redis_server.kill()
                await until(lambda: not here.connected and not there.connected)
                here.publish({"number": 1})
                assert await anext(own) == {"number": 1}
                redis_server.start()
                await until(lambda: there.connected)
                await until(lambda: here.connected)
                here.publish({"number": 2})
                event = await anext(others)
                while event["number"] != 2:
                    event = await anext(others)

    run(test)
    told = warnings(caplog)
    assert len([line for line in told if "is lost" in line]) == 2, "once for each announcer"
    assert len([line for line in told if "is back" in line]) == 2
    assert "open-sesame" not in caplog.text


def test_what_is_of_no_use_later_is_not_kept_for_a_redis_that_is_lost(redis_server: RedisServer) -> None:
    async def test() -> None:
        async with Announcer(redis_server.url) as here, Announcer(redis_server.url) as there:
            await until(lambda: here.connected and there.connected)
            async with there.subscribe() as others:
                here.publish({"number": 1}, lasting=False)
                assert await anext(others) == {"number": 1}
                redis_server.kill()
                await until(lambda: not here.connected and not there.connected)
                here.publish({"number": 2}, lasting=False)
                redis_server.start()
                await until(lambda: here.connected and there.connected)
                here.publish({"number": 3})
                assert await anext(others) == {"number": 3}

    run(test)


def test_a_redis_that_hangs_is_lost(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with Announcer(redis_server.url) as announcer, announcer.subscribe() as events:
            await until(lambda: announcer.connected)
            redis_server.freeze()
            announcer.publish({"number": 1})
            assert await anext(events) == {"number": 1}
            await until(lambda: not announcer.connected)

    run(test)
    assert "is lost (TimeoutError)" in caplog.text


def test_a_loss_in_the_moment_of_the_end_does_not_keep_the_announcer_open(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group of tasks raises the loss, and forgets that it was cancelled."""

    async def test() -> None:
        lost = asyncio.Event()

        async def receive(*_: object) -> None:
            await lost.wait()
            raise IndexError

        monkeypatch.setattr(Announcer, "_receive", receive)
        async with Announcer(redis_server.url) as announcer:
            await until(lambda: announcer.connected)
            lost.set()

    run(test)


def test_a_redis_that_never_was_there_costs_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()

    async def test() -> None:
        async with Announcer(f"redis://:open-sesame@127.0.0.1:{port}") as announcer, announcer.subscribe() as events:
            await until(lambda: bool(warnings(caplog)))
            announcer.publish({"number": 1})
            assert await anext(events) == {"number": 1}

    run(test)
    assert warnings(caplog) == [
        f"Redis at 127.0.0.1:{port} is lost (ConnectionError); sessions are announced in this process only."
    ]


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("slowly", [False, True])
def test_what_is_not_redis_or_answers_wrongly_takes_no_announcement_from_this_process(
    answer: bytes, slowly: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with Announcer(place.url) as announcer, announcer.subscribe() as events:
            announcer.publish({"number": 1})
            assert (await anext(events))["number"] == 1
            if not slowly:
                await until(lambda: bool(warnings(caplog)) or announcer.connected)
            announcer.publish({"number": 2})
            assert (await anext(events))["number"] == 2
            assert announcer._bridge is not None
            assert not announcer._bridge.done(), "it goes on trying"

    with NotRedis(answer, slowly=slowly) as place:
        run(test)
    assert len(warnings(caplog)) <= 1


FROM_OTHERS = {
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "a list": b"[1]",
    "a lone surrogate": b'{"type": "session", "ticker": "\\ud800"}',
    "no number": b'{"type": "session", "value": NaN}',
    "two lines of a stream": b'{"type": "session\\n\\nevent: forged"}',
    "a type of another kind": b'{"type": {"a": 1}}',
    "too long": b'{"type": "session", "text": "' + b"x" * (64 << 10) + b'"}',
    "nothing": b"",
}


@pytest.mark.parametrize("message", FROM_OTHERS.values(), ids=FROM_OTHERS)
def test_what_others_send_to_the_channel_breaks_nothing(
    redis_server: RedisServer, message: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with Announcer(redis_server.url) as announcer, announcer.subscribe() as events:
            await until(lambda: announcer.connected)
            with redis.Redis.from_url(redis_server.url) as client:
                client.publish(CHANNEL, message)
                client.publish(CHANNEL, json.dumps({"type": "session", "ticker": "SPX"}))
            assert await anext(events) == {"type": "session", "ticker": "SPX"}

    run(test)
    assert warnings(caplog) == []
