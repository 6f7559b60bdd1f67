"""A disk that is full, too small or not writable: a clear error, the lake as before, and the next run completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.lakes import lake_content
from helpers.runner import Runner
from helpers.storage import History, assert_clear
from helpers.whole import assert_completes

FILE_BYTES = (0, 512, 2048, 4096, 8192, 20_000, 60_000, 200_000, 540_000, 800_000, 1_000_000)
"""From where nothing can be written to where only the database's log can not, or nothing is hindered."""


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> History:
    return History.changed(fast_disk / "storage-history")


@pytest.fixture
def lake(history: History, work: Path) -> Path:
    return history.lake_before(work / "lake")


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_no_file_may_grow_beyond_a_size(history: History, lake: Path, runner: Runner, file_bytes: int) -> None:
    before = lake_content(lake)
    outcome = runner.run_import(history.folder, lake, {"file_bytes": file_bytes})
    if outcome.out:  # it was enough
        assert outcome.report["totals"]["records_imported"] == 50
    else:
        assert_clear(outcome)
        assert lake_content(lake)["sessions"] in (before["sessions"], history.fresh["sessions"])  # committed stays
    assert_completes(history.folder, lake, history.fresh, acceptable=False)


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_first_import_without_room(history: History, work: Path, runner: Runner, file_bytes: int) -> None:
    outcome = runner.run_import(history.folder, work / "lake", {"file_bytes": file_bytes})
    if not outcome.out:
        assert_clear(outcome)
    assert_completes(history.folder, work / "lake", history.fresh, acceptable=False)
    assert lake_content(work / "lake") == history.fresh


def test_worker_that_finds_no_room(history: History, lake: Path, runner: Runner) -> None:
    before = lake_content(lake)
    assert_clear(runner.run_import(history.folder, lake, {"file_bytes": 4096, "inline_bytes": 0}))
    assert lake_content(lake) == before
    assert_completes(history.folder, lake, history.fresh, acceptable=False)
