"""What a frame says, whichever form it has."""

from __future__ import annotations

from typing import NamedTuple


class BrokenFrameError(ValueError):
    """A frame is not of its subprotocol."""


# ---- from a client -------------------------------------------------------------------------------------------------


class JoinGroup(NamedTuple):
    """Tell me the news of a group; an `ack_id` wants an answer."""

    group: str
    ack_id: int | None = None


class LeaveGroup(NamedTuple):
    """Tell me no more of a group."""

    group: str
    ack_id: int | None = None


class SequenceAck(NamedTuple):
    """All messages up to this one are here."""

    sequence_id: int


class Ping(NamedTuple):
    """Are you there?"""


Upstream = JoinGroup | LeaveGroup | SequenceAck | Ping


# ---- from a server -------------------------------------------------------------------------------------------------


class Connected(NamedTuple):
    """The first frame. Without a `reconnection_token` a client that is cut off connects anew."""

    connection_id: str
    user_id: str = ""
    reconnection_token: str | None = None


class Ack(NamedTuple):
    """How a request went; `error` is a name, as `Forbidden` or `Duplicate`, None where it went well."""

    ack_id: int
    error: str | None = None
    message: str = ""


class GroupMessage(NamedTuple):
    """News of a group: its name with the prefix, None where the form has no names; and a serialised envelope."""

    group: str | None
    envelope: bytes
    sequence_id: int | None = None


class Disconnected(NamedTuple):
    """The last frame of a planned end."""

    reason: str


class Pong(NamedTuple):
    """Yes."""


Downstream = Connected | Ack | GroupMessage | Disconnected | Pong
