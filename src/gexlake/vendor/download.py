"""One body from a signed URL to disk, raw, and from where it broke off.

The client here knows no key and keeps no cookies. Bytes are written as they come: a content coding is not taken off,
for what is stored is what was sent, and a range counts encoded bytes. A body is resumed only where the store says
that it is the same one (If-Range with its ETag, and the same length); a signed URL may be another each time, and is
not looked into.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, NoReturn

from aiohttp import ClientResponse
from yarl import URL

from gexlake.errors import StorageError, UsageError
from gexlake.vendor.history import REDIRECTS, TIMEOUT_SECONDS
from gexlake.vendor.http import TRANSPORT_ERRORS, check_url, joined, open_session, proxy_of, steady, transport_trouble
from gexlake.vendor.trouble import LimitedError, TroubleError, UrlRefusedError

MAX_REDIRECTS = 5
IDENTITY, GZIP = "identity", "gzip"

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_NO_RANGE = re.compile(r"bytes \*/(\d+)")


class Version(NamedTuple):
    """Which state of which object a body is of; None where the store does not say."""

    etag: str | None = None
    total_bytes: int | None = None

    @property
    def can_be_resumed(self) -> bool:
        """Whether the store can be asked for the rest of this one; a weak ETag does not stand for bytes."""
        return self.etag is not None and not self.etag.startswith("W/")


OnVersion = Callable[[Version], None]
OnBytes = Callable[[int], None]


class StoreClient:
    """Fetches what signed URLs lead to; use it as an async context."""

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> StoreClient:
        self._session = open_session({"Accept": "*/*"}, steady(self._timeout_seconds), decompress=False)
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._session.close()

    async def fetch(
        self,
        url: str,
        descriptor: int,
        *,
        had: Version = Version(),  # noqa: B008  # a tuple
        accept: str = GZIP,
        on_version: OnVersion,
        on_bytes: OnBytes,
    ) -> Version:
        """Bring the file behind `descriptor` to the body's whole length; `had` is what its bytes are of.

        `on_version` is called before the first byte of another body is written, with the file empty. Raises
        `StorageError`, `TroubleError`, and of those `UrlRefusedError` for a URL that has run out.
        """
        have_bytes = os.fstat(descriptor).st_size if had.can_be_resumed else 0
        headers = {"Accept-Encoding": accept}
        if have_bytes:
            headers |= {"Range": f"bytes={have_bytes}-", "If-Range": had.etag or ""}
        async with self._answering(url, headers) as response:
            if response.status == 416 and _no_range(response) == have_bytes and have_bytes:
                return had
            if response.status == 206:
                _check_range(response, have_bytes, had, descriptor)
                return await write_rest(response, descriptor, had, on_bytes=on_bytes)
            if response.status != 200:
                _raise_for(response, descriptor)
            return await write_body(response, descriptor, on_version=on_version, on_bytes=on_bytes)

    @asynccontextmanager
    async def _answering(self, url: str, headers: dict[str, str]) -> AsyncIterator[ClientResponse]:
        what = "signed URL"
        for _ in range(MAX_REDIRECTS + 1):
            target = _checked(url, what=what)
            try:
                async with self._session.get(
                    target, headers=headers, allow_redirects=False, proxy=proxy_of(target)
                ) as response:
                    location = response.headers.get("location") if response.status in REDIRECTS else None
                    if not location:
                        yield response
                        return
            except TRANSPORT_ERRORS as error:
                raise transport_trouble(error, target.host or "") from error
            url, what = joined(url, location), "URL that the store redirects to"
        raise TroubleError(f"{target.host} redirects more than {MAX_REDIRECTS} times.")


async def write_body(response: ClientResponse, descriptor: int, *, on_version: OnVersion, on_bytes: OnBytes) -> Version:
    """Write an open answer's body in place of what the file has. Raises as `StoreClient.fetch` does."""
    length = response.headers.get("content-length", "")
    version = Version(response.headers.get("etag"), int(length) if length.isdecimal() else None)
    _truncate(descriptor)
    on_version(version)
    return await write_rest(response, descriptor, version, on_bytes=on_bytes)


async def write_rest(response: ClientResponse, descriptor: int, version: Version, *, on_bytes: OnBytes) -> Version:
    """Write an open answer's body behind what the file has."""
    size_bytes = os.lseek(descriptor, 0, os.SEEK_END)
    async for chunk in response.content.iter_any():
        _write(descriptor, chunk)
        size_bytes += len(chunk)
        on_bytes(len(chunk))
    if version.total_bytes not in (None, size_bytes):
        raise TroubleError(f"{size_bytes:,} bytes came of {version.total_bytes:,}.")
    return version


def _write(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise StorageError(
            f"A download cannot be written: {error.strerror}.",
            hint="Free some space or mend the permissions, and run the same command again: it goes on from there.",
        ) from error


def _truncate(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _checked(url: str, *, what: str) -> URL:
    """A URL that the vendor gave, and nobody here: what is wrong with it is no wrong usage."""
    try:
        return check_url(url, what=what)
    except UsageError as error:
        raise TroubleError(error.message) from None


def _check_range(response: ClientResponse, have_bytes: int, had: Version, descriptor: int) -> None:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    start, total = (int(found[1]), int(found[2])) if found else (None, None)
    if start != have_bytes or had.total_bytes not in (None, total):
        _truncate(descriptor)
        raise TroubleError("The store has another body by now, or sends another part of it.")


def _no_range(response: ClientResponse) -> int | None:
    """The whole length, in the answer to who asked for what is behind it."""
    found = _NO_RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _raise_for(response: ClientResponse, descriptor: int) -> NoReturn:
    status, host = response.status, response.url.host
    if status in (401, 403, 410):
        raise UrlRefusedError(f"The store {host} does not take the signed URL, or no longer: {status}.")
    if status == 416:
        _truncate(descriptor)
        raise TroubleError(f"The store {host} has another body by now; it is fetched from the start.")
    if status == 429:
        raise LimitedError(f"The store {host} limits requests: 429.")
    raise TroubleError(f"The store {host} answers with {status}.")
