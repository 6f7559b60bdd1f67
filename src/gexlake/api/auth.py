"""Who calls, and may they.

- A key comes as `Authorization: Bearer gexlake_…` or `X-API-Key: gexlake_…`, and has scopes.
- As soon as a lake has a key, every route of data needs one that has the route's scope.
- Without any key the service is open, to this machine alone: it listens on a loopback address only, and refuses what
  was sent to another name (by a web page whose name was rebound to 127.0.0.1) or by the page of another site.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from fastapi import Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from gexlake.api.errors import ApiError
from gexlake.api.state import ServiceState, service_of
from gexlake.errors import LakeError, UsageError
from gexlake.services.owner.keys import Key, KeyStore, Scope
from gexlake.settings import Settings

KEY = "gexlake.key"
"""Where the middleware leaves the key of a request in its ASGI scope; None where there is no valid one."""
BEARER = b"bearer "
CREATE_KEY = "Make a key with `gexlake keys create --name NAME --scope read`."


class Caller(NamedTuple):
    """Who sent a request that was let in."""

    key_id: str | None
    """None for a service without keys."""
    scopes: frozenset[Scope]


OPEN_CALLER = Caller(None, frozenset(Scope))


# ---- before the service starts -------------------------------------------------------------------------------------


def check_binding(settings: Settings, keys: KeyStore) -> None:
    """Refuse to listen on an address that others can reach while nobody needs a key. Raises `UsageError`."""
    if not is_loopback(settings.host) and not keys.usable:
        raise UsageError(
            f"{settings.host} can be reached from other machines, and the lake {settings.lake} has no API key.",
            hint=f"{CREATE_KEY} Or listen on 127.0.0.1.",
        )


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a name or address without a port means this machine. Names are not resolved."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: never anything else
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def is_loopback_authority(authority: str) -> bool:
    """The same of a host with perhaps a port, as it stands in a URL; what is not of that form means nothing."""
    found = _AUTHORITY.fullmatch(authority)
    return found is not None and is_loopback(found["address"] or found["name"])


_AUTHORITY = re.compile(r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(:[0-9]{0,5})?", re.ASCII)


# ---- with every request --------------------------------------------------------------------------------------------


def identify(service: ServiceState, headers: dict[bytes, bytes]) -> Key | None:
    """The key that a request came with, if it is a valid one.

    A damaged file of keys means none here: `authorize` reports it, and routes that need no key go on.
    """
    text = _key_text(headers)
    try:
        return None if text is None else service.keys.find(text)
    except LakeError:
        return None


def _key_text(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"authorization")
    if given is not None and given[: len(BEARER)].lower() == BEARER:
        return given[len(BEARER) :].strip().decode("latin-1")
    key = headers.get(b"x-api-key")
    return None if key is None else key.strip().decode("latin-1")


def authorize(request: HTTPConnection, scope: Scope) -> Caller:
    """Let a request in for one scope, or raise: as a dependency through `Needs`, or called by a route itself.

    Raises `ApiError` 401 without a valid key, 403 for a key without the scope, a name that the open service does not
    answer to or a replica that is to write; `LakeError` when the file of keys is damaged.
    """
    caller = _let_in(request, scope)
    if scope is Scope.IMPORT and service_of(request).replica is not None:
        raise ApiError(
            403,
            "replica_only_reads",
            "This service is a replica of a published lake: it only reads.",
            hint="Send it to the service that owns the lake.",
        )
    return caller


def _let_in(request: HTTPConnection, scope: Scope) -> Caller:
    key: Key | None = request.scope.get(KEY)
    if key is None:
        service = service_of(request)
        if service.keys.exist:
            raise _unauthorized(request.scope)
        _check_open(service, request.scope)
        return OPEN_CALLER
    if scope not in key.scopes:
        raise ApiError(
            403,
            "scope_missing",
            f"The key {key.id} has the scope {', '.join(key.scopes)}; this needs {scope.value}.",
            hint=f"Make a key with it: `gexlake keys create --name NAME --scope {scope.value}`.",
        )
    return Caller(key.id, frozenset(key.scopes))


def _unauthorized(scope: AsgiScope) -> ApiError:
    if _key_text(dict(scope["headers"])) is None:
        return ApiError(
            401,
            "key_missing",
            "This needs an API key.",
            hint="Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
            headers={"WWW-Authenticate": 'Bearer realm="gexlake"'},
        )
    return ApiError(
        401,
        "key_invalid",
        "The API key is not valid; it may have been revoked.",
        hint="`gexlake keys list` shows the keys of the lake.",
        headers={"WWW-Authenticate": 'Bearer realm="gexlake", error="invalid_token"'},
    )


def _check_open(service: ServiceState, scope: AsgiScope) -> None:
    """A service without keys answers to this machine alone, and not to the pages of other sites open on it."""
    headers = dict(scope["headers"])
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if not is_loopback(service.settings.host):  # the last key's file was removed while it ran
        raise _unauthorized(scope)
    if len(hosts) != 1 or not is_loopback_authority(hosts[0].decode("latin-1")):
        raise ApiError(
            403,
            "host_refused",
            "Without API keys the service answers to the names of this machine only: localhost, 127.0.0.1, [::1].",
            hint=CREATE_KEY,
        )
    origin = headers.get(b"origin")
    if origin is not None and not _is_own_origin(origin.decode("latin-1"), service.settings.cors_origins):
        raise ApiError(
            403,
            "origin_refused",
            "Without API keys the service answers to pages of this machine only.",
            hint=f"{CREATE_KEY} Or name the origin in the setting cors_origins.",
        )


@lru_cache(maxsize=1024)
def _is_own_origin(origin: str, allowed: tuple[str, ...]) -> bool:
    if "*" in allowed or origin in allowed:
        return True
    scheme, separator, authority = origin.partition("://")
    return bool(separator) and scheme.lower() in ("http", "https") and is_loopback_authority(authority)


class Needs(SecurityBase):
    """A FastAPI dependency: `Annotated[Caller, Depends(Needs(Scope.READ))]`, or among a router's `dependencies`.

    Being a `SecurityBase`, it also tells OpenAPI that the route needs a key.
    """

    scheme_name = "bearer"
    model = HTTPBearerModel(description="An API key of the lake: `gexlake keys create`. X-API-Key takes it as well.")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        return authorize(request, self._scope)
