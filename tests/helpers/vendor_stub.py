"""A small HTTP server on a real socket, told what to answer: the vendor's service, its store, or another host."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from helpers.processes import PATIENCE_SECONDS


class Gate:
    """A place in a body at which the server waits: `reached` when it is there, until `open`."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def wait_until_reached(self) -> None:
        assert self.reached.wait(PATIENCE_SECONDS), "nobody has come so far"


@dataclass
class Reply:
    """An answer. With `length` another one than the body has, the line breaks off behind the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    gate: Gate | None = None
    gate_after: int = 0
    """Bytes of the body before the gate."""


@dataclass
class Seen:
    """A request that came."""

    path: str
    headers: Message


Answer = Reply | Callable[[Seen], Reply]


class Stub:
    """The server. `on` says how paths are answered: by one answer after the other, and the last one stays."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._answers: dict[str, deque[Answer]] = {}
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen = Seen(self.path, self.headers)
                self.close_connection = True
                with suppress(ConnectionError):
                    self._send(stub.reply(seen))

            def _send(self, reply: Reply) -> None:
                self.send_response_only(reply.status)  # without a date of its own
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    if not (name == "Content-Length" and reply.length is not None):
                        self.send_header(name, value)
                if reply.length is not None:
                    self.send_header("Content-Length", str(reply.length))
                self.send_header("Connection", "close")
                self.end_headers()
                first = reply.body[: reply.gate_after] if reply.gate else reply.body
                self.wfile.write(first)
                self.wfile.flush()
                if reply.gate:
                    reply.gate.reached.set()
                    reply.gate.open.wait(PATIENCE_SECONDS)
                    self.wfile.write(reply.body[reply.gate_after :])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, path: str, *answers: Answer) -> None:
        """Answer requests for paths that have this text in them; the longest such text counts."""
        self._answers[path] = deque(answers)

    def reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            fitting = [text for text in self._answers if text in seen.path]
            if not fitting:
                return Reply(404, b'{"error":"Not found."}')
            answers = self._answers[max(fitting, key=len)]
            answer = answers.popleft() if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Reply) else answer(seen)

    def paths(self, text: str = "") -> list[str]:
        """Paths that were asked for, without their queries."""
        return [seen.path.partition("?")[0] for seen in self.seen if text in seen.path]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def stored(body: bytes, etag: str = '"one"', **options: object) -> Callable[[Seen], Reply]:
    """What a store answers that holds these bytes: it knows Range and If-Range."""

    def answer(seen: Seen) -> Reply:
        wanted = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("Range", ""))
        if not wanted or seen.headers.get("If-Range", etag) != etag:
            return Reply(200, body, {"ETag": etag}, **options)  # type: ignore[arg-type]
        start = int(wanted[1])
        if start >= len(body):
            return Reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        part = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return Reply(206, body[start:], {"ETag": etag, "Content-Range": part})

    return answer


def located(url: str) -> Reply:
    """The vendor's answer that names a signed URL."""
    return Reply(200, f'{{"url": "{url}"}}'.encode(), {"Content-Type": "application/json"})


def refused(status: int, error: str = "Forbidden.", **headers: str) -> Reply:
    """The vendor's shape of an error."""
    return Reply(status, f'{{"error":"{error}"}}'.encode(), {"Content-Type": "application/json", **headers})


@contextmanager
def running_stub() -> Iterator[Stub]:
    stub = Stub()
    try:
        yield stub
    finally:
        stub.close()
