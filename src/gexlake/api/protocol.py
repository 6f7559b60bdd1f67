"""uvicorn's HTTP protocol, with bounds on a request's head and time, `sendfile`, and a short way for ready answers.

httptools gathers a header of any length, in quadratic time: 100 MB sent as one header kept a server without this bound
from answering anybody for 20 seconds. Bodies are bounded by the middleware, which knows the settings.

uvicorn waits for the rest of a request for ever. Here a timer runs for as long as a client owes bytes: its head has to
be there in time, and its body has to come at some speed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gexlake.api.transport import Buffer, FileTransport, coalesced
from gexlake.services.owner.served import CALL_PATH

MAX_HEAD_BYTES = 64 << 10
"""Of request line and headers, as good as: a read from the socket more may come before it is noticed."""

HEAD_SECONDS = 20.0
"""From the connection, or the first byte of a later request, to the end of its head."""
BODY_SECONDS = 20.0
"""In each such span `BODY_BYTES` of a body have to come, or the rest of it."""
BODY_BYTES = 64 << 10
CALL_BODY_SECONDS = 600.0
"""The same for calls from processes of this machine, which may have been stopped for a while."""

SEND_RESPONSE = "gexlake.send_response"
"""In the scope's `extensions`: `await send_response(headers, buffers)` sends a whole answer of status 200.

`headers` are as in ASGI, Content-Length among them; `buffers` are the body. ASGI's messages for the same, through three
layers that look at every header, take a fifth of a hot answer's time.
"""


class Receiving(IntEnum):
    """What of a request has begun to come and is not there yet."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class ServiceProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, 408 to what is sent too slowly. The kernel sends mapped files."""

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    _unfinished_bytes = 0
    """Received since a head, a chunk of a body or a request was last complete."""
    _receiving = Receiving.NOTHING
    _body_bytes = 0
    """Of the body, since the timer began to run."""
    _timer: asyncio.TimerHandle | None = None
    """Runs while the client owes bytes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a new connection."""
        super().connection_made(cast(asyncio.Transport, FileTransport(transport)))
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes off the socket, unless a head that is too large already goes on."""
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            self.logger.warning("A request whose head has more than %d bytes was refused.", MAX_HEAD_BYTES)
            self._refuse(_HEAD_TOO_LARGE)
            return
        self._unfinished_bytes += len(data)
        super().data_received(data)
        self._watch()

    def on_message_begin(self) -> None:
        """A head begins; called by the parser."""
        self._receiving = Receiving.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        self._receiving, self._body_bytes = Receiving.BODY, 0
        if self._timer is not None:
            self._stop_timer()
        super().on_headers_complete()
        # A weak reference: the cycle holds the scope, and rings of references would be left to the garbage collector.
        extensions: dict[str, Any] = {SEND_RESPONSE: partial(_send_response, ref(self.cycle))}
        self.scope["extensions"] = extensions

    def on_body(self, body: bytes) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew; called by the parser."""
        self._unfinished_bytes = 0
        self._receiving = Receiving.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer to what is not HTTP, in the shape of all errors; called by uvicorn."""
        self._refuse(_NOT_HTTP)

    # ---- slow clients --------------------------------------------------------------------------------------

    @property
    def _answers(self) -> bool:
        """Whether a request is there in part or in full and its answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """Have the timer run if the client owes bytes: the rest of a request, or one at all."""
        owes = self._receiving or not (self._answers or self.timeout_keep_alive_task is not None)
        if not owes:
            self._stop_timer()
        elif self._timer is None and not self.transport.is_closing():
            self._start_timer()

    def _start_timer(self) -> None:
        seconds = self.head_seconds
        if self._receiving is Receiving.BODY:
            seconds = CALL_BODY_SECONDS if self.scope["path"].startswith(CALL_PATH) else self.body_seconds
        self._timer = self.loop.call_later(seconds, self._on_time)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        """The client has had its time."""
        self._timer = None
        if self.transport.is_closing():
            return
        if self._receiving is Receiving.NOTHING:
            if not self._answers:  # it connected, and never asked
                self.transport.close()
        elif self._receiving is Receiving.HEAD and self._answers:
            self._start_timer()  # the request before is ours to finish first
        elif self._receiving is Receiving.BODY and (self.flow.read_paused or self._body_bytes >= BODY_BYTES):
            self._body_bytes = 0  # it was fast enough, or we did not listen
            self._start_timer()
        else:
            self.logger.info("A request that was sent too slowly was refused.")
            self._refuse(_TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        """Close, with an answer where none has begun: where one has, it may be half written."""
        begun = self.cycle.response_started if self._receiving is Receiving.BODY else self._answers
        if not (begun or self.pipeline):
            self.transport.write(answer)
        self.transport.close()


async def _send_response(
    request: ref[RequestResponseCycle], headers: Sequence[tuple[bytes, bytes]], buffers: Iterable[Buffer]
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
    for buffer in coalesced([head, *buffers]):
        cycle.transport.write(buffer)
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


def _refusal(status: int, error: str, message: str) -> bytes:
    """A whole answer, in the shape of all errors; there is no request yet that could have an id."""
    body = json.dumps({"error": error, "message": message, "details": [], "request_id": None}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"cache-control: no-store\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


_HEAD_TOO_LARGE = _refusal(431, "head_too_large", f"The head of a request may have {MAX_HEAD_BYTES} bytes.")
_TOO_SLOW = _refusal(408, "request_timeout", "The request took too long to come.")
_NOT_HTTP = _refusal(400, "request_invalid", "This is not a valid HTTP request.")
