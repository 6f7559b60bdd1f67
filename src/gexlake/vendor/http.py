"""The HTTP client, as all use it that ask the vendor or its stores, and what goes wrong on the line.

A session keeps no cookies and reads no `.netrc`, whose secrets are not ours to send. Proxies are those of the
environment. That it is aiohttp is a matter of cost: by it a small answer takes 0.1 ms of the processor and a download
runs at the pace of the bare socket; by httpx, which is fine for a command, it is fifteen times that, and a third.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from string import punctuation
from urllib.parse import quote, urljoin
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from yarl import URL

from gexlake._version import __version__
from gexlake.errors import UsageError
from gexlake.vendor.trouble import TroubleError

USER_AGENT = f"gexlake/{__version__}"
"""The vendor answers 400 without one."""
MAX_SHOWN = 120
CONNECTIONS = 32
BUFFER_BYTES = 1 << 18
TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError)
"""What the client raises where the line is at fault."""


def open_session(
    headers: Mapping[str, str], timeout: aiohttp.ClientTimeout, *, decompress: bool = True
) -> aiohttp.ClientSession:
    """A session with these headers in each request; to be called in an event loop, and closed."""
    return aiohttp.ClientSession(
        headers={"User-Agent": USER_AGENT, **headers},
        timeout=timeout,
        auto_decompress=decompress,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=_tls()),
        read_bufsize=BUFFER_BYTES,
    )


def steady(seconds: float) -> aiohttp.ClientTimeout:
    """How long a connection, and then each part of a body, is waited for; the whole may take as long as it takes."""
    return aiohttp.ClientTimeout(connect=seconds, sock_read=seconds)


def check_url(url: str, *, what: str) -> URL:
    """The URL, if it is `https`, or plain HTTP on this machine. Raises `UsageError`, which does not show its query."""
    try:
        # As it is, for it may be signed; only what cannot stand in a request is quoted.
        parsed = URL(quote(url, safe=punctuation), encoded=True)
        host, user, _ = parsed.host, parsed.user, parsed.port  # which may be none
    except (TypeError, ValueError):
        raise UsageError(f"The {what} is no URL.") from None
    if user is not None:
        raise UsageError(f"The {what} names a user.", hint="Leave the part before the @ out; the key speaks for you.")
    if host and (parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(host))):
        return parsed
    shown = f"{parsed.scheme}://{host}" if host else parsed.path[:MAX_SHOWN]
    raise UsageError(f"The {what} {shown!r} is not https.", hint="Only this machine is spoken to without TLS.")


def joined(url: str, location: str) -> str:
    """Where a location leads that was named in the answer to a URL. Raises `TroubleError` for what is none."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise TroubleError(f"{URL(url).host} names an address that is no URL.") from None


def proxy_of(url: URL) -> str | None:
    """The proxy that the environment names for a URL."""
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)


def transport_trouble(error: aiohttp.ClientError | TimeoutError, host: str) -> TroubleError:
    """What went wrong with the line, without the URL."""
    match error:
        case TimeoutError():
            return TroubleError(f"{host} does not answer in time.")
        case aiohttp.ClientConnectorError():
            return TroubleError(f"{host} cannot be reached: {_reason(error.os_error)}.")
        case aiohttp.ServerDisconnectedError():
            why = "it was closed without an answer"
        case aiohttp.ClientPayloadError():
            why = "the answer is not whole"
        case OSError():
            why = _reason(error)
        case _:  # its own words may show the URL
            why = type(error).__name__
    return TroubleError(f"The connection to {host} broke off: {why}.")


def _reason(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message or "its certificate is not trusted"
        case ssl.SSLError():
            return error.reason or "TLS failed"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return error.strerror or type(error).__name__


@cache
def _tls() -> ssl.SSLContext:
    """The roots of the system, which SSL_CERT_FILE replaces, and certifi's: an image may come without any."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
