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
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from gexlake._version import __version__
from gexlake.errors import UsageError, VendorError
from gexlake.models.feed import SessionKey
from gexlake.vendor.names import BASE_URL
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey

USER_AGENT = f"gexlake/{__version__}"
"""The vendor answers 400 without one."""
ANSWER_BYTES = 64 << 10
TIMEOUT_SECONDS = 60.0
MAX_SHOWN = 120

_REDIRECTS = (301, 302, 303, 307, 308)
_DATE = re.compile(r"(?a:(?<!\d)\d{4}-\d{2}-\d{2}(?!\d))")
_FILE_NAME = re.compile(r"""filename\*?=(?:UTF-8'')?"?([^";]+)""", re.IGNORECASE)


class EodBody(NamedTuple):
    """The report of a day: a ZIP of all feeds that the plan has. Its bytes are read from one of the two."""

    session_date: date | None
    """None where the answer does not say which day's it is."""
    response: httpx.Response | None
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
        case _ if status in _REDIRECTS and headers.get("location"):
            return headers["location"]
    if status == 404 or b"not found" in body[:ANSWER_BYTES].lower():
        return None
    if status == 403:
        raise RefusedError(f"The vendor refuses: 403{words}.", wait_seconds=retry_after(headers))
    url = _document(body).get("url")
    if status == 200 and isinstance(url, str) and url:
        return url
    raise TroubleError(f"The vendor answers with {status} and no URL{words}.")


def check_url(url: str, *, what: str) -> httpx.URL:
    """The URL, if it is `https`, or plain HTTP on this machine. Raises `UsageError`, which does not show its query."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise UsageError(f"The {what} is no URL.") from None
    if parsed.host and (parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host))):
        return parsed
    shown = f"{parsed.scheme}://{parsed.host}" if parsed.host else parsed.path[:MAX_SHOWN]
    raise UsageError(f"The {what} {shown!r} is not https.", hint="Only this machine is spoken to without TLS.")


class HistoryClient:
    """Asks the vendor, with the key; use it as an async context. Raises `UsageError` for a base URL without TLS."""

    def __init__(self, key: VendorKey, base_url: str = BASE_URL, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._base = str(check_url(base_url, what="base URL")).rstrip("/")
        self.host = httpx.URL(self._base).netloc.decode("ascii")
        """With the port: what the pace is kept for."""
        self._redact = key.redact
        self._client = httpx.AsyncClient(
            headers={
                "Authorization": key.authorization,
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            follow_redirects=False,  # the key would go along
            timeout=timeout_seconds,
        )

    async def __aenter__(self) -> HistoryClient:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._client.__aexit__(*error)

    async def locate(self, session: SessionKey) -> str | None:
        """Where a session's body is, for a short while; None where there is none. Raises as `read_answer` does."""
        (ticker, package, category), day = session
        url = f"{self._base}/hist/{quote(ticker, safe='')}/{package}/{category}/{day.isoformat()}?noredirect"
        async with self._answering(url) as response:
            found = read_answer(response.status_code, response.headers, await _read(response), self._redact)
        return None if found is None else str(response.url.join(found))

    @asynccontextmanager
    async def eod(self, ticker: str) -> AsyncIterator[EodBody | None]:
        """The report of the last session that is done, within the block; None where there is none.

        Raises as `read_answer` does.
        """
        url = f"{self._base}/hist/eod/{quote(ticker, safe='')}"
        async with self._answering(url, accept="application/zip") as response:
            kind = response.headers.get("content-type", "")
            if response.status_code == 200 and not kind.startswith(("application/json", "text/")):
                named = _FILE_NAME.search(response.headers.get("content-disposition", ""))
                yield EodBody(_date_in(named[1] if named else ""), response, None)
                return
            found = read_answer(response.status_code, response.headers, await _read(response), self._redact)
            url = "" if found is None else str(response.url.join(found))
        yield EodBody(_date_in(httpx.URL(url).path), None, url) if url else None

    @asynccontextmanager
    async def _answering(self, url: str, accept: str = "") -> AsyncIterator[httpx.Response]:
        # identity: an answer is short, and a report is packed already and read as it is
        headers = {"Accept-Encoding": "identity", **({"Accept": accept} if accept else {})}
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                yield response
        except httpx.TransportError as error:
            raise transport_trouble(error, httpx.URL(url).host) from error


def transport_trouble(error: httpx.TransportError, host: str) -> TroubleError:
    """What went wrong with the line, without the URL."""
    if isinstance(error, httpx.TimeoutException):
        return TroubleError(f"{host} does not answer in time.")
    if isinstance(error, httpx.ConnectError):
        return TroubleError(f"{host} cannot be reached: {error}.")
    return TroubleError(f"The connection to {host} broke off: {error or type(error).__name__}.")


async def _read(response: httpx.Response) -> bytes:
    """The text of an answer, to a bound."""
    content = b""
    async for chunk in response.aiter_bytes():
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
