"""Imports beside imports, shells that hold the database, readers of the Parquet tree: everyone sees whole sessions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, records_of, vendor_name, write_array, write_history
from helpers.lakes import lake_content, select
from helpers.pauses import paused_import
from helpers.runner import Runner
from helpers.whole import assert_whole, fresh_content, has_data

ROUNDS = 2
SOON = {"wait_seconds": 0.2}


# ---- imports beside imports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_two_imports_of_the_same_files(work: Path, runner: Runner, other_runner: Runner, round_: int) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder, sessions=2 + round_)
    faults = {"inline_bytes": 0} if round_ == 0 else {}
    both = [each.start_import(folder, lake, faults) for each in (runner, other_runner)]
    outcomes = [running.wait() for running in both]
    assert [outcome.status for outcome in outcomes] == [0, 0], outcomes
    assert has_data(lake_content(lake), fresh_content(folder, work / "fresh"))
    assert verify_lake(lake).findings == []
    given = [outcome.report["totals"]["records_imported"] for outcome in outcomes]
    assert sum(given) == 40 * (2 + round_), "each snapshot is imported by one of the two"
    assert set(select(lake, "SELECT status FROM imports")) == {("success",)}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_two_imports_of_different_files_of_the_same_sessions(
    work: Path, runner: Runner, other_runner: Runner, round_: int
) -> None:
    lake, days = work / "lake", (MONDAY, TUESDAY)
    for day in days:
        records = records_of(day)
        write_array(work / "history" / "a" / vendor_name(day), records[round_ % 2 :: 2])
        write_array(work / "history" / "b" / vendor_name(day), records[: 25 + round_])
    both = [each.start_import(work / "history" / part, lake) for each, part in ((runner, "a"), (other_runner, "b"))]
    assert [running.wait().status for running in both] == [0, 0]
    found, expected = lake_content(lake), fresh_content(work / "history", work)
    assert found["gex_snapshots"] == expected["gex_snapshots"]
    assert found["strikes.parquet"] == expected["strikes.parquet"]
    assert verify_lake(lake).findings == []


@pytest.mark.parametrize("where", ["plan", "commit", None])
def test_two_imports_of_files_that_feed_each_others_sessions(
    work: Path, runner: Runner, other_runner: Runner, where: str | None
) -> None:
    """Files of several days that overlap and contradict each other: the result is that of one after the other."""
    lake = work / "lake"
    for number, part in enumerate("ab"):
        days = [*records_of(MONDAY, 20, skip=10 * number), *records_of(TUESDAY, 20, skip=10 * number)]
        days[12 - 10 * number] |= {"spot": 1.5 + number}  # the same moment
        write_array(work / part / vendor_name((MONDAY, TUESDAY)[number]), days)
    if where is None:
        both = [each.start_import(work / part, lake) for each, part in ((runner, "a"), (other_runner, "b"))]
        outcomes = [running.wait() for running in both]
    elif where == "plan":
        with paused_import(runner, work / "a", lake, pause_in=where) as paused:
            outcomes = [other_runner.run_import(work / "b", lake)]
        outcomes.append(paused.outcome)
    else:
        with paused_import(runner, work / "a", lake, pause_in=where) as paused:
            running = other_runner.start_import(work / "b", lake)
            paused.go_on()
            outcomes = [paused.resume(), running.wait()]
    reports = [outcome.report["totals"] for outcome in outcomes]
    for totals in reports:
        counted = totals["records_imported"] + totals["records_duplicate"] + totals["records_quarantined"]
        assert totals["records_seen"] == counted == 40, outcomes
    assert sum(totals["records_quarantined"] for totals in reports) == 1
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(60,)]
    assert verify_lake(lake).findings == []
    serial = []
    for order in ("ab", "ba"):
        for part in order:
            import_history(work / part, work / order / "lake")
        serial.append(lake_content(work / order / "lake"))
    found = lake_content(lake)
    data = ("gex_snapshots", "snapshots.parquet", "strikes.parquet", "quarantine")
    assert any(all(found[name] == expected[name] for name in data) for expected in serial)


def test_import_that_begins_while_another_is_paused(work: Path, runner: Runner, other_runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder)
    with paused_import(runner, folder, lake) as paused:
        assert other_runner.run_import(folder, lake).report["totals"]["files"] == {"success": 3}
        report = verify_lake(lake)
        assert (report.findings, [note.code for note in report.notes]) == ([], ["import_running"])
        refused = other_runner.start("rebuild", lake).wait()
        assert refused.status == 1
        assert refused.err.startswith("LakeLockedError: The lake")
    assert paused.outcome.report["totals"]["files"] == {"skipped": 3}
    assert verify_lake(lake).findings == []


# ---- someone else holds the database -------------------------------------------------------------------------------

HOLDER = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
connection.execute("SELECT count(*) FROM gex_snapshots").fetchall()
print("ready", flush=True)
sys.stdin.read()
connection.close()
os._exit(0)
"""


@contextmanager
def held(lake: Path, how: str) -> Iterator[int]:
    """A process that has the database open, like a DuckDB shell; its process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lake / "gexlake.duckdb"), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize("how", ["writing", "reading"])
def test_import_beside_a_process_that_holds_the_database(work: Path, runner: Runner, how: str) -> None:
    folder, lake = work / "history", work / "lake"
    first, *_ = write_history(folder)
    import_history([first], lake)
    before = lake_content(lake)
    with held(lake, how) as pid:
        outcome = runner.run_import(folder, lake, SOON)
        assert outcome.status == 1
        assert outcome.err.startswith("LakeLockedError: The lake's database ")
        assert f"is held by process {pid} ({sys.executable}" in outcome.err
        rebuilt = runner.start("rebuild", lake, faults=SOON).wait()
        assert (rebuilt.status, f"is held by process {pid} (" in rebuilt.err) == (1, True)
    assert lake_content(lake) == before
    assert runner.run_import(folder, lake).status == 0
    assert has_data(lake_content(lake), fresh_content(folder, work / "fresh"))


@pytest.mark.parametrize("faults", [{}, {"inline_bytes": 0}])
def test_work_staged_while_the_database_is_held_is_committed_by_the_next_import(
    work: Path, runner: Runner, faults: dict[str, float]
) -> None:
    folder, lake = work / "history", work / "lake"
    first, *_ = write_history(folder)
    import_history([first], lake)
    with paused_import(runner, folder, lake, SOON | faults) as paused, held(lake, "reading"):
        paused.resume()
        assert paused.outcome.status == 1
        assert paused.outcome.err.startswith("LakeLockedError: ")
    assert list((lake / "staging").glob("*/*/manifest.json"))
    report = runner.run_import(folder, lake).report
    assert report["totals"]["files"]["skipped"] >= 2
    assert_whole(lake, fresh_content(folder, work / "fresh"))


def test_plain_duckdb_reads_beside_another_reader(work: Path) -> None:
    write_history(work / "history", sessions=1)
    import_history([work / "history"], work / "lake")
    with held(work / "lake", "reading"):
        assert verify_lake(work / "lake").findings == []
        assert select(work / "lake", "SELECT count(*) FROM gex_strikes") == [(360,)]


# ---- readers of the Parquet tree -----------------------------------------------------------------------------------

READER = """
import json, os, sys, duckdb
lake, wanted = sys.argv[1], int(sys.argv[2])
connection = duckdb.connect(config={"threads": 1})
seen, polls, wrong = set(), 0, []
print("ready", flush=True)
import select
while not select.select([sys.stdin], [], [], 0)[0]:
    for name, column in (("snapshots", "spot"), ("strikes", "gex_oi")):
        rows = connection.execute(
            f"SELECT session_date, count(*), count(DISTINCT {column}), min({column}) "
            f"FROM read_parquet('{lake}/gex/{name}/*/*/*/*/{name}.parquet') GROUP BY ALL"
        ).fetchall()
        each = wanted if name == "snapshots" else 9 * wanted
        polls += 1
        if len(rows) != 2 or any(row[1:3] != (each, 1) for row in rows):
            wrong.append((name, [tuple(map(str, row)) for row in rows]))
        seen |= {(name, row[3]) for row in rows}
print(json.dumps({"polls": polls, "wrong": wrong, "versions": len(seen)}), flush=True)
connection.close()
os._exit(0)
"""


def test_reader_of_the_tree_sees_one_version_of_each_session_at_any_moment(work: Path, runner: Runner) -> None:
    folder, lake, versions = work / "history", work / "lake", 3

    def write_version(number: int) -> None:
        for day in (MONDAY, TUESDAY):
            marked = [
                record | {"spot": 1000 + number, "strikes": [[row[0], 1, number, row[3]] for row in record["strikes"]]}
                for record in records_of(day)
            ]
            write_array(folder / vendor_name(day), marked)

    write_version(0)
    assert runner.run_import(folder, lake).status == 0
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(lake), "40"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    for number in range(1, versions):
        write_version(number)
        assert runner.run_import(folder, lake).status == 0
    out, _ = reader.communicate("stop\n")
    watched = json.loads(out)
    assert watched["wrong"] == []
    assert watched["polls"] >= versions
    assert watched["versions"] >= versions, "the reader saw the versions change"
