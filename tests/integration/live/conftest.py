"""A lake to replay, a replay that waits at the open, and recordings of it as processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.living import GexlakeProcess, start_live
from helpers.replay import ReplayProcess, make_lake, running_replay

StartLive = Callable[..., GexlakeProcess]


@pytest.fixture(scope="session")
def vendor_lake(fast_disk: Path) -> Path:
    """Monday, 30 records of each of the 15 feeds of NQ_NDX, a second apart; for reading only."""
    return make_lake(fast_disk / "source-of-live", sessions=1)


@pytest.fixture
def replay(vendor_lake: Path) -> Iterator[ReplayProcess]:
    """Its clock stands at the open, and is stepped."""
    with running_replay(vendor_lake, "--paused") as replay:
        yield replay


@pytest.fixture
def recording() -> Iterator[StartLive]:
    """Starts recordings, and sees that each ends well unless it was killed."""
    started: list[GexlakeProcess] = []

    def start(lake: Path, replay: ReplayProcess, *options: str, imports: bool = False) -> GexlakeProcess:
        started.append(start_live(lake, replay, *options, imports=imports))
        return started[-1]

    yield start
    for process in started:
        try:
            if process.process.poll() is None:
                status, out, err = process.end()
                assert (status, out, "Traceback" in err) == (0, "", False), err
        finally:
            process.kill()
