"""A small lake, and the same published."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.histories import write_history
from helpers.lakes import copy_lake
from helpers.mirrors import pushed
from helpers.runner import Runner


class Published(NamedTuple):
    """A lake and its mirror, in one folder."""

    lake: Path
    mirror: Path


@pytest.fixture(scope="session")
def history(fast_disk: Path) -> Path:
    """Of which the lake is; tests change it, which is no matter to others."""
    folder = fast_disk / "published-history"
    write_history(folder, sessions=2)
    return folder


@pytest.fixture(scope="session")
def template(fast_disk: Path, history: Path, runner: Runner) -> Published:
    """Two sessions, and their mirror; for reading only."""
    root = fast_disk / "published"
    assert runner.run_import(history, root / "lake").status == 0
    pushed(root / "lake", root / "mirror")
    return Published(root / "lake", root / "mirror")


@pytest.fixture
def lake(template: Published, work: Path) -> Path:
    """The lake alone, which has never been published."""
    lake = copy_lake(template.lake, work / "lake")
    for file in (lake / "mirrors").iterdir():
        file.unlink()
    return lake
