"""uvicorn's HTTP protocol with a bound on what stands in front of a body, and behind it.

httptools gathers a header of any length, in quadratic time: 100 MB sent as one header kept a server without this bound
from answering anybody for 20 seconds. Bodies are bounded by the middleware, which knows the settings.
"""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10
"""Of request line and headers, as good as: a piece from the socket more may come before it is noticed."""


class BoundedHeadProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, and closes the connection."""

    _unfinished_bytes = 0
    """Received since a head, a piece of a body or a request was last complete."""

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
