"""A disk that is full, too small or not writable: a clear error, the lake as before, and the next run completes."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gexlake.services.importing.import_history import import_history
from helpers.histories import TUESDAY, oversized_record, records_of, vendor_name, write_array, write_history
from helpers.lakes import Content, lake_content
from helpers.runner import Outcome, Runner

FILE_BYTES = (0, 512, 1024, 2048, 4096, 6000, 8192, 13_000, 20_000, 33_000, 60_000, 100_000, 200_000, 300_000)
FILE_BYTES += (540_000, 800_000, 1_000_000)
"""From where nothing can be written to where only the database's log can not, or nothing is hindered."""
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)
DATA = ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet")


@dataclass(frozen=True)
class History:
    """A folder, the lake that the first version of it made, and what a first import of it as it is now gives."""

    folder: Path
    lake: Path
    fresh: Content

    @classmethod
    def of(cls, folder: Path) -> History:
        """The lake that a folder makes now."""
        lake = folder.with_name(f"{folder.name}-fresh")
        import_history([folder], lake)
        return cls(folder, lake, lake_content(lake))


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> History:
    """Two sessions, one of which has changed since they were imported."""
    folder, lake = fast_disk / "storage-history", fast_disk / "storage-lake"
    write_history(folder, sessions=2)
    import_history([folder], lake)
    write_array(folder / vendor_name(TUESDAY), [*records_of(TUESDAY, 50), {"timestamp": 1}])
    return replace(History.of(folder), lake=lake)


@pytest.fixture
def lake(history: History, work: Path) -> Path:
    """The lake of the history before the change."""
    return shutil.copytree(history.lake, work / "lake")


def assert_clear(outcome: Outcome) -> None:
    """One sentence of what and where, one of what to do; exit status 1; no traceback."""
    assert outcome.status == 1, outcome
    assert outcome.err.startswith("StorageError: "), outcome.err
    assert "run the same command again" in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def assert_completes(runner: Runner, history: History, lake: Path, *, verify: bool = True) -> None:
    """The next run brings the lake to where an undisturbed one would be."""
    assert runner.run_import(history.folder, lake).status in {0, 1}
    found = lake_content(lake)
    for name in DATA:
        assert found[name] == history.fresh[name], name
    if verify:
        verified = runner.verify(lake)
        assert verified.status == 0, verified.report["findings"]


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_no_file_may_grow_beyond_a_size(history: History, lake: Path, runner: Runner, file_bytes: int) -> None:
    before = lake_content(lake)
    outcome = runner.run_import(history.folder, lake, {"file_bytes": file_bytes})
    if outcome.out:  # it was enough
        assert outcome.report["totals"]["records_imported"] == 50
    else:
        assert_clear(outcome)
        assert lake_content(lake)["sessions"] in (before["sessions"], history.fresh["sessions"])  # committed stays
    assert_completes(runner, history, lake)


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_first_import_without_room(history: History, work: Path, runner: Runner, file_bytes: int) -> None:
    outcome = runner.run_import(history.folder, work / "lake", {"file_bytes": file_bytes})
    if not outcome.out:
        assert_clear(outcome)
    assert_completes(runner, history, work / "lake")
    assert lake_content(work / "lake") == history.fresh


def test_worker_that_finds_no_room(history: History, lake: Path, runner: Runner) -> None:
    before = lake_content(lake)
    assert_clear(runner.run_import(history.folder, lake, {"file_bytes": 4096, "inline_bytes": 0}))
    assert lake_content(lake) == before
    assert_completes(runner, history, lake)


def test_change_that_the_system_refuses(history: History, lake: Path, runner: Runner) -> None:
    folder = history.folder
    points = runner.run_import(folder, shutil.copytree(lake, lake.with_name("all")), {"fail_at": 10**9}).points
    failed = set()
    for point in range(1, points + 1):
        number = ERRORS[point % len(ERRORS)]
        outcome = runner.run_import(folder, lake, {"fail_at": point, "errno": number})
        if not outcome.out:  # where the directory is there already, or nothing is lost by it, the import goes on
            assert_clear(outcome)
            failed.add((point, number))
        assert_completes(runner, history, lake, verify=point % 5 == 1)
        shutil.rmtree(lake)
        shutil.copytree(history.lake, lake)
    assert len(failed) >= 8
    assert {number for _, number in failed} == set(ERRORS)


# ---- real disks ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private_runner() -> Iterator[Runner]:
    """Runs commands where file systems can be mounted that nobody else sees."""
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        possible = subprocess.run([*apart, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("file systems cannot be mounted here")
    runner = Runner(apart)
    yield runner
    runner.close()


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
def test_full_disk(private_runner: Runner, long_history: History, work: Path, kilobytes: int) -> None:
    disk, folder = work / "disk", long_history.folder
    disk.mkdir()
    mount(private_runner, disk, f"size={kilobytes}k")
    outcome = private_runner.run_import(folder, disk / "lake")
    assert_clear(outcome)
    assert "No space left on device" in outcome.err
    mount(private_runner, disk, "remount,size=100m")
    assert private_runner.run_import(folder, disk / "lake").status == 0
    found = private_runner.start("content", disk / "lake").wait().report
    expected = json.loads(json.dumps(long_history.fresh, default=str))
    assert {name: found[name] for name in DATA} == {name: expected[name] for name in DATA}
    assert private_runner.verify(disk / "lake").status == 0


def test_disk_that_is_read_only(private_runner: Runner, work: Path) -> None:
    disk, folder = work / "disk", work / "history"
    disk.mkdir()
    first, *_ = write_history(folder)
    mount(private_runner, disk, "size=100m")
    assert private_runner.run_import(first, disk / "lake").status == 0
    mount(private_runner, disk, "remount,ro")
    outcome = private_runner.run_import(folder, disk / "lake")
    assert_clear(outcome)
    assert "Read-only file system" in outcome.err
    assert private_runner.verify(disk / "lake").status == 0
    assert private_runner.run_import(folder, disk / "lake", dry_run=True).status == 0
    mount(private_runner, disk, "remount,rw")
    assert private_runner.run_import(folder, disk / "lake").status == 0


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
    assert_completes(runner, oversized_history, lake)
