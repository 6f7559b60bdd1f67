"""The real Azure client against a replay, used as the vendor's Python program uses it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gexlake.models.feed import Feed
from gexlake.vendor.messages import decode
from helpers.histories import TUESDAY
from helpers.processes import PATIENCE_SECONDS, until
from helpers.replay import ReplayProcess, assert_same, records_of_source
from integration.replay.conftest import Start

azure = pytest.importorskip("azure.messaging.webpubsubclient", reason="the client of the vendor's program")
models = pytest.importorskip("azure.messaging.webpubsubclient.models")
SELECTION = {"classic": "gex_full", "state_greeks_zero": "gamma_zero", "orderflow": "orderflow"}
"""Hub -> category: what the program asks for by default."""
PACKAGES = {"classic": "classic", "state_greeks_zero": "state", "orderflow": "orderflow"}


@pytest.fixture
def replay(starting: Start, replay_lake: Path) -> ReplayProcess:
    return starting(replay_lake, "--date", str(TUESDAY), "--paused")


@pytest.fixture
def clients() -> Iterator[list[Any]]:
    opened: list[Any] = []
    yield opened
    for client in opened:
        client.close()


def listen(clients: list[Any], url: str) -> tuple[Any, queue.Queue[Any], queue.Queue[Any]]:
    """A client of a hub, the messages that come, and its connections."""
    messages: queue.Queue[Any] = queue.Queue()
    connections: queue.Queue[Any] = queue.Queue()
    client = azure.WebPubSubClient(url, ack_timeout=5)  # a busy machine may make it miss one, see NETWORK_SECONDS
    client.subscribe(models.CallbackType.GROUP_MESSAGE, messages.put)
    client.subscribe(models.CallbackType.CONNECTED, connections.put)
    client.open()
    clients.append(client)
    return client, messages, connections


def next_document(messages: queue.Queue[Any]) -> dict[str, Any]:
    """The record in the next message; its callbacks run in a thread each, so their order means nothing."""
    message = messages.get(timeout=PATIENCE_SECONDS)
    assert message.data_type in ("protobuf", models.WebPubSubDataType.PROTOBUF)
    return decode(bytes(message.data)).document


def test_it_joins_and_is_told_the_records(replay: ReplayProcess, replay_lake: Path, clients: list[Any]) -> None:
    answer = replay.get("/v2/negotiate").json()
    for hub, category in SELECTION.items():
        client, messages, connections = listen(clients, answer["websocket_urls"][hub])
        assert connections.get(timeout=PATIENCE_SECONDS).connection_id
        feed = Feed("NQ_NDX", PACKAGES[hub], category)
        client.join_group("_".join((answer["prefix"], *feed)))
        replay.control("seek", to="start")
        clock = replay.control("step", seconds=5)["instant_us"] / 1_000_000
        due = [one for one in records_of_source(replay_lake, TUESDAY, feed) if one["timestamp"] <= clock]
        told = [next_document(messages) for _ in due]
        assert_same(sorted(told, key=lambda one: one["timestamp"]), due)


def test_it_comes_back_by_itself_when_it_is_cut_off(replay: ReplayProcess, clients: list[Any]) -> None:
    answer = replay.get("/v2/negotiate").json()
    client, messages, connections = listen(clients, answer["websocket_urls"]["classic"])
    first = connections.get(timeout=PATIENCE_SECONDS).connection_id
    client.join_group(f"{answer['prefix']}_NQ_NDX_classic_gex_full")
    replay.control("step", seconds=3)
    before = next_document(messages)["timestamp"]
    assert replay.control("sockets/drop") == {"dropped": 1}
    assert connections.get(timeout=PATIENCE_SECONDS).connection_id != first
    until(lambda: replay.status()["sockets"]["groups"])  # it joins again on its own
    while not messages.empty():
        messages.get()
    replay.control("step", seconds=5)
    assert next_document(messages)["timestamp"] > before
