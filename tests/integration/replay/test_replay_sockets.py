"""Sockets of a replay: negotiated, joined, told the news, and what can go wrong with them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, create_connection
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from gexlake.models.feed import FEED_CATEGORIES, Feed
from gexlake.vendor.frames import CODECS, Disconnected, GroupMessage, LeaveGroup
from gexlake.vendor.groups import group_of_feed
from gexlake.vendor.messages import decode
from helpers.histories import TUESDAY
from helpers.processes import PATIENCE_SECONDS
from helpers.replay import RELIABLE, ReplayProcess, Socket, assert_same, records_of_source
from integration.replay.conftest import Start

FEEDS = [Feed("NQ_NDX", package, category) for package, names in FEED_CATEGORIES.items() for category in names]
ZERO, GAMMA, FLOW = (
    Feed("NQ_NDX", "classic", "gex_zero"),
    Feed("NQ_NDX", "state", "gamma_zero"),
    Feed("NQ_NDX", "orderflow", "orderflow"),
)
HUB_OF = {ZERO: "classic", GAMMA: "state_greeks_zero", FLOW: "orderflow"}

Open = Callable[..., Socket]


@pytest.fixture(scope="module")
def paused(starting: Start, replay_lake: Path) -> ReplayProcess:
    return starting(replay_lake, "--date", str(TUESDAY), "--paused")


@pytest.fixture
def replay(paused: ReplayProcess) -> Iterator[ReplayProcess]:
    """At the opening, standing still."""
    paused.faults()
    paused.control("seek", to="start")
    yield paused
    paused.faults()


@pytest.fixture
def open_socket(replay: ReplayProcess) -> Iterator[Open]:
    opened: list[Socket] = []

    def open_socket(url: str, subprotocol: str | None = RELIABLE, **options: Any) -> Socket:
        opened.append(replay.open(url, subprotocol, **options))
        return opened[-1]

    yield open_socket
    for socket in opened:
        socket.close()
    legacy(replay, "classic")  # and the server knows of none any more


def legacy(replay: ReplayProcess, hub: str, **options: Any) -> str:
    url: str = replay.get("/v2/negotiate", **options).json()["websocket_urls"][hub]
    return url


def named(feed: Feed) -> str:
    return f"blue_{group_of_feed(feed)}"


def documents(messages: list[GroupMessage]) -> list[dict[str, Any]]:
    return [decode(message.envelope).document for message in messages]


# ---- what is said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subprotocol", [name for name in CODECS if name])
@pytest.mark.parametrize("feed", [ZERO, GAMMA, FLOW], ids=str)
def test_a_group_is_told_the_records_of_its_feed(
    replay: ReplayProcess, open_socket: Open, replay_lake: Path, subprotocol: str, feed: Feed
) -> None:
    socket = open_socket(legacy(replay, HUB_OF[feed]), subprotocol)
    assert socket.join(named(feed)).error is None
    replay.control("seek", to="end")
    replay.control("seek", to="start")
    replay.control("step", seconds=3)
    messages = socket.messages(3)
    assert_same(documents(messages), records_of_source(replay_lake, TUESDAY, feed)[:3])
    assert {message.group for message in messages} == {named(feed)}
    assert [message.sequence_id for message in messages] == (
        [1, 2, 3] if subprotocol == RELIABLE else [None, None, None]
    )
    assert socket.is_silent()


def test_without_a_subprotocol_messages_are_bare(replay: ReplayProcess, open_socket: Open, replay_lake: Path) -> None:
    urls = replay.post("/v2/negotiate", {"groups": [group_of_feed(ZERO)]}).json()["websocket_urls"]
    socket = open_socket(urls["classic"], None)
    replay.control("step", seconds=2)
    assert_same(documents(socket.messages(2)), records_of_source(replay_lake, TUESDAY, ZERO)[:2])


def test_every_feed_is_told_exactly_what_the_clock_has_reached(
    replay: ReplayProcess, open_socket: Open, replay_lake: Path
) -> None:
    """Nothing ahead of it, nothing left out: by sockets, and by every route."""
    groups = [group_of_feed(feed) for feed in FEEDS]
    urls = replay.post("/v2/negotiate", {"groups": [*groups, "NQ_NDX_spot"]}).json()["websocket_urls"]
    sockets = {hub: open_socket(url) for hub, url in urls.items()}
    sources = {feed: records_of_source(replay_lake, TUESDAY, feed) for feed in FEEDS}
    told: dict[str, list[dict[str, Any]]] = {}
    for seconds in (1.5, 0.5, 0.0, 0.999, 0.001, 7, 30):
        clock = replay.control("step", seconds=seconds)["instant_us"] / 1_000_000
        due = {
            feed: [record for record in records if record["timestamp"] <= clock] for feed, records in sources.items()
        }
        for hub, socket in sockets.items():
            told.setdefault(hub, []).extend(documents(socket.so_far()))
        found = [document for documents in told.values() for document in documents if len(document) > 3]
        expected = [record for records in due.values() for record in records]
        assert_same(sorted(found, key=str), sorted(expected, key=str))
        for feed, records in due.items():
            answer = replay.get(f"/v2/{'/'.join(feed)}")
            if records:
                assert_same([answer.json()], records[-1:])
            else:
                assert (answer.status_code, answer.json()) == (404, {"error": "Not found."})
            for view in ("majors", "maxchange"):
                answer = replay.get(f"/v2/{'/'.join(feed)}/{view}")
                assert answer.status_code == 404 or answer.json()["timestamp"] <= clock
    spots = [document for documents in told.values() for document in documents if len(document) == 3]
    records = sources[Feed("NQ_NDX", "classic", "gex_full")]
    assert len(spots) == len(records) * 5, "on every hub that has analytics of the ticker"
    for record in records:
        assert {name: record[name] for name in ("timestamp", "ticker", "spot")} in spots


def test_a_running_clock_tells_all_in_order(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--date", str(TUESDAY), "--paused", "--speed", "20")
    socket = replay.open(legacy(replay, "classic"))
    socket.join(named(ZERO))
    replay.control("resume")
    records = records_of_source(replay_lake, TUESDAY, ZERO)
    assert_same(documents(socket.messages(len(records))), records)
    socket.close()


# ---- groups --------------------------------------------------------------------------------------------------------


def test_a_group_of_another_hub_is_acknowledged_and_silent(replay: ReplayProcess, open_socket: Open) -> None:
    socket = open_socket(legacy(replay, "classic"))
    assert socket.join(named(GAMMA)).error is None
    replay.control("step", seconds=5)
    assert socket.is_silent()


def test_a_feed_that_the_lake_lacks_is_acknowledged_and_silent(replay: ReplayProcess, open_socket: Open) -> None:
    socket = open_socket(legacy(replay, "classic"))
    for group in ("blue_SPX_classic_gex_full", "blue_NQ_NDX_classic_gex_20251121"):
        assert socket.join(group).error is None
    replay.control("step", seconds=5)
    assert socket.is_silent()


@pytest.mark.parametrize("group", ["NQ_NDX_classic_gex_zero", "red_NQ_NDX_classic_gex_zero", "blue_nonsense", ""])
def test_a_group_that_is_none_is_refused(replay: ReplayProcess, open_socket: Open, group: str) -> None:
    assert open_socket(legacy(replay, "classic")).join(group).error == "Forbidden"


def test_who_leaves_a_group_hears_no_more_of_it(replay: ReplayProcess, open_socket: Open) -> None:
    socket = open_socket(legacy(replay, "classic"))
    socket.join(named(ZERO))
    socket.say(LeaveGroup(named(ZERO)))
    assert socket.is_silent()
    replay.control("step", seconds=5)
    assert socket.is_silent()


def test_two_clients_are_told_what_was_encoded_once(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--paused")
    url = legacy(replay, "state_gex")
    first, second = replay.open(url), replay.open(url, "protobuf.webpubsub.azure.v1")
    for socket in (first, second):
        socket.join("blue_NQ_NDX_state_gex_one")
    replay.control("step", seconds=5)
    told = documents(first.so_far())
    assert_same(documents(second.so_far()), told)
    assert replay.status()["sockets"]["encoded"] == len(told) > 0
    first.close()
    second.close()


# ---- negotiation ---------------------------------------------------------------------------------------------------


def test_addresses_lead_back_to_the_host_that_was_asked(replay: ReplayProcess) -> None:
    answer = replay.get("/negotiate", headers={"Host": "gexbot.test:8080"}).json()
    assert answer["prefix"] == "blue"
    assert list(answer["websocket_urls"]) == [
        "classic",
        "state_gex",
        "state_greeks_zero",
        "state_greeks",
        "state_greeks_one",
        "orderflow",
    ]
    assert all(
        url.startswith(f"ws://gexbot.test:8080/client/hubs/{hub}?access_token=")
        for hub, url in answer["websocket_urls"].items()
    )


def test_groups_without_spot_are_of_the_older_hubs(replay: ReplayProcess) -> None:
    answer = replay.post("/v2/negotiate", {"groups": ["SPX_classic_gex_full"]}).json()
    assert list(answer) == ["websocket_urls"]
    assert "classic" in answer["websocket_urls"]


def test_groups_with_spot_are_of_the_newer_hubs(replay: ReplayProcess) -> None:
    answer = replay.post("/negotiate", {"groups": ["SPX_classic_gex_full", "SPX_spot"]}).json()
    assert all(hub.startswith("v2_") for hub in answer["websocket_urls"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"groups": []},
        {"groups": "SPX_spot"},
        {"groups": [1]},
        {"groups": ["nonsense"]},
        {"groups": ["blue_SPX_classic_gex_full "]},
        {"groups": ["SPX_spot"]},
        {"groups": ["SPX_classic_gex_full", "NDX_spot"]},
        {"groups": ["SPX_classic_gex_full", "NDX_classic_gex_full", "NDX_spot"]},
    ],
)
def test_what_cannot_be_negotiated_is_refused(replay: ReplayProcess, body: Any) -> None:
    answer = replay.post("/v2/negotiate", body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_body_that_is_not_json_is_refused(replay: ReplayProcess) -> None:
    answer = replay.client.post("/v2/negotiate", headers={"Authorization": "Bearer x"}, content=b'{"groups":')
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_groups_can_be_changed_on_open_sockets(replay: ReplayProcess, open_socket: Open, replay_lake: Path) -> None:
    zero, one = ("NQ_NDX_classic_gex_zero", "NQ_NDX_classic_gex_one")
    urls = replay.post("/v2/negotiate", {"groups": [zero, "NQ_NDX_spot"]}).json()["websocket_urls"]
    socket = open_socket(urls["v2_classic"])
    pair = {"hub": "v2_classic", "group": one}
    answer = replay.post("/v2/negotiate", {"groups": [pair, pair]}, method="PATCH").json()
    hubs = dict.fromkeys(["v2_classic", "v2_state_gex", "v2_state_greeks_zero", "v2_state_greeks"], 0)
    assert answer == {
        "updated_groups": 1,
        "hubs": {**hubs, "v2_state_greeks_one": 0, "v2_orderflow": 0, "v2_classic": 1},
    }
    clock = replay.control("step", seconds=5)["instant_us"] / 1_000_000
    records = records_of_source(replay_lake, TUESDAY, Feed("NQ_NDX", "classic", "gex_one"))
    assert_same(documents(socket.so_far()), [record for record in records if record["timestamp"] <= clock])
    assert replay.post("/v2/negotiate", {"groups": []}, method="PATCH").json()["updated_groups"] == 0
    replay.control("step", seconds=3)
    assert socket.is_silent()


@pytest.mark.parametrize(
    ("hub", "group"), [("classic", "SPX_classic_gex_full"), ("v2_classic", "SPX_state_gex_full"), ("v2_classic", "no")]
)
def test_a_group_can_only_be_changed_to_one_of_its_hub(replay: ReplayProcess, hub: str, group: str) -> None:
    replay.post("/v2/negotiate", {"groups": ["SPX_classic_gex_full", "SPX_spot"]})
    answer = replay.post("/v2/negotiate", {"groups": [{"hub": hub, "group": group}]}, method="PATCH")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_who_negotiates_anew_loses_what_was_before(replay: ReplayProcess, open_socket: Open) -> None:
    url = legacy(replay, "classic")
    mine, other = open_socket(url), open_socket(legacy(replay, "classic", key="another"))
    legacy(replay, "classic")
    assert isinstance(mine.receive(), Disconnected)
    with pytest.raises(ConnectionClosedOK):
        mine.receive()
    with pytest.raises(InvalidStatus, match="401"):
        Socket(url)
    assert other.is_silent()


@pytest.mark.parametrize("path", ["/client/hubs/classic", "/client/hubs/classic?access_token=x"])
def test_an_address_without_a_token_is_refused(replay: ReplayProcess, path: str) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        Socket(replay.url.replace("http", "ws") + path)


def test_who_wants_to_recover_is_sent_to_connect_anew(replay: ReplayProcess) -> None:
    url = legacy(replay, "classic") + "&awps_connection_id=x&awps_reconnection_token=y"
    with pytest.raises(ConnectionClosedError, match="1008"):
        Socket(url)


# ---- what can go wrong ---------------------------------------------------------------------------------------------


def test_sockets_can_be_dropped_and_opened_again(replay: ReplayProcess, open_socket: Open) -> None:
    url = legacy(replay, "classic")
    for body, code in (({}, None), ({"code": 1011}, 1011)):
        socket = open_socket(url)
        assert replay.control("sockets/drop", **body) == {"dropped": 1}
        with pytest.raises(ConnectionClosedError) as closed:
            socket.receive()
        assert (closed.value.rcvd.code if closed.value.rcvd else None) == code
        while replay.status()["sockets"]["open"]:
            pass


def test_who_leaves_at_any_moment_harms_nobody(replay: ReplayProcess, open_socket: Open) -> None:
    url = legacy(replay, "classic")
    host, _, port = replay.url.removeprefix("http://").partition(":")
    head = (
        f"GET {url.partition(host + ':' + port)[2]} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    join = b'{"type":"joinGroup","group":"blue_NQ_NDX_classic_gex_zero","ackId":1}'
    masked = bytes((0x81, 0x80 | len(join))) + bytes(4) + join
    for data in (head.encode(), head.encode() + masked, head.encode() + masked[:10]):
        for reset in (False, True):
            with create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
                if reset:
                    client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(data)
    while replay.status()["sockets"]["open"]:
        pass
    assert open_socket(url).is_silent()


def test_messages_can_be_late_and_repeated(replay: ReplayProcess, open_socket: Open, replay_lake: Path) -> None:
    socket = open_socket(legacy(replay, "classic"))
    socket.join(named(ZERO))
    first, second, third = records_of_source(replay_lake, TUESDAY, ZERO)[:3]
    replay.faults(late_messages={"count": 1}, repeated_messages={"count": 1})
    replay.control("step", seconds=3)
    assert_same(documents(socket.messages(4)), [second, first, second, third])


@pytest.mark.parametrize("frame", ["{", "[]", '{"type":"joinGroup"}', '{"type":"joinGroup","group":7}', b"\xff"])
def test_a_frame_that_is_none_ends_the_socket(replay: ReplayProcess, open_socket: Open, frame: str | bytes) -> None:
    socket = open_socket(legacy(replay, "classic"))
    socket.connection.send(frame)
    with pytest.raises(ConnectionClosedError, match="1008"):
        socket.receive()


def test_a_slow_reader_gets_the_newest_and_the_others_everything(
    replay: ReplayProcess, open_socket: Open, replay_lake: Path
) -> None:
    group = "blue_NQ_NDX_classic_gex_full"
    url = legacy(replay, "classic")
    slow, quick = open_socket(url, max_queue=1), open_socket(url)
    for socket in (slow, quick):
        socket.join(group)
    records = records_of_source(replay_lake, TUESDAY, Feed("NQ_NDX", "classic", "gex_full"))
    rounds = 0
    while not replay.status()["sockets"]["left_out"]:
        replay.control("seek", to="start")
        replay.control("step", seconds=60)
        assert_same(documents(quick.messages(len(records))), records)
        rounds += 1
    received: list[GroupMessage] = []
    replay.control("seek", to="start")
    replay.control("step", seconds=60)
    assert_same(documents(quick.so_far()), records)
    slow.say(LeaveGroup(group, 99))
    while isinstance(message := slow.receive(), GroupMessage):
        received.append(message)
    assert_same(documents(received)[-1:], records[-1:])
    assert len(received) < (rounds + 1) * len(records)
    numbers = [message.sequence_id for message in received]
    assert numbers == list(range(1, len(received) + 1))
