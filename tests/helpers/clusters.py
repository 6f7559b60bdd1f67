"""Real clusters: a Dask scheduler and workers, each a process of its own command line, and gates for what they do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from distributed import Client

from helpers.gates import Gates, give_up
from helpers.processes import descendants, let_go_on, stop, until, wait_for_end
from helpers.runner import python_path

DASK = Path(sys.executable).with_name("dask")
LEFT_SECONDS = "120"
"""What a killed test run leaves ends by itself after so long."""


class Cluster(Gates):
    """A scheduler, the workers that were started for it, and a client that asks about them."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        super().__init__(folder)
        self._ending = ending
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._log = ending.enter_context((folder / "log").open("w"))
        self.processes: list[subprocess.Popen[bytes]] = []
        words = ["--host", "127.0.0.1", "--port", "0", "--idle-timeout", LEFT_SECONDS]
        self.scheduler = self._start("scheduler", *words)
        place = until(self._address)
        self.address = place.replace("tcp://", "dask://")
        self.client = ending.enter_context(Client(place, set_as_default=False))

    def start_worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start one of one task at a time; it will be there by and by, see `wait_for`."""
        words = ["--nthreads", "1", "--preload", "helpers.gates", "--death-timeout", LEFT_SECONDS]
        return self._start("worker", *words, "--local-directory", str(self._folder), *options, **environment)

    def wait_for(self, workers: int) -> None:
        """Until so many are there, and no more."""
        until(lambda: len(self.client.nthreads()) == workers)

    @contextmanager
    def cut_off(self, pid: int) -> Iterator[None]:
        """Within the block a worker is stopped, and the scheduler takes it for lost. Behind it, it goes on until its
        task has ended, and another takes its place.
        """
        (address,) = (address for address, found in self.client.run(os.getpid).items() if found == pid)
        (process,) = (process for process in self.processes if pid in descendants(process.pid))
        stop([pid])
        self.client.run_on_scheduler(give_up, address)
        yield
        let_go_on([pid])
        self.open()
        until((self.gates / f"{pid}.passed").exists)
        end(process)
        self.start_worker()

    def _start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        here = {"PYTHONPATH": python_path(), "OPENBLAS_NUM_THREADS": "1", "GEXLAKE_TEST_GATES": str(self.gates)}
        # What kills two workers is not tried on a third.
        here |= {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        process = subprocess.Popen(
            [DASK, *words, "--no-dashboard", "--scheduler-file", self._file],
            env=os.environ | here | environment,
            stdout=self._log,
            stderr=self._log,
        )
        self._ending.callback(end, process)
        self.processes.append(process)
        return process

    def _address(self) -> str | None:
        """What the scheduler has written of itself, once it has written all of it."""
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(self._file.read_text())["address"])
        return None


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster whose workers are restarted when they die."""
    with ExitStack() as ending:
        cluster = Cluster(folder, ending)
        for _ in range(workers):
            cluster.start_worker()
        cluster.wait_for(workers)
        yield cluster


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, to what it has started as well."""
    if process.poll() is not None:
        return
    below = descendants(process.pid)
    process.kill()
    process.wait()
    for pid in below:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)
    wait_for_end(below)
