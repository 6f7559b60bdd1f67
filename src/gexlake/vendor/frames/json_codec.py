"""Frames of json.webpubsub.azure.v1 and json.reliable.webpubsub.azure.v1: text, one JSON object each."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from gexlake.vendor.frames.values import (
    Ack,
    BrokenFrameError,
    Connected,
    Disconnected,
    Downstream,
    GroupMessage,
    JoinGroup,
    LeaveGroup,
    Ping,
    Pong,
    SequenceAck,
    Upstream,
)

Document = dict[str, Any]
_GROUP_REQUESTS: dict[str, type[JoinGroup] | type[LeaveGroup]] = {"joinGroup": JoinGroup, "leaveGroup": LeaveGroup}
_PAYLOADS = ("protobuf", "binary")


class JsonCodec:
    """With `reliable`, group messages are numbered, so that a client can tell what it has."""

    def __init__(self, *, reliable: bool) -> None:
        self._reliable = reliable

    # ---- reading -------------------------------------------------------------------------------------------

    def read_upstream(self, frame: str | bytes) -> Upstream | None:
        """What a client says; None for what is of no concern here. Raises `BrokenFrameError`."""
        document = _object(frame)
        kind = document.get("type")
        try:
            if kind in _GROUP_REQUESTS:
                ack_id = document.get("ackId")
                return _GROUP_REQUESTS[kind](_text(document["group"]), None if ack_id is None else _whole(ack_id))
            if kind == "sequenceAck":
                return SequenceAck(_whole(document["sequenceId"]))
        except KeyError as error:
            raise BrokenFrameError(f"A {kind} has no {error}.") from error
        return Ping() if kind == "ping" else None

    def read_downstream(self, frame: str | bytes) -> Downstream | None:
        """What a server says; None for what is of no concern here. Raises `BrokenFrameError`."""
        document = _object(frame)
        try:
            match document.get("type"):
                case "message":
                    return _group_message(document)
                case "ack":
                    return _ack(document)
                case "system":
                    return _system(document)
                case "pong":
                    return Pong()
        except (KeyError, binascii.Error) as error:
            raise BrokenFrameError(f"A frame lacks, or has unusable: {error}.") from error
        return None

    # ---- writing -------------------------------------------------------------------------------------------

    def write_upstream(self, value: Upstream) -> str | None:
        """The frame of a client."""
        match value:
            case JoinGroup() | LeaveGroup():
                kind = "joinGroup" if isinstance(value, JoinGroup) else "leaveGroup"
                document: Document = {"type": kind, "group": value.group}
                return _frame(document if value.ack_id is None else {**document, "ackId": value.ack_id})
            case SequenceAck(sequence_id):
                return _frame({"type": "sequenceAck", "sequenceId": sequence_id}) if self._reliable else None
            case Ping():
                return _frame({"type": "ping"})

    def write_downstream(self, value: Downstream) -> str:
        """The frame of a server."""
        match value:
            case Connected():
                document: Document = {
                    "type": "system",
                    "event": "connected",
                    "userId": value.user_id,
                    "connectionId": value.connection_id,
                }
                if self._reliable and value.reconnection_token is not None:
                    document["reconnectionToken"] = value.reconnection_token
                return _frame(document)
            case Ack(ack_id, None, _):
                return _frame({"type": "ack", "ackId": ack_id, "success": True})
            case Ack(ack_id, name, message):
                error = {"name": name, "message": message}
                return _frame({"type": "ack", "ackId": ack_id, "success": False, "error": error})
            case GroupMessage(group, envelope, sequence_id):
                return self.numbered(self.shared(group or "", envelope), sequence_id or 0)
            case Disconnected(reason):
                return _frame({"type": "system", "event": "disconnected", "message": reason})
            case Pong():
                return _frame({"type": "pong"})

    def shared(self, group: str, envelope: bytes) -> str:
        """A group message without its number, as all readers get it."""
        return _frame(
            {
                "type": "message",
                "from": "group",
                "fromUserId": None,
                "group": group,
                "dataType": "protobuf",
                "data": base64.b64encode(envelope).decode(),
            }
        )

    def numbered(self, shared: str | bytes, sequence_id: int) -> str:
        """The same with the number that it has in one connection."""
        assert isinstance(shared, str)
        return f'{{"sequenceId":{sequence_id},{shared[1:]}' if self._reliable else shared


def _frame(document: Document) -> str:
    return orjson.dumps(document).decode()


def _object(frame: str | bytes) -> Document:
    try:
        document = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise BrokenFrameError(f"A frame is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise BrokenFrameError("A frame is no JSON object.")
    return document


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BrokenFrameError(f"A name is {type(value).__name__}, not text.")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BrokenFrameError("A number is no whole one.")
    return value


def _group_message(document: Document) -> GroupMessage | None:
    if document.get("from") != "group" or document.get("dataType") not in _PAYLOADS:
        return None
    envelope = base64.b64decode(_text(document["data"]), validate=True)
    sequence_id = document.get("sequenceId")
    return GroupMessage(_text(document["group"]), envelope, None if sequence_id is None else _whole(sequence_id))


def _ack(document: Document) -> Ack:
    ack_id = _whole(document["ackId"])
    if document.get("success"):
        return Ack(ack_id)
    error = document.get("error") or {}
    return Ack(ack_id, str(error.get("name", "Unknown")), str(error.get("message", "")))


def _system(document: Document) -> Connected | Disconnected | None:
    if document.get("event") == "connected":
        token = document.get("reconnectionToken")
        return Connected(_text(document["connectionId"]), document.get("userId") or "", token)
    return Disconnected(str(document.get("message", ""))) if document.get("event") == "disconnected" else None
