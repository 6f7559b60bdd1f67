"""A folder that mixes every form and every damage: the report is right to the record, for every file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gexlake.models.report import FileResult, ImportReport
from gexlake.sample import SampleFile, SampleReport, write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.lakes import select, tree

Imported = tuple[SampleReport, ImportReport, Path]


@pytest.fixture(scope="module")
def imported(fast_disk: Path) -> Imported:
    folder, lake = fast_disk / "faults", fast_disk / "faults-lake"
    categories = ["gex_zero", "gamma_zero", "orderflow"]
    sample = write_sample(folder, sessions=2, snapshots=40, strikes=9, categories=categories, faults=True)
    before = tree(folder)
    report = import_history([folder], lake)
    assert tree(folder) == before
    return sample, report, lake


def test_every_file_is_reported_as_the_sample_says(imported: Imported) -> None:
    sample, report, _ = imported
    found = {result.source_file: result for result in report.files}
    assert len(found) == len(report.files)
    wrong = {
        file.name: (file.fault, expected, actual)
        for file in sample.files
        if (expected := _expected(file)) != (actual := _actual(found.get(str(file.path))))
    }
    assert wrong == {}
    assert found.keys() <= {str(file.path) for file in sample.files}


def _expected(file: SampleFile) -> object:
    expected = file.expected
    if expected.status == "ignored":
        return None
    counts = (expected.records_seen, expected.records_imported, expected.records_duplicate)
    return expected.status, *counts, dict(expected.records_quarantined_by_reason)


def _actual(result: FileResult | None) -> object:
    if result is None:
        return None
    counts = (result.records_seen, result.records_imported, result.records_duplicate)
    reasons = {code: count for code, count in result.errors.items() if code not in FILE_CODES}
    return result.status.value, *counts, reasons


FILE_CODES = {"array_not_closed", "stream_truncated", "compression_damaged", "empty_file", "failed_download"}
"""Said of a file as a whole, beside the reasons of its records."""


def test_totals_are_the_sums_of_the_files(imported: Imported) -> None:
    sample, report, lake = imported
    totals = report.totals
    assert totals.records_seen == sum(file.expected.records_seen for file in sample.files)
    assert totals.records_imported == sum(file.expected.records_imported for file in sample.files)
    assert totals.records_seen == totals.records_imported + totals.records_duplicate + totals.records_quarantined
    by_type = report.records_imported
    assert sum(by_type.values()) == totals.records_imported
    for record_type, count in by_type.items():
        assert count
        assert select(lake, f"SELECT count(*) FROM {record_type}_snapshots") == [(count,)]
    assert select(lake, "SELECT sum(strike_rows)::BIGINT FROM sessions") == [(totals.strike_rows,)]
    assert not report.acceptable


def test_every_refused_record_is_kept_whole_with_its_place(imported: Imported) -> None:
    sample, _, lake = imported
    kept = select(lake, "SELECT source_file, reason, byte_offset, coalesce(raw_bytes, encode(raw)) FROM quarantine")
    assert Counter(reason for _, reason, _, _ in kept) == Counter(sample.records_quarantined_by_reason)
    plain = {str(file.path): file.path.read_bytes() for file in sample.files if file.feed is not None}
    checked = 0
    for source, _, offset, raw in kept:
        data = plain[source]
        if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            assert data[offset:].startswith(raw), (source, offset)
            checked += 1
    assert checked > 100


def test_lake_of_the_fault_folder_is_sound(imported: Imported) -> None:
    _, _, lake = imported
    report = verify_lake(lake)
    assert report.findings == []
    trusted = select(lake, "SELECT count(*) FROM lineage WHERE records_seen > 0")
    assert [(report.sources_read,)] == trusted


def test_the_same_folder_again_is_not_read_and_every_bad_verdict_stands(imported: Imported) -> None:
    sample, first, lake = imported
    second = import_history([sample.directory], lake)
    before, after = ({r.source_file: r.status.value for r in report.files} for report in (first, second))
    assert {name: "success" if status == "skipped" else status for name, status in after.items()} == before
    clock = {r.source_file for r in first.files if "timestamp_future" in r.errors}
    assert {r.source_file for r in second.files if r.records_seen} == clock, "only what the clock may have changed"
    assert second.error_rate >= first.error_rate
    assert not second.acceptable
