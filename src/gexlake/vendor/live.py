"""Requests for what is newest, and for sockets, and what the vendor's answers mean.

As in `history`, the key goes to the vendor's host and nowhere else. The addresses of sockets carry a token of their
own, which is shown nowhere either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from gexlake.errors import VendorError
from gexlake.models.feed import Feed
from gexlake.vendor.groups import SPOT, V2, group_of, group_of_feed
from gexlake.vendor.history import retry_after
from gexlake.vendor.http import MAX_SHOWN, TRANSPORT_ERRORS, check_url, open_session, proxy_of, transport_trouble
from gexlake.vendor.names import BASE_URL
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey

__all__ = ["LiveClient", "groups_of", "hubs_of", "read_snapshot_answer", "read_socket_urls"]

SNAPSHOT_SECONDS = 2.0
"""How long the newest snapshot is waited for."""
NEGOTIATE_SECONDS = 20.0
_SOCKET_SCHEMES = {"wss": "https", "ws": "http"}


def groups_of(feeds: Sequence[Feed]) -> list[str]:
    """The groups that a POST asks for: each feed's, and the spot prices that each ticker has to have."""
    tickers = dict.fromkeys(feed.ticker for feed in feeds)
    return [*(group_of_feed(feed) for feed in feeds), *(f"{ticker}_{SPOT}" for ticker in tickers)]


def read_snapshot_answer(
    status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str]
) -> bytes | None:
    """The body of a snapshot; None where there is none yet (404).

    Raises `VendorError` for a key or request that is not taken, `RefusedError`, `LimitedError` and `TroubleError` for
    what may go right the next time.
    """
    if status == 200:
        return body
    if status == 404:
        return None
    raise _error(status, headers, body, redact)


def read_socket_urls(
    status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str]
) -> dict[str, str]:
    """Hub by its whole name -> address, out of the answer to a POST. Raises as `read_snapshot_answer` does."""
    if status != 200:
        raise _error(status, headers, body, redact)
    found = _document(body).get("websocket_urls")
    if not isinstance(found, dict):
        raise TroubleError("The vendor's answer names no sockets.")
    urls = {hub: url for hub, url in found.items() if isinstance(url, str)}
    for url in urls.values():
        scheme, mark, rest = url.partition("://")
        check_url(f"{_SOCKET_SCHEMES.get(scheme, scheme)}{mark}{rest}", what="address of a socket")
    return urls


class LiveClient:
    """Asks the vendor, with the key; use it as an async context. Raises `UsageError` for a base URL without TLS."""

    def __init__(self, key: VendorKey, base_url: str = BASE_URL) -> None:
        base = check_url(base_url, what="base URL")
        self._base, self._host, self._proxy = str(base).rstrip("/"), base.host or "", proxy_of(base)
        self._headers = {"Authorization": key.authorization, "Accept": "application/json"}
        self.redact = key.redact
        self.clock_off_seconds: float | None = None
        """How far our clock is ahead of the vendor's, by the last answer that said what time it is, to a second."""

    async def __aenter__(self) -> LiveClient:
        self._session = open_session(self._headers, aiohttp.ClientTimeout(total=SNAPSHOT_SECONDS))
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._session.close()

    async def newest(self, feed: Feed) -> bytes | None:
        """The newest snapshot of a feed, as it came; raises as `read_snapshot_answer` does."""
        url = f"{self._base}/{quote(feed.ticker, safe='')}/{feed.package}/{feed.category}"
        return read_snapshot_answer(*await self._ask("GET", url), self.redact)

    async def negotiate(self, feeds: Sequence[Feed]) -> dict[str, str]:
        """Sockets of the second generation, joined to these feeds; closes those that the key had before.

        Raises as `read_socket_urls` does.
        """
        timeout = aiohttp.ClientTimeout(total=NEGOTIATE_SECONDS)
        groups = {"groups": groups_of(feeds)}
        return read_socket_urls(
            *await self._ask("POST", f"{self._base}/negotiate", json=groups, timeout=timeout), self.redact
        )

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of an answer."""
        options |= {"allow_redirects": False, "proxy": self._proxy}
        try:
            async with self._session.request(method, URL(url, encoded=True), **options) as answer:
                body = await answer.read()
        except TRANSPORT_ERRORS as error:
            raise transport_trouble(error, self._host) from error
        self._note_time(answer.headers.get("date"))
        return answer.status, answer.headers, body

    def _note_time(self, text: str | None) -> None:
        if text:
            try:
                self.clock_off_seconds = time.time() - parsedate_to_datetime(text).timestamp()
            except ValueError:
                return


def hubs_of(feeds: Sequence[Feed]) -> dict[str, list[Feed]]:
    """The hubs of the second generation that have these feeds, by their whole names."""
    found: dict[str, list[Feed]] = {}
    for feed in feeds:
        group = group_of(group_of_feed(feed))
        assert group is not None, f"the vendor has no feed {feed}"
        found.setdefault(f"{V2}{group.hub}", []).append(feed)
    return found


def _error(status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str]) -> Exception:
    said = _document(body).get("error")
    words = f": {redact(said)[:MAX_SHOWN]}" if isinstance(said, str) and said else ""
    wait_seconds = retry_after(headers)
    match status:
        case 400 | 401:
            return VendorError(f"The vendor does not take the request: {status}{words}.", hint="Check the key.")
        case 403:
            return RefusedError(f"The vendor refuses: 403{words}.", wait_seconds=wait_seconds)
        case 429:
            return LimitedError(f"The vendor limits requests: 429{words}.", wait_seconds=wait_seconds)
        case _ if status >= 500:
            return TroubleError(f"The vendor is in trouble: {status}{words}.", wait_seconds=wait_seconds)
        case _:
            return RefusedError(f"The vendor answers with {status}{words}.", hint="Check the base URL.")


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
