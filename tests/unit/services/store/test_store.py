"""The store: which snapshot an instant or a range gets, with a lookup index and without alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from gexlake.db.parquet import version_paths
from gexlake.models.feed import Feed
from gexlake.services.store import SnapshotStore
from helpers.histories import MONDAY, TUESDAY, Record, records_of
from unit.services.store.support import FEED, SECOND, MadeLake, MakeLake, open_store, parsed, us_of

ALWAYS = (0, 1 << 60)
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(params=["with a lookup index", "without"])
def store(request: pytest.FixtureRequest, two_days: MadeLake, two_old_days: MadeLake) -> Iterator[SnapshotStore]:
    """Over two days; everything is to be answered alike from files of today and of yesterday."""
    made = open_store(two_old_days if request.param == "without" else two_days)
    yield made
    made.close()


def all_records(lake: MadeLake) -> list[Record]:
    return [record for day in sorted(lake.records) for record in lake.records[day]]


# ---- as of an instant ------------------------------------------------------------------------------------------------


def test_an_instant_gets_the_snapshot_at_it_or_the_last_before_it(store: SnapshotStore, two_days: MadeLake) -> None:
    records = all_records(two_days)
    for index in (0, 1, 20, 38, 39, 40, 41, 69):
        record = records[index]
        for moment_us, expected in ((us_of(record), index), (us_of(record) + 1, index), (us_of(record) - 1, index - 1)):
            found = store.at(FEED, moment_us)
            if expected < 0:
                assert found is None
            else:
                assert found is not None
                assert (found.timestamp_us, parsed(found.text)) == (us_of(records[expected]), records[expected])
                assert found.session_date == (MONDAY if expected < 40 else TUESDAY)


def test_between_two_sessions_the_last_of_the_earlier_holds(store: SnapshotStore, two_days: MadeLake) -> None:
    found = store.at(FEED, us_of(two_days.records[TUESDAY][0]) - 3600 * SECOND)
    assert found is not None
    assert parsed(found.text) == two_days.records[MONDAY][-1]


def test_the_latest_is_the_last_of_the_last_session(store: SnapshotStore, two_days: MadeLake) -> None:
    found = store.latest(FEED)
    assert found is not None
    assert parsed(found.text) == two_days.records[TUESDAY][-1]


def test_strikes_can_be_left_out(store: SnapshotStore, two_days: MadeLake) -> None:
    found = store.latest(FEED, strikes=False)
    assert found is not None
    expected = dict(two_days.records[TUESDAY][-1])
    del expected["strikes"]
    assert parsed(found.text) == expected


def test_a_feed_that_is_not_there_has_nothing(store: SnapshotStore) -> None:
    other = Feed("SPX", "state", "gex_full")
    assert store.latest(other) is None
    assert store.at(other, 1 << 60) is None
    assert store.page(other, *ALWAYS, 5).count == 0
    assert store.feeds() == [FEED]


def test_instants_below_the_second_are_told_apart(make_lake: MakeLake) -> None:
    records = records_of(MONDAY, 4)
    records[2]["timestamp"] = records[1]["timestamp"] + 0.5
    store = open_store(make_lake({MONDAY: records}))
    half = us_of(records[1]) + SECOND // 2
    found = [store.at(FEED, moment_us) for moment_us in (half - 1, half, half + 1)]
    assert [record and record.timestamp_us for record in found] == [us_of(records[1]), half, half]


def test_sessions_that_overlap_are_read_as_one_line_of_time(make_lake: MakeLake) -> None:
    monday, tuesday = records_of(MONDAY, 12), records_of(TUESDAY, 3)
    strays = [
        record | {"timestamp": monday[i]["timestamp"], "spot": 1} for i, record in ((3, tuesday[0]), (9, tuesday[1]))
    ]
    monday = [record for i, record in enumerate(monday) if i not in (3, 9)]
    lake = make_lake({MONDAY: monday, TUESDAY: [*strays, *tuesday]})
    in_time = sorted(monday + strays + tuesday, key=us_of)
    store = open_store(lake)
    for record in in_time:
        found = store.at(FEED, us_of(record))
        assert found is not None
        assert parsed(found.text) == record
    assert parsed(store.page(FEED, *ALWAYS, 1000).array()) == in_time
    assert parsed(store.page(FEED, *ALWAYS, 1000, descending=True).array()) == in_time[::-1]
    assert paged(store, 3, descending=False) == in_time
    assert paged(store, 3, descending=True) == in_time[::-1]


# ---- ranges ----------------------------------------------------------------------------------------------------------


def paged(store: SnapshotStore, limit: int, *, descending: bool) -> list[Record]:
    """Everything, page by page."""
    records: list[Record] = []
    after_us = None
    while True:
        page = store.page(FEED, *ALWAYS, limit, descending=descending, after_us=after_us)
        records += parsed(page.array())
        assert page.more == (page.count == limit and len(records) < total(store))
        if not page.more:
            return records
        after_us = page.last_us


def total(store: SnapshotStore) -> int:
    return store.page(FEED, *ALWAYS, 1 << 20, strikes=False).count


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [7, 40, 70])
def test_pages_follow_each_other_without_a_gap(
    store: SnapshotStore, two_days: MadeLake, limit: int, descending: bool
) -> None:
    expected = all_records(two_days)
    assert paged(store, limit, descending=descending) == (expected[::-1] if descending else expected)


def test_both_ends_of_a_range_are_included(store: SnapshotStore, two_days: MadeLake) -> None:
    records = all_records(two_days)
    start, end = us_of(records[35]), us_of(records[45])
    page = store.page(FEED, start, end, 100)
    assert (page.count, page.first_us, page.last_us, page.more) == (11, start, end, False)
    assert parsed(page.array()) == records[35:46]
    page = store.page(FEED, start + 1, end - 1, 100, descending=True)
    assert parsed(page.array()) == records[36:45][::-1]
    assert (page.first_us, page.last_us) == (us_of(records[44]), us_of(records[36]))


def test_a_full_page_says_whether_more_follow(store: SnapshotStore, two_days: MadeLake) -> None:
    records = all_records(two_days)
    ends = us_of(records[0]), us_of(records[39])
    assert not store.page(FEED, *ends, 40).more
    assert store.page(FEED, *ends, 39).more
    assert store.page(FEED, ends[0], us_of(records[40]), 40).more
    assert not store.page(FEED, ends[0], us_of(records[40]) - 1, 40).more


@pytest.mark.parametrize("descending", [False, True])
def test_a_range_without_snapshots_is_an_empty_page(store: SnapshotStore, two_days: MadeLake, descending: bool) -> None:
    evening = us_of(two_days.records[MONDAY][-1]) + 1
    for start, end in ((evening, evening + SECOND), (0, 1), (1 << 60, 1 << 61), (evening, evening - 5)):
        page = store.page(FEED, start, end, 5, descending=descending)
        assert (page.buffers, page.count, page.first_us, page.last_us, page.more) == ([], 0, None, None, False)
        assert (page.array(), page.lines()) == (b"[]", b"")


def test_a_page_can_be_written_as_lines(store: SnapshotStore, two_days: MadeLake) -> None:
    lines = store.page(FEED, *ALWAYS, 1000).lines()
    assert lines.endswith(b"}\n")
    assert [json.loads(line) for line in lines.splitlines()] == all_records(two_days)


def test_a_limit_below_one_is_refused(store: SnapshotStore) -> None:
    with pytest.raises(ValueError, match="`limit` was 0"):
        store.page(FEED, *ALWAYS, 0)


# ---- sessions come and go --------------------------------------------------------------------------------------------


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    from gexlake.db.layout import LakeLayout

    store = SnapshotStore(LakeLayout(tmp_path))
    assert (store.feeds(), store.latest(FEED)) == ([], None)
    store.refresh([])
    assert (store.feeds(), store.latest(FEED)) == ([], None)


def test_an_empty_session_is_no_part_of_time(two_days: MadeLake) -> None:
    store = open_store(two_days)
    empty = two_days.sessions[0]._replace(session_date=date(2025, 11, 12), snapshots=0, first_us=None, last_us=None)
    alone = empty._replace(feed=Feed("SPX", "classic", "gex_full"))
    store.refresh([*two_days.sessions, empty, alone])
    assert store.feeds() == [FEED]
    found = store.latest(FEED)
    assert found is not None
    assert found.session_date == TUESDAY


def test_a_session_that_the_database_no_longer_holds_is_gone(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4), TUESDAY: records_of(TUESDAY, 4)})
    store = open_store(lake)
    store.refresh([session for session in lake.sessions if session.session_date == MONDAY])
    found = store.latest(FEED)
    assert found is not None
    assert found.session_date == MONDAY


@pytest.mark.parametrize("say", ["refresh", "replace"])
def test_a_new_version_takes_the_place_of_the_old_one(make_lake: MakeLake, say: str) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4), TUESDAY: records_of(TUESDAY, 4)})
    store = open_store(lake)
    held, before = store.page(FEED, *ALWAYS, 100), all_records(lake)
    new = lake.write(TUESDAY, records_of(TUESDAY, 6))
    if say == "refresh":
        store.refresh(lake.sessions)
    else:
        store.replace(new)
    assert parsed(held.array()) == before
    assert parsed(store.page(FEED, *ALWAYS, 100).array()) == all_records(lake)


def test_as_many_sessions_are_held_open_as_was_said(two_days: MadeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexlake.services.store.opened.MOST_OPEN", 1)
    store = open_store(two_days)
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(3):
        for day in (MONDAY, TUESDAY):
            assert store.at(FEED, us_of(two_days.records[day][5])) is not None
    assert len(list(DESCRIPTORS.iterdir())) == before + 1
    store.close()
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_sessions_are_opened_ahead_for_so_long_at_most_and_damaged_ones_left_out(
    make_lake: MakeLake,
) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 3), TUESDAY: records_of(TUESDAY, 3)})
    store, before = open_store(lake), len(list(DESCRIPTORS.iterdir()))
    store.open_ahead(0)
    assert len(list(DESCRIPTORS.iterdir())) == before
    monday, tuesday = sorted(lake.sessions, key=lambda session: session.session_date)
    version_paths(lake.layout, "gex", tuesday.key, tuesday.version)["strikes"].unlink()
    store.open_ahead(60)
    assert len(list(DESCRIPTORS.iterdir())) == before + 1
    version_paths(lake.layout, "gex", monday.key, monday.version)["strikes"].unlink()
    found = store.at(FEED, us_of(lake.records[MONDAY][2]))
    assert found is not None
    assert parsed(found.text) == lake.records[MONDAY][2]


def test_files_of_a_version_that_the_store_does_not_know_yet_are_not_mixed_in(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4)})
    store = open_store(lake)
    new = lake.write(MONDAY, records_of(MONDAY, 6))
    assert store.page(FEED, *ALWAYS, 10).count == 4
    store.replace(new)
    assert store.page(FEED, *ALWAYS, 10).count == 6


def test_readers_see_one_version_while_sessions_are_replaced(make_lake: MakeLake) -> None:
    """Each version says its number in every record; a page that held two of them would be a mixture."""
    lake = make_lake({MONDAY: numbered(0)})
    versions = [(lake.sessions[0], saved(lake))]
    for number in (1, 2, 3):
        versions.append((lake.write(MONDAY, numbered(number)), saved(lake)))
    store = open_store(lake)
    done = False

    def read() -> int:
        answers = 0
        while not done or not answers:
            page, record = store.page(FEED, *ALWAYS, 100), store.latest(FEED)
            assert len({item["version"] for item in parsed(page.array())}) == 1
            assert page.count == 30
            assert record is not None
            assert "version" in parsed(record.text)
            answers += 1
        return answers

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for version, contents in versions:
                publish(contents)
                store.replace(version)
                store.latest(FEED)
        finally:
            done = True
        assert all(reader.result() for reader in readers)
    found = store.latest(FEED)
    assert found is not None
    assert parsed(found.text)["version"] == 3


def numbered(version: int) -> list[Record]:
    return [record | {"version": version} for record in records_of(MONDAY, 30)]


Contents = dict[Path, bytes]


def saved(lake: MadeLake) -> Contents:
    """The published files as they are now."""
    files = [file for name in ("snapshots", "strikes") for file in lake.layout.dataset_files("gex", name)]
    return {file: file.read_bytes() for file in files}


def publish(contents: Contents) -> None:
    """Put them in their places, one after the other, as a commit does."""
    for path, content in contents.items():
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)
