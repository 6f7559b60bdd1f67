"""An address to listen on, for the commands that serve something."""

from __future__ import annotations

import errno
import socket

from gexlake.errors import GexlakeError

STUCK_SECONDS = 300
"""For so long a client may leave unread what was sent to it."""


def listen(host: str, port: int) -> socket.socket:
    """Take an address, before anything is opened: a second server on it ends here. Raises `GexlakeError`.

    Port 0 is a free one.
    """
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise GexlakeError(f"{host} is no address to listen on: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # whoever takes nothing off its socket for so long is cut off
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_SECONDS * 1000)
        listener.bind(address)
        listener.listen()  # a port is taken for certain only now
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            message, hint = f"{place} is taken by another process.", "Choose another port with --port, or 0 for any."
        else:
            message, hint = f"{place} cannot be listened on: {error.strerror}.", ""
        raise GexlakeError(message, hint=hint) from error
    return listener


def url_of(listener: socket.socket, *, local: bool = False) -> str:
    """Where a server listens; for processes of this machine, with `local`, where it listens everywhere."""
    host, port = listener.getsockname()[:2]
    if local:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
