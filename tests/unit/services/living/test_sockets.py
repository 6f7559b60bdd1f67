"""Facts of sockets that fall silent or are closed, against a server of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from gexlake.models.feed import Feed
from gexlake.models.record_types import GEX
from gexlake.services.living.sockets import SUBPROTOCOLS, Sockets, explain_silence
from gexlake.vendor.frames import CODECS
from gexlake.vendor.messages import Clamped, encode
from unit.services.living.conftest import FEED, SECOND, Desk

Handler = Callable[[ServerConnection], Coroutine[Any, Any, None]]
CODEC = CODECS[SUBPROTOCOLS[0]]


class Vendor:
    """Negotiates addresses of one server, and counts how often."""

    def __init__(self, url: str) -> None:
        self.url, self.negotiated = url, 0
        self.changed = asyncio.Event()

    async def negotiate(self, _: Sequence[Feed]) -> dict[str, str]:
        self.negotiated += 1
        self.changed.set()
        return {"v2_classic": f"{self.url}/{self.negotiated}"}

    def redact(self, text: str) -> str:
        return text


@asynccontextmanager
async def listening(desk: Desk, handler: Handler, **bounds: float) -> AsyncIterator[tuple[Vendor, Sockets]]:
    """Sockets that listen to a server whose connections are handled so."""
    async with serve(handler, "127.0.0.1", 0, subprotocols=SUBPROTOCOLS[:1]) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        vendor = Vendor(f"ws://127.0.0.1:{port}")
        sockets = Sockets(vendor, [FEED], desk.recorder, desk.clock, wait_seconds=0, apart_seconds=0, **bounds)  # type: ignore[arg-type]
        running = asyncio.create_task(sockets.run())
        try:
            yield vendor, sockets
        finally:
            running.cancel()
            await asyncio.wait([running])


async def mute(connection: ServerConnection) -> None:
    await connection.wait_closed()


def one_record_each(asked: list[str], enough: int) -> tuple[Handler, asyncio.Event]:
    """Says one thing and closes, but for the last connection; which addresses were opened."""
    done = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        document = {"timestamp": SECOND + len(asked), "ticker": "SPX", "spot": 1, "strikes": []}
        await connection.send(CODEC.numbered(CODEC.shared("SPX_classic_gex_zero", encode(GEX, document, Clamped())), 1))
        if len(asked) >= enough:
            done.set()
            await connection.wait_closed()

    return handle, done


def test_hub_that_says_nothing_in_market_hours_is_taken_for_lost(desk: Desk) -> None:
    async def work() -> None:
        async with listening(desk, mute, mute_seconds=0.01) as (vendor, _):
            while vendor.negotiated < 3:
                vendor.changed.clear()
                await vendor.changed.wait()

    asyncio.run(work())
    assert desk.recorder.reconnects >= 2
    assert "Nothing came from v2_classic for 0 s in market hours" in desk.warned[0]
    assert desk.warned[0].endswith("Negotiating anew.")


def test_hub_that_says_nothing_while_the_exchange_is_closed_is_left_alone(desk: Desk) -> None:
    looked = 0

    class Watched:
        def now_us(self) -> int:
            nonlocal looked
            looked += 1
            return (SECOND - 3600) * 1_000_000

    async def work() -> None:
        async with listening(desk, mute, mute_seconds=0.001) as (vendor, sockets):
            sockets.clock = Watched()  # type: ignore[assignment]
            while looked < 20:
                await asyncio.sleep(0.001)
            assert vendor.negotiated == 1

    desk.clock.second = SECOND - 3600
    asyncio.run(work())
    assert desk.warned == []


def test_silence_is_explained_by_who_else_speaks() -> None:
    assert "took the place" in explain_silence(["v2_classic"], 1, 60)
    assert explain_silence(["v2_classic"], 2, 60).startswith(
        "Nothing came from v2_classic for 60 s, while other hubs speak"
    )


@pytest.mark.parametrize(
    ("address_seconds", "expected"), [(900.0, ["/1", "/1"]), (0.0, ["/1", "/2"])], ids=["good", "run out"]
)
def test_closed_socket_is_opened_at_the_same_address_while_that_is_good(
    desk: Desk, address_seconds: float, expected: list[str]
) -> None:
    asked: list[str] = []

    async def work() -> None:
        handle, done = one_record_each(asked, 2)
        async with listening(desk, handle, address_seconds=address_seconds):
            await done.wait()

    asyncio.run(work())
    assert asked == expected


def test_address_that_gave_nothing_is_not_opened_again(desk: Desk) -> None:
    asked: list[str] = []

    async def close(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)

    async def work() -> None:
        async with listening(desk, close):
            while len(asked) < 2:
                await asyncio.sleep(0.001)

    asyncio.run(work())
    assert asked[:2] == ["/1", "/2"]


def test_who_cancels_in_the_moment_of_a_loss_is_heard(desk: Desk) -> None:
    """The group of tasks that fails then drops the cancellation."""

    async def close(connection: ServerConnection) -> None: ...

    async def work() -> bool:
        async with serve(close, "127.0.0.1", 0, subprotocols=SUBPROTOCOLS[:1]) as server:  # type: ignore[arg-type]
            vendor = Vendor(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
            sockets = Sockets(vendor, [FEED], desk.recorder, desk.clock, wait_seconds=0, apart_seconds=0)  # type: ignore[arg-type]
            running = asyncio.create_task(sockets.run())
            desk.recorder.interrupt = lambda *_: running.cancel()  # type: ignore[method-assign,assignment]
            await asyncio.wait([running])
            return running.cancelled()

    assert asyncio.run(work())
