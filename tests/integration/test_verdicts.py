"""A verdict is neither forgotten nor final."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from gexlake.models.import_order import ImportOptions
from gexlake.models.report import FileResult, ImportReport
from gexlake.services.asking.lineage import list_quarantine
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.revise import forget_source
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, records_of, vendor_name, write_array
from helpers.lakes import select

FIELD = Path(__file__).parent.parent / "examples" / "field"


@pytest.fixture
def folder(work: Path) -> Path:
    return work / "history"


@pytest.fixture
def lake(work: Path) -> Path:
    return work / "lake"


def results_of(report: ImportReport) -> dict[str, FileResult]:
    return {Path(result.source_file).name: result for result in report.files}


# ---- verdicts stand ------------------------------------------------------------------------------------------------


def test_a_file_of_which_all_is_refused_is_named_again_and_not_read(lake: Path) -> None:
    first = import_history([FIELD / "refused_then_skipped"], lake)
    second = import_history([FIELD / "refused_then_skipped"], lake)
    assert (first.acceptable, second.acceptable) == (False, False)
    bad, good = second.files
    assert (bad.status, good.status) == ("failed", "skipped")
    assert (bad.carried_from, bad.records_seen) == (first.import_id, 0)
    assert bad.errors == first.files[0].errors
    assert (bad.message or "").startswith(f"unchanged since import {first.import_id}: ")
    assert second.totals.records_seen == 0
    third = import_history([FIELD / "refused_then_skipped"], lake)
    assert third.files[0].carried_from == first.import_id, "the reading is named, not the last look"
    assert verify_lake(lake).findings == []


def test_a_file_that_is_cut_is_named_until_it_is_mended(folder: Path, lake: Path) -> None:
    path = write_array(folder / vendor_name(), records_of())
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for _ in range(3):
        report = import_history([folder], lake)
        assert report.files[0].status == "partial"
        assert not report.acceptable
    path.write_bytes(whole)
    assert import_history([folder], lake).acceptable
    assert import_history([folder], lake).totals.files == {"skipped": 1}


def test_an_array_whose_end_is_missing_is_exit_status_1(lake: Path) -> None:
    report = import_history([FIELD / "trailing_comma_nl"], lake)
    (result,) = report.files
    assert (result.status, result.records_quarantined, result.damaged) == ("partial", 0, True)
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(result.records_seen,)]
    assert not report.acceptable


def test_a_few_refused_records_stay_as_acceptable_as_they_were(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), [*records_of(), {"timestamp": 1}])
    options = ImportOptions(max_error_rate=0.03)
    for _ in range(3):
        report = import_history([folder], lake, options)
        assert report.error_rate == pytest.approx(1 / 41)
        assert report.acceptable


def test_what_was_good_before_dilutes_no_new_verdict(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), records_of())
    import_history([folder], lake)
    write_array(folder / vendor_name(TUESDAY), [*records_of(TUESDAY, 1), {"timestamp": 1}])
    assert import_history([folder], lake).error_rate == 0.5


def test_a_failed_download_over_a_day_takes_nothing_out(folder: Path, lake: Path) -> None:
    shutil.copytree(FIELD / "error_page_over_day" / "first", folder)
    assert import_history([folder], lake).acceptable
    before = select(lake, "SELECT count(*) FROM gex_snapshots")
    shutil.copytree(FIELD / "error_page_over_day" / "second", folder, dirs_exist_ok=True)
    for _ in range(2):
        report = import_history([folder], lake)
        assert [result.status.value for result in report.files] == ["failed"]
        assert not report.acceptable
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == before


# ---- verdicts are taken up again -----------------------------------------------------------------------------------


def load_maker() -> ModuleType:
    path = FIELD / "clock_ahead" / "make.py"
    spec = importlib.util.spec_from_file_location("make", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_clock_some_seconds_ahead_is_no_future(folder: Path, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make.py", str(folder), "40"])
    load_maker()
    report = import_history([folder], lake)
    assert report.totals.records_quarantined == 0
    assert report.acceptable
    assert verify_lake(lake).findings == []


def test_a_record_of_the_future_is_taken_when_its_time_has_come(
    folder: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_array(folder / vendor_name(), records_of())
    monkeypatch.setattr("gexlake.services.importing.plan.CLOCK_TOLERANCE_US", -400 * 86_400 * 1_000_000)
    assert import_history([folder], lake).totals.records_quarantined == 40
    monkeypatch.undo()
    report = import_history([folder], lake)
    assert (report.totals.records_imported, report.acceptable) == (40, True)


def test_a_conflict_is_taken_up_again_when_its_counterpart_is_gone(folder: Path, lake: Path) -> None:
    write_array(folder / "a" / vendor_name(), records_of(count=5))
    write_array(folder / "b" / vendor_name(), [record | {"spot": 7.25} for record in records_of(count=5)])
    assert import_history([folder], lake).totals.records_quarantined == 5
    assert import_history([folder], lake).totals.records_seen == 0
    (folder / "a" / vendor_name()).unlink()
    report = import_history([folder], lake)
    assert (report.totals.records_imported, report.totals.records_corrected) == (5, 5)
    assert report.acceptable
    assert import_history([folder], lake).totals.files == {"skipped": 1}


def test_a_conflict_is_taken_up_again_when_its_counterpart_is_forgotten(folder: Path, lake: Path) -> None:
    first = write_array(folder / "a" / vendor_name(), records_of(count=5))
    write_array(folder / "b" / vendor_name(), [record | {"spot": 7.25} for record in records_of(count=5)])
    assert not import_history([folder], lake).acceptable
    forget_source(lake, first)
    report = import_history([folder], lake)
    assert (report.totals.records_imported, report.acceptable) == (5, True)
    assert verify_lake(lake).findings == []


# ---- a correction can land -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
def test_an_archive_that_moved_and_was_corrected_gives_its_new_values(folder: Path, lake: Path, force: bool) -> None:
    shutil.copytree(FIELD / "moved_and_corrected" / "first", folder)
    import_history([folder], lake)
    moved = folder.with_name("moved")
    folder.rename(moved)
    shutil.copytree(FIELD / "moved_and_corrected" / "second", moved, dirs_exist_ok=True)
    report = import_history([moved], lake, ImportOptions(force=force))
    assert report.acceptable
    assert report.totals.records_quarantined == 0
    fresh = lake.with_name("fresh")
    import_history([moved], fresh)
    values = "SELECT epoch_us(timestamp), * EXCLUDE (timestamp, import_id) FROM gex_snapshots ORDER BY ALL"
    assert select(lake, values) == select(fresh, values)
    assert import_history([moved], lake).totals.records_seen == 0


def test_a_conflict_says_in_what_with_whom_and_what_to_do(folder: Path, lake: Path) -> None:
    records = records_of(count=3)
    first = write_array(folder / "a" / vendor_name(), records)
    other = [[row[0], row[1] + 1, *row[2:]] if i == 2 else row for i, row in enumerate(records[1]["strikes"])]
    changed = [records[0] | {"spot": 7.25}, records[1] | {"strikes": other}, records[2] | {"min_dte": 5}]
    write_array(folder / "b" / vendor_name(), changed)
    report = import_history([folder], lake)
    spot, ladder, expiry = list_quarantine(lake)["message"].to_list()
    assert f"another spot: {float(records[0]['spot'])!r}, here 7.25, from {first}" in spot
    assert f"another gex_vol at strike {float(other[2][0])!r}: " in ladder
    assert f"another min_dte: {records[2]['min_dte']}, here 5" in expiry
    assert f"gexlake forget {first}" in (report.files[1].message or "")


# ---- sameness is by the vendor's fields ----------------------------------------------------------------------------


def test_sources_of_a_session_are_those_that_gave_to_it_whenever_others_were_met(folder: Path, lake: Path) -> None:
    first = write_array(folder / "a" / vendor_name(), records_of(count=20))
    write_array(folder / "b" / vendor_name(), [record | {"spot": 1.0} for record in records_of(count=20)])
    write_array(folder / "c" / vendor_name(), [record | {"spot": 0} for record in records_of(count=20)])
    import_history(first, lake)
    import_history(folder, lake)
    import_history(folder, lake.with_name("at once"))
    for one in (lake, lake.with_name("at once")):
        assert select(one, "SELECT source_files, source_bytes, snapshots FROM sessions") == [
            (1, first.stat().st_size, 20)
        ]
        assert select(one, "SELECT count(*) FROM quarantine") == [(40,)]
        assert verify_lake(one).findings == []


def test_what_a_recorder_added_makes_no_conflict(folder: Path, lake: Path) -> None:
    shutil.copytree(FIELD / "live_and_history", folder)
    report = import_history([folder], lake)
    assert report.acceptable
    assert report.totals.records_quarantined == 0
    assert report.totals.records_duplicate == report.totals.records_imported == 8
    assert report.warnings["extra_differs"] == 8


def test_a_stores_own_id_makes_no_conflict_and_corrects_nothing(folder: Path, lake: Path) -> None:
    records = records_of(count=4)
    write_array(folder / vendor_name(MONDAY), [record | {"_id": str(i)} for i, record in enumerate(records)])
    import_history([folder], lake)
    write_array(folder / "other" / vendor_name(MONDAY), [record | {"_id": f"x{i}"} for i, record in enumerate(records)])
    report = import_history([folder], lake)
    assert (report.totals.records_duplicate, report.totals.records_quarantined) == (4, 0)


def test_what_stands_stands_however_often_unchanged_files_that_conflict_are_imported(folder: Path, lake: Path) -> None:
    """A conflict is looked at again when its session has changed since: who gave a snapshot gives it still."""
    first = write_array(folder / "z" / vendor_name(), records_of(count=5))
    import_history(folder, lake)
    write_array(folder / "m" / vendor_name(), [r | {"spot": r["spot"] + 1} for r in records_of(count=8)])
    import_history(folder, lake)
    write_array(folder / "a" / vendor_name(), [r | {"spot": r["spot"] + 2} for r in records_of(count=12)])
    rows = "SELECT epoch_us(timestamp), spot, import_id FROM gex_snapshots ORDER BY 1"
    import_history(folder, lake)
    values = [row[:2] for row in select(lake, rows)]
    for _ in range(3):
        report = import_history(folder, lake)
        assert [row[:2] for row in select(lake, rows)] == values
        assert report.totals.records_corrected == 0
    assert report.totals.records_seen == 0, "it comes to rest"
    assert verify_lake(lake).findings == []
    write_array(first, [r | {"spot": r["spot"] + 3} for r in records_of(count=5)])
    assert results_in(import_history(folder, lake), "z").records_corrected == 5, (
        "a correction lands, whatever else is read"
    )


def results_in(report: ImportReport, name: str) -> FileResult:
    return next(result for result in report.files if Path(result.source_file).parent.name == name)
