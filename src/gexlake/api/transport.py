"""A connection that sends large slices of mapped files without reading them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any

from gexlake.services.store.mapped_file import place_of

SENDFILE_BYTES = 64 << 10
"""From here on the kernel is asked to send from the file; below, the question costs more than the copy."""


Buffer = bytes | memoryview


def coalesced(buffers: Iterable[Buffer]) -> list[Buffer]:
    """The same bytes with small neighbours made one: each buffer is written to the socket by itself."""
    found: list[Buffer] = []
    small: list[Buffer] = []
    for buffer in buffers:
        if len(buffer) < SENDFILE_BYTES:
            small.append(buffer)
        else:
            found += [b"".join(small), buffer] if small else [buffer]
            small = []
    return [*found, b"".join(small)] if small else found


class FileTransport:
    """Another transport, of a plain TCP connection, with `sendfile` in `write`.

    The kernel sends from its page cache: the bytes are neither copied nor seen by this process, whose own data stay in
    the processor's caches. What the socket does not take at once goes the ordinary way.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._descriptor: int = transport.get_extra_info("socket").fileno()
        self.is_closing = transport.is_closing  # this and the next are asked for with every answer
        self.get_extra_info = transport.get_extra_info

    def __getattr__(self, name: str) -> Any:
        """All but `write` is the other's."""
        return getattr(self._transport, name)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send, or keep what cannot be sent yet."""
        if type(data) is memoryview and len(data) >= SENDFILE_BYTES:
            data = data[self._send_from_file(data) :]
        self._transport.write(data)

    def _send_from_file(self, data: memoryview) -> int:
        """How many of the bytes, from the first on, are sent; 0 where it has to be done otherwise."""
        transport = self._transport
        place = place_of(data)
        if place is None or transport.is_closing() or transport.get_write_buffer_size():
            return 0
        try:
            return os.sendfile(self._descriptor, place.descriptor, place.offset, len(data))
        except OSError:  # it would block, or the connection is broken, which the transport finds and tells of
            return 0
