"""Bounds on the head of a request, in bytes and in time, in front of whichever protocol the server speaks.

httptools gathers a header of any length, in quadratic time: 100 MB sent as one header kept a server without this bound
from answering anybody for 20 seconds. And uvicorn waits for the rest of a head for ever. The guard sees the bytes of a
connection before the server's protocol does; the middleware tells it when a request has begun, which is when its head
is complete, how its body comes on, and when it is answered. Nothing here knows HTTP.

How fast a body has to come, and how large it may be, is the middleware's to say (`middleware.ServiceMiddleware`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextvars import ContextVar
from http import HTTPStatus
from typing import cast

MAX_HEAD_BYTES = 64 << 10
"""Of request line and headers, as good as: a read from the socket more may come before it is noticed."""
MAX_UNREAD_BYTES = 1 << 20
"""Of what comes while a request is answered and nobody reads: the server stops reading long before."""
HEAD_SECONDS = 20.0
"""From the connection, or the first byte of a later request, to the end of its head."""

CONNECTION: ContextVar[Guard | None] = ContextVar("connection", default=None)
"""The guard of the connection that a request came over; None where there is no server, as in tests."""

logger = logging.getLogger(__name__)


class Guard(asyncio.Protocol):
    """The protocol of one connection: passes everything on to the server's own, as long as it keeps within bounds.

    Answers 431 to a head that is too large, 408 to one that is sent too slowly, and closes the connection.
    """

    def __init__(self, protocol: asyncio.Protocol, *, head_seconds: float = HEAD_SECONDS) -> None:
        self._protocol = protocol
        self._head_seconds = head_seconds
        self._loop = asyncio.get_running_loop()
        self._unread_bytes = 0
        """Received since a request or a part of its body was last taken up."""
        self._answering = 0
        """Requests that have begun and are not answered."""
        self._owes_body = False
        """A request was answered before its body was there."""
        self._timer: asyncio.TimerHandle | None = None
        """Runs while a head is under way, or none has come yet."""

    # ---- between socket and server -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_timer()
        self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._transport.is_closing():
            return
        # Blank lines in front of a request are no part of it.
        self._unread_bytes += len(data if self._unread_bytes else data.lstrip(b"\r\n"))
        token = CONNECTION.set(self)  # the server begins its requests with a copy of this context
        try:
            self._protocol.data_received(data)
        finally:
            CONNECTION.reset(token)
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._loop.call_soon(self._check_size)  # behind the request that may have begun just now
        if not self._answering:
            self._start_timer()

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """The client takes less than is sent."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client has taken what was sent."""
        self._protocol.resume_writing()

    # ---- what the middleware says --------------------------------------------------------------------------

    def request_begins(self) -> None:
        """The head of a request is complete."""
        self._answering += 1
        self._unread_bytes = 0
        self._stop_timer()

    def body_comes(self) -> None:
        """A part of its body has been read."""
        self._unread_bytes = 0

    def request_ends(self, *, owes_body: bool) -> None:
        """It is answered; whether the rest of its body has yet to come."""
        self._answering -= 1
        self._owes_body |= owes_body
        if self._unread_bytes or self._owes_body:
            self._start_timer()

    @property
    def is_closing(self) -> bool:
        """Whether the client is gone, or is let go."""
        return self._transport.is_closing()

    # ---- bounds --------------------------------------------------------------------------------------------

    def _check_size(self) -> None:
        most = MAX_UNREAD_BYTES if self._answering or self._owes_body else MAX_HEAD_BYTES
        if self._unread_bytes > most and not self._transport.is_closing():
            logger.warning("A request whose head has more than %d bytes was refused.", MAX_HEAD_BYTES)
            self._refuse(_HEAD_TOO_LARGE)

    def _start_timer(self) -> None:
        if self._timer is None and not self._transport.is_closing():
            self._timer = self._loop.call_later(self._head_seconds, self._on_time)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        """The client has had its time."""
        self._timer = None
        if self._transport.is_closing():
            return
        if self._unread_bytes:
            logger.info("A request that was sent too slowly was refused.")
            self._refuse(_TOO_SLOW)
        else:  # it connected, and never asked
            self._transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Close, with an answer where none is under way and none is behind."""
        if not (self._answering or self._owes_body):
            self._transport.write(answer)
        self._transport.close()


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
