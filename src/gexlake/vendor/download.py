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
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple, NoReturn

import httpx

from gexlake.errors import StorageError, UsageError
from gexlake.vendor.history import TIMEOUT_SECONDS, USER_AGENT, check_url, transport_trouble
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
        self._client = httpx.AsyncClient(
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            timeout=timeout_seconds,
            event_hooks={"request": [_demand_tls]},
        )

    async def __aenter__(self) -> StoreClient:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._client.__aexit__(*error)

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
            if response.status_code == 416 and _no_range(response) == have_bytes and have_bytes:
                return had
            if response.status_code == 206:
                _check_range(response, have_bytes, had, descriptor)
                return await write_rest(response, descriptor, had, on_bytes=on_bytes)
            if response.status_code != 200:
                _raise_for(response, descriptor)
            return await write_body(response, descriptor, on_version=on_version, on_bytes=on_bytes)

    @asynccontextmanager
    async def _answering(self, url: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        host = _checked(url, what="signed URL").host
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                yield response
        except httpx.TooManyRedirects as error:
            raise TroubleError(f"{host} redirects more than {MAX_REDIRECTS} times.") from error
        except httpx.TransportError as error:
            raise transport_trouble(error, host) from error


async def write_body(response: httpx.Response, descriptor: int, *, on_version: OnVersion, on_bytes: OnBytes) -> Version:
    """Write an open answer's body in place of what the file has. Raises as `StoreClient.fetch` does."""
    length = response.headers.get("content-length", "")
    version = Version(response.headers.get("etag"), int(length) if length.isdecimal() else None)
    _truncate(descriptor)
    on_version(version)
    return await write_rest(response, descriptor, version, on_bytes=on_bytes)


async def write_rest(response: httpx.Response, descriptor: int, version: Version, *, on_bytes: OnBytes) -> Version:
    """Write an open answer's body behind what the file has."""
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        async for chunk in response.aiter_raw():
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            on_bytes(len(chunk))
        size_bytes = os.fstat(descriptor).st_size
    except OSError as error:
        raise StorageError(
            f"A download cannot be written: {error.strerror}.",
            hint="Free some space or mend the permissions, and run the same command again: it goes on from there.",
        ) from error
    if version.total_bytes not in (None, size_bytes):
        raise TroubleError(f"{size_bytes:,} bytes came of {version.total_bytes:,}.")
    return version


def _truncate(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)


async def _demand_tls(request: httpx.Request) -> None:
    """Of where a redirect leads as well."""
    _checked(str(request.url), what="URL that the store redirects to")


def _checked(url: str, *, what: str) -> httpx.URL:
    """A URL that the vendor gave, and nobody here: what is wrong with it is no wrong usage."""
    try:
        return check_url(url, what=what)
    except UsageError as error:
        raise TroubleError(error.message) from None


def _check_range(response: httpx.Response, have_bytes: int, had: Version, descriptor: int) -> None:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    start, total = (int(found[1]), int(found[2])) if found else (None, None)
    if start != have_bytes or had.total_bytes not in (None, total):
        _truncate(descriptor)
        raise TroubleError("The store has another body by now, or sends another part of it.")


def _no_range(response: httpx.Response) -> int | None:
    """The whole length, in the answer to who asked for what is behind it."""
    found = _NO_RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _raise_for(response: httpx.Response, descriptor: int) -> NoReturn:
    status, host = response.status_code, response.url.host
    if status in (401, 403, 410):
        raise UrlRefusedError(f"The store {host} does not take the signed URL, or no longer: {status}.")
    if status == 416:
        _truncate(descriptor)
        raise TroubleError(f"The store {host} has another body by now; it is fetched from the start.")
    if status == 429:
        raise LimitedError(f"The store {host} limits requests: 429.")
    raise TroubleError(f"The store {host} answers with {status}.")
