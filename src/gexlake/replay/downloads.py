"""Answers with a file or a part of it, as a store of files gives them: HEAD, Range, ETag, If-Range, 416."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gexlake.replay.archive import ArchivedFile

CHUNK_BYTES = 256 << 10
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Part(NamedTuple):
    """Bytes start … stop - 1 of a file."""

    start: int
    stop: int


class RangeError(ValueError):
    """The part lies outside the file."""


def part_of(header: str | None, size: int) -> Part | None:
    """The part that a Range header asks for; None where it asks for all. Raises `RangeError`."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if not found or found.groups() == ("", ""):
        return None  # a form that is not understood is passed over: RFC 9110, 14.2
    first, last = found.groups()
    if not first:
        if int(last) == 0:
            raise RangeError
        return Part(max(size - int(last), 0), size)
    if int(first) >= size:
        raise RangeError
    if last and int(last) < int(first):
        return None
    return Part(int(first), min(int(last) + 1, size) if last else size)


def file_answer(
    request: Request, file: ArchivedFile, headers: Mapping[str, str], *, cut_after_bytes: int | None = None
) -> Response:
    """The answer to a request for a file; `cut_after_bytes` has the connection break off behind so many of a body."""
    shared = {**headers, "ETag": file.etag, "Accept-Ranges": "bytes"}
    if file.etag in _etags(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=shared)
    asked = request.headers.get("range")
    if asked and request.headers.get("if-range", file.etag) != file.etag:
        asked = None
    try:
        part = part_of(asked, file.size)
    except RangeError:
        return Response(status_code=416, headers={**shared, "Content-Range": f"bytes */{file.size}"})
    if part is not None:
        shared["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    status = 200 if part is None else 206
    return FileAnswer(file, part or Part(0, file.size), status, shared, cut_after_bytes)


def _etags(header: str | None) -> list[str]:
    return [tag.strip() for tag in (header or "").split(",")]


class FileAnswer(Response):
    """Sends a part of a file; a reader that is slow keeps it waiting, and no more than a chunk in memory."""

    def __init__(
        self, file: ArchivedFile, part: Part, status: int, headers: Mapping[str, str], cut_after_bytes: int | None
    ) -> None:
        super().__init__(None, status, {**headers, "Content-Length": str(part.stop - part.start)})
        self._part, self._cut_after_bytes = part, cut_after_bytes
        self._descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)  # now: it may be removed before it is sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            start, stop = self._part
            if self._cut_after_bytes is not None:
                stop = min(stop, start + self._cut_after_bytes)
            while start < stop:
                # Read here and not in a thread: it was just written or read, so it comes from memory.
                body = os.pread(self._descriptor, min(CHUNK_BYTES, stop - start), start)
                start += len(body)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            if stop == self._part.stop:
                await send({"type": "http.response.body", "body": b""})
            # Else it returns with less than it has promised: the server closes the connection.
        finally:
            os.close(self._descriptor)
