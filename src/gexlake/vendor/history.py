"""Requests for history, and what the vendor's answers mean.

The key goes to the vendor's host and nowhere else: no redirect is followed, and what lies behind a signed URL is
another client's business (`download`). An answer is short and read to a bound, but for the report of a day, which is
a body.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from gexlake.errors import VendorError
from gexlake.models.feed import SessionKey
from gexlake.vendor.http import (
    MAX_SHOWN,
    TRANSPORT_ERRORS,
    check_url,
    joined,
    open_session,
    proxy_of,
    steady,
    transport_trouble,
)
from gexlake.vendor.names import BASE_URL
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey

ANSWER_BYTES = 64 << 10
TIMEOUT_SECONDS = 60.0

REDIRECTS = (301, 302, 303, 307, 308)
_DATE = re.compile(r"(?a:(?<!\d)\d{4}-\d{2}-\d{2}(?!\d))")
_FILE_NAME = re.compile(r"""filename\*?=(?:UTF-8'')?"?([^";]+)""", re.IGNORECASE)


class EodBody(NamedTuple):
    """The report of a day: a ZIP of all feeds that the plan has. Its bytes are read from one of the two."""

    session_date: date | None
    """None where the answer does not say which day's it is."""
    response: aiohttp.ClientResponse | None
    """Open, and not yet read."""
    url: str | None
    """Signed, where the vendor sends there."""


def read_answer(status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str] = str) -> str | None:
    """The signed URL that an answer names; None where the vendor has no file for that day.

    The vendor's own words are shown in part, `redact`ed before they are cut. Raises `RefusedError`, `LimitedError` or
    `TroubleError`, worth trying again, and `VendorError`, which is not.
    """
    words = _words(body, redact)
    match status:
        case 400 | 401:  # first: "Authorization header not found." is about no file
            raise _configuration_error(status, words)
        case 429:
            raise LimitedError(f"The vendor limits requests: 429{words}.", wait_seconds=retry_after(headers))
        case _ if status >= 500:
            raise TroubleError(f"The vendor is in trouble: {status}{words}.", wait_seconds=retry_after(headers))
        case _ if status in REDIRECTS and headers.get("location"):
            return headers["location"]
    if status == 404 or b"not found" in body[:ANSWER_BYTES].lower():
        return None
    if status == 403:
        raise RefusedError(f"The vendor refuses: 403{words}.", wait_seconds=retry_after(headers))
    url = _document(body).get("url")
    if status == 200 and isinstance(url, str) and url:
        return url
    raise TroubleError(f"The vendor answers with {status} and no URL{words}.")


class HistoryClient:
    """Asks the vendor, with the key; use it as an async context. Raises `UsageError` for a base URL without TLS."""

    def __init__(self, key: VendorKey, base_url: str = BASE_URL, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        base = check_url(base_url, what="base URL")
        self._base, self._name, self._proxy = str(base).rstrip("/"), base.host or "", proxy_of(base)
        self.host = base.authority
        """With the port: what the pace is kept for."""
        self._redact = key.redact
        self._headers = {
            "Authorization": key.authorization,
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # an answer is short, and a report is packed already and read as it is
            "Content-Type": "application/json",
        }
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> HistoryClient:
        self._session = open_session(self._headers, steady(self._timeout_seconds))
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._session.close()

    async def locate(self, session: SessionKey) -> str | None:
        """Where a session's body is, for a short while; None where there is none. Raises as `read_answer` does."""
        (ticker, package, category), day = session
        url = f"{self._base}/hist/{quote(ticker, safe='')}/{package}/{category}/{day.isoformat()}?noredirect"
        async with self._answering(url) as response:
            found = read_answer(response.status, response.headers, await _read(response), self._redact)
        return None if found is None else joined(url, found)

    @asynccontextmanager
    async def eod(self, ticker: str) -> AsyncIterator[EodBody | None]:
        """The report of the last session that is done, within the block; None where there is none.

        Raises as `read_answer` does.
        """
        url = f"{self._base}/hist/eod/{quote(ticker, safe='')}"
        async with self._answering(url, headers={"Accept": "application/zip"}, auto_decompress=False) as response:
            kind = response.headers.get("content-type", "")
            if response.status == 200 and not kind.startswith(("application/json", "text/")):
                named = _FILE_NAME.search(response.headers.get("content-disposition", ""))
                yield EodBody(_date_in(named[1] if named else ""), response, None)
                return
            found = read_answer(response.status, response.headers, await _read(response), self._redact)
        if found is None:
            yield None
            return
        url = joined(url, found)
        yield EodBody(_date_in(urlsplit(url).path), None, url)

    @asynccontextmanager
    async def _answering(self, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        options |= {"allow_redirects": False, "proxy": self._proxy}  # the key would go along
        try:
            async with self._session.get(URL(url, encoded=True), **options) as response:
                yield response
        except TRANSPORT_ERRORS as error:
            raise transport_trouble(error, self._name) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The text of an answer, to a bound."""
    content = b""
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_BYTES:
            break
    return content[:ANSWER_BYTES]


def _configuration_error(status: int, words: str) -> VendorError:
    if status == 401:
        hint = "Look whether it was copied whole, and whether it is still valid."
        return VendorError(f"The vendor does not take the key: 401{words}.", hint=hint)
    hint = "If it speaks of a header, something between here and the vendor takes it off; else look at the ticker."
    return VendorError(f"The vendor does not take the request: 400{words}.", hint=hint)


def _words(body: bytes, redact: Callable[[str], str]) -> str:
    """What the vendor says itself, to be put behind a status."""
    error = _document(body).get("error")
    text = redact(error) if isinstance(error, str) else ""
    return f", {text[:MAX_SHOWN].rstrip('.')!r}" if text else ""


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the answer asks for: as a number or as a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _date_in(text: str) -> date | None:
    for found in _DATE.findall(text):
        try:
            return date.fromisoformat(found)
        except ValueError:
            continue
    return None
