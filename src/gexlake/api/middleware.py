"""Around every request: its id, limits, bounds, security headers, metrics and a line in the log.

One plain ASGI middleware, because each layer costs: docs/deployment.md says what this one does.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Mapping, Sequence
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexlake.api.auth import KEY, identify, is_loopback
from gexlake.api.errors import REQUEST_ID, ends_the_process, error_response
from gexlake.api.hot import HotRoute
from gexlake.api.logs import AccessLog, current_request_id
from gexlake.api.protocol import SEND_RESPONSE
from gexlake.api.representations import BuffersResponse
from gexlake.api.state import ServiceState
from gexlake.errors import LakeError
from gexlake.services.owner.served import CALL_PATH

UNMATCHED = "unmatched"
"""The route of requests that no route takes: what they asked for stays out of log and metrics."""
CLIENT_GONE = 499
"""Status in log and metrics of a request whose client left before the answer began; nginx made the number common."""
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

    def __init__(self, app: ASGIApp, service: ServiceState, hot: Mapping[str, HotRoute]) -> None:
        self._app = app
        self._hot = hot
        self._service = service
        self._body_bytes = service.settings.body_bytes
        self._access_log = AccessLog(service.settings.log_format, service.settings.log_level)
        self._access_log.enabled &= service.settings.access_log
        self._short_way = not service.settings.cors_origins  # which add headers on the long one

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens: an exception becomes an error of the API's shape."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        metrics = self._service.metrics
        metrics.in_flight += 1
        try:
            await self._answer(exchange, receive)
        finally:
            metrics.in_flight -= 1
            self._record(exchange)

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        scope = exchange.scope
        try:
            scope[KEY] = identify(self._service, exchange.headers)
            await self._check_limits(scope)
            if not scope["path"].startswith(CALL_PATH):  # from our own processes, which say who they are first
                receive = self._bounded(exchange.headers, receive)
            route = self._hot.get(scope["path"]) if scope["method"] == "GET" else None
            if route is None:
                await self._app(scope, receive, exchange.send)
            else:
                scope["route"] = route
                response = await route.answer(Request(scope, receive))
                await self._send(response, exchange, receive)
        except ClientDisconnect:
            return
        except BaseException as error:  # a panic of a library in Rust is no Exception
            if ends_the_process(error):
                raise
            if exchange.status:  # too late for another answer: the connection is closed on the one under way
                _logger.exception("The service failed while it answered.")
                return
            response = error_response(error, exchange.request_id)
            await response(scope, receive, exchange.send)

    async def _send(self, response: Response, exchange: _Exchange, receive: Receive) -> None:
        """Send the answer of a hot route, the short way where there is one."""
        send_response = exchange.scope.get("extensions", {}).get(SEND_RESPONSE) if self._short_way else None
        if send_response is None or not isinstance(response, BuffersResponse):
            await response(exchange.scope, receive, exchange.send)
            return
        await send_response(exchange.complete(response.raw_headers), response.buffers)
        exchange.status, exchange.sent_bytes = response.status_code, response.size

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

    def _bounded(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """The same messages, as long as the body stays within its bound. Raises 413 at once for one declared longer."""
        declared = headers.get(b"content-length")
        if declared is None and b"transfer-encoding" not in headers:
            return receive
        if declared is not None and declared.isdigit() and int(declared) > self._body_bytes:
            raise _too_large(self._body_bytes)
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._body_bytes:
                raise _too_large(self._body_bytes)
            return message

        return bounded

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


class _Exchange:
    """One request and what became of its answer."""

    __slots__ = ("_send", "headers", "request_id", "scope", "sent_bytes", "started", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
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
        """Pass on a message of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self.complete(message["headers"])
        await self._send(message)

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
