"""Facts of answers from segments: at once, once, and as published ones look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import note_imported, segment_file
from gexlake.models.feed import Feed, SessionKey
from gexlake.sample import write_sample
from gexlake.services.asking.view import view_session
from gexlake.services.importing.import_history import import_history
from gexlake.services.living.tail import LiveNews, LiveTail
from gexlake.services.owner.held_lake import HeldLake
from helpers.histories import MONDAY

FEEDS = [Feed("NQ_NDX", "classic", "gex_zero"), Feed("NQ_NDX", "state", "gamma_zero"),
         Feed("NQ_NDX", "orderflow", "orderflow")]  # fmt: skip


class Lake:
    """A lake in which nothing is published yet, and a day of records of each feed."""

    def __init__(self, place: Path) -> None:
        write_sample(place / "source", sessions=1, start=MONDAY, snapshots=12, strikes=9, all_categories=True)
        self.layout = LakeLayout(place / "lake")
        self.records: dict[Feed, list[dict[str, Any]]] = {
            feed: json.loads((place / "source" / f"{MONDAY}_{'_'.join(feed)}.json").read_bytes()) for feed in FEEDS
        }
        self.news: list[LiveNews] = []

    def write(self, feed: Feed, *lines: object, slot: str = "0930") -> Path:
        path = segment_file(self.layout, SessionKey(feed, MONDAY), slot)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        return path

    def tail(self, held: HeldLake) -> LiveTail:
        return LiveTail(self.layout, held.store, self.news.append)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


@pytest.fixture
def held(lake: Lake) -> Iterator[HeldLake]:
    with HeldLake(lake.layout) as held:
        yield held


def timestamps(held: HeldLake, feed: Feed) -> list[int]:
    page = held.store.page(feed, 0, 1 << 60, 100, strikes=False)
    return [record["timestamp"] for record in json.loads(page.array())]


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_record_is_answered_from_as_soon_as_its_line_is_whole(lake: Lake, held: HeldLake, feed: Feed) -> None:
    tail, records = lake.tail(held), lake.records[feed]
    path = lake.write(feed, records[0])
    with path.open("a") as file:
        file.write(json.dumps(records[1])[:40])
    tail.look()
    found = held.store.latest(feed)
    assert found is not None
    assert json.loads(bytes(found.text)) == records[0]
    assert [(news.timestamp, news.records) for news in lake.news] == [(records[0]["timestamp"], 1)]
    with path.open("a") as file:
        file.write(json.dumps(records[1])[40:] + "\n")
    tail.look()
    assert timestamps(held, feed) == [record["timestamp"] for record in records[:2]]
    assert tail.last_us[feed] == records[1]["timestamp"] * 1_000_000


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_text_is_the_same_before_and_after_the_import(lake: Lake, held: HeldLake, feed: Feed) -> None:
    records = [{**lake.records[feed][0], "sum_saturated": ["sum_gex_vol"]}, *lake.records[feed][1:]]
    tail, path = lake.tail(held), lake.write(feed, *records)
    tail.look()
    before = held.store.page(feed, 0, 1 << 60, 100).array()
    import_history(path, lake.layout.root)
    held.refresh()
    assert held.store.page(feed, 0, 1 << 60, 100).array() == before
    note_imported(lake.layout, MONDAY, {path: path.stat().st_size})
    tail.look()
    assert held.store.unpublished(feed) == []
    assert held.store.page(feed, 0, 1 << 60, 100).array() == before


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_picture_says_that_it_is_of_the_same_numbers_before_and_after_the_import(
    lake: Lake, held: HeldLake, feed: Feed
) -> None:
    """Who draws a session as it grows need not fetch it anew because it has been imported."""

    def digests(known_us: int | None = None) -> tuple[str, str | None]:
        recorded = {shown.session_date: unpublished for shown, unpublished in held.store.unpublished(feed)}
        view = view_session(
            lake.layout, feed, MONDAY, columns=100, with_cells=False, known_us=known_us, recorded=recorded.get(MONDAY)
        )
        assert view is not None
        return view.digest, view.known_digest

    tail, path = lake.tail(held), lake.write(feed, *lake.records[feed][:8])
    tail.look()
    known = digests()[0]
    known_us = lake.records[feed][7]["timestamp"] * 1_000_000
    import_history(path, lake.layout.root)
    held.refresh()
    assert digests() == (known, None)
    note_imported(lake.layout, MONDAY, {path: path.stat().st_size})
    tail.look()
    assert digests() == (known, None)
    lake.write(feed, *lake.records[feed][8:], slot="0940")
    tail.look()
    assert digests(known_us)[1] == known != digests()[0]


def test_instant_that_is_published_too_is_answered_once_and_as_published(lake: Lake, held: HeldLake) -> None:
    feed, tail = FEEDS[0], lake.tail(held)
    records = lake.records[feed]
    import_history(lake.write(feed, *records[:4]), lake.layout.root)
    held.refresh()
    lake.write(feed, {**records[3], "spot": 1.5}, *records[4:6], slot="0940")
    tail.look()
    page = json.loads(held.store.page(feed, 0, 1 << 60, 100).array())
    assert page == records[:6]


def test_refused_records_and_repeated_ones_are_not_shown(lake: Lake, held: HeldLake) -> None:
    feed, tail = FEEDS[0], lake.tail(held)
    first, second = lake.records[feed][:2]
    lake.write(feed, first, {**first, "timestamp": 1}, "no JSON", {**second, "ticker": "SPX"}, second, second)
    tail.look()
    assert timestamps(held, feed) == [first["timestamp"], second["timestamp"]]


def test_records_out_of_order_are_answered_in_order(lake: Lake, held: HeldLake) -> None:
    feed, tail = FEEDS[0], lake.tail(held)
    first, second, third = lake.records[feed][:3]
    lake.write(feed, first, third, second)
    tail.look()
    assert timestamps(held, feed) == [first["timestamp"], second["timestamp"], third["timestamp"]]


def test_deleted_segments_are_let_go_of(lake: Lake, held: HeldLake) -> None:
    feed, tail = FEEDS[0], lake.tail(held)
    path = lake.write(feed, lake.records[feed][0])
    tail.look()
    path.unlink()
    path.parent.rmdir()
    tail.look()
    assert not held.store.holds(feed)
    assert held.store.latest(feed) is None
