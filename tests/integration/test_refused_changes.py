"""A change of a lake that the system refuses: a clear error, or none where nothing is lost; the next run completes."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from helpers.runner import Runner
from helpers.storage import History, assert_clear
from helpers.whole import assert_completes

ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)
STEP = 7
"""Neighbours are much alike: most files are made, and then renamed."""


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> History:
    return History.changed(fast_disk / "refused-history")


@pytest.fixture
def lake(history: History, work: Path) -> Path:
    return history.lake_before(work / "lake")


def test_change_that_the_system_refuses(history: History, lake: Path, runner: Runner) -> None:
    folder = history.folder
    points = runner.run_import(folder, shutil.copytree(lake, lake.with_name("all")), {"fail_at": 10**9}).points
    failed = set()
    for tried, point in enumerate(range(1, points + 1, STEP)):
        number = ERRORS[point % len(ERRORS)]
        outcome = runner.run_import(folder, lake, {"fail_at": point, "errno": number})
        if not outcome.out:  # where the directory is there already, or nothing is lost by it, the import goes on
            assert_clear(outcome)
            failed.add((point, number))
        assert_completes(history.folder, lake, history.fresh, acceptable=False, verify=tried % 3 == 0)
        shutil.rmtree(lake)
        shutil.copytree(history.lake, lake)
    assert len(failed) >= 5
    assert {number for _, number in failed} == set(ERRORS)
