"""A lake of an older gexlake is brought to the names and tables of today when it is opened, whatever comes between."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gexlake.db.commits import kept_versions, last_commit, live_versions
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import dataset_paths, version_paths
from gexlake.db.versions import name_problem
from gexlake.models.feed import Feed, SessionKey
from gexlake.replay.lake_reader import LakeReader
from gexlake.services.asking.last_snapshot import snapshot_at
from gexlake.services.asking.session_frames import Bounds, collect_rows, scan_range
from gexlake.services.importing.commits import settle_lake
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import restore_import
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import states
from helpers.histories import MONDAY
from helpers.lakes import Content, lake_content, old_lake, select, tree
from helpers.runner import Runner

VERSION = 3
"""See examples/lakes/make_version_3.py."""
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=number) for number in range(1, 5))
CHANGED = {MONDAY: 2.5, THURSDAY: 3.75, FRIDAY: 3.75}
"""Which spot the last version of a session has."""
KEPT = [MONDAY, MONDAY, TUESDAY, FRIDAY, THURSDAY]
"""Sessions of the versions that can be restored; that of Thursday had been replaced, and not yet been kept."""


def restorable(lake: Path) -> list[date]:
    """The dates of the sessions that are kept, a date for each version whose files are all there."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        kept = kept_versions(connection)
    return [
        one.session.session_date
        for one in kept
        if all(file.is_file() for file in version_paths(layout, one.record_type, one.session, one.version).values())
    ]


def assert_whole(lake: Path) -> None:
    """What is live is what was committed last, under the names of today; and what was kept is kept."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        live = live_versions(connection)
    assert [one.session.session_date for one in live] == [MONDAY, THURSDAY, FRIDAY, WEDNESDAY]
    for one in live:
        shown = dataset_paths(layout, one.record_type, one.session)
        for name, file in version_paths(layout, one.record_type, one.session, one.version).items():
            assert name_problem(shown[name], file) is None, (one, name)
    for day, spot in CHANGED.items():
        query = f"SELECT count(*) FROM gex_snapshots WHERE session_date = '{day}' AND spot = {spot}"
        assert select(lake, query) == [(1,)], day
    assert sorted(restorable(lake)) == sorted(KEPT)
    assert not (lake / "previous").exists()
    assert [path.name for path in (lake / "staging").iterdir()] == []


@pytest.fixture(scope="module")
def expected(fast_disk: Path) -> Content:
    lake = old_lake(VERSION, fast_disk / "version-3")
    settle_lake(lake)
    return lake_content(lake)


def test_every_version_gets_its_name_and_can_be_restored(work: Path, expected: Content) -> None:
    lake = old_lake(VERSION, work)
    assert settle_lake(lake) == 2
    assert_whole(lake)
    assert lake_content(lake) == expected
    assert verify_lake(lake).findings == []
    with open_database(LakeLayout(lake), write=False) as connection:
        forgotten = next(one for one in kept_versions(connection) if one.session.session_date == TUESDAY)
    assert [one.session_date for one in restore_import(lake, forgotten.import_id).sessions] == [TUESDAY]


def test_who_only_reads_brings_it_to_today_as_well(work: Path) -> None:
    lake = old_lake(VERSION, work)
    with open_database(LakeLayout(lake), write=False) as connection:
        before = last_commit(connection)
        assert len(live_versions(connection)) == 4
    settle_lake(lake)
    assert_whole(lake)
    with open_database(LakeLayout(lake), write=False) as connection:
        assert last_commit(connection) == before


def test_sources_that_gave_nothing_are_not_counted_any_more(work: Path) -> None:
    lake = old_lake(VERSION, work)
    with open_database(LakeLayout(lake), write=True) as connection:
        before = connection.execute("SELECT source_files, source_bytes FROM sessions ORDER BY ALL").fetchall()
        connection.execute("UPDATE sessions SET source_files = source_files + 1, source_bytes = source_bytes + 100")
        connection.execute("UPDATE lake_info SET schema_version = 6")
    assert select(lake, "SELECT source_files, source_bytes FROM sessions ORDER BY ALL") != before
    settle_lake(lake)
    assert select(lake, "SELECT source_files, source_bytes FROM sessions ORDER BY ALL") == before


def test_a_rebuild_of_its_database_does_the_same(work: Path, expected: Content) -> None:
    lake = old_lake(VERSION, work)
    (lake / "gexlake.duckdb").unlink()
    (lake / "gexlake.duckdb.wal").unlink()
    rebuild_database(lake)
    settle_lake(lake)
    content = lake_content(lake)
    for name in ("gex_snapshots", "orderflow_snapshots", "snapshots.parquet", "strikes.parquet", "lineage"):
        assert content[name] == expected[name]


def test_a_lake_that_nobody_has_brought_to_today_is_read_by_its_old_names(work: Path) -> None:
    lake = old_lake(VERSION, work)
    before = tree(lake)
    layout, feed = LakeLayout(lake.absolute()), Feed("NQ_NDX", "classic", "gex_zero")
    days = collect_rows(scan_range(layout, "snapshots", feed, Bounds("2025-11-10", None, "2025-11-10")))
    assert days["spot"][2] == CHANGED[MONDAY]
    last_us = int(days["timestamp"].to_physical()[-1])
    assert snapshot_at(layout, feed, last_us, strikes=True, max_age=None)["ticker"] == "NQ_NDX"
    reader = LakeReader(layout)
    assert len(reader.between(SessionKey(feed, THURSDAY), 0, 1 << 62, 10)) == 4
    assert tree(lake) == before


def test_killed_at_any_point_it_has_lost_nothing(work: Path, runner: Runner, expected: Content) -> None:
    lake, kept = old_lake(VERSION, work), work / "kept"
    command = {"sql": "SELECT count(*) FROM gex_snapshots", "faults": {"copy_to": str(kept)}}
    assert runner.start("read", lake, **command).wait().status == 0
    left = states(kept)
    assert len(left) > 20
    for point, broken in left[::9]:
        settle_lake(broken)
        assert_whole(broken)
        assert lake_content(broken) == expected, point
