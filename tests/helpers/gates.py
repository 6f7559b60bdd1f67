"""For processes of a cluster: workers load it (`--preload helpers.gates`), and then wait at their tasks if asked to."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from gexlake.services.importing import stage

HOLD = "hold"


def dask_setup(_: Any) -> None:
    """Before a manifest is written, where there is a file `hold` in the folder, open a pipe named by the process."""
    folder, write = Path(os.environ["GEXLAKE_TEST_GATES"]), stage.write_manifest

    def wait_and_write(staged: Any) -> None:
        pipe = folder / str(os.getpid())
        if (folder / HOLD).exists():
            os.mkfifo(pipe)
            pipe.read_text()
        write(staged)
        if pipe.exists():
            pipe.rename(pipe.with_suffix(".passed"))

    stage.write_manifest = wait_and_write


def kill_worker(_: object, **__: object) -> None:
    """A task that no worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)


async def give_up(address: str, dask_scheduler: Any) -> None:
    """Have the scheduler take a worker for lost, as it does when it has not heard of it for minutes."""
    await dask_scheduler.remove_worker(address, stimulus_id="test", close=False)
