"""Facts of messages: of which feed they are, with which spot price, and what is left out."""

from __future__ import annotations

import asyncio
from typing import Any

from gexlake.models.record_types import GEX
from gexlake.services.living.messages import MessageTaker
from gexlake.vendor.frames import GroupMessage
from gexlake.vendor.messages import Clamped, encode, encode_spot
from gexlake.vendor.wire.gexbot_pb2 import Gex
from gexlake.zstd import pack_sizeless
from unit.services.living.conftest import FEED, SECOND, Desk

GROUP = "blue_SPX_classic_gex_zero"


def test_unknown_and_damaged_messages_are_counted(desk: Desk) -> None:
    from google.protobuf.any_pb2 import Any as Envelope

    taker = MessageTaker(desk.recorder, [FEED])
    body = pack_sizeless(Gex(timestamp=SECOND, ticker="SPX", spot=100).SerializeToString())
    for url, value in (("proto.option", body), ("proto.gex", b"no frame"), ("proto.gex", body)):
        envelope = Envelope(type_url=url, value=value).SerializeToString()
        taker.take([FEED], GroupMessage("blue_SPX_classic_gex_full", envelope))
    assert sum(desk.recorder.unknown.values()) == 3
    assert [word in " ".join(desk.warned) for word in ("proto.option", "damaged", "not asked for")] == [True] * 3


def test_group_is_known_with_a_prefix_and_without(desk: Desk) -> None:
    from google.protobuf.any_pb2 import Any as Envelope

    taker = MessageTaker(desk.recorder, [FEED])
    for number, name in enumerate(("SPX_classic_gex_zero", "blue_SPX_classic_gex_zero", None)):
        body = pack_sizeless(Gex(timestamp=SECOND + number, ticker="SPX", spot=100).SerializeToString())
        envelope = Envelope(type_url="proto.gex", value=body).SerializeToString()
        taker.take([FEED], GroupMessage(name, envelope))
    assert desk.written == [SECOND, SECOND + 1, SECOND + 2]


# ---- spot prices -----------------------------------------------------------------------------------------------------


def analytics(second: int, spot: float = 0) -> GroupMessage:
    document = {"timestamp": second, "ticker": "SPX", "spot": spot, "strikes": []}
    return GroupMessage(GROUP, encode(GEX, document, Clamped()))


def price(second: int, spot: float, ticker: str = "SPX") -> GroupMessage:
    return GroupMessage(f"blue_{ticker}_spot", encode_spot(second, ticker, spot, Clamped()))


def spots(desk: Desk) -> list[Any]:
    return [record["spot"] for record in desk.records]


def take(desk: Desk, *said: GroupMessage, late: bool = False) -> None:
    """Hand messages on; with `late` wait until what has no price is recorded without."""

    async def work() -> None:
        taker = MessageTaker(desk.recorder, [FEED], spot_seconds=0.001 if late else 3600.0)
        releasing = asyncio.create_task(taker.release_late())
        for message in said:
            taker.take([FEED], message)
        while late and not desk.written:
            await asyncio.sleep(0.001)
        releasing.cancel()

    asyncio.run(work())


def test_record_without_a_price_waits_for_that_of_its_second(desk: Desk) -> None:
    take(desk, analytics(SECOND), price(SECOND + 1, 1.25), price(SECOND, 9, "NDX"), price(SECOND, 6712.5))
    assert spots(desk) == [6712.5]


def test_price_that_came_before_its_record_is_known(desk: Desk) -> None:
    take(desk, price(SECOND, 6712.5), analytics(SECOND), analytics(SECOND + 1))
    assert (desk.written, spots(desk)) == ([SECOND], [6712.5])


def test_record_that_brings_its_price_keeps_it(desk: Desk) -> None:
    take(desk, price(SECOND, 6712.5), analytics(SECOND, 6712.25))
    assert spots(desk) == [6712.25]


def test_record_whose_price_never_comes_is_recorded_as_it_came(desk: Desk) -> None:
    take(desk, analytics(SECOND), late=True)
    assert spots(desk) == [0]
