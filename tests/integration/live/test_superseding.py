"""Segments and the vendor's file of the same day: which stands, what lineage says, and what verify reports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import note_imported, waiting_segments
from gexlake.errors import LakeError
from gexlake.models.checks import Check
from gexlake.models.report import ImportReport
from gexlake.services.importing.import_history import import_history
from gexlake.services.living.prune import prune_day
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY
from helpers.lakes import lake_content, select
from helpers.living import DAY
from helpers.replay import source_file

FEED = "NQ_NDX_classic_gex_zero"


@pytest.fixture
def vendor_file(vendor_lake: Path, work: Path) -> Path:
    """The history file of Monday."""
    return Path(shutil.copy(source_file(vendor_lake, DAY, "classic", "gex_zero"), work))


def record(lake: Path, records: list[dict[str, Any]], slot: str = "0930") -> Path:
    """A segment as `gexlake live` leaves it, imported."""
    segment = lake / "live" / DAY / f"{DAY}_{FEED}.{slot}.jsonl"
    segment.parent.mkdir(parents=True, exist_ok=True)
    segment.write_text("".join(json.dumps(one) + "\n" for one in records))
    return segment


def imported(source: Path, lake: Path) -> ImportReport:
    report = import_history(source, lake)
    layout = LakeLayout(lake)
    if waiting := waiting_segments(layout, MONDAY):
        note_imported(layout, MONDAY, waiting)
    return report


def read(vendor_file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vendor_file.read_bytes())
    return found


def test_vendors_file_supersedes_what_was_recorded(work: Path, vendor_file: Path) -> None:
    lake, other = work / "lake", work / "other"
    segment = record(lake, read(vendor_file)[3:9])
    imported(segment, lake)
    report = imported(vendor_file, lake)
    assert report.status == "success"
    imported(vendor_file, other)
    assert lake_content(lake)["gex_snapshots"] == lake_content(other)["gex_snapshots"]
    said = select(lake, "SELECT source_file, message FROM lineage WHERE status = 'skipped'")
    assert said == [(str(segment), f"superseded by {vendor_file}")]
    verified = verify_lake(lake)
    assert (verified.findings, verified.notes) == ([], [])


def test_what_they_disagree_about_is_the_vendors_and_verify_reports_it(work: Path, vendor_file: Path) -> None:
    lake, records = work / "lake", read(vendor_file)
    wrong, alone = {**records[4], "spot": 1.5}, {**records[4], "timestamp": records[-1]["timestamp"] + 100}
    imported(record(lake, [records[3], wrong, alone]), lake)
    imported(vendor_file, lake)
    instant = wrong["timestamp"]
    assert select(lake, f"SELECT spot FROM gex_snapshots WHERE epoch(timestamp) = {instant}") == [(records[4]["spot"],)]
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(len(records) + 1,)]
    verified = verify_lake(lake)
    assert verified.findings == []
    differs, more = [note for note in verified.notes if note.code is Check.LIVE_DIFFERS]
    assert "1 of 3 records" in differs.message
    assert "another spot" in differs.message
    assert more.message.startswith("1 snapshots were recorded live")


def test_segment_that_comes_after_the_vendors_file_gives_only_what_that_lacks(work: Path, vendor_file: Path) -> None:
    lake, records = work / "lake", read(vendor_file)
    imported(vendor_file, lake)
    more = {**records[4], "timestamp": records[-1]["timestamp"] + 100}
    report = imported(record(lake, [records[3], more]), lake)
    assert (report.totals.records_imported, report.totals.records_duplicate) == (1, 1)


def test_both_read_at_once_leave_the_vendors(work: Path, vendor_file: Path) -> None:
    lake, records = work / "lake", read(vendor_file)
    segment = record(lake, [{**records[4], "spot": 1.5}])
    import_history([segment, vendor_file], lake)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 1.5") == [(0,)]


def test_prune_deletes_only_what_the_vendors_file_has_replaced(work: Path, vendor_file: Path) -> None:
    lake = work / "lake"
    segment = record(lake, read(vendor_file)[3:9])
    with pytest.raises(LakeError, match="not imported yet"):
        prune_day(lake, MONDAY)
    imported(segment, lake)
    with pytest.raises(LakeError, match="what was recorded is all there is"):
        prune_day(lake, MONDAY)
    imported(vendor_file, lake)
    assert prune_day(lake, MONDAY).segments == 1
    assert not segment.parent.exists()
    assert verify_lake(lake).findings == []
