"""Who sends a request slowly, or none at all, holds a connection for a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import parse_headers
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gexlake.api import middleware
from gexlake.api.guard import MAX_HEAD_BYTES, MAX_UNREAD_BYTES, Guard
from gexlake.api.middleware import ServiceMiddleware
from gexlake.api.state import ServiceState
from gexlake.settings import Settings

PATIENCE_SECONDS = 60.0
LONG = 3600.0
Connect = Callable[..., socket.socket]


parts: list[int] = []
"""Bytes of each part of the body that has been read last."""
arrived = threading.Condition()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the size of the body; with /at-once, before it is there."""
    size, more = 0, scope["path"] != "/at-once"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        with arrived:
            parts.append(len(message["body"]))
            arrived.notify_all()
        size, more = size + len(message["body"]), message["more_body"]
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


guards: list[Guard] = []
"""Of the servers' connections, the newest last."""


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """A connection to a server whose clients have so many seconds for a head and for a body."""
    stops: list[Callable[[], None]] = []
    clients: list[socket.socket] = []

    def connect(*, head: float = LONG, body: float = LONG) -> socket.socket:
        def guarded(**options: Any) -> Guard:
            guards.append(Guard(HttpToolsProtocol(**options), head_seconds=head))
            return guards[-1]

        monkeypatch.setattr(middleware, "BODY_SECONDS", body)
        listener = socket.create_server(("127.0.0.1", 0))
        settings = Settings(lake=tmp_path, rate_limit="", access_log=False, body_bytes="1GiB")  # type: ignore[arg-type]
        bounded = ServiceMiddleware(app, ServiceState.of_settings(settings))
        config = uvicorn.Config(bounded, http=guarded, loop="uvloop", lifespan="off", log_config=None)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join()

        stops.append(stop)
        client = socket.create_connection(listener.getsockname(), timeout=PATIENCE_SECONDS)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
    for stop in stops:
        stop()


def rest(client: socket.socket) -> bytes:
    """All that comes until the server closes, or resets what it still gets sent."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            found += piece
    return found


def answer_of(client: socket.socket) -> bytes:
    """The body of one answer, of a byte."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        found += client.recv(1)
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    return client.recv(1)


def assert_refused(answer: bytes, status: int, error: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    assert int(line.split()[1]) == status
    headers = parse_headers(BytesIO(fields + b"\r\n\r\n"))
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    document = json.loads(body)
    assert (document["error"], document["details"]) == (error, [])


HEADS = {
    "a line": b"GET / HT",
    "headers": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "without the last line": b"GET / HTTP/1.1\r\nHost: x\r\n",
}


@pytest.mark.parametrize("begun", HEADS.values(), ids=HEADS)
def test_a_head_that_does_not_end_in_time_is_408(connect: Connect, begun: bytes) -> None:
    client = connect(head=0.2)
    client.sendall(begun)
    assert_refused(rest(client), 408, "request_timeout")


def test_bytes_one_by_one_give_no_more_time(connect: Connect) -> None:
    client = connect(head=0.3)
    client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    ended = threading.Event()

    def trickle() -> None:
        while not ended.wait(0.01):
            try:
                client.sendall(b"a")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        answer = rest(client)
    finally:
        ended.set()
        thread.join()
    assert_refused(answer, 408, "request_timeout")


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n"])
def test_who_connects_and_never_asks_is_let_go_without_a_word(connect: Connect, sent: bytes) -> None:
    client = connect(head=0.2)
    client.sendall(sent)
    assert rest(client) == b""


def test_blank_lines_after_an_answer_keep_no_connection(connect: Connect) -> None:
    client = connect(head=0.2)
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer_of(client) == b"0"
    client.sendall(b"\r\n")
    assert rest(client) == b""


BODIES = {"length": b"Content-Length: 100\r\n\r\nhalf", "chunks": b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_does_not_come_is_408(connect: Connect, body: bytes) -> None:
    client = connect(body=0.2)
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + body)
    assert_refused(rest(client), 408, "request_timeout")


def test_a_body_that_does_not_come_behind_its_answer_ends_the_connection(connect: Connect) -> None:
    client = connect(head=2.0)
    client.sendall(b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert answer_of(client) == b"0"
    client.sendall(b"a")
    assert rest(client) == b"", "no second answer"


def test_a_body_may_take_its_time_as_long_as_it_comes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that says of each part that it took a thousand seconds to come."""
    clock = itertools.count(step=1000)
    monkeypatch.setattr(middleware, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(middleware, "BODY_BYTES", 1)
    client = connect(body=1500)
    for part in parts_of_a_body(client):
        client.sendall(part)
    assert answer_of(client) == b"8"
    monkeypatch.setattr(middleware, "BODY_BYTES", 10)
    client = connect(body=1500)
    for part in itertools.islice(parts_of_a_body(client), 2):
        client.sendall(part)
    assert_refused(rest(client), 408, "request_timeout")


def parts_of_a_body(client: socket.socket) -> Iterator[bytes]:
    """Eight bytes, each once the server has read the one before it."""
    parts.clear()
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
    for number in range(8):
        yield b"a"
        with arrived:
            arrived.wait_for(lambda number=number: len(parts) > number, PATIENCE_SECONDS)


def test_who_has_sent_all_has_no_clock_against_him(connect: Connect) -> None:
    client = connect()
    client.sendall(b"POST / HTTP/1.1\r\nHo")
    for later in (b"st: x\r\nContent-Le", b"ngth: 2\r\n\r\na", b"bPOST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"):
        client.sendall(later)
    assert (answer_of(client), answer_of(client)) == (b"2", b"1")
    assert guards[-1]._timer is None


def test_a_body_of_any_length_is_read_as_fast_as_it_comes(connect: Connect) -> None:
    client = connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (32 << 20))
    for _ in range(32):
        client.sendall(bytes(1 << 20))
    assert rest(client).endswith(b"\r\n\r\n%d" % (32 << 20))


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["first", "behind another"])
def test_a_head_that_is_too_large_is_431(connect: Connect, before: bytes) -> None:
    client = connect()
    client.sendall(before)
    if before:
        assert answer_of(client) == b"0"
    with contextlib.suppress(OSError):
        client.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * (64 * MAX_HEAD_BYTES))
    answer = rest(client)
    if answer:  # what it still gets sent may have it reset the connection
        assert_refused(answer, 431, "head_too_large")


def test_what_comes_behind_an_answer_that_left_the_body_unread_is_bounded(connect: Connect) -> None:
    client = connect()
    client.sendall(b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (64 * MAX_UNREAD_BYTES))
    assert answer_of(client) == b"0"
    with contextlib.suppress(OSError):
        for _ in range(64):
            client.sendall(bytes(MAX_UNREAD_BYTES))
        pytest.fail("the server took all of it")
    assert rest(client) == b"", "no second answer"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\0" * 50])
def test_what_is_not_http_is_400_in_the_words_of_the_server(connect: Connect, sent: bytes) -> None:
    client = connect()
    client.sendall(sent)
    assert rest(client).startswith(b"HTTP/1.1 400 Bad Request\r\n")
