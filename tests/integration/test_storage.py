"""A disk that is full, too small or not writable: a clear error, the lake as before, and the next run completes."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from gexlake.services.import_history import import_history
from helpers.histories import TUESDAY, records_of, vendor_name, write_array, write_history
from helpers.lakes import lake_content
from helpers.runner import Outcome, Runner

FILE_BYTES = (0, 1, 500, 4096, 9000, 13_000, 60_000, 270_000, 530_000, 1_000_000, 2_000_000)
SMALL_DISK = "3m"


@pytest.fixture
def lake(work: Path) -> Path:
    """A lake of two sessions; the history beside it has changed one since and holds a third."""
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=2)
    import_history([folder], lake)
    write_array(folder / vendor_name(TUESDAY), [*records_of(TUESDAY, 30), {"timestamp": 1}])
    return lake


def assert_clear(outcome: Outcome) -> None:
    """One sentence of what and where, one of what to do; exit status 1; no traceback."""
    assert outcome.status == 1, outcome
    assert outcome.err.startswith("StorageError: "), outcome.err
    assert "run the same command again" in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def assert_completes(runner: Runner, folder: Path, lake: Path) -> None:
    """The next run brings the lake to where an undisturbed one would be."""
    assert runner.run_import(folder, lake).status in {0, 1}
    undisturbed = lake.with_name("undisturbed")
    shutil.rmtree(undisturbed, ignore_errors=True)
    import_history([folder], undisturbed)
    found, expected = lake_content(lake), lake_content(undisturbed)
    for name in ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet"):
        assert found[name] == expected[name], name
    verified = runner.verify(lake)
    assert verified.status == 0, verified.report["findings"]


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_no_file_may_grow_beyond_a_size(lake: Path, runner: Runner, file_bytes: int) -> None:
    before = lake_content(lake)
    outcome = runner.run_import(lake.with_name("history"), lake, {"file_bytes": file_bytes})
    if outcome.out:  # it was enough
        assert outcome.report["totals"]["records_imported"] == 30
    else:
        assert_clear(outcome)
        assert lake_content(lake) == before
    assert_completes(runner, lake.with_name("history"), lake)


@pytest.mark.parametrize("file_bytes", [0, 500, 9000, 60_000, 530_000])
def test_first_import_without_room(work: Path, runner: Runner, file_bytes: int) -> None:
    write_history(work / "history", sessions=2)
    assert_clear(runner.run_import(work / "history", work / "lake", {"file_bytes": file_bytes}))
    assert_completes(runner, work / "history", work / "lake")


def test_worker_that_finds_no_room(lake: Path, runner: Runner) -> None:
    before = lake_content(lake)
    assert_clear(runner.run_import(lake.with_name("history"), lake, {"file_bytes": 4096, "inline_bytes": 0}))
    assert lake_content(lake) == before
    assert_completes(runner, lake.with_name("history"), lake)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_every_change_that_the_system_refuses(lake: Path, runner: Runner, number: int) -> None:
    folder = lake.with_name("history")
    template = shutil.copytree(lake, lake.with_name("template"))
    points = runner.run_import(folder, shutil.copytree(lake, lake.with_name("all")), {"fail_at": 10**9}).points
    failed = 0
    for point in range(1, points + 1):
        outcome = runner.run_import(folder, lake, {"fail_at": point, "errno": number})
        if not outcome.out:  # where the directory is there already, or nothing is lost by it, the import goes on
            assert_clear(outcome)
            failed += 1
        assert_completes(runner, folder, lake)
        shutil.rmtree(lake)
        shutil.copytree(template, lake)
    assert failed > 10
