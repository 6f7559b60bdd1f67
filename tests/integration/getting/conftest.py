"""A vendor of the tests' own on loopback, and a replay that stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.getting import Vendor, running_vendor
from helpers.replay import ReplayProcess, make_lake, running_replay


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with running_vendor() as running:
        yield running


@pytest.fixture(scope="session")
def source_lake(fast_disk: Path) -> Path:
    """Monday and Tuesday, 30 records each of the 15 feeds of NQ_NDX; for reading only."""
    return make_lake(fast_disk / "source-of-get")


@pytest.fixture(scope="module")
def replaying(source_lake: Path) -> Iterator[ReplayProcess]:
    """A replay at the end of both days; the process serves all tests of a module."""
    with running_replay(source_lake, "--date", "2025-11-10", "--date", "2025-11-11", "--start-at", "end") as replay:
        yield replay


@pytest.fixture
def replay(replaying: ReplayProcess) -> Iterator[ReplayProcess]:
    """The replay as it is by itself, whatever the test before did."""
    replaying.faults()
    replaying.control("seek", to="end")
    yield replaying
    replaying.faults()
