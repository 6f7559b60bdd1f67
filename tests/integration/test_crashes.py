"""Killed at any moment and run again, an import leaves the lake of an undisturbed run: nothing twice, nothing lost."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import states
from helpers.histories import (
    MONDAY,
    TUESDAY,
    Record,
    edit,
    oversized_record,
    records_of,
    vendor_name,
    write_array,
    write_history,
)
from helpers.lakes import Content, different_tables, lake_content, select
from helpers.runner import Runner

KILLED = -9
KILLS = 6
KILLS_WITH_WORKERS = 2


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> Path:
    """Two sessions, one of which has two refused records."""
    folder = fast_disk / "crash-history"
    _, second = write_history(folder, sessions=2)
    edit(second, damage)
    return folder


def damage(records: list[Record]) -> None:
    del records[3]["strikes"]
    records[9]["spot"] = 0


@pytest.fixture(scope="module")
def changed(fast_disk: Path) -> tuple[Path, Path]:
    """A lake of two sessions, and its history with one of them changed: other records, a conflict, an oversized one."""
    folder, lake = fast_disk / "crash-changed", fast_disk / "crash-lake"
    write_history(folder, sessions=2)
    assert import_history([folder], lake).acceptable
    records = records_of(TUESDAY, 30, skip=10)
    write_array(folder / vendor_name(TUESDAY), [*records, records[0] | {"spot": 1.5}])
    (folder / "more").mkdir()
    (folder / "more" / vendor_name(TUESDAY)).write_bytes(oversized_record(TUESDAY))
    return folder, lake


def assert_same_lake(lake: Path, expected: Content, where: str) -> None:
    content = lake_content(lake)
    for name, rows in expected.items():
        assert content[name] == rows, f"{name} differs after {where}"
    left = [str(path.relative_to(lake)) for path in (lake / "staging").iterdir()]
    assert left == [], f"left in staging after {where}"


def assert_sound(lake: Path, where: str) -> None:
    """Verify finds nothing, and rebuild makes the same database again."""
    assert verify_lake(lake).findings == [], where
    kept = lake.with_suffix(".duckdb")
    shutil.copyfile(lake / "gexlake.duckdb", kept)
    assert rebuild_database(lake).clean, where
    assert different_tables(kept, lake / "gexlake.duckdb") == [], where


def test_crashes_while_a_session_is_replaced(changed: tuple[Path, Path], runner: Runner, work: Path) -> None:
    folder, template = changed
    undisturbed, kept = shutil.copytree(template, work / "undisturbed"), work / "kept"
    counted = runner.run_import(folder, undisturbed, {"copy_to": str(kept)})
    assert counted.points > 40
    expected = lake_content(undisturbed)
    assert_sound(undisturbed, "no crash")
    # Of what is written into staging, every eighth point; else every change of the lake, and what comes before it.
    outside, left = states(kept, beside="staging"), states(kept)
    assert len(outside) > 20
    inside = [state for state in left if state not in outside]
    for number, (point, lake) in enumerate(sorted([*inside[::8], *outside])):
        where = f"a crash at point {point} of {counted.points}"
        import_history([folder], lake)
        assert_same_lake(lake, expected, where)
        if number % 8 == 0:
            assert_sound(lake, where)
        shutil.rmtree(lake)


def test_what_is_kept_of_a_point_is_what_a_kill_there_leaves(
    changed: tuple[Path, Path], runner: Runner, work: Path
) -> None:
    """Not to the byte: ids of imports and times of day differ from run to run."""
    folder, template = changed
    whole, kept = shutil.copytree(template, work / "whole"), work / "kept"
    points = runner.run_import(folder, whole, {"copy_to": str(kept)}).points
    left = states(kept)
    assert len(left) > 20
    for point, copy in left[:: len(left) // 4]:
        lake = shutil.copytree(template, work / f"lake-{point}")
        assert runner.run_import(folder, lake, {"die_at": point}).status == KILLED
        assert shape(lake) == shape(copy), f"point {point} of {points}"


def shape(lake: Path) -> list[tuple[int, str, bool]]:
    """Depth and ending of all that is in a lake, and what is empty."""
    return sorted(
        (len(path.relative_to(lake).parts), path.suffix, path.is_file() and path.stat().st_size == 0)
        for path in lake.rglob("*")
    )


def test_crashes_of_the_first_import_and_of_the_recovery_behind_it(history: Path, runner: Runner, work: Path) -> None:
    counted = runner.run_import(history, work / "undisturbed", {"count": True})
    expected = lake_content(work / "undisturbed")
    chance = random.Random(20251110)
    for point in range(1, counted.points + 1, 29):
        again = chance.randrange(1, counted.points)
        where = f"crashes at points {point} and {again} of {counted.points}"
        lake = work / f"lake-{point}"
        assert runner.run_import(history, lake, {"die_at": point}).status == KILLED, where
        assert runner.run_import(history, lake, {"die_at": again}).status in {KILLED, 0, 1}, where
        import_history([history], lake)
        assert_same_lake(lake, expected, where)
        if point % 2 == 1:
            assert_sound(lake, where)
        shutil.rmtree(lake)


@pytest.mark.parametrize("workers", [False, True])
def test_kill_of_the_process_group_at_random_moments(
    history: Path, runner: Runner, work: Path, *, workers: bool
) -> None:
    faults = {"inline_bytes": 0} if workers else {}
    kills = KILLS_WITH_WORKERS if workers else KILLS
    started = time.monotonic()
    assert runner.run_import(history, work / "undisturbed", faults).status == 1
    seconds = time.monotonic() - started
    expected = lake_content(work / "undisturbed")
    for seed in (1, 2):
        chance = random.Random(seed)
        lake = work / f"lake-{seed}"
        killed = 0
        while killed < kills // 2:
            running = runner.start_import(history, lake, faults)
            time.sleep(chance.uniform(0, seconds))  # the moment is what is tested
            running.kill()
            if running.wait().status == KILLED:
                killed += 1
            elif killed % 5 == 0:
                assert_same_lake(lake, expected, f"{killed} kills, seed {seed}")
                lake = work / f"lake-{seed}-{killed}"
        runner.run_import(history, lake, faults)
        assert_same_lake(lake, expected, f"{killed} kills, seed {seed}")
        assert_sound(lake, f"{killed} kills, seed {seed}")


def test_what_an_import_staged_before_it_died_is_committed_by_the_next(
    history: Path, runner: Runner, work: Path
) -> None:
    counted = runner.run_import(history, work / "undisturbed", {"count": True})
    staged = None
    for point in range(1, counted.points, 4):
        lake = work / f"lake-{point}"
        assert runner.run_import(history, lake, {"die_at": point}).status == KILLED
        if any((lake / "staging").glob("*/*/manifest.json")):
            staged = lake
            break
    assert staged is not None
    assert import_history([history], staged).totals.files["skipped"] >= 1
    assert [row[0] for row in select(staged, "SELECT status FROM imports ORDER BY started_at")] == [
        "interrupted",
        "partial",
    ]


def test_nothing_of_a_file_of_several_days_is_committed_without_its_lineage(runner: Runner, work: Path) -> None:
    """Whatever opens the lake next, be it for other files: each session names readings that lineage has."""
    folder, other, template = work / "days", work / "other", work / "template"
    write_history(folder, sessions=2)
    write_history(other, sessions=1, tickers=["SPX"])
    assert import_history([folder], template).acceptable
    write_array(folder / "more" / vendor_name(MONDAY), [*records_of(MONDAY, 60), *records_of(TUESDAY, 70)])
    undisturbed, kept = shutil.copytree(template, work / "undisturbed"), work / "kept"
    points = runner.run_import(folder, undisturbed, {"copy_to": str(kept)}).points
    for point, lake in states(kept)[::8]:
        where = f"a crash at point {point} of {points}"
        assert import_history([other], lake).acceptable, where
        assert verify_lake(lake).findings == [], where
        given = select(lake, "SELECT count(*) FROM gex_snapshots WHERE ticker = 'NQ_NDX'")[0][0]
        assert given in {80, 130}, where
        shutil.rmtree(lake)
