"""`gexlake live` and `gexlake serve` as processes beside a replay that stands in for the vendor."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx2

from helpers.processes import PATIENCE_SECONDS
from helpers.programs import Program
from helpers.replay import KEY, ReplayProcess

DAY = "2025-11-10"


class GexlakeProcess:
    """A command under way; its stderr is read line by line."""

    def __init__(self, *arguments: str | Path, **environment: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        self.process = Program(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean | environment,
        )
        self.said: list[str] = []
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Take all that is said: a process whose pipe is full stands still."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line on stderr from now on that fits."""
        with suppress(Empty):
            while (line := self._lines.get(timeout=PATIENCE_SECONDS)) is not None:
                self.said.append(line)
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"{pattern!r} was never said: {''.join(self.said)}")

    def kill(self) -> None:
        """SIGKILL, and wait for the end; no matter if it has ended."""
        self.process.kill()
        self._take_rest()

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Exit status, stdout, and all of stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out = self._take_rest()
        return self.process.returncode, out, "".join(self.said)

    def _take_rest(self) -> str:
        """Wait for the end; what stdout held."""
        self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        while not self._lines.empty():
            self.said.append(self._lines.get() or "")
        out = ""
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            if not pipe.closed:
                out += pipe.read()
                pipe.close()
        return out


def start_live(lake: Path, replay: ReplayProcess, *options: str, imports: bool = False) -> GexlakeProcess:
    """A recording of NQ_NDX, by the replay's clock; with `imports` into the lake, which takes a process more."""
    return GexlakeProcess(
        "live", "--lake", lake, "--ticker", "NQ_NDX", "--base-url", f"{replay.url}/v2", "--clock-from", replay.url,
        *options, *([] if imports else ["--no-import"]), GEXLAKE_VENDOR_KEY=KEY,
    )  # fmt: skip


class Service(GexlakeProcess):
    """A service over a lake."""

    def __init__(self, lake: Path, *options: str, **environment: str) -> None:
        super().__init__("serve", "--lake", lake, "--port", "0", *options, **environment)
        url = self.wait_for(r"Serving .* at (http://\S+)")[1]
        self.client = httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, stdout, and all of stderr."""
        self.client.close()
        return super().end(number)

    def latest(self, package: str = "classic", category: str = "gex_zero", **query: Any) -> dict[str, Any] | None:
        """The last snapshot; None where there is none."""
        path = {"orderflow": "orderflow"}.get(package, "gex" if category.startswith("gex") else "greeks")
        asked = {"symbol": "NQ_NDX", "package": package, "category": category, **query}
        answer = self.client.get(f"/{path}/latest", params=asked)
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return {name: value for name, value in document.items() if name not in ("as_of", "age_seconds")}

    def picture_head(self, package: str = "classic", category: str = "gex_zero") -> dict[str, Any]:
        """What the picture of the session says of itself."""
        asked = {"symbol": "NQ_NDX", "package": package, "category": category, "date": DAY}
        body = self.client.get("/view/session", params=asked).raise_for_status().content
        head: dict[str, Any] = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
        return head

    def instants(self, package: str = "classic", category: str = "gex_zero") -> list[int]:
        """The timestamps of a feed, in the order of its pages."""
        asked = {"symbol": "NQ_NDX", "package": package, "category": category, "limit": 1000, "strikes": "false"}
        answer = self.client.get("/gex", params=asked)
        return [snapshot["timestamp"] for snapshot in answer.raise_for_status().json()["snapshots"]]


def records_of(lake: Path, package: str = "classic", category: str = "gex_zero", day: str = DAY) -> list[Any]:
    """What the segments of a feed hold, in order; lines that are whole."""
    found = []
    for path in sorted((lake / "live" / day).glob(f"*_{package}_{category}.*.jsonl")):
        found += [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return found
