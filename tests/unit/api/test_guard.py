"""Who sends a request slowly, or none at all, holds a connection for a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import parse_headers
from io import BytesIO
from typing import Any

import pytest
import uvicorn
from gexlake.api.protocol import ServiceProtocol

from gexlake.api import protocol

PATIENCE_SECONDS = 60.0
LONG = 3600.0
Connect = Callable[..., socket.socket]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the size of the body; with /at-once, before it is there."""
    size, more = 0, scope["path"] != "/at-once"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


protocols: list[ServiceProtocol] = []
"""Of the servers' connections, the newest last."""
times = threading.Semaphore(0)
"""Released whenever a client has had its time."""


@pytest.fixture
def connect() -> Iterator[Connect]:
    """A connection to a server whose clients have so many seconds for a head and for a body."""
    stops: list[Callable[[], None]] = []
    clients: list[socket.socket] = []

    def connect(*, head: float = LONG, body: float = LONG) -> socket.socket:
        class Bounded(ServiceProtocol):
            head_seconds, body_seconds = head, body

            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                protocols.append(self)

            def _on_time(self) -> None:
                super()._on_time()
                times.release()

        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http=Bounded, loop="uvloop", lifespan="off", log_config=None))
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
    client = connect(body=0.2)
    client.sendall(b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert answer_of(client) == b"0"
    client.sendall(b"a")
    assert rest(client) == b"", "no second answer"


def test_a_body_may_take_its_time_as_long_as_it_comes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_BYTES", 0)  # fast enough at any speed
    while times.acquire(blocking=False):
        pass
    client = connect(body=0.01)
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
    for _ in range(8):
        assert times.acquire(timeout=PATIENCE_SECONDS)
        client.sendall(b"a")
    assert answer_of(client) == b"8"


def test_who_has_sent_all_has_no_clock_against_him(connect: Connect) -> None:
    client = connect()
    client.sendall(b"POST / HTTP/1.1\r\nHo")
    for later in (b"st: x\r\nContent-Le", b"ngth: 2\r\n\r\na", b"bPOST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"):
        client.sendall(later)
    assert (answer_of(client), answer_of(client)) == (b"2", b"1")
    assert protocols[-1]._timer is None


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\0" * 50])
def test_what_is_not_http_is_400_in_the_shape_of_all_errors(connect: Connect, sent: bytes) -> None:
    client = connect()
    client.sendall(sent)
    assert_refused(rest(client), 400, "request_invalid")
