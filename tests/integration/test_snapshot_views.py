"""A lake whose database has views over the Parquet files of snapshots, and no copies, is a lake as any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.models.import_order import ImportOptions
from gexlake.services.asking.gaps import find_gaps
from gexlake.services.asking.status import lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.statements.query import run_query
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.repair import repair_lake
from gexlake.services.upkeep.revise import forget_source, restore_import
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, edit, vendor_name, write_history
from helpers.lakes import copy_lake, different_tables, lake_content, live_file, select

NO_COPIES = ImportOptions(snapshots_in_database=False)
KINDS = (
    "SELECT table_type, count(*) FROM information_schema.tables WHERE ends_with(table_name, '_snapshots') GROUP BY ALL"
)
VIEWS, TABLES = [("VIEW", 3)], [("BASE TABLE", 3)]


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> Path:
    """Two days of each record type."""
    folder = fast_disk / "view-history"
    write_history(folder, sessions=2, snapshots=10, categories=["gex_zero", "gamma_zero", "orderflow"])
    return folder


@pytest.fixture(scope="module")
def made(history: Path, fast_disk: Path) -> Path:
    import_history(history, fast_disk / "view-lake", NO_COPIES)
    return fast_disk / "view-lake"


@pytest.fixture
def lake(made: Path, work: Path) -> Path:
    """A copy, in another place than where its views lead."""
    return copy_lake(made, work / "lake")


def test_its_views_have_the_rows_and_types_of_the_tables(history: Path, made: Path, work: Path) -> None:
    import_history(history, work / "with-tables")
    assert select(made, KINDS) == VIEWS
    assert select(work / "with-tables", KINDS) == TABLES
    assert lake_content(made) == lake_content(work / "with-tables")
    for name in ("gex_snapshots", "greeks_snapshots", "orderflow_snapshots"):
        columns = (
            f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{name}' ORDER BY column_index"
        )
        assert select(made, columns) == select(work / "with-tables", columns)


def test_queries_status_and_gaps_are_those_of_a_lake_with_tables(history: Path, lake: Path, work: Path) -> None:
    import_history(history, work / "with-tables")
    for statement in (
        "SELECT session_date, count(*), sum(spot) FROM gex_snapshots GROUP BY ALL ORDER BY ALL",
        "SELECT count(*) FROM orderflow_snapshots JOIN sessions USING (ticker, package, category, session_date)",
    ):
        assert run_query(lake, statement).equals(run_query(work / "with-tables", statement))
    assert [feed.snapshots for feed in lake_status(lake).feeds] == [20, 20, 20]
    assert find_gaps(lake).feeds == find_gaps(work / "with-tables").feeds


def test_it_stays_as_it_is_whatever_is_done_with_it(history: Path, work: Path) -> None:
    sources, lake = shutil.copytree(history, work / "history"), work / "lake"
    import_history(sources, lake, NO_COPIES)
    edit(sources / vendor_name(MONDAY), lambda records: records[3].update(spot=1.25))
    changed = import_history(sources, lake, NO_COPIES)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 1.25") == [(1,)]
    restore_import(lake, changed.import_id)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 1.25") == [(0,)]
    forget_source(lake, sources / vendor_name(TUESDAY))
    assert select(lake, "SELECT count(DISTINCT session_date) FROM gex_snapshots") == [(1,)]
    assert verify_lake(lake, read_sources=False).clean
    before = shutil.copyfile(lake / "gexlake.duckdb", work / "before.duckdb")
    assert rebuild_database(lake).clean
    assert different_tables(before, lake / "gexlake.duckdb") == []
    assert select(lake, KINDS) == VIEWS


def test_damage_is_found_and_repaired(lake: Path) -> None:
    file = live_file(lake, "snapshots", MONDAY)
    content = file.read_bytes()
    file.write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])
    report = verify_lake(lake)
    assert not report.clean
    assert all(one.repaired for one in repair_lake(lake, report))
    assert verify_lake(lake).clean


def test_what_a_lake_has_is_changed_by_rebuild_alone(history: Path, lake: Path, made: Path) -> None:
    with pytest.raises(UsageError, match=r"has no tables of snapshots .* `gexlake rebuild --snapshots-in-database`"):
        import_history(history, lake, ImportOptions(snapshots_in_database=True))
    assert rebuild_database(lake, snapshots_in_database=True).clean
    assert select(lake, KINDS) == TABLES
    assert lake_content(lake) == lake_content(made)
    with pytest.raises(UsageError, match=r"has tables of snapshots .* `gexlake rebuild --no-snapshots-in-database`"):
        import_history(history, lake, NO_COPIES)
    assert rebuild_database(lake, snapshots_in_database=False).clean
    assert select(lake, KINDS) == VIEWS
    assert verify_lake(lake).clean
