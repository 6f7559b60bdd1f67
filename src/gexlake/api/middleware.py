"""Around every request: its id, limits, bounds, security headers, metrics and a line in the log.

One plain ASGI middleware, because each layer costs: docs/deployment.md says what this one does.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
from collections.abc import Mapping, Sequence
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexlake.api.auth import KEY, identify, is_loopback
from gexlake.api.errors import REQUEST_ID, ends_the_process, error_response
from gexlake.api.guard import CONNECTION, Guard
from gexlake.api.logs import AccessLog, current_request_id
from gexlake.api.state import ServiceState
from gexlake.errors import LakeError
from gexlake.services.owner.served import CALL_PATH

UNMATCHED = "unmatched"
"""The route of requests that no route takes: what they asked for stays out of log and metrics."""
CLIENT_GONE = 499
"""Status in log and metrics of a request whose client left before the answer began; nginx made the number common."""
BODY_SECONDS = 20.0
"""So long a body may be waited for until `BODY_BYTES` of it, or the rest, have come; and so on."""
BODY_BYTES = 64 << 10
CALL_BODY_SECONDS = 600.0
"""The same for calls from processes of this machine, which may have been stopped for a while."""
PROBES = frozenset({"/health", "/ready"})
"""Never limited: whoever watches the service has to get an answer."""

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
]
CSP = b"content-security-policy"
API_CSP = (CSP, b"default-src 'none'; frame-ancestors 'none'")

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{8,128}")
_PROCESS = os.urandom(8).hex()
_numbers = itertools.count(1)
"""Of requests; with the random name of the process in front, as unlike any other as a random id, and cheaper."""
_logger = logging.getLogger(__name__)


class ServiceMiddleware:
    """Wraps the application of one service."""

    def __init__(self, app: ASGIApp, service: ServiceState) -> None:
        self._app = app
        self._service = service
        self._body_bytes = service.settings.body_bytes
        self._access_log = AccessLog(service.settings.log_format, service.settings.log_level)
        self._access_log.enabled &= service.settings.access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens: an exception becomes an error of the API's shape."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, CONNECTION.get())
        body = _Body(exchange.headers, receive)
        connection = body.connection
        metrics = self._service.metrics
        metrics.in_flight += 1
        if connection is not None:
            connection.request_begins()
        try:
            await self._answer(exchange, body)
        finally:
            if connection is not None:
                connection.request_ends(owes_body=body.more)
            metrics.in_flight -= 1
            self._record(exchange)

    async def _answer(self, exchange: _Exchange, body: _Body) -> None:
        scope = exchange.scope
        try:
            scope[KEY] = identify(self._service, exchange.headers)
            await self._check_limits(scope)
            if scope["path"].startswith(CALL_PATH):  # from our own processes, which say who they are first
                body.seconds = CALL_BODY_SECONDS
            else:
                body.bound(self._body_bytes)
            await self._app(scope, body.receive, exchange.send)
        except ClientDisconnect:
            return
        except BaseException as error:  # a panic of a library in Rust is no Exception
            if ends_the_process(error):
                raise
            if exchange.status:  # too late for another answer: the connection is closed on the one under way
                _logger.exception("The service failed while it answered.")
                return
            response = error_response(error, exchange.request_id)
            await response(scope, body.receive, exchange.send)

    async def _check_limits(self, scope: Scope) -> None:
        limits = self._service.limits
        if not limits.enabled or scope["path"] in PROBES or scope["path"].startswith(CALL_PATH):
            return
        key = scope[KEY]
        client = scope.get("client")
        address = client[0] if client else ""
        if key is None and is_loopback(address) and not self._has_keys():
            return
        who = f"key {key.id}" if key is not None else f"address {address}"
        if limits.shared:
            await limits.check_shared(who)
        else:
            limits.check(who)

    def _has_keys(self) -> bool:
        """Whether the lake has keys, as good as: a damaged file of them is no reason to let everybody in unlimited."""
        try:
            return self._service.keys.exist
        except LakeError:
            return True

    def _record(self, exchange: _Exchange) -> None:
        scope = exchange.scope
        seconds = perf_counter() - exchange.started
        route = getattr(scope.get("route"), "path", UNMATCHED)
        status = exchange.status or CLIENT_GONE
        self._service.metrics.record_request(route, scope["method"], status, seconds)
        if self._access_log.enabled:
            key = scope.get(KEY)
            self._access_log.write(
                {
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 2),
                    "bytes": exchange.sent_bytes,
                    "request_id": exchange.request_id,
                    "key_id": None if key is None else key.id,
                }
            )


class _Body:
    """The body of a request on its way: bounded in size, and has to come at some speed."""

    def __init__(self, headers: Mapping[bytes, bytes], receive: Receive) -> None:
        self.connection = CONNECTION.get()
        self.seconds = BODY_SECONDS
        self._declared = headers.get(b"content-length")
        self.more = b"transfer-encoding" in headers or self._declared not in (None, b"0")
        """Whether some of it has yet to be read."""
        self._receive = receive
        self._most_bytes = -1
        self._seen_bytes = 0
        self._recent_bytes, self._waited = 0, 0.0
        """Since the body last was fast enough: what has come, and the seconds that it was waited for."""

    def bound(self, most_bytes: int) -> None:
        """Take no more than so many bytes. Raises 413 at once where more are declared."""
        if self._declared is not None and self._declared.isdigit() and int(self._declared) > most_bytes:
            raise _too_large(most_bytes)
        self._most_bytes = most_bytes

    async def receive(self) -> Message:
        """The next message. Raises 413 for a body beyond its bound, 408 for one that is too slow."""
        if not self.more:
            return await self._receive()
        began = perf_counter()
        try:
            async with asyncio.timeout(self.seconds - self._waited):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        self._waited += perf_counter() - began
        self._take(message)
        return message

    def _take(self, message: Message) -> None:
        self.more = message.get("more_body", False)
        count = len(message.get("body", b""))
        self._seen_bytes += count
        self._recent_bytes += count
        if self._recent_bytes >= BODY_BYTES:
            self._recent_bytes, self._waited = 0, 0.0
        if self.connection is not None:
            self.connection.body_comes()
        if self._seen_bytes > self._most_bytes >= 0:
            raise _too_large(self._most_bytes)


class _Exchange:
    """One request and what became of its answer."""

    __slots__ = ("_connection", "_send", "headers", "request_id", "scope", "sent_bytes", "started", "status")

    def __init__(self, scope: Scope, send: Send, connection: Guard | None) -> None:
        self._connection = connection
        self.started = perf_counter()
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = _request_id(self.headers)
        self.status = 0
        self.sent_bytes = 0
        self._send = send
        scope[REQUEST_ID] = self.request_id
        current_request_id.set(self.request_id)

    async def send(self, message: Message) -> None:
        """Pass on a message of the answer, with the headers that every answer has.

        Raises `ClientDisconnect` where the client has left: of one that sent its requests ahead uvicorn does not know
        that, and uvloop takes nothing for it.
        """
        if message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self.complete(message["headers"])
        try:
            await self._send(message)
        except RuntimeError:
            if self._connection is None or not self._connection.is_closing:
                raise
            raise ClientDisconnect from None

    def complete(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, and those that every answer has."""
        own = () if CSP in dict(headers) else (API_CSP,)  # the page of the documentation has one of its own
        return [*headers, *SECURITY_HEADERS, *own, (b"x-request-id", self.request_id.encode())]


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The id that the caller or a proxy gave, if it can stand in a header and a log; else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _SANE_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{_PROCESS}-{next(_numbers):x}"


def _too_large(body_bytes: int) -> HTTPException:
    """Of Starlette's kind: FastAPI turns any other exception, raised while it reads a body, into a 400 of its own."""
    return HTTPException(
        413,
        f"The body of a request may have {body_bytes} bytes.",
        # Else the server would go on to read, and throw away, all that the client still wants to send.
        headers={"Connection": "close"},
    )


def _too_slow() -> HTTPException:
    return HTTPException(408, "The request took too long to come.", headers={"Connection": "close"})
