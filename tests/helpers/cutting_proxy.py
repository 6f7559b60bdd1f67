"""Stands between a program and a server, passes bytes on, and at chosen moments does not."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 1 << 16
REQUEST_LINE = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.1\r\n", re.MULTILINE)


class CuttingProxy:
    """Connections to `url` go to a port of this machine.

    `cut_after`: so many bytes of an answer are passed on, then the connection is cut; after that `on_cut` is called.
    With `hangs`, it is not cut, and nothing comes any more. `cuts` is how many times; None: always.
    """

    def __init__(self, port: int) -> None:
        self.cut_after: int | None = None
        self.only: bytes = b""
        """In the first line of the requests whose answers are cut."""
        self.cuts: int | None = None
        self.hangs = False
        self.on_cut: Callable[[], None] = lambda: None
        self.requests: list[bytes] = []
        """Heads, in the order in which they came."""
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    def go_away(self) -> None:
        """Nobody listens any more."""
        _hang_up(self._listener)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for end in left:
            _hang_up(end)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        """One connection, one request after another."""
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            with self._lock:
                self._open |= {client, server}
            state = _State()
            answers = threading.Thread(target=self._answer, args=(client, server, state), daemon=True)
            answers.start()
            with suppress(OSError):
                while data := client.recv(CHUNK_BYTES):
                    if REQUEST_LINE.match(data):
                        self.requests.append(data.partition(b"\r\n\r\n")[0])
                        state.begin(is_chosen=self.only in data.partition(b"\r\n")[0])
                    server.sendall(data)
            state.ended.set()
            _hang_up(server)
            answers.join()
            with self._lock:
                self._open -= {client, server}

    def _answer(self, client: socket.socket, server: socket.socket, state: _State) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                if self._is_cut(state, len(data)):
                    client.sendall(data[: (self.cut_after or 0) - state.passed])
                    self.on_cut()
                    if self.hangs:
                        state.ended.wait()
                    break
                state.passed += len(data)
                client.sendall(data)
        _hang_up(client)

    def _is_cut(self, state: _State, count: int) -> bool:
        if self.cut_after is None or not state.is_chosen or state.passed + count <= self.cut_after or self.cuts == 0:
            return False
        if self.cuts is not None:
            self.cuts -= 1
        return True


class _State:
    """Of the answer that is being passed on."""

    def __init__(self) -> None:
        self.begin(is_chosen=False)
        self.ended = threading.Event()

    def begin(self, *, is_chosen: bool) -> None:
        self.passed = 0
        self.is_chosen = is_chosen


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
