"""Runs commands in processes of their own, see `zygote`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """How a process ended: exit status (negative: the signal that killed it), peak memory, what it wrote."""

    status: int
    peak_bytes: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The report it printed."""
        assert self.out, self
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def points(self) -> int:
        """Points reached, where they were counted."""
        return int(json.loads(self.err.splitlines()[-1])["points"])


class Running:
    """A process under way."""

    def __init__(self, zygote: subprocess.Popen[str]) -> None:
        self._zygote = zygote
        self._outcome: Outcome | None = None
        self.pid = int(self._answer()["pid"])

    def wait(self) -> Outcome:
        """Wait for its end."""
        if self._outcome is None:
            self._outcome = Outcome(**self._answer())
        return self._outcome

    def kill(self) -> None:
        """SIGKILL to the process and its workers; no matter if it has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def interrupt(self) -> None:
        """SIGINT to the whole group, as a terminal sends it on Ctrl-C; no matter if it has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGINT)

    def _answer(self) -> dict[str, Any]:
        assert self._zygote.stdout is not None
        line = self._zygote.stdout.readline()
        assert line, "the process that forks for the tests has died"
        answer: dict[str, Any] = json.loads(line)
        return answer


class Runner:
    """Runs one command at a time; `prefix` is put before the command line of the process that forks."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        self._running: Running | None = None
        self._zygote = subprocess.Popen(
            [*prefix, sys.executable, "-m", "helpers.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": python_path(), "OPENBLAS_NUM_THREADS": "1"},
        )

    def start(self, do: str, lake: Path | None = None, **command: Any) -> Running:
        """Begin a command of `commands`."""
        assert self._zygote.stdin is not None
        document = {"do": do, **({"lake": str(lake)} if lake else {}), **command}
        if self._running is not None:  # a test that failed may have left one behind
            self._running.kill()
            self._running.wait()
        self._zygote.stdin.write(json.dumps(document) + "\n")
        self._zygote.stdin.flush()
        self._running = Running(self._zygote)
        return self._running

    def start_import(
        self, sources: Path | Sequence[Path], lake: Path, faults: dict[str, Any] | None = None, **options: Any
    ) -> Running:
        """Begin an import; `faults` as in `faults.arrange`, `options` those of `ImportOptions`."""
        named = [sources] if isinstance(sources, Path) else sources
        pauses = {name: options.pop(name) for name in ("pause", "resume", "pause_in") if name in options}
        texts = [os.fsencode(source).hex() for source in named]
        return self.start("import", lake, sources=texts, faults=faults, options=options, **pauses)

    def run_import(
        self, sources: Path | Sequence[Path], lake: Path, faults: dict[str, Any] | None = None, **options: Any
    ) -> Outcome:
        """An import from beginning to end."""
        return self.start_import(sources, lake, faults, **options).wait()

    def verify(self, lake: Path, **options: Any) -> Outcome:
        """A verification."""
        return self.start("verify", lake, options=options).wait()

    def close(self) -> None:
        """End the process that forks."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.stdout.close()
        self._zygote.wait()


def python_path() -> str:
    """The tests in front of what is there already: it may name the very checkout that is tested."""
    return os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
