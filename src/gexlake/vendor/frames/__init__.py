"""The frames of Azure Web PubSub, as both sides read and write them: JSON (reliable or not), protobuf, or none at all.

`values` is what frames say, `codecs` the one codec for each subprotocol.
"""

from gexlake.vendor.frames.codecs import CODECS, Codec, Frame, choose
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

__all__ = [
    "CODECS",
    "Ack",
    "BrokenFrameError",
    "Codec",
    "Connected",
    "Disconnected",
    "Downstream",
    "Frame",
    "GroupMessage",
    "JoinGroup",
    "LeaveGroup",
    "Ping",
    "Pong",
    "SequenceAck",
    "Upstream",
    "choose",
]
