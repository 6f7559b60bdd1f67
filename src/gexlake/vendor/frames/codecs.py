"""One codec for each subprotocol: values into frames and frames into values, on either side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gexlake.vendor.frames.json_codec import JsonCodec
from gexlake.vendor.frames.protobuf_codec import ProtobufCodec
from gexlake.vendor.frames.values import BrokenFrameError, Downstream, GroupMessage, Upstream

Frame = str | bytes


class Codec(Protocol):
    """A codec. A group message is made in two steps: what all readers share, once, and what is a reader's own."""

    def read_upstream(self, frame: Frame) -> Upstream | None:
        """What a client says; None for what is of no concern here. Raises `BrokenFrameError`."""

    def read_downstream(self, frame: Frame) -> Downstream | None:
        """What a server says; None for what is of no concern here. Raises `BrokenFrameError`."""

    def write_upstream(self, value: Upstream) -> Frame | None:
        """The frame of a client; None where the form has none such."""

    def write_downstream(self, value: Downstream) -> Frame | None:
        """The frame of a server; None where the form has none such."""

    def shared(self, group: str, envelope: bytes) -> Frame:
        """A group message without its number."""

    def numbered(self, shared: Frame, sequence_id: int) -> Frame:
        """The same with the number that it has in one connection, from 1 on."""


class BareCodec:
    """No subprotocol: group messages are serialised envelopes, and nothing else is said."""

    def read_upstream(self, frame: Frame) -> Upstream | None:
        """Nothing a client says is understood."""
        return None

    def read_downstream(self, frame: Frame) -> Downstream | None:
        """Every binary frame is a group message."""
        if isinstance(frame, str):
            raise BrokenFrameError("A frame of text came where messages are binary.")
        return GroupMessage(None, frame)

    def write_upstream(self, value: Upstream) -> Frame | None:
        """There is nothing to say."""
        return None

    def write_downstream(self, value: Downstream) -> Frame | None:
        """Only group messages."""
        return value.envelope if isinstance(value, GroupMessage) else None

    def shared(self, group: str, envelope: bytes) -> Frame:
        """The envelope."""
        return envelope

    def numbered(self, shared: Frame, sequence_id: int) -> Frame:
        """There are no numbers."""
        return shared


CODECS: dict[str | None, Codec] = {
    "json.reliable.webpubsub.azure.v1": JsonCodec(reliable=True),
    "json.webpubsub.azure.v1": JsonCodec(reliable=False),
    "protobuf.webpubsub.azure.v1": ProtobufCodec(),
    None: BareCodec(),
}
"""Subprotocol -> its codec; None for a socket without one."""


def choose(offered: Sequence[str]) -> str | None:
    """The first of the subprotocols that a client offers that is known; None where it offers none such."""
    return next((name for name in offered if name in CODECS), None)
