"""Sessions of an older gexlake are given their lookup index by `rebuild`: other files, the same content."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer
from gexlake.importers.snapshots.lookup import LOOKUP_KEY
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.importing.import_history import import_history
from gexlake.services.store.opened import open_session
from gexlake.services.store.session import LookupSession
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import restore_import
from gexlake.services.upkeep.verify import verify_lake
from helpers.ages import before_lookup_indexes
from helpers.crashes import states
from helpers.damage import flip
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array
from helpers.lakes import lake_content, live_file, old_lake, select
from helpers.runner import Runner


@pytest.fixture(scope="module")
def template(fast_disk: Path) -> Path:
    """Two sessions without an index, of which one has a previous version; and a third that is empty."""
    root = fast_disk / "indexes"
    history, lake = root / "history", root / "lake"
    with before_lookup_indexes():
        for day in (MONDAY, TUESDAY):
            write_array(history / vendor_name(day), records_of(day, 30))
        write_array(history / vendor_name(TUESDAY + timedelta(days=1)), [])
        import_history([history], lake)
        edit(history / vendor_name(MONDAY), lambda records: records[7].update(spot=1.25))
        import_history([history], lake)
    return root


@pytest.fixture
def lake(template: Path, work: Path) -> Path:
    return shutil.copytree(template / "lake", work / "lake")


def indexed(lake: Path) -> list[bool]:
    return [LOOKUP_KEY in read_footer(file) for file in sorted(LakeLayout(lake).dataset_files("gex", "strikes"))]


def test_rebuild_gives_an_index_and_changes_nothing_else(lake: Path) -> None:
    before, versions = lake_content(lake), select(lake, "SELECT session_date, import_id FROM sessions ORDER BY 1")
    assert not any(indexed(lake))
    report = rebuild_database(lake)
    assert report.clean
    assert report.sessions_indexed == 2
    assert sum(indexed(lake)) == 2
    assert lake_content(lake) == before
    assert select(lake, "SELECT session_date, import_id FROM sessions ORDER BY 1") == versions
    assert verify_lake(lake).findings == []
    assert rebuild_database(lake).sessions_indexed == 0


def test_answers_are_the_same_by_the_index(template: Path, lake: Path) -> None:
    rebuild_database(lake)
    answers = []
    for place in (template / "lake", lake):
        rows = select(
            place, "SELECT ticker, package, category, session_date, version FROM sessions WHERE snapshots > 0"
        )
        opened = [
            open_session(LakeLayout(place), SessionKey(Feed(*feed), day), version)
            for *feed, day, version in sorted(rows)
        ]
        assert {isinstance(one, LookupSession) for one in opened} == {place == lake}
        answers.append([bytes(text) for one in opened for text in one.records(0, 30, strikes=True)])
    assert answers[0] == answers[1]
    assert len(answers[0]) == 60


def test_what_an_import_replaced_can_still_be_brought_back(template: Path, lake: Path) -> None:
    (latest,) = select(lake, "SELECT max(import_id) FROM imports")[0]
    rebuild_database(lake)
    restore_import(lake, latest)
    assert select(lake, "SELECT count(*) FROM gex_snapshots WHERE spot = 1.25") == [(0,)]
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(60,)]
    assert verify_lake(lake).findings == []


def test_the_next_import_goes_on_from_there(template: Path, lake: Path) -> None:
    rebuild_database(lake)
    assert import_history([template / "history"], lake).totals.records_seen == 0


def test_a_damaged_session_is_named_and_left_alone(lake: Path) -> None:
    file = live_file(lake, "strikes", MONDAY)
    flip(file, 100)
    damaged = file.read_bytes()
    report = rebuild_database(lake)
    assert [finding.code.value for finding in report.findings] == ["parquet_bytes"]
    assert report.sessions_indexed == 1
    assert file.read_bytes() == damaged


def test_killed_at_any_point_it_has_lost_nothing(template: Path, lake: Path, work: Path, runner: Runner) -> None:
    expected, kept = lake_content(lake), work / "kept"
    assert runner.start("rebuild", lake, faults={"copy_to": str(kept)}).wait().status == 0
    left = states(kept)
    assert len(left) > 10
    for _, broken in left[::8]:
        assert rebuild_database(broken).clean
        assert sum(indexed(broken)) == 2
        assert lake_content(broken) == expected
        assert import_history([template / "history"], broken).totals.records_seen == 0  # settles what was left
        assert verify_lake(broken).findings == []


def test_a_lake_of_version_1(work: Path) -> None:
    lake = old_lake(1, work)
    rebuild_database(lake)
    assert all(indexed(lake))
    assert verify_lake(lake).findings == []
