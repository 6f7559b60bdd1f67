"""uvicorn's HTTP protocol, with bounds on a request's head, `sendfile`, and a short way for answers that are ready.

httptools gathers a header of any length, in quadratic time: 100 MB sent as one header kept a server without this bound
from answering anybody for 20 seconds. Bodies are bounded by the middleware, which knows the settings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, cast
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gexlake.api.transport import FileTransport, Piece, joined

MAX_HEAD_BYTES = 64 << 10
"""Of request line and headers, as good as: a piece from the socket more may come before it is noticed."""

READY_ANSWER = "gexlake.ready_answer"
"""In the scope's `extensions`: `await ready_answer(headers, pieces)` sends a whole answer of status 200.

`headers` are as in ASGI, Content-Length among them; `pieces` are the body. ASGI's messages for the same, through three
layers that look at every header, take a fifth of a hot answer's time.
"""


class ServiceProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, and closes the connection. Mapped files are sent by the kernel."""

    _unfinished_bytes = 0
    """Received since a head, a piece of a body or a request was last complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a new connection."""
        super().connection_made(cast(asyncio.Transport, FileTransport(transport)))

    def data_received(self, data: bytes) -> None:
        """Take bytes off the socket, unless a head that is too large already goes on."""
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            self._refuse()
            return
        self._unfinished_bytes += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        super().on_headers_complete()
        # A weak reference: the cycle holds the scope, and rings of references would be left to the garbage collector.
        extensions: dict[str, Any] = {READY_ANSWER: partial(_send_ready, ref(self.cycle))}
        self.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        self.logger.warning("A request whose head has more than %d bytes was refused.", MAX_HEAD_BYTES)
        answers = self.cycle is not None and not self.cycle.response_complete
        if not answers:  # else it was a trailer, and an answer may be half written
            self.transport.write(_REFUSAL)
        self.transport.close()


async def _send_ready(
    request: ref[RequestResponseCycle], headers: Sequence[tuple[bytes, bytes]], pieces: Iterable[Piece]
) -> None:
    """Do for a whole answer what `RequestResponseCycle.send` does for one message after the other."""
    cycle = request()
    assert cycle is not None, "whoever answers runs in it"
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    closing = [] if cycle.keep_alive else [(b"connection", b"close")]
    head = _head([*cycle.default_headers, *headers, *closing])
    cycle.response_started, cycle.waiting_for_100_continue = True, False
    for piece in joined([head, *pieces]):
        cycle.transport.write(piece)
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def _head(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What stands in front of the body of a good answer. Raises `ValueError` where a header would end early."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers):  # a caller's text may be in it
        raise ValueError("A header holds a line break.")
    return b"HTTP/1.1 200 OK\r\n%b\r\n" % lines


def _refusal() -> bytes:
    """The whole answer, in the shape of all errors; there is no request yet that could have an id."""
    document: dict[str, object] = {
        "error": "head_too_large",
        "message": f"The head of a request may have {MAX_HEAD_BYTES} bytes.",
        "details": [],
        "request_id": None,
    }
    body = json.dumps(document).encode()
    head = (
        "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


_REFUSAL = _refusal()
