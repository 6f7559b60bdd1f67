"""A real disk that is full, read-only or has a file in the way: a clear error, and the next run completes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.histories import oversized_record, vendor_name, write_history
from helpers.runner import Runner
from helpers.storage import History, assert_clear
from helpers.whole import assert_completes, has_data


def mount(runner: Runner, disk: Path, options: str) -> None:
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    outcome = runner.start("shell", words=words).wait()
    if outcome.status != 0 and "remount" not in options:
        pytest.skip(f"a file system cannot be mounted here: {outcome.err}")
    assert outcome.status == 0, outcome


@pytest.fixture(scope="module")
def long_history(fast_disk: Path) -> History:
    """More than fits on a small disk."""
    write_history(fast_disk / "long-history", sessions=4, snapshots=400)
    return History.of(fast_disk / "long-history")


@pytest.mark.parametrize("kilobytes", [300, 1000, 2000])
def test_full_disk(mounting: Runner, long_history: History, work: Path, kilobytes: int) -> None:
    disk, folder = work / "disk", long_history.folder
    disk.mkdir()
    mount(mounting, disk, f"size={kilobytes}k")
    outcome = mounting.run_import(folder, disk / "lake")
    assert_clear(outcome)
    assert "No space left on device" in outcome.err
    mount(mounting, disk, "remount,size=100m")
    assert mounting.run_import(folder, disk / "lake").status == 0
    found = mounting.start("content", disk / "lake").wait().report
    expected = json.loads(json.dumps(long_history.fresh, default=str))
    assert has_data(found, expected)
    assert mounting.verify(disk / "lake").status == 0


def test_disk_that_is_read_only(mounting: Runner, work: Path) -> None:
    disk, folder = work / "disk", work / "history"
    disk.mkdir()
    first, *_ = write_history(folder)
    mount(mounting, disk, "size=100m")
    assert mounting.run_import(first, disk / "lake").status == 0
    mount(mounting, disk, "remount,ro")
    outcome = mounting.run_import(folder, disk / "lake")
    assert_clear(outcome)
    assert "Read-only file system" in outcome.err
    assert mounting.verify(disk / "lake").status == 0
    assert mounting.run_import(folder, disk / "lake", dry_run=True).status == 0
    mount(mounting, disk, "remount,rw")
    assert mounting.run_import(folder, disk / "lake").status == 0


@pytest.fixture(scope="module")
def oversized_history(fast_disk: Path) -> History:
    """One session that needs every folder of a lake."""
    folder = fast_disk / "oversized-history"
    write_history(folder, sessions=1)
    (folder / "more").mkdir()
    (folder / "more" / vendor_name()).write_bytes(oversized_record())
    return History.of(folder)


@pytest.mark.parametrize("name", ["staging", "gex", "imports", "quarantine"])
def test_file_where_a_folder_of_the_lake_should_be(
    oversized_history: History, work: Path, runner: Runner, name: str
) -> None:
    lake = work / "lake"
    lake.mkdir()
    (lake / name).write_text("in the way")
    assert_clear(runner.run_import(oversized_history.folder, lake))
    (lake / name).unlink()
    assert_completes(oversized_history.folder, lake, oversized_history.fresh, acceptable=False)
