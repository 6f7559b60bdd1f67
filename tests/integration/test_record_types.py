"""A ticker's complete day: fifteen feeds of three record types, by the same road, with the same promises."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError, UsageError
from gexlake.models.feed import FEED_CATEGORIES, Feed, SessionKey
from gexlake.models.record_types import GREEKS, ORDERFLOW_TYPE, RECORD_TYPES, RecordType, kind_of
from gexlake.sample import write_sample
from gexlake.services.asking.gaps import find_gaps
from gexlake.services.asking.status import lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.store.opened import open_session
from gexlake.services.store.session import LookupSession
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import states
from helpers.damage import flip
from helpers.histories import MONDAY, TUESDAY, Record, edit
from helpers.lakes import different_tables, lake_content, live_files, select
from helpers.runner import Runner

FEEDS = [Feed("NQ_NDX", package, name) for package, names in FEED_CATEGORIES.items() for name in names]
SNAPSHOTS = 40
GAMMA = Feed("NQ_NDX", "state", "gamma_zero")
FLOW = Feed("NQ_NDX", "orderflow", "orderflow")


def file_of(folder: Path, feed: Feed, day: date = MONDAY) -> Path:
    return folder / f"{day}_{feed.ticker}_{feed.package}_{feed.category}.json"


def records_of(folder: Path, feed: Feed, day: date = MONDAY) -> list[Record]:
    found: list[Record] = json.loads(file_of(folder, feed, day).read_text())
    return found


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> Path:
    """Two complete days."""
    folder = fast_disk / "complete-history"
    write_sample(folder, sessions=2, start=MONDAY, snapshots=SNAPSHOTS, strikes=9, all_categories=True)
    return folder


@pytest.fixture(scope="module")
def lake(history: Path, fast_disk: Path) -> Path:
    lake = fast_disk / "complete-lake"
    report = import_history([history], lake)
    assert {result.status.value for result in report.files} == {"success"}
    assert report.records_imported == {"gex": 12 * SNAPSHOTS, "greeks": 16 * SNAPSHOTS, "orderflow": 2 * SNAPSHOTS}
    return lake


@pytest.fixture
def own(lake: Path, work: Path) -> Path:
    return shutil.copytree(lake, work / "lake")


def test_every_feed_of_a_complete_day_is_there(lake: Path) -> None:
    assert sorted(gexlake.open(lake).feeds()) == sorted(FEEDS)
    feeds = lake_status(lake).feeds
    assert [feed.record_type for feed in feeds] == ["gex"] * 6 + ["greeks"] * 8 + ["orderflow"]
    assert all((feed.sessions, feed.snapshots) == (2, 2 * SNAPSHOTS) for feed in feeds)


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_every_snapshot_is_served_as_the_source_has_it(history: Path, lake: Path, feed: Feed) -> None:
    layout, session = LakeLayout(lake), SessionKey(feed, MONDAY)
    ((version,),) = select(
        lake, f"SELECT version FROM sessions WHERE category = '{feed.category}' AND package = '{feed.package}' "
        f"AND session_date = DATE '{MONDAY}'"
    )  # fmt: skip
    opened = open_session(layout, session, version)
    assert isinstance(opened, LookupSession)
    texts = b"".join(opened.texts(0, SNAPSHOTS, strikes=True)).decode()
    found = json.loads(f"[{texts.rstrip().rstrip(',')}]")
    expected = records_of(history, feed)
    assert found == expected
    assert [list(record) for record in found] == [list(record) for record in expected]
    assert repr(found) == repr(expected)  # which tells -0.0 from 0.0, and 1 from 1.0


@pytest.mark.parametrize("feed", [GAMMA, FLOW], ids=str)
def test_frames_have_every_value(history: Path, lake: Path, feed: Feed) -> None:
    opened, kind = gexlake.open(lake), kind_of(feed)
    expected = records_of(history, feed)
    frame = opened.snapshots("nq_ndx", category=feed.category, end=MONDAY)
    for name in (*kind.numbers, *kind.integers):
        assert frame[name].to_list() == [record[name] for record in expected], name
    assert frame["extra"].null_count() == len(expected)
    if kind.ladder:
        rows = opened.contracts("NQ_NDX", category=feed.category, end=MONDAY)
        entries = [entry for record in expected for entry in record["mini_contracts"]]
        assert rows.select(kind.ladder.names).rows() == [(*entry[:4], *entry[4], None) for entry in entries]


def test_a_feed_is_asked_for_by_what_it_has(lake: Path) -> None:
    opened = gexlake.open(lake)
    with pytest.raises(UsageError, match="of greek profiles, has no strikes"):
        opened.strikes("NQ_NDX", category="gamma_zero")
    with pytest.raises(UsageError, match="of orderflow snapshots, has no contracts"):
        opened.contracts("NQ_NDX", "orderflow", "orderflow")
    latest = opened.latest("NQ_NDX", package="orderflow")
    assert list(latest)[: len(ORDERFLOW_TYPE.fields)] == list(ORDERFLOW_TYPE.fields)


def test_verify_finds_nothing_and_rebuild_makes_the_same_database(own: Path) -> None:
    assert verify_lake(own).findings == []
    before = shutil.copyfile(own / "gexlake.duckdb", own.with_suffix(".before"))
    rebuild_database(own)
    assert different_tables(before, own / "gexlake.duckdb") == []
    assert verify_lake(own).findings == []


def test_unchanged_files_are_skipped_and_a_changed_one_replaces_its_session(history: Path, work: Path) -> None:
    folder, own = shutil.copytree(history, work / "history"), work / "lake"
    import_history([folder], own)
    changed = records_of(folder, FLOW)[3] | {"zcvr": 12345.5}

    def change(records: list[Record]) -> None:
        records[3] = changed
        records.append(records[5] | {"timestamp": records[-1]["timestamp"] + 1, "new_field": [1, {"a": -0.0}]})

    edit(file_of(folder, FLOW), change)
    edit(
        file_of(folder, GAMMA),
        lambda records: records[7].update(mini_contracts=[[5000, 0.1, 0.2, 3, [1, 2, 3], None, [7]]]),
    )
    report = import_history([folder], own)
    assert report.totals.files == {"success": 2, "skipped": 28}
    assert report.totals.records_corrected == 2
    assert select(own, "SELECT zcvr FROM orderflow_snapshots WHERE zcvr = 12345.5") == [(12345.5,)]
    ((extra,),) = select(own, "SELECT extra FROM orderflow_snapshots WHERE extra IS NOT NULL")
    assert extra == '{"new_field":[1,{"a":-0.0}]}'
    ((extra,),) = select(own, "SELECT extra FROM greeks_snapshots WHERE extra IS NOT NULL")
    assert json.loads(extra) == {"mini_contracts": [[5000, 0.1, 0.2, 3, [1, 2, 3], None, [7]]]}
    at = gexlake.open(own).at("NQ_NDX", category="gamma_zero", timestamp=records_of(folder, GAMMA)[7]["timestamp"])
    assert at["mini_contracts"] == [[5000, 0.1, 0.2, 3, [1, 2, 3], None, [7]]]
    assert verify_lake(own).findings == []


def test_a_day_without_a_usual_feed_is_named(history: Path, work: Path) -> None:
    folder = shutil.copytree(history, work / "history")
    file_of(folder, FLOW, TUESDAY).unlink()
    file_of(folder, GAMMA, TUESDAY).unlink()
    import_history([folder], work / "lake")
    report = find_gaps(work / "lake")
    assert [day.model_dump(mode="json") for day in report.missing_feeds] == [
        {"ticker": "NQ_NDX", "session_date": "2025-11-11", "feeds": ["orderflow/orderflow", "state/gamma_zero"]}
    ]
    assert not report.complete
    asked = find_gaps(work / "lake", categories=["gamma_zero"], until=TUESDAY)
    assert [day.feeds for day in asked.missing_feeds] == [["state/gamma_zero"]]
    assert find_gaps(work / "lake", until=MONDAY).missing_feeds == []


@pytest.mark.parametrize("kind", [GREEKS, ORDERFLOW_TYPE], ids=lambda kind: kind.name)
def test_killed_anywhere_while_a_session_is_replaced(
    kind: RecordType, history: Path, lake: Path, runner: Runner, work: Path
) -> None:
    feed = next(feed for feed in FEEDS if kind_of(feed) is kind)
    folder = work / "changed"
    folder.mkdir()
    shutil.copyfile(file_of(history, feed), file_of(folder, feed))
    template = work / "template"
    assert import_history(folder, template).acceptable
    edit(file_of(folder, feed), lambda records: records[9].update(spot=1.5))
    undisturbed, kept = shutil.copytree(template, work / "undisturbed"), work / "kept"
    assert runner.run_import(folder, undisturbed, {"copy_to": str(kept)}).status == 0
    expected = lake_content(undisturbed)
    left = states(kept)
    assert len(left) > 20
    for point, state in left[::10]:
        assert import_history(folder, state).acceptable, point
        content = lake_content(state)
        assert {name: content[name] for name in expected} == expected, point
        assert verify_lake(state).findings == [], point


def test_a_flipped_bit_in_the_index_is_damage_and_never_an_answer(own: Path) -> None:
    path = live_files(own, "orderflow")[0]
    data = path.read_bytes()
    version = select(own, "SELECT version, session_date FROM sessions WHERE record_type = 'orderflow' ORDER BY ALL")
    day = date.fromisoformat(path.parent.name.partition("=")[2])
    session = SessionKey(FLOW, day)
    name = next(version for version, of in version if of == day)
    footer_start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(footer_start - 400, footer_start, 23):
        flip(path, at)
        with pytest.raises(GexlakeError, match=r"snapshots.*\.parquet"):
            open_session(LakeLayout(own), session, name).texts(0, SNAPSHOTS, strikes=True)
        flip(path, at)


def test_every_record_type_is_found_by_its_categories() -> None:
    assert sorted(name for kind in RECORD_TYPES.values() for name in kind.categories) == sorted(
        {feed.category for feed in FEEDS}
    )
