"""A record that was accepted leaves the lake only when somebody says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexlake.errors import SourceError, UsageError
from gexlake.models.import_order import ImportOptions
from gexlake.models.report import FileResult, ImportReport
from gexlake.services.importing.commits import versions_replaced_by
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.revise import forget_source, restore_import
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from helpers.lakes import lake_content, select


@pytest.fixture
def folder(work: Path) -> Path:
    return work / "history"


@pytest.fixture
def lake(work: Path) -> Path:
    return work / "lake"


@pytest.fixture
def file(folder: Path, lake: Path) -> Path:
    """A day of 30 records, in the lake."""
    path = write_array(folder / vendor_name(), records_of(count=30))
    assert import_history([folder], lake).acceptable
    return path


def run(folder: Path, lake: Path, **options: bool) -> tuple[ImportReport, FileResult]:
    report = import_history([folder], lake, ImportOptions(**options))
    return report, report.files[0]


def stored(lake: Path) -> tuple[int, int]:
    """Snapshots and strike rows, as the tables and the files have them."""
    (counts,) = select(lake, "SELECT (SELECT count(*) FROM gex_snapshots), (SELECT count(*) FROM gex_strikes)")
    sums = "SELECT sum(snapshots)::BIGINT, sum(strike_rows)::BIGINT FROM sessions"
    assert select(lake, sums) == [counts]
    return counts


def refused(records: list[Record]) -> list[Record]:
    return [{key: value for key, value in record.items() if key != "spot"} for record in records]


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def test_a_file_that_is_cut_short_adds_and_corrects_and_takes_nothing(file: Path, folder: Path, lake: Path) -> None:
    before = lake_content(lake)
    cut(file, 0.5)
    report, result = run(folder, lake)
    assert (result.status, report.acceptable) == ("partial", False)
    assert result.records_kept == 30 - result.records_imported > 10
    assert result.warnings["records_kept"] == result.records_kept == report.totals.records_kept
    assert "they stay, unless --prune takes them out" in (result.message or "")
    after = lake_content(lake)
    assert after["gex_snapshots"] == before["gex_snapshots"]
    assert after["strikes.parquet"] == before["strikes.parquet"]
    assert verify_lake(lake).findings == []


def test_each_snapshot_names_the_reading_that_gave_it(file: Path, folder: Path, lake: Path) -> None:
    first = select(lake, "SELECT DISTINCT import_id FROM gex_snapshots")
    write_array(file, records_of(count=10))
    report, _ = run(folder, lake)
    owners = select(lake, "SELECT import_id, count(*) FROM gex_snapshots GROUP BY ALL ORDER BY ALL")
    assert owners == [(first[0][0], 20), (report.import_id, 10)]


@pytest.mark.parametrize("share", [0.02, 0.9])
def test_however_little_is_left_nothing_is_lost(file: Path, folder: Path, lake: Path, share: float) -> None:
    cut(file, share)
    run(folder, lake)
    assert stored(lake) == (30, 270)


def test_a_file_of_which_all_records_are_refused_takes_nothing(file: Path, folder: Path, lake: Path) -> None:
    write_array(file, refused(records_of(count=30)))
    report, result = run(folder, lake)
    assert (result.status, result.records_kept, report.acceptable) == ("failed", 30, False)
    assert stored(lake) == (30, 270)
    assert verify_lake(lake).findings == []


@pytest.mark.parametrize("text", ["[]", "[]\n", ""])
def test_a_file_that_became_empty_fails_and_takes_nothing(file: Path, folder: Path, lake: Path, text: str) -> None:
    file.write_text(text)
    report, result = run(folder, lake)
    assert (result.status, report.acceptable) == ("failed", False)
    assert stored(lake) == (30, 270)
    again, _ = run(folder, lake)
    assert not again.acceptable, "the verdict stands"


def test_force_takes_nothing_either(file: Path, folder: Path, lake: Path) -> None:
    write_array(file, records_of(count=4))
    _, result = run(folder, lake, force=True)
    assert (result.records_imported, result.records_kept) == (4, 26)
    assert stored(lake) == (30, 270)


def test_force_under_a_clock_that_is_wrong_takes_nothing(
    file: Path, folder: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lake_content(lake)
    monkeypatch.setattr("gexlake.services.importing.plan.CLOCK_TOLERANCE_US", -400 * 86_400 * 1_000_000)
    report, result = run(folder, lake, force=True)
    assert result.errors == {"timestamp_future": 30}
    assert not report.acceptable
    after = lake_content(lake)
    assert {name: after[name] for name in ("gex_snapshots", "sessions")} == {
        name: before[name] for name in ("gex_snapshots", "sessions")
    }
    monkeypatch.undo()
    assert verify_lake(lake).findings == []


def test_the_newest_whole_reading_of_a_key_wins(file: Path, folder: Path, lake: Path) -> None:
    records = records_of(count=30)
    write_array(file, [records[0] | {"spot": 7.25}, *records[1:5], records[5] | {"spot": "?"}])
    report, result = run(folder, lake)
    assert (result.records_imported, result.records_corrected, result.records_kept) == (5, 1, 25)
    assert report.totals.records_corrected == 1
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.25") == [(1,)]
    (row,) = select(lake, f"SELECT spot FROM gex_snapshots WHERE epoch(timestamp) = {records[5]['timestamp']}")
    assert row == (records[5]["spot"],), "what cannot be read corrects nothing"


def test_seen_is_imported_and_duplicate_and_quarantined(file: Path, folder: Path, lake: Path) -> None:
    records = records_of(count=30)
    write_array(file, [*records[:9], records[3], {"timestamp": 1}, records[4] | {"spot": 7.25}])
    _, result = run(folder, lake)
    counts = result.records_imported, result.records_duplicate, result.records_quarantined
    assert (result.records_seen, counts) == (12, (9, 1, 2))
    assert result.sessions == {str(MONDAY): 9}


def test_status_counts_what_files_no_longer_have(file: Path, folder: Path, lake: Path) -> None:
    from gexlake.services.asking.status import lake_status

    assert lake_status(lake).records_kept == 0
    write_array(file, records_of(count=10))
    run(folder, lake)
    assert lake_status(lake).records_kept == 20
    run(folder, lake)
    assert lake_status(lake).records_kept == 20, "a look at an unchanged file forgets nothing"
    write_array(file, records_of(count=30))
    run(folder, lake)
    assert lake_status(lake).records_kept == 0


# ---- dry run and prune ---------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_corrected_kept_and_pruned(file: Path, folder: Path, lake: Path) -> None:
    records = records_of(count=30)
    before = lake_content(lake)
    write_array(file, [records[0] | {"spot": 7.25}, *records[1:9]])
    totals = run(folder, lake, dry_run=True)[0].totals
    assert (totals.records_corrected, totals.records_kept, totals.records_pruned) == (1, 21, 0)
    totals = run(folder, lake, dry_run=True, prune=True)[0].totals
    assert (totals.records_corrected, totals.records_kept, totals.records_pruned) == (1, 0, 21)
    assert lake_content(lake) == before


def test_prune_takes_out_what_a_sound_file_no_longer_has(file: Path, folder: Path, lake: Path) -> None:
    write_array(file, records_of(count=10))
    report, result = run(folder, lake, prune=True)
    assert (result.records_pruned, result.records_kept, report.totals.records_pruned) == (20, 0, 20)
    assert stored(lake) == (10, 90)
    assert verify_lake(lake).findings == []


@pytest.mark.parametrize("harm", ["cut", "refused", "emptied"])
def test_prune_believes_no_damaged_file(file: Path, folder: Path, lake: Path, harm: str) -> None:
    if harm == "cut":
        cut(file, 0.5)
    elif harm == "refused":
        write_array(file, [*records_of(count=10), *refused(records_of(count=12, skip=10))])
    else:
        file.write_text("[]")
    _, result = run(folder, lake, prune=True)
    assert result.records_pruned == 0
    assert stored(lake) == (30, 270)


def test_what_another_file_has_as_well_comes_back_when_it_is_pruned(folder: Path, lake: Path) -> None:
    records = records_of(count=20)
    write_array(folder / "a" / vendor_name(), records)
    write_array(folder / "b" / vendor_name(), records[10:])
    run(folder, lake)
    write_array(folder / "a" / vendor_name(), records[:5])
    run(folder, lake, prune=True)
    assert stored(lake) == (15, 135)


# ---- restore -------------------------------------------------------------------------------------------------------


def test_restore_brings_back_what_a_prune_took(file: Path, folder: Path, lake: Path) -> None:
    before = lake_content(lake)
    write_array(file, records_of(count=10))
    report, _ = run(folder, lake, prune=True)
    preview = restore_import(lake, report.import_id, dry_run=True)
    assert (preview.sessions[0].snapshots_before, preview.sessions[0].snapshots_after) == (10, 30)
    assert stored(lake) == (10, 90)
    restore_import(lake, report.import_id[:20])
    assert stored(lake) == (30, 270)
    assert lake_content(lake)["gex_snapshots"] == before["gex_snapshots"]
    assert verify_lake(lake).findings == []


def test_restore_brings_back_values_that_were_corrected_and_keeps_what_came_since(
    file: Path, folder: Path, lake: Path
) -> None:
    records = records_of(count=40)
    write_array(file, [records[0] | {"spot": 7.25}, *records[1:35]])
    report, _ = run(folder, lake)
    assert stored(lake)[0] == 35
    restored = restore_import(lake, report.import_id)
    assert stored(lake)[0] == 35
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.25") == [(0,)]
    assert restored.restored == 1
    assert verify_lake(lake).findings == []


def test_a_restore_can_be_undone(file: Path, folder: Path, lake: Path) -> None:
    write_array(file, [record | {"spot": 7.25} for record in records_of(count=30)])
    report, _ = run(folder, lake)
    undone = restore_import(lake, report.import_id)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.25") == [(0,)]
    restore_import(lake, undone.import_id)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.25") == [(30,)]


@pytest.mark.parametrize(("kept", "versions"), [(0, 0), (1, 1), (3, 3)])
def test_as_many_versions_are_kept_as_was_said(file: Path, folder: Path, lake: Path, kept: int, versions: int) -> None:
    for count in range(31, 36):
        write_array(file, records_of(count=count))
        import_history([folder], lake, ImportOptions(keep_versions=kept))
    assert len(versions_replaced_by(lake, "")) == versions
    assert verify_lake(lake).findings == []


def test_restore_without_a_kept_version_says_so(file: Path, folder: Path, lake: Path) -> None:
    write_array(file, records_of(count=10))
    report = import_history([folder], lake, ImportOptions(prune=True, keep_versions=0))
    with pytest.raises(UsageError, match=r"No version of a session that import .* replaced is kept"):
        restore_import(lake, report.import_id)


# ---- forget --------------------------------------------------------------------------------------------------------


def test_forget_takes_out_what_a_source_gave_and_nothing_else(folder: Path, lake: Path) -> None:
    records = records_of(count=20)
    one = write_array(folder / "a" / vendor_name(), records[:12])
    write_array(folder / "b" / vendor_name(), records[10:])
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY))
    run(folder, lake)
    preview = forget_source(lake, one, dry_run=True)
    assert (preview.removed, stored(lake)[0]) == (12, 60)
    forgotten = forget_source(lake, one)
    assert (forgotten.removed, forgotten.sources, stored(lake)[0]) == (12, [str(one)], 48)
    assert one.exists()
    assert verify_lake(lake).findings == []
    report, _ = run(folder, lake)
    results = {Path(result.source_file).parent.name: result for result in report.files}
    assert results["a"].status == "skipped"
    assert "forgotten" in (results["a"].message or "")
    assert results["b"].records_imported == 10, "what it had as a duplicate counts now"
    assert stored(lake)[0] == 50
    assert run(folder, lake, force=True)[0].acceptable
    assert stored(lake)[0] == 60


def test_forget_a_folder_empties_its_sessions_and_restore_brings_them_back(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), records_of())
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY))
    run(folder, lake)
    before = lake_content(lake)
    forgotten = forget_source(lake, folder)
    assert select(lake, "SELECT count(*) FROM sessions") == [(0,)]
    assert not list((lake / "gex").rglob("*.parquet"))
    assert verify_lake(lake).findings == []
    restore_import(lake, forgotten.import_id)
    assert lake_content(lake)["gex_snapshots"] == before["gex_snapshots"]
    assert verify_lake(lake).findings == []


def test_forget_of_what_the_lake_never_read_is_an_error(file: Path, folder: Path, lake: Path) -> None:
    with pytest.raises(SourceError, match="The lake has read no source"):
        forget_source(lake, folder / "other.json")
