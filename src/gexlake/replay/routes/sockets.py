"""Negotiation, and the sockets that come of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gexlake.replay.access import Caller
from gexlake.replay.hubs.connection import POLICY, Connection
from gexlake.replay.hubs.slots import NegotiationError, Slot, checked_memberships, memberships_of
from gexlake.replay.routes.vendor_route import VendorError, check_tier, json_answer, vendor_routes
from gexlake.replay.state import Replay, origin_of, replay_of
from gexlake.vendor.frames import choose
from gexlake.vendor.groups import MOST_MEMBERSHIPS, Group, hub_names, is_of_hub

SOCKET_SCHEMES = {"http": "ws", "https": "wss"}
MOST_BODY_BYTES = 1 << 20

Body = TypeVar("Body", bound=BaseModel)


class Groups(BaseModel):
    """The body of a POST: groups by their names without a prefix."""

    groups: Annotated[list[str], Field(min_length=1)]


class HubGroup(BaseModel):
    """A group in a hub."""

    hub: str
    group: str


class Memberships(BaseModel):
    """The body of a PATCH: all groups that there are to be."""

    groups: list[HubGroup]


# ---- negotiation ---------------------------------------------------------------------------------------------------


async def negotiate_legacy(request: Request, replay: Replay, caller: Caller) -> Response:
    """Addresses of all hubs, on which the client joins groups itself."""
    check_tier(replay, caller, "quant")
    slot = replay.slots.negotiate(caller.key_id, "")
    return json_answer({"websocket_urls": _addresses(request, slot), "prefix": replay.hubs.prefix})


async def negotiate(request: Request, replay: Replay, caller: Caller) -> Response:
    """Addresses of all hubs, whose sockets the server joins to the groups that are asked for."""
    check_tier(replay, caller, "quant")
    body = await _body_of(request, Groups)
    try:
        generation, memberships = memberships_of(body.groups)
    except NegotiationError as error:
        raise VendorError(400, str(error)) from error
    _check_limit(replay, len(memberships))
    slot = replay.slots.negotiate(caller.key_id, generation, memberships)
    return json_answer({"websocket_urls": _addresses(request, slot)})


async def renegotiate(request: Request, replay: Replay, caller: Caller) -> Response:
    """Other groups for the sockets that there are."""
    check_tier(replay, caller, "quant")
    body = await _body_of(request, Memberships)
    slot = replay.slots.of_key(caller.key_id)
    if slot is None:
        raise VendorError(400, "Nothing is negotiated yet: POST first.")
    try:
        memberships = checked_memberships(slot, ((one.hub, one.group) for one in body.groups))
    except NegotiationError as error:
        raise VendorError(400, str(error)) from error
    _check_limit(replay, len(memberships))
    slot.memberships = memberships
    for connection in slot.connections:
        _rejoin(replay, slot, connection)
    hubs = {hub: len(slot.groups(hub)) for hub in hub_names(slot.generation)}
    return json_answer({"updated_groups": len(memberships), "hubs": hubs})


def _addresses(request: Request, slot: Slot) -> dict[str, str]:
    origin = origin_of(request, SOCKET_SCHEMES)
    return {hub: f"{origin}/client/hubs/{hub}?access_token={slot.token}" for hub in hub_names(slot.generation)}


def _check_limit(replay: Replay, count: int) -> None:
    if replay.strict and count > MOST_MEMBERSHIPS:
        raise VendorError(403, f"More than {MOST_MEMBERSHIPS} groups.")


async def _body_of(request: Request, model: type[Body]) -> Body:
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > MOST_BODY_BYTES:
            raise VendorError(413, "The body is too large.")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found = error.errors()[0]
        place = ".".join(map(str, found["loc"])) or "body"
        raise VendorError(400, f"{place}: {found['msg']}.") from error


# ---- sockets -------------------------------------------------------------------------------------------------------


async def hub_socket(websocket: WebSocket) -> None:
    """A socket of a hub, for whoever has an address of it."""
    with suppress(WebSocketDisconnect):  # whoever leaves before the greeting
        await _hub_socket(websocket)


async def _hub_socket(websocket: WebSocket) -> None:
    replay, query, hub = replay_of(websocket), websocket.query_params, websocket.path_params["hub"]
    slot = replay.slots.of_token(query.get("access_token", ""))
    if slot is None or hub not in hub_names(slot.generation):
        await websocket.send_denial_response(Response("Unauthorized", 401))
        return
    if "awps_reconnection_token" in query:  # none is ever given out; on this code clients connect anew
        await websocket.accept(subprotocol=choose(websocket.scope["subprotocols"]))
        await websocket.close(POLICY)
        return
    connection = Connection(websocket, hub)
    slot.connections.add(connection)
    try:
        await connection.run(
            lambda connection, name: _join(replay, slot, connection, name),
            lambda connection, name: _leave(replay, slot, connection, name),
            [f"{replay.hubs.prefix}_{group}" for group in slot.groups(hub)],
        )
    finally:
        slot.connections.discard(connection)
        replay.hubs.leave(slot.key_id, connection, connection.groups)


def _join(replay: Replay, slot: Slot, connection: Connection, name: str) -> str | None:
    group = replay.hubs.parse(name)
    if group is None or (replay.strict and _memberships(slot) >= MOST_MEMBERSHIPS):
        return "Forbidden"
    # A group of another hub is acknowledged, and stays silent.
    if is_of_hub(group, connection.hub) and group not in connection.groups:
        _add(replay, slot, connection, group)
    return None


def _add(replay: Replay, slot: Slot, connection: Connection, group: Group) -> None:
    connection.groups.add(group)
    replay.hubs.join(slot.key_id, connection, group)


def _leave(replay: Replay, slot: Slot, connection: Connection, name: str) -> None:
    group = replay.hubs.parse(name)
    if group in connection.groups:
        connection.groups.discard(group)
        replay.hubs.leave(slot.key_id, connection, [group])


def _rejoin(replay: Replay, slot: Slot, connection: Connection) -> None:
    """Have a socket be in the groups of its slot, and in no others."""
    wanted = {f"{replay.hubs.prefix}_{name}" for name in slot.groups(connection.hub)}
    joined = {f"{replay.hubs.prefix}_{group.name}" for group in connection.groups}
    for name in joined - wanted:
        _leave(replay, slot, connection, name)
    for name in wanted - joined:
        _join(replay, slot, connection, name)


def _memberships(slot: Slot) -> int:
    return sum(len(connection.groups) for connection in slot.connections)


def socket_facts(replay: Replay) -> dict[str, Any]:
    """How many sockets there are, and what they were told."""
    connections = list(replay.slots.connections())
    return {
        "open": len(connections),
        "groups": sum(len(connection.groups) for connection in connections),
        "left_out": sum(connection.outbox.left_out for connection in connections),
        "encoded": replay.hubs.encoder.encoded,
        "clamped": replay.hubs.encoder.clamped.counts,
    }


ROUTES = [
    *vendor_routes("/negotiate", negotiate_legacy),
    *vendor_routes("/negotiate", negotiate, methods=("POST",)),
    *vendor_routes("/negotiate", renegotiate, methods=("PATCH",)),
    WebSocketRoute("/client/hubs/{hub}", hub_socket),
]
