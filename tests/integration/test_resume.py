"""What the second import of a folder does: unchanged files are skipped, changed ones add and correct.

With `prune`, the lake then holds what a first import of the folder as it now is would give.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gexlake.models.import_order import ImportOptions
from gexlake.models.report import FileResult, ImportReport
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, Record, edit, records_of, vendor_name, write_array, write_history
from helpers.lakes import lake_content, live_files, select

DATA = ("gex_snapshots", "snapshots.parquet", "strikes.parquet")
Lake = Path


@pytest.fixture
def folder(work: Path) -> Path:
    return work / "history"


@pytest.fixture
def lake(work: Path) -> Lake:
    return work / "lake"


def run(folder: Path, lake: Lake, **options: bool) -> dict[str, FileResult]:
    """Import; results by the path below the folder."""
    report = import_history([folder], lake, ImportOptions(**options))
    return {str(Path(result.source_file).relative_to(folder)): result for result in report.files}


def counts(result: FileResult) -> tuple[str, int, int, int]:
    return result.status.value, result.records_imported, result.records_duplicate, result.records_quarantined


def assert_like_fresh(folder: Path, lake: Lake) -> None:
    """The lake holds what a first import of the folder as it is now would give, and verify agrees."""
    fresh = lake.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    import_history([folder], fresh)
    found, expected = lake_content(lake), lake_content(fresh)
    for name in DATA:
        assert found[name] == expected[name], name
    assert verify_lake(lake).findings == []


def seconds_in(lake: Lake, day: date = MONDAY) -> list[int]:
    rows = select(lake, f"SELECT epoch(timestamp)::BIGINT FROM gex_snapshots WHERE session_date = '{day}' ORDER BY 1")
    return [row[0] for row in rows]


def test_unchanged_files_are_skipped_and_nothing_changes(folder: Path, lake: Lake) -> None:
    write_history(folder)
    run(folder, lake)
    before = lake_content(lake)
    results = run(folder, lake)
    assert {result.status.value for result in results.values()} == {"skipped"}
    assert all(result.records_seen == 0 for result in results.values())
    assert lake_content(lake) == before
    assert select(lake, "SELECT count(*), count(DISTINCT version) FROM sessions") == [(3, 3)]


def test_a_touched_file_is_skipped_because_its_bytes_count(folder: Path, lake: Lake) -> None:
    (first, *_) = write_history(folder, sessions=1)
    run(folder, lake)
    first.touch()
    assert run(folder, lake)[first.name].status == "skipped"


def test_changed_file_with_prune_replaces_what_it_gave_and_others_stay(folder: Path, lake: Lake) -> None:
    records = records_of(count=30)
    write_array(folder / vendor_name(), records[:20])
    write_array(folder / "b" / vendor_name(), records[20:])
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY))
    run(folder, lake)
    version = select(lake, f"SELECT version FROM sessions WHERE session_date = '{TUESDAY}'")
    write_array(folder / vendor_name(), [records[0] | {"spot": 7.25}, *records[5:12]])
    results = run(folder, lake, prune=True)
    assert counts(results[vendor_name()]) == ("success", 8, 0, 0)
    assert results[f"b/{vendor_name()}"].status == "skipped"
    assert seconds_in(lake) == [record["timestamp"] for record in (records[0], *records[5:12], *records[20:])]
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.25") == [(1,)]
    assert select(lake, f"SELECT version FROM sessions WHERE session_date = '{TUESDAY}'") == version
    assert_like_fresh(folder, lake)


def test_removing_a_source_changes_nothing(folder: Path, lake: Lake) -> None:
    first, second, _ = write_history(folder)
    run(folder, lake)
    before = lake_content(lake)
    first.unlink()
    run(folder, lake)
    assert lake_content(lake) == before
    report = verify_lake(lake)
    assert (report.findings, [note.code for note in report.notes]) == ([], ["source_missing"])
    assert second.exists()


def test_force_reads_everything_again_and_comes_to_the_same(folder: Path, lake: Lake) -> None:
    write_history(folder)
    run(folder, lake)
    before = lake_content(lake)
    results = run(folder, lake, force=True)
    assert {counts(result) for result in results.values()} == {("success", 40, 0, 0)}
    after = lake_content(lake)
    assert {name: after[name] for name in (*DATA, "sessions")} == {name: before[name] for name in (*DATA, "sessions")}
    assert verify_lake(lake).findings == []


# ---- copies --------------------------------------------------------------------------------------------------------


def test_two_equal_files_in_one_run_give_their_records_once(folder: Path, lake: Lake) -> None:
    write_array(folder / "a" / vendor_name(), records_of())
    write_array(folder / "b" / vendor_name(), records_of())
    results = run(folder, lake)
    assert counts(results[f"a/{vendor_name()}"]) == ("success", 40, 0, 0)
    assert counts(results[f"b/{vendor_name()}"]) == ("success", 0, 40, 0)
    assert_like_fresh(folder, lake)


def test_the_same_bytes_under_another_path_are_skipped(folder: Path, lake: Lake) -> None:
    (first,) = write_history(folder, sessions=1)
    run(folder, lake)
    (folder / "copy").mkdir()
    shutil.copyfile(first, folder / "copy" / first.name)
    assert run(folder, lake)[f"copy/{first.name}"].status == "skipped"


def test_moved_archive_is_skipped_and_verified_where_it_is_now(folder: Path, lake: Lake) -> None:
    write_history(folder)
    run(folder, lake)
    moved = folder.rename(folder.with_name("moved"))
    assert {result.status.value for result in run(moved, lake).values()} == {"skipped"}
    report = verify_lake(lake)
    assert (report.findings, report.notes, report.sources_read) == ([], [], 3)


def test_file_that_changes_after_its_archive_moved_replaces_what_it_gave(folder: Path, lake: Lake) -> None:
    (first, *_) = write_history(folder)
    run(folder, lake)
    moved = folder.rename(folder.with_name("moved"))
    run(moved, lake)
    edit(moved / first.name, _correct)
    assert counts(run(moved, lake, prune=True)[first.name]) == ("success", 35, 0, 0)
    assert_like_fresh(moved, lake)


def _correct(records: list[Record]) -> None:
    del records[:5]
    records[0]["spot"] = 7.25


def test_copy_steps_in_when_the_file_that_gave_its_records_changes(folder: Path, lake: Lake) -> None:
    records = records_of()
    write_array(folder / "a" / vendor_name(), records)
    run(folder, lake)
    write_array(folder / "b" / vendor_name(), records)
    run(folder, lake)
    write_array(folder / "a" / vendor_name(), records[:3])
    results = run(folder, lake)
    assert counts(results[f"a/{vendor_name()}"]) == ("success", 3, 0, 0)
    assert counts(results[f"b/{vendor_name()}"]) == ("success", 37, 3, 0)
    assert_like_fresh(folder, lake)


def test_duplicate_steps_in_when_the_file_that_gave_its_records_changes(folder: Path, lake: Lake) -> None:
    records = records_of()
    write_array(folder / "a" / vendor_name(), records[:20])
    write_array(folder / "b" / vendor_name(), records[10:])
    run(folder, lake)
    write_array(folder / "a" / vendor_name(), records[:15])
    results = run(folder, lake)
    assert counts(results[f"b/{vendor_name()}"]) == ("success", 25, 5, 0)
    assert_like_fresh(folder, lake)


def test_refused_conflict_is_imported_once_the_first_record_is_gone(folder: Path, lake: Lake) -> None:
    records = records_of(count=10)
    write_array(folder / "a" / vendor_name(), records[:5])
    write_array(folder / "b" / vendor_name(), [records[4] | {"spot": 7.25}, *records[5:]])
    assert counts(run(folder, lake)[f"b/{vendor_name()}"]) == ("partial", 5, 0, 1)
    write_array(folder / "a" / vendor_name(), records[:4])
    assert counts(run(folder, lake)[f"b/{vendor_name()}"]) == ("success", 6, 0, 0)
    assert_like_fresh(folder, lake)


def test_file_that_takes_over_the_bytes_of_another_gives_up_its_own(folder: Path, lake: Lake) -> None:
    records = records_of()
    write_array(folder / "a" / vendor_name(), records[:20])
    write_array(folder / "b" / vendor_name(), records[20:])
    run(folder, lake)
    shutil.copyfile(folder / "a" / vendor_name(), folder / "b" / vendor_name())
    run(folder, lake, prune=True)
    assert len(seconds_in(lake)) == 20
    assert_like_fresh(folder, lake)


def test_two_files_of_a_session_swap_their_contents(folder: Path, lake: Lake) -> None:
    records = records_of()
    write_array(folder / "a" / vendor_name(), records[:20])
    write_array(folder / "b" / vendor_name(), records[20:])
    run(folder, lake)
    write_array(folder / "a" / vendor_name(), records[20:])
    write_array(folder / "b" / vendor_name(), records[:20])
    run(folder, lake)
    assert_like_fresh(folder, lake)


# ---- several files of a session ------------------------------------------------------------------------------------


def test_interleaved_files_come_together_in_time_order(folder: Path, lake: Lake) -> None:
    records = records_of()
    write_array(folder / "even" / vendor_name(), records[::2])
    write_array(folder / "odd" / vendor_name(), records[1::2][::-1])
    results = run(folder, lake)
    assert results[f"odd/{vendor_name()}"].warnings["out_of_order"] == 19
    assert seconds_in(lake) == [record["timestamp"] for record in records]
    write_array(folder / "even" / vendor_name(), records[:10:2])
    run(folder, lake, prune=True)
    assert_like_fresh(folder, lake)


def test_one_record_files_that_arrive_later_are_added(folder: Path, lake: Lake) -> None:
    records = records_of(count=12)
    write_array(folder / "a" / vendor_name(), records[:4])
    run(folder, lake)
    place = folder / str(MONDAY) / "NQ_NDX" / "classic" / "gex_zero"
    for chunk in (records[4:8], records[8:]):
        for record in chunk:
            write_array(place / f"{record['timestamp']}.json", [record])
        results = run(folder, lake)
        assert sum(result.records_imported for result in results.values()) == 4
    assert_like_fresh(folder, lake)


@pytest.mark.parametrize("first", ["monday", "tuesday", "both"])
def test_stray_record_of_another_date_is_stored_once(folder: Path, lake: Lake, first: str) -> None:
    monday, tuesday = records_of(), records_of(TUESDAY)
    stray = [*monday, tuesday[3], tuesday[4] | {"spot": 7.25}]
    files = {"monday": (vendor_name(MONDAY), stray), "tuesday": (vendor_name(TUESDAY), tuesday)}
    for name, content in files.values() if first == "both" else [files[first], *files.values()]:
        write_array(folder / name, content)
        if first != "both":
            run(folder, lake)
    results = run(folder, lake, force=first != "both")
    refused = sum(result.records_quarantined for result in results.values())
    duplicate = sum(result.records_duplicate for result in results.values())
    assert (refused, duplicate) == (1, 1)
    assert select(lake, "SELECT count(*), count(DISTINCT timestamp) FROM gex_snapshots") == [(80, 80)]
    assert verify_lake(lake).findings == []


def test_file_of_one_date_under_the_name_of_another(folder: Path, lake: Lake) -> None:
    write_array(folder / vendor_name(MONDAY), records_of())
    write_array(folder / vendor_name(TUESDAY), records_of())
    results = run(folder, lake)
    assert counts(results[vendor_name(TUESDAY)]) == ("success", 0, 40, 0)
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(40,)]
    assert verify_lake(lake).findings == []


# ---- when something is lost ----------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize("harm", [damage, Path.unlink])
@pytest.mark.parametrize("dataset", ["snapshots", "strikes"])
def test_force_mends_a_session_whose_parquet_file_is_gone(
    folder: Path, lake: Lake, dataset: str, harm: Callable[[Path], None]
) -> None:
    write_history(folder, sessions=2)
    run(folder, lake)
    before = lake_content(lake)
    harm(live_files(lake, dataset=dataset)[0])
    assert not verify_lake(lake).clean
    run(folder, lake, force=True)
    after = lake_content(lake)
    assert {name: after[name] for name in DATA} == {name: before[name] for name in DATA}
    assert verify_lake(lake).findings == []


def test_source_that_cannot_be_read_any_more_keeps_what_it_gave(folder: Path, lake: Lake) -> None:
    first, _ = write_history(folder, sessions=2)
    run(folder, lake)
    first.write_bytes(b"")
    report: ImportReport = import_history([folder], lake)
    assert [result.status.value for result in report.files] == ["failed", "skipped"]
    assert len(seconds_in(lake)) == 40
