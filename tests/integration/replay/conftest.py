"""A lake of two days of all feeds, and replays of it as processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.replay import ReplayProcess, make_lake

Start = Callable[..., ReplayProcess]


@pytest.fixture(scope="session")
def replay_lake(fast_disk: Path) -> Path:
    """Monday and Tuesday, 30 records each of the 15 feeds of NQ_NDX; for reading only."""
    return make_lake(fast_disk / "replay")


@pytest.fixture(scope="module")
def starting() -> Iterator[Start]:
    """Starts replays, and sees that each ends well."""
    started: list[ReplayProcess] = []

    def start(lake: Path, *options: str) -> ReplayProcess:
        started.append(ReplayProcess(lake, *options))
        return started[-1]

    yield start
    for replay in started:
        try:
            status, out, err = replay.end()
            assert (status, out, "Traceback" in err) == (0, "", False), err
        finally:
            replay.process.kill()
