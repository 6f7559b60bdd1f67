"""For processes of a cluster: workers load it (`--preload helpers.gates`), and then wait at their tasks if asked to.

Where workers cannot be told what to load, as Ray's, their task is `stage_at_gates`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from gexlake.services.importing import stage
from helpers.processes import POLL_SECONDS, until

HOLD = "hold"


class Gates:
    """The folder by which workers are held up and let go; the environment names it as `GEXLAKE_TEST_GATES`."""

    def __init__(self, folder: Path) -> None:
        self.gates = folder / "gates"
        self.gates.mkdir()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Within the block workers wait where their staged work is about to be whole, until they are let go."""
        (self.gates / HOLD).touch()
        try:
            yield
        finally:
            self.open()

    def held(self, count: int) -> list[int]:
        """Wait until so many workers wait; their processes."""
        until(lambda: len(self._pipes()) == count)
        return [int(pipe.name) for pipe in self._pipes()]

    def open(self, *, but: int = 0) -> None:
        """Hold nobody up any more, but for one."""
        (self.gates / HOLD).unlink(missing_ok=True)
        while waiting := [pipe for pipe in self._pipes() if int(pipe.name) != but]:
            for pipe in waiting:
                self._let_go(pipe)
            time.sleep(POLL_SECONDS)

    def _let_go(self, pipe: Path) -> None:
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # it is not there yet, or has died
            if not Path(f"/proc/{pipe.name}").exists():
                pipe.unlink()

    def _pipes(self) -> list[Path]:
        return sorted(path for path in self.gates.iterdir() if path.name.isdecimal())


def dask_setup(_: Any) -> None:
    """Before a manifest is written, where there is a file `hold` in the folder, open a pipe named by the process."""
    folder, write = Path(os.environ["GEXLAKE_TEST_GATES"]), stage.write_manifest

    def wait_and_write(staged: Any) -> None:
        pipe = folder / str(os.getpid())
        if (folder / HOLD).exists():
            os.mkfifo(pipe)
            if (folder / HOLD).exists():  # still: who opens the gates from here on sees the pipe
                pipe.read_text()
        write(staged)
        if pipe.exists():
            pipe.rename(pipe.with_suffix(".passed"))

    stage.write_manifest = wait_and_write


_set_up_once = cache(dask_setup)


def stage_at_gates(task: Any, **options: Any) -> Any:
    """`stage_sources`, in a worker that has loaded nothing before, and talks."""
    print("what nobody is to hear")
    _set_up_once(None)
    return stage.stage_sources(task, **options)


def kill_worker(_: object, **__: object) -> None:
    """A task that no worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)


async def give_up(address: str, dask_scheduler: Any) -> None:
    """Have the scheduler take a worker for lost, as it does when it has not heard of it for minutes."""
    await dask_scheduler.remove_worker(address, stimulus_id="test", close=False)
