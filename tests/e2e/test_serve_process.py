"""The service as a process: it starts, answers, and ends as it should."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gexlake.services.owner.keys import create_key
from helpers import programs
from helpers.processes import PATIENCE_SECONDS

Serve = Callable[..., "Service"]


class Service:
    """A running `gexlake serve`; one that is `cold` has loaded everything by itself."""

    def __init__(self, *options: str | Path, cold: bool = False, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        environment |= {f"GEXLAKE_{name.upper()}": value for name, value in settings.items()}
        start = programs.cold if cold else programs.Program
        self.process = start(
            ["serve", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def url(self) -> str:
        """Where it listens, once it says so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"Serving .* at (http://\S+)", line):
                return found[1]
        raise AssertionError("it ended without a word of where it listens")

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        return self.outcome()

    def outcome(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[Service] = []

    def serve(*options: str | Path, **settings: Any) -> Service:
        service = Service("--lake", tmp_path / "data", *options, **settings)
        started.append(service)
        return service

    (tmp_path / "data").mkdir()
    yield serve
    for service in started:
        service.process.kill()
        service.outcome()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_a_signal_ends_it_cleanly(serve: Serve, number: signal.Signals) -> None:
    service = serve("--port", "0", cold=True)
    url = service.url()
    assert httpx2.get(f"{url}/health").json()["status"] == "ok"
    assert httpx2.get(f"{url}/ready").status_code == 200
    status, out, err = service.end(number)
    assert (status, out) == (0, "")
    assert "Traceback" not in err


def test_a_request_under_way_is_finished_first(serve: Serve) -> None:
    service = serve("--port", "0")
    host, port = service.url().removeprefix("http://").split(":")
    body = b'{"source_path": "/nowhere"}'
    head = (
        f"POST /import HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
        client.sendall(head.encode())
        assert b"100 Continue" in client.recv(65536), "the route waits for the body"
        service.process.send_signal(signal.SIGTERM)
        assert service.process.stderr is not None
        assert any("Shutting down" in line for line in service.process.stderr)
        client.sendall(body)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"import_roots" in answer
    assert service.outcome()[0] == 0


FLOODS = {
    "one header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * (8 << 20),
    "many headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: aaaaaaaaaaaaaaaa\r\n" * 400_000,
    "path": b"GET /" + b"a" * (8 << 20),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_head_without_end_is_refused(serve: Serve, flood: bytes) -> None:
    service = serve("--port", "0", body_bytes="64MiB")
    url = service.url()
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
        with contextlib.suppress(ConnectionError):  # it closes while there is more to come
            client.sendall(flood)
        with contextlib.suppress(ConnectionError):
            answer = client.recv(65536)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    large = httpx2.post(f"{url}/import", content=b"[" + b"1," * (4 << 20) + b"1]")
    assert large.status_code == 422, "a large body is no large head"
    assert service.end(signal.SIGTERM)[0] == 0


def test_a_port_that_is_taken_is_named(serve: Serve) -> None:
    port = serve("--port", "0").url().rpartition(":")[2]
    status, out, err = serve("--port", port).outcome()
    assert (status, out) == (1, "")
    assert err == (
        f"Error: 127.0.0.1:{port} is taken by another process.\nChoose another port with --port, or 0 for any.\n"
    )


def test_an_address_for_all_needs_a_key(serve: Serve, tmp_path: Path) -> None:
    status, out, err = serve("--host", "0.0.0.0", "--port", "0").outcome()
    assert (status, out) == (2, "")
    assert "0.0.0.0 can be reached from other machines" in err
    assert "gexlake keys create" in err
    _, key = create_key(tmp_path / "data", name="charts")
    service = serve("--host", "0.0.0.0", "--port", "0")
    url = service.url().replace("0.0.0.0", "127.0.0.1")
    assert httpx2.get(f"{url}/metrics").status_code == 401
    assert httpx2.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    status, _, err = service.end(signal.SIGTERM)
    assert status == 0
    assert key not in err


def test_an_address_that_is_none_is_named(serve: Serve, tmp_path: Path) -> None:
    create_key(tmp_path / "data", name="charts")
    status, _, err = serve("--host", "no.such.host.invalid").outcome()
    assert status == 1
    assert err.startswith("Error: no.such.host.invalid is no address to listen on: ")


def test_a_log_of_json_is_an_object_on_every_line(serve: Serve) -> None:
    service = serve("--port", "0", log_format="json")
    assert service.process.stderr is not None
    for line in service.process.stderr:
        document = json.loads(line)
        if "url" in document:
            break
    assert httpx2.get(f"{document['url']}/health").status_code == 200
    status, _, err = service.end(signal.SIGTERM)
    assert status == 0
    routes = [json.loads(line).get("route") for line in err.splitlines()]
    assert "/health" in routes


def test_a_redis_that_is_not_there_is_no_obstacle(serve: Serve) -> None:
    with socket.socket() as nobody:  # bound, but never listening
        nobody.bind(("127.0.0.1", 0))
        redis_url = f"redis://:open-sesame@127.0.0.1:{nobody.getsockname()[1]}"
        service = serve("--port", "0", redis_url=redis_url, proxies="127.0.0.1")
        stranger = {"X-Forwarded-For": "10.0.0.1"}  # this machine is not limited
        assert httpx2.get(f"{service.url()}/nothing", headers=stranger).status_code == 404
        status, _, err = service.end(signal.SIGTERM)
    assert status == 0
    assert "Redis is lost; rate limits are counted in this process only." in err
    assert "open-sesame" not in err
