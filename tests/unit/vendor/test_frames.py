"""Frames of every subprotocol, read by one side as the other has written them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexlake.vendor.frames import (
    CODECS,
    Ack,
    BrokenFrameError,
    Connected,
    Disconnected,
    Downstream,
    GroupMessage,
    JoinGroup,
    LeaveGroup,
    Ping,
    Pong,
    SequenceAck,
    Upstream,
    choose,
)
from gexlake.vendor.messages import Clamped, encode_spot

RELIABLE, JSON, PROTOBUF = "json.reliable.webpubsub.azure.v1", "json.webpubsub.azure.v1", "protobuf.webpubsub.azure.v1"
ENVELOPE = encode_spot(1763130600, "SPX", 7138.55, Clamped())

UPSTREAM: list[Upstream] = [JoinGroup("blue_SPX_spot", 1), JoinGroup("g"), LeaveGroup("g", 2), LeaveGroup("g"), Ping()]
DOWNSTREAM: list[Downstream] = [Connected("abc", "me"), Ack(1), Ack(2, "Forbidden", "no"), Disconnected("over"), Pong()]


@pytest.mark.parametrize("name", [RELIABLE, JSON, PROTOBUF])
@pytest.mark.parametrize("value", UPSTREAM, ids=str)
def test_what_a_client_says_is_understood(name: str, value: Upstream) -> None:
    frame = CODECS[name].write_upstream(value)
    assert frame is not None
    assert CODECS[name].read_upstream(frame) == value


@pytest.mark.parametrize("name", [RELIABLE, JSON, PROTOBUF])
@pytest.mark.parametrize("value", DOWNSTREAM, ids=str)
def test_what_a_server_says_is_understood(name: str, value: Downstream) -> None:
    frame = CODECS[name].write_downstream(value)
    assert frame is not None
    assert CODECS[name].read_downstream(frame) == value


@pytest.mark.parametrize(("name", "group", "number"), [
    (RELIABLE, "g", 7), (JSON, "g", None), (PROTOBUF, "g", None), (None, None, None),
])  # fmt: skip
def test_a_message_is_made_once_and_numbered_for_each(name: str | None, group: str | None, number: int | None) -> None:
    codec = CODECS[name]
    frame = codec.numbered(codec.shared("g", ENVELOPE), 7)
    assert codec.read_downstream(frame) == GroupMessage(group, ENVELOPE, number)


def test_json_messages_are_as_the_vendor_sends_them() -> None:
    codec = CODECS[RELIABLE]
    frame = codec.numbered(codec.shared("blue_SPX_spot", ENVELOPE), 17)
    assert json.loads(frame) == {
        "sequenceId": 17,
        "type": "message",
        "from": "group",
        "fromUserId": None,
        "group": "blue_SPX_spot",
        "dataType": "protobuf",
        "data": base64.b64encode(ENVELOPE).decode(),
    }


def test_only_the_reliable_form_counts() -> None:
    assert CODECS[RELIABLE].read_upstream('{"type":"sequenceAck","sequenceId":17}') == SequenceAck(17)
    assert CODECS[JSON].write_upstream(SequenceAck(17)) is None
    connected = Connected("abc", "", "token")
    assert "reconnectionToken" in str(CODECS[RELIABLE].write_downstream(connected))
    assert "reconnectionToken" not in str(CODECS[JSON].write_downstream(connected))


def test_binary_payloads_are_taken_as_well_and_text_is_passed_over() -> None:
    message = {"type": "message", "from": "group", "group": "g", "dataType": "binary", "data": "AAA="}
    assert CODECS[JSON].read_downstream(json.dumps(message)) == GroupMessage("g", b"\x00\x00")
    assert CODECS[JSON].read_downstream(json.dumps(message | {"dataType": "text"})) is None
    assert CODECS[JSON].read_downstream('{"type":"something new"}') is None


@pytest.mark.parametrize(("name", "frame"), [
    (JSON, "{"), (JSON, "[]"), (JSON, '{"type":"ack"}'), (JSON, '{"type":"ack","ackId":"x"}'),
    (JSON, '{"type":"ack","ackId":-1}'),
    (JSON, '{"type":"message","from":"group","group":"g","dataType":"protobuf","data":"?"}'),
    (JSON, '{"type":"message","from":"group","group":1,"dataType":"protobuf","data":""}'),
    (PROTOBUF, "text"), (PROTOBUF, b"\xff"), (None, "text"),
])  # fmt: skip
def test_a_frame_that_is_none_is_refused(name: str | None, frame: str | bytes) -> None:
    with pytest.raises(BrokenFrameError):
        CODECS[name].read_downstream(frame)


@given(st.sampled_from([RELIABLE, JSON, PROTOBUF, None]), st.binary(max_size=100) | st.text(max_size=100))
def test_any_frame_is_understood_passed_over_or_refused(name: str | None, frame: str | bytes) -> None:
    for read in (CODECS[name].read_upstream, CODECS[name].read_downstream):
        with suppress(BrokenFrameError):
            read(frame)


@pytest.mark.parametrize(
    ("offered", "chosen"), [([JSON, RELIABLE], JSON), (["chat", PROTOBUF], PROTOBUF), (["chat"], None), ([], None)]
)
def test_the_first_that_is_known_is_chosen(offered: list[str], chosen: str | None) -> None:
    assert choose(offered) == chosen
