"""A real object store that speaks S3, on ports of its own: the SeaweedFS that a wheel brings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

BINARY = Path(sys.executable).parent / "weed"
KEY, SECRET = "test-key", "test-secret-that-must-not-show"
PORTS = ("master", "volume", "filer", "s3")
POLL_SECONDS = 0.02


class ObjectServer:
    """Started, killed and started again, always on the same ports and with what it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        options = ["s3.port.iceberg", *(f"{name}.port{kind}" for name in PORTS for kind in ("", ".grpc"))]
        self._ports = dict(zip(options, _free_ports(len(options)), strict=True))
        self._identities = folder / "identities.json"
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        identity = {"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        self._identities.write_text(json.dumps({"identities": [identity]}))

    @property
    def port(self) -> int:
        return self._ports["s3.port"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def catalog_url(self) -> str:
        """Of its catalog of Iceberg tables, which speaks REST."""
        return f"http://127.0.0.1:{self._ports['s3.port.iceberg']}"

    def start(self) -> None:
        """Begin; `wait` for it."""
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        options = {
            "dir": data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.electionTimeout": "1s",  # else it takes 20 s to come back after a kill
            "master.heartbeatInterval": "100ms",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "s3": "true",
            "s3.config": self._identities,
            "s3.port.lance": 0,
            "volume.max": 20,
            **self._ports,
        }
        words = ["server", *(f"-{name}={value}" for name, value in options.items())]
        place = {"cwd": self._folder, "env": os.environ | {"TMPDIR": str(self._folder)}}  # it has sockets there
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([BINARY, *words], stdout=log, stderr=log, **place)  # type: ignore[call-overload]

    def wait(self) -> None:
        """Until it answers, and stores something."""
        while not self._is_well():
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(POLL_SECONDS)

    def _is_well(self) -> bool:
        with suppress(OSError, BaseError), urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
            if answer.status == 200:
                obstore.put(self.bucket("tests", retry=False), "well", b"")
                return True
        return False

    def bucket(self, name: str, *, retry: bool = True) -> S3Store:
        """A bucket, past everything that is tested; it comes into being with its first object. There may be two."""
        return S3Store(
            name,
            endpoint=self.url,
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
            retry_config={} if retry else {"max_retries": 0},
        )

    def run(self, command: str) -> None:
        """Carry out a command of its shell."""
        master = f"127.0.0.1:{self._ports['master.port']}.{self._ports['master.port.grpc']}"
        shell = [BINARY, "shell", f"-master={master}"]
        done = subprocess.run(shell, input=f"{command}\n", capture_output=True, text=True, check=True, cwd=self._folder)
        assert "error" not in done.stderr, done.stderr

    def kill(self) -> None:
        """No matter whether it runs; it is gone by then."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def environment(url: str) -> dict[str, str]:
    """What has programs use a server at that address."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment, each another."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
