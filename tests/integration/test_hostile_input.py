"""Files that are made to hurt, through the whole import: it ends, in bounded memory, and good neighbours survive."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gexlake.errors import LakeError
from gexlake.models.import_order import ImportOptions
from gexlake.sample.writer import compressed
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from gexlake.unpacked_file import EXPANSION_ALLOWANCE_BYTES
from helpers.histories import MONDAY, TUESDAY, records_of, vendor_name, write_array, write_history
from helpers.lakes import different_tables, lake_content, select, tree
from helpers.runner import Outcome, Runner

PEAK_BYTES = 500 << 20
BOMB_BYTES = EXPANSION_ALLOWANCE_BYTES + (8 << 20)
GIANT_BYTES = 100 << 20


def results(outcome: Outcome) -> dict[str, dict[str, Any]]:
    assert outcome.out, outcome
    return {Path(result["source_file"]).name: result for result in outcome.report["files"]}


def import_one(runner: Runner, work: Path, data: bytes, *, suffix: str = "") -> dict[str, Any]:
    """Import one file, and a good one of another session beside it; the result of the first."""
    folder = work / "history"
    folder.mkdir()
    (folder / (vendor_name() + suffix)).write_bytes(data)
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY))
    before = tree(folder)
    outcome = runner.run_import(folder, work / "lake")
    assert outcome.peak_bytes < PEAK_BYTES
    assert tree(folder) == before
    found = results(outcome)
    assert found[vendor_name(TUESDAY)]["records_imported"] == 40
    report = verify_lake(work / "lake")
    assert report.findings == []
    return found[vendor_name() + suffix]


def array(*texts: bytes) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def good(count: int = 6) -> list[bytes]:
    return [json.dumps(record).encode() for record in records_of(count=count)]


# ---- bombs and giants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("packing", "filler"), [("gzip", b" "), ("zstd", b"\0"), ("zstd", b"[")])
def test_bomb_is_given_up_at_a_bound(runner: Runner, work: Path, packing: str, filler: bytes) -> None:
    data = b"[" + b",".join(good()) + b"," + filler * BOMB_BYTES
    bomb = gzip.compress(data, 9) if packing == "gzip" else compressed(data, "zstd")
    result = import_one(runner, work, bomb, suffix=".gz")
    assert (result["status"], result["records_imported"]) == ("partial", 6)
    assert result["errors"]["expansion_limit"] == 1
    assert "expand more than 300 times" in result["message"]


def test_bomb_inside_an_honest_file_does_not_hide_what_came_before(runner: Runner, work: Path) -> None:
    members = gzip.compress(array(*good())[:-1] + b",") + gzip.compress(b" " * (2 * BOMB_BYTES), 9)
    result = import_one(runner, work, members)
    assert (result["status"], result["records_imported"]) == ("partial", 6)


def test_single_record_of_a_hundred_megabytes_is_kept_in_a_file_of_its_own(runner: Runner, work: Path) -> None:
    first, second, *_ = good()
    giant = second[:-1] + b',"note":"' + b"x" * GIANT_BYTES + b'"}'
    result = import_one(runner, work, array(first, giant, *good()[2:]))
    assert (result["status"], result["records_imported"], result["records_quarantined"]) == ("partial", 5, 1)
    assert result["errors"] == {"record_too_large": 1}
    ((raw_file, offset),) = select(work / "lake", "SELECT raw_file, byte_offset FROM quarantine")
    assert offset == 1 + len(first) + 1
    assert (work / "lake" / raw_file).read_bytes() == giant


def test_ladder_of_a_hundred_thousand_strikes(runner: Runner, work: Path) -> None:
    (record,) = records_of(count=1)
    record["strikes"] = [[strike, 1.25, -0.5, []] for strike in range(1, 100_001)]
    result = import_one(runner, work, array(json.dumps(record).encode(), *good()[1:]))
    assert (result["status"], result["records_imported"]) == ("success", 6)
    assert select(work / "lake", f"SELECT strike_rows FROM sessions WHERE session_date = '{MONDAY}'") == [(100_045,)]


@pytest.mark.parametrize("depth", [200, 100_000, 1_000_000])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_and_its_neighbours_are_not(
    runner: Runner, work: Path, depth: int, bracket: bytes
) -> None:
    first, second, *rest = good()
    closing = {b"[": b"]", b'{"a":': b"}"}[bracket]
    deep = second[:-1] + b',"deep":' + bracket * depth + b"1" + closing * depth + b"}"
    result = import_one(runner, work, array(first, deep, *rest))
    assert result["records_imported"] == 5
    assert result["records_quarantined"] == result["records_seen"] - 5
    assert result["status"] == "partial"


def test_numbers_beyond_reason(runner: Runner, work: Path) -> None:
    first, second, third, *rest = good()
    long_number = second.replace(b'"spot":', b'"spot":1' + b"0" * 5000 + b',"was":', 1)
    long_extra = third[:-1] + b',"digits":' + b"9" * 200_000 + b"}"
    result = import_one(runner, work, array(first, long_number, long_extra, *rest))
    assert result["records_imported"] + result["records_quarantined"] == 6
    assert result["errors"]["spot_invalid"] == 1


# ---- names and places ----------------------------------------------------------------------------------------------

ODD_NAMES = [
    "with space",
    "it's",
    'say "hi"',
    "new\nline",
    "tab\there",
    "semi;colon -- drop",
    "[a-z]*?",
    "{curly}",
    "perc%20ent",
    "back\\slash",
    "Ünïcødé 日本",
    "-dash",
    "~tilde$HOME",
]


def test_odd_names_of_folders(work: Path) -> None:
    """Each of a day of its own, in one lake; what is done with one does nothing to another."""
    lake, days = work / "lake", [TUESDAY - timedelta(weeks=n) for n in reversed(range(len(ODD_NAMES)))]
    files = [work / "all" / name / name / vendor_name(day) for name, day in zip(ODD_NAMES, days, strict=True)]
    for file, day in zip(files, days, strict=True):
        write_array(file, records_of(day, count=5))
    report = import_history([work / "all" / name for name in ODD_NAMES], lake)
    assert {result.source_file: result.records_imported for result in report.files} == {str(file): 5 for file in files}
    for file, day in zip(files, days, strict=True):
        write_array(file, records_of(day, count=8, skip=1))
    report = import_history([work / "all"], lake, ImportOptions(prune=True))
    assert {result.source_file: result.records_imported for result in report.files} == {str(file): 8 for file in files}
    assert import_history([work / "all"], lake).totals.files == {"skipped": len(files)}
    assert verify_lake(lake).findings == []
    assert_rebuilt_the_same(lake, work)
    assert select(lake, "SELECT DISTINCT source_file FROM lineage ORDER BY ALL") == sorted(
        (str(file),) for file in files
    )
    assert select(lake, "SELECT session_date, count(*) FROM gex_strikes GROUP BY ALL ORDER BY ALL") == [
        (day, 72) for day in days
    ]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_of_the_lake(work: Path, name: str) -> None:
    lake = work / f"{name.replace('?', '').replace(chr(92), '')} lake"
    write_array(work / "history" / vendor_name(), records_of(count=5))
    assert import_history([work / "history"], lake).totals.records_imported == 5
    assert verify_lake(lake).findings == []
    assert_rebuilt_the_same(lake, work)
    assert select(lake, "SELECT count(*) FROM gex_strikes") == [(45,)]


def assert_rebuilt_the_same(lake: Path, work: Path) -> None:
    shutil.copyfile(lake / "gexlake.duckdb", work / "kept.duckdb")
    assert rebuild_database(lake).clean
    assert different_tables(work / "kept.duckdb", lake / "gexlake.duckdb") == []


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_lake_in_a_place_that_duckdb_cannot_name_is_refused(work: Path, name: str) -> None:
    write_history(work / "history", sessions=1)
    with pytest.raises(LakeError, match=r"DuckDB reads as something else\. Name another directory with --lake"):
        import_history([work / "history"], work / name)
    assert not (work / name).exists()


def test_name_that_is_not_utf8(work: Path, runner: Runner) -> None:
    folder = work / os.fsdecode(b"caf\xe9")
    write_array(folder / vendor_name(), records_of(count=5))
    (folder / os.fsdecode(b"\xff\xfe.json")).write_text("{}")
    outcome = runner.run_import(folder, work / "lake")
    assert outcome.report["totals"]["records_imported"] == 5
    names = sorted(result["source_file"] for result in outcome.report["files"])
    assert names == [f"{work}/caf\\xe9/{vendor_name()}", f"{work}/caf\\xe9/\\xff\\xfe.json"]
    assert runner.run_import(folder, work / "lake").report["totals"]["files"] == {"skipped": 1, "unsupported": 1}
    edited = records_of(count=5)
    edited[2]["spot"] = 1.5
    write_array(folder / vendor_name(), edited)
    assert runner.run_import(folder, work / "lake").report["totals"]["records_imported"] == 5
    assert select(work / "lake", "SELECT count(*) FROM gex_snapshots") == [(5,)]


def test_links_in_circles_and_to_nowhere(work: Path) -> None:
    folder = work / "history"
    write_history(folder, sessions=1)
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to("..")
    (folder / "self.json").symlink_to("self.json")
    (folder / "nowhere.json").symlink_to(work / "nothing")
    (folder / "same.json").symlink_to(next(folder.glob("*.json")))
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    (folder / "a" / "to_b").symlink_to(folder / "b")
    (folder / "b" / "to_a").symlink_to(folder / "a")
    before = tree(folder)
    report = import_history([folder], work / "lake")
    assert report.totals.records_imported == 40
    assert tree(folder) == before
    assert verify_lake(work / "lake").findings == []


def test_pipes_and_sockets_are_never_opened(work: Path, runner: Runner) -> None:
    folder = work / "history"
    write_history(folder, sessions=1)
    os.mkfifo(folder / vendor_name(TUESDAY))
    outcome = runner.run_import(folder, work / "lake")
    assert results(outcome)[vendor_name(TUESDAY)]["status"] == "unsupported"


# ---- a disk that fails to read -------------------------------------------------------------------------------------


def test_source_that_cannot_be_read_to_its_end_gives_nothing(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    first, second = write_history(folder, sessions=2, snapshots=400)
    write_array(folder / "more" / first.name, records_of(count=30, skip=400))
    bad = {"read_error": [str(Path("history", first.name)), 100_000, errno.EIO]}
    found = results_by_folder(runner.run_import(folder, lake, bad))
    assert found[first.name, "history"]["status"] == "failed"
    assert found[first.name, "history"]["errors"] == {"unreadable": 1}
    assert "Input/output error" in found[first.name, "history"]["message"]
    assert found[first.name, "more"]["records_imported"] == 30
    assert found[second.name, "history"]["records_imported"] == 400
    assert verify_lake(lake).findings == []
    assert runner.run_import(folder, lake).report["totals"]["records_imported"] == 400
    assert verify_lake(lake).findings == []


def test_changed_source_that_cannot_be_read_keeps_what_it_gave(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    first, _ = write_history(folder, sessions=2)
    assert runner.run_import(folder, lake).status == 0
    before = lake_content(lake)
    write_array(first, records_of(count=30))
    for after_bytes in (0, 5000):
        bad = {"read_error": [first.name, after_bytes, errno.EIO]}
        outcome = runner.run_import(folder, lake, bad)
        assert outcome.status == 1
        assert results(outcome)[first.name]["status"] == "failed"
        now = lake_content(lake)
        assert {name: now[name] for name in before if name != "lineage"} == {
            name: before[name] for name in before if name != "lineage"
        }
    assert runner.run_import(folder, lake).report["totals"]["records_imported"] == 30


def results_by_folder(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    paths = [(Path(result["source_file"]), result) for result in outcome.report["files"]]
    return {(path.name, path.parent.name): result for path, result in paths}
