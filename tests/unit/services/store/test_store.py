"""The store: which snapshot an instant or a range gets, hot and cold alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from gexlake.models.feed import Feed
from gexlake.services.store import ColdError, SessionReplacedError, SnapshotStore
from helpers.histories import MONDAY, TUESDAY, Record, records_of
from unit.services.store.support import (
    FEED,
    SECOND,
    Builder,
    MadeLake,
    MakeLake,
    open_store,
    parsed,
    rendered_files,
    us_of,
    warm,
)

ALWAYS = (0, 1 << 60)


@pytest.fixture(params=["cold", "hot"])
def store(request: pytest.FixtureRequest, two_days: MadeLake, builder: Builder) -> Iterator[SnapshotStore]:
    """Over `two_days`; everything is to be answered alike before it is rendered and afterwards."""
    made = open_store(two_days, builder if request.param == "hot" else None)
    if request.param == "hot":
        warm(made, builder, two_days.sessions)
    yield made
    made.close()
    for file in rendered_files(two_days):
        file.unlink()


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


def test_sessions_that_overlap_are_read_as_one_line_of_time(make_lake: MakeLake, builder: Builder) -> None:
    monday, tuesday = records_of(MONDAY, 12), records_of(TUESDAY, 3)
    strays = [
        record | {"timestamp": monday[i]["timestamp"], "spot": 1} for i, record in ((3, tuesday[0]), (9, tuesday[1]))
    ]
    monday = [record for i, record in enumerate(monday) if i not in (3, 9)]
    lake = make_lake({MONDAY: monday, TUESDAY: [*strays, *tuesday]})
    in_time = sorted(monday + strays + tuesday, key=us_of)
    store = open_store(lake, builder)
    for _ in ("cold", "hot"):
        for record in in_time:
            found = store.at(FEED, us_of(record))
            assert found is not None
            assert parsed(found.text) == record
        assert parsed(store.page(FEED, *ALWAYS, 1000).array()) == in_time
        assert parsed(store.page(FEED, *ALWAYS, 1000, descending=True).array()) == in_time[::-1]
        assert paged(store, 3, descending=False) == in_time
        assert paged(store, 3, descending=True) == in_time[::-1]
        builder.run()
    assert store.page(FEED, *ALWAYS, 1000, hot_only=True).count == len(in_time)


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


# ---- hot and cold ----------------------------------------------------------------------------------------------------


def test_hot_only_says_when_it_would_have_to_wait(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder)
    for ask in (lambda: store.latest(FEED, hot_only=True), lambda: store.page(FEED, *ALWAYS, 5, hot_only=True)):
        with pytest.raises(ColdError):
            ask()
    assert builder.asked == 0
    assert store.latest(FEED) is not None
    builder.run()
    assert store.latest(FEED, hot_only=True) == store.latest(FEED)
    assert store.page(FEED, *ALWAYS, 5, hot_only=True).count == 5
    counts = store.statistics()
    assert (counts.hot_answers, counts.cold_answers, counts.builds, counts.builds_failed) == (3, 1, 1, 0)
    assert counts.build_seconds > 0
    assert counts.disk_bytes == sum(file.stat().st_size for file in rendered_files(lake))


def test_an_instant_before_all_sessions_is_answered_hot(two_days: MadeLake) -> None:
    assert open_store(two_days).at(FEED, 0, hot_only=True) is None


def test_a_hot_page_does_not_read_megabytes_that_nobody_has_used(
    make_lake: MakeLake, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 200)})
    store = open_store(lake, builder)
    warm(store, builder, lake.sessions)
    monkeypatch.setattr("gexlake.services.store.answers.UNUSED_BYTES", 1 << 16)
    with pytest.raises(ColdError):
        store.page(FEED, *ALWAYS, 1000, hot_only=True)
    assert store.page(FEED, *ALWAYS, 1000).count == 200
    assert store.page(FEED, *ALWAYS, 1000, hot_only=True).count == 200


# ---- sessions come and go --------------------------------------------------------------------------------------------


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    from gexlake.db.layout import LakeLayout

    store = SnapshotStore(LakeLayout(tmp_path), cache_bytes=1, submit_build=None)
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


def test_a_session_that_the_database_no_longer_holds_is_gone(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4), TUESDAY: records_of(TUESDAY, 4)})
    store = open_store(lake, builder)
    warm(store, builder, lake.sessions)
    assert len(rendered_files(lake)) == 2
    store.refresh([session for session in lake.sessions if session.session_date == MONDAY])
    found = store.latest(FEED)
    assert found is not None
    assert found.session_date == MONDAY
    assert len(rendered_files(lake)) == 1


@pytest.mark.parametrize("say", ["refresh", "replace"])
def test_a_new_version_takes_the_place_of_the_old_one(make_lake: MakeLake, builder: Builder, say: str) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4), TUESDAY: records_of(TUESDAY, 4)})
    store = open_store(lake, builder)
    warm(store, builder, lake.sessions)
    held = store.page(FEED, *ALWAYS, 100)
    before, old_files = all_records(lake), rendered_files(lake)
    new = lake.write(TUESDAY, records_of(TUESDAY, 6))
    if say == "refresh":
        store.refresh(lake.sessions)
    else:
        store.replace(new)
    assert parsed(held.array()) == before
    assert len(set(rendered_files(lake)) & set(old_files)) == 1
    with pytest.raises(ColdError):
        store.latest(FEED, hot_only=True)
    assert parsed(store.page(FEED, *ALWAYS, 100).array()) == all_records(lake)
    builder.run()
    assert parsed(store.page(FEED, *ALWAYS, 100, hot_only=True).array()) == all_records(lake)
    assert builder.asked == 3


def test_files_of_a_version_that_the_store_does_not_know_yet_are_not_mixed_in(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4)})
    store = open_store(lake)
    new = lake.write(MONDAY, records_of(MONDAY, 6))
    with pytest.raises(SessionReplacedError) as caught:
        store.latest(FEED)
    assert caught.value.retryable
    store.replace(new)
    assert store.page(FEED, *ALWAYS, 10).count == 6


def test_a_build_of_a_version_that_is_gone_leaves_nothing(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 4)})
    store = open_store(lake, builder)
    store.latest(FEED)
    (old,) = lake.sessions
    task, future = builder.tasks.pop()
    from gexlake.services.store import build_rendered

    built = build_rendered(task)
    store.replace(old._replace(version="another"))
    assert not rendered_files(lake)
    built = build_rendered(task)
    future.set_result(built)
    assert not rendered_files(lake)
    assert store.statistics().disk_bytes == 0


def test_readers_see_one_version_while_sessions_are_replaced(make_lake: MakeLake, builder: Builder) -> None:
    """Each version says its number in every record; a page that held two of them would be a mixture."""
    lake = make_lake({MONDAY: numbered(0)})
    versions = [(lake.sessions[0], saved(lake))]
    for number in (1, 2, 3):
        versions.append((lake.write(MONDAY, numbered(number)), saved(lake)))
    store = open_store(lake, builder)
    done = False

    def read() -> int:
        answers = 0
        while not done or not answers:
            try:
                page, record = store.page(FEED, *ALWAYS, 100), store.latest(FEED)
            except SessionReplacedError:
                continue
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
                builder.run()
        finally:
            done = True
        assert all(reader.result() for reader in readers)
    found = store.latest(FEED, hot_only=True)
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
