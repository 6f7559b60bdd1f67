"""What a client gets over a real connection: whole answers, in order, whichever way they take to the socket."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPMessage, parse_headers
from pathlib import Path

import httpx2
import pytest

from e2e.test_serve_process import PATIENCE_SECONDS, Service
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.runner import Runner

COUNT = 2_000
PAGE = f"/gex?symbol=NQ_NDX&limit={COUNT}"
AT = "/gex/latest?symbol=NQ_NDX"

Connect = Callable[..., "Client"]


@pytest.fixture(scope="module")
def records() -> list[dict[str, object]]:
    return records_of(MONDAY, COUNT)


@pytest.fixture(scope="module")
def lake(runner: Runner, fast_disk: Path, records: list[dict[str, object]]) -> Path:
    lake = fast_disk / "transport" / "data"
    assert runner.run_import(write_array(lake.parent / "source" / vendor_name(MONDAY), records), lake).status == 0
    return lake


@pytest.fixture(scope="module")
def url(lake: Path) -> Iterator[str]:
    """Of a service, which has to end well whatever it was sent."""
    service = Service("--lake", lake, "--port", "0", rate_limit="", access_log="false")
    try:
        yield service.url()
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err, "ERROR" in err) == (0, False, False), err
    finally:
        service.process.kill()


class Client:
    """A connection of its own, which takes no more off the socket than it is asked to."""

    def __init__(self, url: str, *, receive_bytes: int = 0) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect((host, int(port)))
        self._answers = self.socket.makefile("rb", buffering=receive_bytes or 65536)

    def ask(self, *paths: str, version: str = "1.1", headers: str = "") -> None:
        """Send requests, one directly behind the other."""
        requests = (f"GET {path} HTTP/{version}\r\nHost: 127.0.0.1\r\n{headers}\r\n" for path in paths)
        self.socket.sendall("".join(requests).encode())

    def answer(self) -> tuple[HTTPMessage, bytes]:
        """Headers and body of the next answer, which is a good one."""
        assert self._answers.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = parse_headers(self._answers)
        return headers, self._answers.read(int(headers["content-length"]))

    def is_at_end(self) -> bool:
        """Whether the server has closed the connection and nothing more comes."""
        return self._answers.read(1) == b""

    def close(self) -> None:
        self._answers.close()
        self.socket.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def connect(url: str, **options: int) -> Client:
        clients.append(Client(url, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def snapshots(body: bytes) -> list[dict[str, object]]:
    document = json.loads(body)
    found: list[dict[str, object]] = document["snapshots"]
    assert document["count"] == len(found)
    return found


def test_a_page_is_what_was_imported(url: str, records: list[dict[str, object]]) -> None:
    assert snapshots(httpx2.get(url + PAGE).content) == records


def test_a_client_that_takes_little_at_a_time_gets_all_of_it(
    url: str, connect: Connect, records: list[dict[str, object]]
) -> None:
    client = connect(url, receive_bytes=4096)
    client.ask(PAGE)
    assert snapshots(client.answer()[1]) == records
    client.ask(AT)
    assert json.loads(client.answer()[1])["spot"] == records[-1]["spot"]


def test_requests_sent_before_the_answers_are_read_are_answered_in_order(
    url: str, connect: Connect, records: list[dict[str, object]]
) -> None:
    client = connect(url, receive_bytes=4096)
    client.ask(PAGE, AT, "/health", PAGE + "&order=desc", AT)
    assert snapshots(client.answer()[1]) == records
    assert json.loads(client.answer()[1])["timestamp"] == records[-1]["timestamp"]
    assert json.loads(client.answer()[1])["status"] == "ok"
    assert snapshots(client.answer()[1]) == records[::-1]
    assert json.loads(client.answer()[1])["timestamp"] == records[-1]["timestamp"]


def test_the_connection_ends_where_the_client_does_not_keep_it(url: str, connect: Connect) -> None:
    for path in (PAGE, AT):
        for version, header in (("1.1", "Connection: close\r\n"), ("1.0", "")):
            client = connect(url)
            client.ask(path, version=version, headers=header)
            said, body = client.answer()
            assert said["connection"] == "close"
            assert len(body) == int(said["content-length"])
            assert client.is_at_end()


def test_clients_that_leave_in_the_middle_harm_nobody(
    url: str, connect: Connect, records: list[dict[str, object]]
) -> None:
    for _ in range(20):
        client = connect(url, receive_bytes=4096)
        client.ask(PAGE, PAGE)
        client.socket.recv(1000)
        client.close()
    assert snapshots(httpx2.get(url + PAGE).content) == records


def test_no_byte_of_a_query_ends_a_header_early(url: str, connect: Connect) -> None:
    """The link to the next page repeats the query; of a parameter that is sent twice, the last counts."""
    for number in [*range(0x21), *b'"#%&<>', 0x7F, 0x80, 0xFF]:
        client = connect(url)
        query = b"symbol=x" + bytes([number]) + b"x-injected:1&symbol=NQ_NDX&limit=1"
        client.socket.sendall(b"GET /gex?%b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % query)
        received = b"".join(iter(lambda client=client: client.socket.recv(65536), b""))
        head, _, _ = received.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ", b"HTTP/1.1 404 ", b"HTTP/1.1 422 ")), (number, head)
        assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|^x-injected|[^\r]\n|\r[^\n]", head, re.M), (
            number,
            head,
        )
