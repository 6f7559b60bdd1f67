"""A running `gexlake replay`: the vendor's service as tests and their clients meet it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from helpers.histories import MONDAY
from helpers.processes import PATIENCE_SECONDS

KEY = "gexbot_custom_open-sesame"
CONTROL = "/gexlake/replay"


class ReplayProcess:
    """A replay on a free port, as a process; its control routes as methods."""

    def __init__(self, lake: Path, *options: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gexlake", "replay", "--lake", str(lake), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.url = self._url()
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS)

    def _url(self) -> str:
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"Replaying .* at (http://\S+)", line):
                return found[1]
        raise AssertionError("it ended without a word of where it listens: " + "".join(said))

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, stdout and the rest of stderr."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err

    # ---- what the vendor's clients do ----------------------------------------------------------------------

    def get(self, path: str, *, key: str = KEY, **options: Any) -> httpx2.Response:
        """An answer of a vendor's route to a key."""
        headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
        return self.client.get(path, headers=headers, **options)

    def post(self, path: str, document: Any, *, key: str = KEY, method: str = "POST") -> httpx2.Response:
        """The same of a route that takes a document."""
        return self.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, json=document)

    # ---- control -------------------------------------------------------------------------------------------

    def control(self, name: str, **body: Any) -> dict[str, Any]:
        """A control request about the clock; what it shows then."""
        return self._done(self.client.post(f"{CONTROL}/{name}", json=body))

    def faults(self, **faults: Any) -> None:
        """These go wrong from now on, and nothing else."""
        self._done(self.client.put(f"{CONTROL}/faults", json=faults))

    def status(self) -> dict[str, Any]:
        """What it says about itself."""
        return self._done(self.client.get(CONTROL))

    @staticmethod
    def _done(response: httpx2.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


def make_lake(folder: Path, *, sessions: int = 2, snapshots: int = 30, strikes: int = 9) -> Path:
    """A lake of all 15 feeds of NQ_NDX from 2025-11-10 on; its history stays beside it in `source`."""
    source, lake = folder / "source", folder / "data"
    write_sample(
        source, sessions=sessions, start=MONDAY, snapshots=snapshots, strikes=strikes, all_categories=True
    ).note.unlink()
    import_history(source, lake)
    return lake


def source_file(lake: Path, day: object, package: str, category: str, ticker: str = "NQ_NDX") -> Path:
    """The history file that a session of such a lake was made of."""
    return lake.parent / "source" / f"{day}_{ticker}_{package}_{category}.json"
