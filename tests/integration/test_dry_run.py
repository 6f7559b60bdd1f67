"""A dry run writes nothing at all, and says what the import will then do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gexlake.models.import_order import ImportOptions
from gexlake.models.report import ImportReport
from gexlake.services.importing.import_history import import_history
from helpers.histories import TUESDAY, edit, records_of, vendor_name, write_array, write_history
from helpers.lakes import tree
from helpers.runner import Runner

OF_ITS_OWN = {"import_id", "dry_run", "started_at", "duration_seconds"}
DRY = ImportOptions(dry_run=True)


def prediction(report: ImportReport) -> dict[str, Any]:
    return {name: value for name, value in report.model_dump().items() if name not in OF_ITS_OWN}


def test_dry_run_makes_no_lake_and_predicts_the_import(work: Path) -> None:
    folder, lake = work / "history", work / "lake"
    _, second, third = write_history(folder)
    edit(second, lambda records: records[3].update(spot=-1))
    third.write_bytes(third.read_bytes()[:5000])
    write_array(folder / "again" / vendor_name(TUESDAY), [records_of(TUESDAY)[5] | {"spot": 1.5}, *records_of(TUESDAY)])
    before = tree(work)
    predicted = import_history([folder], lake, DRY)
    assert tree(work) == before
    assert predicted.dry_run
    assert predicted.totals.records_quarantined == 3
    assert prediction(import_history([folder], lake)) == prediction(predicted)


def test_dry_run_beside_a_lake_predicts_what_changes(work: Path) -> None:
    folder, lake = work / "history", work / "lake"
    first, _, third = write_history(folder)
    third.rename(work / third.name)
    import_history([folder], lake)
    (work / third.name).rename(third)
    edit(first, lambda records: records.reverse())
    write_array(folder / "more" / vendor_name(TUESDAY), records_of(TUESDAY, 10, skip=35))
    before = tree(work)
    predicted = import_history([folder], lake, DRY)
    assert tree(work) == before
    assert {result.status.value for result in predicted.files} == {"skipped", "success"}
    assert prediction(import_history([folder], lake)) == prediction(predicted)


def test_dry_run_with_workers_writes_nothing_either(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder)
    before = tree(work)
    predicted = runner.run_import(folder, lake, {"inline_bytes": 0}, dry_run=True, workers=2)
    assert (predicted.status, predicted.report["totals"]["records_imported"]) == (0, 120)
    assert tree(work) == before
