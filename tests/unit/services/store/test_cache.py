"""The rendered files: damaged ones are made again, the least recently used go first, strangers are removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date, timedelta
from pathlib import Path

import pytest

from gexlake.errors import StorageError, WorkerError
from gexlake.services.processes.workers import InlineWorker, WorkerPool
from gexlake.services.store import BuildTask, Built, ColdError, SnapshotStore, build_rendered
from gexlake.services.store.rendered import HEADER
from helpers.histories import MONDAY, TUESDAY, records_of
from unit.services.store.support import (
    FEED,
    Builder,
    MadeLake,
    MakeLake,
    open_store,
    parsed,
    rendered_files,
    us_of,
    warm,
)

Damage = Callable[[Path], None]


def truncated(path: Path) -> None:
    replaced(path, path.read_bytes()[:-1])


def longer(path: Path) -> None:
    replaced(path, path.read_bytes() + b"\0")


def empty(path: Path) -> None:
    replaced(path, b"")


def garbage(path: Path) -> None:
    replaced(path, os.urandom(path.stat().st_size))


def header_alone(path: Path) -> None:
    replaced(path, path.read_bytes()[: HEADER.size])


def other_text(path: Path) -> None:
    flip(path, HEADER.size + 20)


def other_index(path: Path) -> None:
    flip(path, path.stat().st_size - 100)


def other_header(path: Path) -> None:
    flip(path, 20)


def flip(path: Path, position: int) -> None:
    text = bytearray(path.read_bytes())
    text[position] ^= 1
    replaced(path, bytes(text))


def replaced(path: Path, content: bytes) -> None:
    """Under the same name, another file: one that is mapped must not be written to."""
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [truncated, longer, empty, garbage, header_alone, other_text, other_index, other_header]
)
def test_a_damaged_file_is_made_again(make_lake: MakeLake, builder: Builder, damage: Damage) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 20)})
    warm(open_store(lake, builder), builder, lake.sessions)
    (file,) = rendered_files(lake)
    sound = file.read_bytes()
    damage(file)
    store = open_store(lake, builder)
    page = store.page(FEED, 0, 1 << 60, 100)
    assert parsed(page.array()) == lake.records[MONDAY]
    builder.run()
    assert file.read_bytes() == sound
    assert store.page(FEED, 0, 1 << 60, 100, hot_only=True).count == 20
    assert store.statistics().cold_answers == 1


def test_damage_under_an_open_map_is_seen_where_it_is_read(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 200)})
    store = open_store(lake, builder)
    warm(store, builder, lake.sessions)
    (file,) = rendered_files(lake)
    with file.open("r+b") as stream:
        stream.seek(HEADER.size + 80_000)
        stream.write(b"damage")
    records = lake.records[MONDAY]
    assert store.at(FEED, us_of(records[0]), hot_only=True) is not None
    with pytest.raises(ColdError):
        store.page(FEED, 0, 1 << 60, 1000, hot_only=True)
    assert parsed(store.page(FEED, 0, 1 << 60, 1000).array()) == records
    builder.run()
    assert parsed(store.page(FEED, 0, 1 << 60, 1000).array()) == records
    assert store.statistics().builds == 2


def test_a_file_of_another_session_is_not_taken_for_this_one(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5), TUESDAY: records_of(TUESDAY, 5)})
    warm(open_store(lake, builder), builder, lake.sessions)
    monday, tuesday = rendered_files(lake)
    monday.unlink()
    shutil.copy(tuesday, monday)
    store = open_store(lake, builder)
    found = store.at(FEED, us_of(lake.records[MONDAY][2]))
    assert found is not None
    assert parsed(found.text) == lake.records[MONDAY][2]


def test_rendered_files_outlive_the_store(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    warm(open_store(lake, builder), builder, lake.sessions)
    store = open_store(lake, builder)
    with pytest.raises(ColdError):
        store.latest(FEED, hot_only=True)
    assert store.latest(FEED) is not None
    assert store.latest(FEED, hot_only=True) is not None
    assert (builder.asked, store.statistics().cold_answers) == (1, 0)


def test_the_cache_can_be_deleted_at_any_time(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder)
    warm(store, builder, lake.sessions)
    shutil.rmtree(lake.layout.root / "cache")
    assert store.latest(FEED, hot_only=True) is not None
    store = open_store(lake, builder)
    assert store.latest(FEED) is not None
    builder.run()
    assert store.latest(FEED, hot_only=True) is not None


def test_what_belongs_to_no_session_is_removed(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    warm(open_store(lake, builder), builder, lake.sessions)
    (file,) = rendered_files(lake)
    for name in ("0123.rendered", ".0123.rendered.77.tmp"):
        (file.parent / name).write_bytes(b"left behind")
    store = open_store(lake, builder)
    assert list(file.parent.iterdir()) == [file]
    assert store.statistics().disk_bytes == file.stat().st_size


# ---- the bound -------------------------------------------------------------------------------------------------------


def week(make_lake: MakeLake) -> MadeLake:
    days = [MONDAY + timedelta(days=i) for i in range(4)]
    return make_lake({day: records_of(day, 5) for day in days})


def hot_days(store: SnapshotStore, lake: MadeLake) -> list[date]:
    days = []
    for day, records in lake.records.items():
        try:
            store.at(FEED, us_of(records[0]), hot_only=True)
        except ColdError:
            continue
        days.append(day)
    return days


def test_the_least_recently_used_sessions_go_first(make_lake: MakeLake, builder: Builder) -> None:
    lake = week(make_lake)
    warm(open_store(lake, builder), builder, lake.sessions)
    size = max(file.stat().st_size for file in rendered_files(lake))
    shutil.rmtree(lake.layout.root / "cache")
    store = open_store(lake, builder, cache_bytes=3 * size)
    warm(store, builder, lake.sessions[:3])
    kept = store.at(FEED, us_of(lake.records[MONDAY][0]), hot_only=True)
    warm(store, builder, lake.sessions[3:])
    days = list(lake.records)
    assert hot_days(store, lake) == [days[0], days[2], days[3]]
    assert kept is not None
    assert parsed(kept.text) == lake.records[MONDAY][0]
    assert store.statistics().disk_bytes == sum(file.stat().st_size for file in rendered_files(lake)) <= 3 * size
    shrunk = open_store(lake, builder, cache_bytes=size)
    assert shrunk.statistics().disk_bytes <= size


def test_a_session_larger_than_the_cache_is_built_once_and_never_again(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder, cache_bytes=1000)
    for _ in range(3):
        assert store.latest(FEED) is not None
        builder.run()
    assert (builder.asked, rendered_files(lake)) == (1, [])


def test_maps_beyond_the_bound_are_closed_and_opened_again(make_lake: MakeLake, builder: Builder) -> None:
    lake = week(make_lake)
    store = open_store(lake, builder, max_maps=2)
    warm(store, builder, lake.sessions)
    assert store.statistics().open_maps == 2
    assert hot_days(store, lake) == list(lake.records)[2:]
    for records in lake.records.values():
        assert store.at(FEED, us_of(records[0])) is not None
    assert (builder.asked, store.statistics().open_maps) == (4, 2)


# ---- builds ----------------------------------------------------------------------------------------------------------


def test_a_session_is_built_once_however_often_it_is_asked_for(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder)
    for _ in range(3):
        store.latest(FEED)
    assert builder.asked == store.statistics().builds_waiting == 1


def test_the_most_recently_asked_is_built_next(make_lake: MakeLake, builder: Builder) -> None:
    lake = week(make_lake)
    store = open_store(lake, builder)
    for records in lake.records.values():
        store.at(FEED, us_of(records[0]))
    built = []
    while builder.tasks:
        task, future = builder.tasks.pop()
        built.append(task.session.session_date)
        future.set_result(build_rendered(task))
    days = list(lake.records)
    assert built == [days[0], days[3], days[2], days[1]]


def test_a_build_that_failed_is_not_tried_again_at_once(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder)
    store.latest(FEED)
    _, future = builder.tasks.pop()
    future.set_exception(WorkerError("killed"))
    assert store.latest(FEED) is not None
    assert (builder.asked, store.statistics().builds_failed) == (1, 1)


def test_workers_that_are_gone_do_not_keep_answers_back(make_lake: MakeLake) -> None:
    def submit(task: BuildTask) -> Future[Built]:
        raise WorkerError("gone")

    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = SnapshotStore(lake.layout, cache_bytes=1 << 30, submit_build=submit)
    store.refresh(lake.sessions)
    assert store.latest(FEED) is not None
    assert store.statistics().builds_failed == 1


def test_an_inline_worker_builds_before_the_answer_is_back(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5), TUESDAY: records_of(TUESDAY, 5)})
    workers = InlineWorker()
    store = SnapshotStore(
        lake.layout, cache_bytes=1 << 30, submit_build=lambda task: workers.submit(build_rendered, task)
    )
    store.refresh(lake.sessions)
    store.page(FEED, 0, 1 << 60, 100)
    assert store.page(FEED, 0, 1 << 60, 100, hot_only=True).count == 10


def test_a_worker_process_builds_the_same(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    workers = WorkerPool(1)
    futures: list[Future[Built]] = []

    def submit(task: BuildTask) -> Future[Built]:
        futures.append(workers.submit(build_rendered, task))
        return futures[-1]

    try:
        store = SnapshotStore(lake.layout, cache_bytes=1 << 30, submit_build=submit)
        store.refresh(lake.sessions)
        cold = store.page(FEED, 0, 1 << 60, 100).array()
        futures[0].result(60)
    finally:
        workers.stop()  # which waits for what is called when a build is done
    assert store.page(FEED, 0, 1 << 60, 100, hot_only=True).array() == cold


def test_a_disk_that_refuses_leaves_no_temporary_file(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    open_store(lake, builder).latest(FEED)
    ((task, _),) = builder.tasks
    block(task.path)
    with pytest.raises(StorageError, match="cannot be written"):
        build_rendered(task)
    assert [path.name for path in task.path.parent.iterdir()] == [task.path.name]


def block(path: Path) -> None:
    """Where the file should go, a directory that is not empty, which no rename replaces."""
    (path / "in the way").mkdir(parents=True)


def test_what_cannot_be_removed_does_not_keep_answers_back(make_lake: MakeLake, builder: Builder) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 5)})
    store = open_store(lake, builder)
    store.latest(FEED)
    block(builder.tasks[0][0].path)
    builder.run()
    assert store.latest(FEED) is not None
    assert store.statistics().builds_failed == 1
