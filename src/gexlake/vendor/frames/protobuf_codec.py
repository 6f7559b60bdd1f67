"""Frames of protobuf.webpubsub.azure.v1: binary, one message each."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as Envelope
from google.protobuf.message import DecodeError

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
from gexlake.vendor.wire.webpubsub_pb2 import DownstreamMessage, MessageData, UpstreamMessage


class ProtobufCodec:
    """Group messages hold the envelope itself; there are no numbers."""

    # ---- reading -------------------------------------------------------------------------------------------

    def read_upstream(self, frame: str | bytes) -> Upstream | None:
        """What a client says; None for what is of no concern here. Raises `BrokenFrameError`."""
        try:
            message = UpstreamMessage.FromString(_binary(frame))
        except DecodeError as error:
            raise BrokenFrameError("A frame is no message.") from error
        match message.WhichOneof("message"):
            case "join_group":
                join = message.join_group
                return JoinGroup(join.group, join.ack_id if join.HasField("ack_id") else None)
            case "leave_group":
                leave = message.leave_group
                return LeaveGroup(leave.group, leave.ack_id if leave.HasField("ack_id") else None)
            case "sequence_ack":
                return SequenceAck(message.sequence_ack.sequence_id)
            case "ping":
                return Ping()
        return None

    def read_downstream(self, frame: str | bytes) -> Downstream | None:
        """What a server says; None for what is of no concern here. Raises `BrokenFrameError`."""
        try:
            message = DownstreamMessage.FromString(_binary(frame))
        except DecodeError as error:
            raise BrokenFrameError("A frame is no message.") from error
        match message.WhichOneof("message"):
            case "data":
                return _group_message(message.data)
            case "ack":
                ack = message.ack
                return Ack(ack.ack_id) if ack.success else Ack(ack.ack_id, ack.error.name, ack.error.message)
            case "system":
                return _system(message.system)
            case "pong":
                return Pong()
        return None

    # ---- writing -------------------------------------------------------------------------------------------

    def write_upstream(self, value: Upstream) -> bytes:
        """The frame of a client."""
        match value:
            case JoinGroup(group, ack_id):
                message = UpstreamMessage(join_group=UpstreamMessage.JoinGroup(group=group, ack_id=ack_id))
            case LeaveGroup(group, ack_id):
                message = UpstreamMessage(leave_group=UpstreamMessage.LeaveGroup(group=group, ack_id=ack_id))
            case SequenceAck(sequence_id):
                message = UpstreamMessage(sequence_ack=UpstreamMessage.SequenceAck(sequence_id=sequence_id))
            case Ping():
                message = UpstreamMessage(ping=UpstreamMessage.Ping())
        return message.SerializeToString()

    def write_downstream(self, value: Downstream) -> bytes:
        """The frame of a server."""
        match value:
            case GroupMessage(group, envelope, _):
                return self.shared(group or "", envelope)
            case Connected():
                connected = DownstreamMessage.System.Connected(connection_id=value.connection_id, user_id=value.user_id)
                message = DownstreamMessage(system=DownstreamMessage.System(connected=connected))
            case Ack(ack_id, name, text):
                error = None if name is None else DownstreamMessage.Ack.Error(name=name, message=text)
                message = DownstreamMessage(
                    ack=DownstreamMessage.Ack(ack_id=ack_id, success=error is None, error=error)
                )
            case Disconnected(reason):
                disconnected = DownstreamMessage.System.Disconnected(reason=reason)
                message = DownstreamMessage(system=DownstreamMessage.System(disconnected=disconnected))
            case Pong():
                message = DownstreamMessage(pong=DownstreamMessage.Pong())
        return message.SerializeToString()

    def shared(self, group: str, envelope: bytes) -> bytes:
        """A group message, as all readers get it."""
        data = MessageData(protobuf_data=Envelope.FromString(envelope))
        message = DownstreamMessage.Data(group=group, data=data, **{"from": "group"})
        return DownstreamMessage(data=message).SerializeToString()

    def numbered(self, shared: str | bytes, sequence_id: int) -> str | bytes:
        """There are no numbers."""
        return shared


def _binary(frame: str | bytes) -> bytes:
    if isinstance(frame, str):
        raise BrokenFrameError("A frame of text came where frames are binary.")
    return frame


def _group_message(data: DownstreamMessage.Data) -> GroupMessage | None:
    match data.data.WhichOneof("data"):
        case "protobuf_data":
            envelope = data.data.protobuf_data.SerializeToString()
        case "binary_data":
            envelope = data.data.binary_data
        case _:
            return None
    return GroupMessage(data.group, envelope)


def _system(system: DownstreamMessage.System) -> Connected | Disconnected | None:
    match system.WhichOneof("message"):
        case "connected":
            return Connected(system.connected.connection_id, system.connected.user_id)
        case "disconnected":
            return Disconnected(system.disconnected.reason)
    return None
