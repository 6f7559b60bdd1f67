"""A record belongs to the session of its own New York date, whatever the name of its file says."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gexlake.db.schema import SCHEMA_VERSION
from gexlake.importers.snapshots import days as day_spool
from gexlake.models.import_order import ImportOptions
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from helpers.lakes import different_tables, lake_content, old_lake, select

FIELD = Path(__file__).parent.parent / "examples" / "field"
WEDNESDAY = date(2025, 11, 12)
DATA = ("gex_snapshots", "snapshots.parquet", "strikes.parquet")


@pytest.fixture
def folder(work: Path) -> Path:
    return work / "history"


@pytest.fixture
def lake(work: Path) -> Path:
    return work / "lake"


def sessions(lake: Path) -> list[tuple[str, int]]:
    return select(lake, "SELECT session_date::VARCHAR, snapshots FROM sessions ORDER BY ALL")


def misfiled(lake: Path) -> int:
    """Snapshots that stand under another date than their own, in the table, the view and the files."""
    own = "(timestamp AT TIME ZONE 'America/New_York')::DATE"
    (row,) = select(
        lake,
        f"SELECT (SELECT count(*) FROM gex_snapshots WHERE session_date <> {own}) + "
        f"(SELECT count(*) FROM gex_strikes WHERE session_date <> {own})",
    )
    return int(row[0])


def three_days(counts: tuple[int, int, int] = (6, 5, 4)) -> list[Record]:
    days = zip((MONDAY, TUESDAY, WEDNESDAY), counts, strict=True)
    return [record for day, count in days if count for record in records_of(day, count)]


def test_a_recorders_file_over_three_days_becomes_three_sessions(lake: Path) -> None:
    report = import_history([FIELD / "multiday_named"], lake)
    assert sessions(lake) == [("2025-11-10", 50), ("2025-11-11", 50), ("2025-11-12", 50)]
    (result,) = report.files
    assert result.sessions == {"2025-11-10": 50, "2025-11-11": 50, "2025-11-12": 50}
    assert result.warnings["date_mismatch"] == 100
    assert "its name says 2025-11-10, its records are of 2025-11-10 (50), 2025-11-11 (50)" in (result.message or "")
    assert misfiled(lake) == 0
    assert verify_lake(lake).findings == []


def test_a_day_under_another_days_name_is_stored_under_its_own(lake: Path) -> None:
    report = import_history([FIELD / "date_mismatch"], lake)
    assert sessions(lake) == [("2025-11-10", 60)]
    assert report.files[0].warnings["date_mismatch"] == 60
    assert misfiled(lake) == 0


def test_the_right_file_that_comes_later_finds_duplicates_in_its_own_session(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(TUESDAY), records_of(MONDAY))
    import_history([folder], lake)
    write_array(folder / "right" / vendor_name(MONDAY), [*records_of(MONDAY)])
    write_array(folder / "right" / vendor_name(TUESDAY), records_of(TUESDAY, 7))
    report = import_history([folder], lake)
    assert sessions(lake) == [("2025-11-10", 40), ("2025-11-11", 7)]
    assert report.acceptable
    assert verify_lake(lake).findings == []


def test_a_file_without_a_date_in_its_name_claims_none(folder: Path, lake: Path) -> None:
    write_array(folder / "NQ_NDX_classic_gex_zero.json", three_days())
    (result,) = import_history([folder], lake).files
    assert sessions(lake) == [("2025-11-10", 6), ("2025-11-11", 5), ("2025-11-12", 4)]
    assert "date_mismatch" not in result.warnings


def test_one_lineage_record_accounts_for_the_whole_file(folder: Path, lake: Path) -> None:
    records = three_days()
    bad = [{"timestamp": 1}, records[8], records[9] | {"spot": 7.25}]
    write_array(folder / vendor_name(), [*records, *bad])
    import_history([folder], lake)
    rows = select(lake, "SELECT records_seen, records_imported, records_duplicate, records_quarantined FROM lineage")
    assert rows == [(18, 15, 1, 2)]
    (raw,) = select(lake, "SELECT sessions FROM lineage")
    assert json.loads(raw[0]) == {"2025-11-10": 6, "2025-11-11": 5, "2025-11-12": 4}
    assert select(lake, "SELECT reason FROM quarantine ORDER BY record_index") == [
        ("timestamp_too_old",),
        ("key_conflict",),
    ]


def test_many_days_go_through_disk_and_come_to_the_same(
    folder: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_array(folder / vendor_name(), three_days((40, 40, 40)))
    import_history([folder], lake)
    monkeypatch.setattr(day_spool, "MEMORY_BYTES", 1)
    import_history([folder], lake.with_name("spilled"))
    assert lake_content(lake) == lake_content(lake.with_name("spilled"))


def test_days_that_alternate_record_by_record(folder: Path, lake: Path) -> None:
    monday, tuesday = records_of(MONDAY), records_of(TUESDAY)
    write_array(folder / vendor_name(), [record for pair in zip(monday, tuesday, strict=True) for record in pair])
    import_history([folder], lake)
    assert sessions(lake) == [("2025-11-10", 40), ("2025-11-11", 40)]
    assert verify_lake(lake).findings == []


def test_a_file_of_several_days_changes(folder: Path, lake: Path) -> None:
    path = write_array(folder / vendor_name(), three_days())
    import_history([folder], lake)
    records = three_days((6, 5, 0))
    write_array(path, [*records[:7], records[7] | {"spot": 7.25}, *records_of(date(2025, 11, 13), 3)])
    (result,) = import_history([folder], lake).files
    assert result.sessions == {"2025-11-10": 6, "2025-11-11": 2, "2025-11-12": 0, "2025-11-13": 3}
    assert (result.records_corrected, result.records_kept) == (1, 7)
    assert [count for _, count in sessions(lake)] == [6, 5, 4, 3]
    assert verify_lake(lake).findings == []
    (again,) = import_history([folder], lake, ImportOptions(prune=True, force=True)).files
    assert again.records_pruned == 7
    assert [count for _, count in sessions(lake)] == [6, 2, 3]
    assert verify_lake(lake).findings == []


def test_a_file_of_several_days_that_is_unchanged_is_not_read(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), three_days())
    import_history([folder], lake)
    before = lake_content(lake)
    report = import_history([folder], lake)
    assert report.totals.files == {"skipped": 1}
    assert lake_content(lake) == before


def test_files_that_feed_each_others_sessions_in_one_import(folder: Path, lake: Path) -> None:
    """Whatever the order in which workers finish, each record is there once and accounted for."""
    for index, day in enumerate((MONDAY, TUESDAY, WEDNESDAY)):
        others = [records_of(other, 30, skip=5 * index) for other in (MONDAY, TUESDAY, WEDNESDAY)]
        write_array(folder / vendor_name(day), [record for some in others for record in some])
    totals = import_history([folder], lake).totals
    assert sessions(lake) == [("2025-11-10", 40), ("2025-11-11", 40), ("2025-11-12", 40)]
    assert (totals.records_seen, totals.records_imported, totals.records_duplicate) == (270, 120, 150)
    assert verify_lake(lake).findings == []


def test_midnight_in_new_york_is_the_border(folder: Path, lake: Path) -> None:
    midnight = int(datetime(2025, 11, 11, 5, tzinfo=UTC).timestamp())
    (record,) = records_of(count=1)
    write_array(folder / vendor_name(), [record | {"timestamp": midnight + shift} for shift in (-1, 0)])
    import_history([folder], lake)
    assert sessions(lake) == [("2025-11-10", 1), ("2025-11-11", 1)]


def test_rebuild_of_sessions_that_share_a_source(folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), three_days())
    import_history([folder], lake)
    shutil.copyfile(lake / "gexlake.duckdb", lake / "kept.duckdb")
    for journal in (True, False):
        if not journal:
            shutil.rmtree(lake / "imports")
        before = lake_content(lake)
        (lake / "gexlake.duckdb").unlink()
        assert rebuild_database(lake).clean
        if journal:
            assert different_tables(lake / "kept.duckdb", lake / "gexlake.duckdb") == []
        assert {name: rows for name, rows in lake_content(lake).items() if name != "quarantine"} == {
            name: rows for name, rows in before.items() if name != "quarantine"
        }


def test_a_year_in_one_file(folder: Path, lake: Path) -> None:
    first = date(2025, 1, 1)
    days = [first + timedelta(days=shift) for shift in range(300)]
    (record,) = records_of(count=1)
    noons = [int(datetime(day.year, day.month, day.day, 17, tzinfo=UTC).timestamp()) for day in days]
    write_array(folder / vendor_name(), [record | {"timestamp": noon} for noon in noons])
    import_history([folder], lake)
    assert select(lake, "SELECT count(*), sum(snapshots)::BIGINT FROM sessions") == [(300, 300)]
    assert misfiled(lake) == 0


# ---- lakes of an older gexlake -------------------------------------------------------------------------------------


@pytest.fixture
def old(work: Path) -> Path:
    """A lake of schema version 1: records filed by the dates in their files' names, and a ticker in lower case."""
    return old_lake(1, work)


OWN_DATES = [("2025-11-10", 24), ("2025-11-11", 8), ("2025-11-12", 4), ("2025-11-14", 3), ("2025-11-17", 4)]


def test_an_old_lake_is_brought_up_to_date_when_it_is_opened(old: Path) -> None:
    report = verify_lake(old)
    assert select(old, "SELECT schema_version FROM lake_info") == [(SCHEMA_VERSION,)]
    assert {finding.code for finding in report.findings} == {"session_date"}
    assert {str(finding.session)[-10:] for finding in report.findings} == {"2025-11-10", "2025-11-11", "2025-11-13"}


def test_rebuild_puts_misfiled_records_right(old: Path) -> None:
    before = select(old, "SELECT epoch_us(timestamp), spot, extra FROM gex_snapshots ORDER BY ALL")
    report = rebuild_database(old)
    assert report.sessions_refiled == 4
    assert sessions(old) == OWN_DATES
    assert misfiled(old) == 0
    assert select(old, "SELECT DISTINCT ticker FROM gex_snapshots") == [("NQ_NDX",)]
    assert select(old, "SELECT epoch_us(timestamp), spot, extra FROM gex_snapshots ORDER BY ALL") == before
    assert verify_lake(old).findings == []
    assert rebuild_database(old).sessions_refiled == 0
    assert sessions(old) == OWN_DATES


def test_the_next_import_puts_misfiled_records_right(old: Path, folder: Path) -> None:
    write_array(folder / "new" / vendor_name(date(2025, 11, 18)), records_of(date(2025, 11, 18), 2))
    import_history([folder / "new"], old)
    assert sessions(old) == [*OWN_DATES, ("2025-11-18", 2)]
    assert misfiled(old) == 0
    assert verify_lake(old).findings == []


def test_a_lake_that_was_put_right_equals_one_of_today(old: Path, folder: Path, lake: Path) -> None:
    rebuild_database(old)
    fresh = lake.with_name("fresh")
    import_history([folder], fresh)
    for table in ("sessions", "gex_snapshots"):
        assert lake_content(fresh)[table] == lake_content(old)[table]


def test_a_forced_import_of_files_that_feed_each_others_sessions_comes_to_the_same(folder: Path, lake: Path) -> None:
    """The later file is staged anew, because the earlier one has changed its session: it knows what that has read."""
    write_array(folder / vendor_name(MONDAY), [*records_of(MONDAY), *records_of(TUESDAY, 10)])
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY))
    import_history(folder, lake)
    rows = "SELECT session_date, epoch_us(timestamp), spot FROM gex_snapshots ORDER BY ALL"
    before = select(lake, rows)
    for _ in range(2):
        report = import_history(folder, lake, ImportOptions(force=True))
        assert (report.status, select(lake, rows)) == ("success", before)
    assert verify_lake(lake).findings == []
