"""A session that is held open answers rightly or says that it is damaged, whatever becomes of its file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from gexlake.db.parquet import version_paths
from gexlake.errors import DamagedSessionError
from gexlake.importers.snapshots.writing._pages import decode_doubles
from gexlake.models.record_types import GEX
from gexlake.sample import sample_records
from gexlake.services.store import PublishedSession
from gexlake.services.store import session as store_session
from gexlake.services.store.session import LookupSession
from gexlake.services.store.values import SEPARATOR
from helpers.damage import flip
from helpers.histories import FEED, MONDAY, Record, records_of
from unit.services.store.support import MakeLake, pack_plain_values_with_zstd


class Published(NamedTuple):
    """A session on disk."""

    session: PublishedSession
    files: dict[str, Path]

    @property
    def ladders(self) -> Path:
        return self.files["strikes"]

    def open(self) -> LookupSession:
        return LookupSession(GEX, self.files, self.session.key, self.session.version)


def publish(make_lake: MakeLake, records: list[Record]) -> Published:
    lake = make_lake({MONDAY: records})
    (session,) = lake.sessions
    return Published(session, version_paths(lake.layout, "gex", session.key, session.version))


@pytest.fixture
def published(make_lake: MakeLake) -> Published:
    return publish(make_lake, records_of(MONDAY, 20))


def answers(session: LookupSession) -> list[bytes]:
    """All records, with their ladders and without, each asked for by itself."""
    asked = [(number, strikes) for strikes in (True, False) for number in range(len(session))]
    return [bytes(session.records(number, number + 1, strikes=strikes)[0]) for number, strikes in asked]


def test_no_answer_rests_on_a_flipped_byte(published: Published) -> None:
    """Every byte of a file of ladders in turn: an answer is right, or it is an error that names the session."""
    path = published.ladders
    size = path.stat().st_size
    right = answers(published.open())
    refused = 0
    for at in range(0, size, 7):
        flip(path, at, at % 8)
        try:
            assert answers(published.open()) == right, at
        except DamagedSessionError:
            refused += 1
        flip(path, at, at % 8)
    assert refused > size / 7 * 0.8


def test_no_answer_of_an_open_session_rests_on_a_file_that_was_changed_in_place(published: Published) -> None:
    """Bytes flipped, and the file cut, under a session that has read all of it before."""
    path, session = published.ladders, published.open()
    data, before = path.read_bytes(), path.stat()
    right = answers(session)

    def holds_after(number: int, change: Callable[[], object]) -> bool:
        change()
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + number))  # the clock of files ticks too slowly
        try:
            assert answers(session) == right, number
        except DamagedSessionError:
            return False
        return True

    places = range(3, len(data), 31)
    refused = 0
    for number, at in enumerate(places):
        refused += not holds_after(2 * number, lambda at=at: flip(path, at))  # type: ignore[misc]
        assert holds_after(2 * number + 1, lambda at=at: flip(path, at))  # type: ignore[misc]
    assert refused > len(places) / 4
    for size in (len(data) // 3, 0):
        os.truncate(path, size)
        with pytest.raises(DamagedSessionError, match="ends too early"):
            answers(session)
    path.write_bytes(data)
    assert answers(session) == right


def test_who_reads_while_another_finds_that_the_file_has_changed_looks_again(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, session = published.ladders, published.open()
    answers(session)
    pages = duckdb.sql(f"SELECT data_page_offset FROM parquet_metadata('{path}') WHERE path_in_schema = 'gex_vol'")
    end_of_dictionary = pages.fetchall()[0][0]

    def decode_behind_a_change(*arguments: Any) -> None:
        monkeypatch.setattr(store_session, "decode_doubles", decode_doubles)
        flip(path, end_of_dictionary - 1)
        os.utime(path, ns=(1, 1))
        with pytest.raises(DamagedSessionError, match="a dictionary of gex_vol"):
            answers(session)
        decode_doubles(*arguments)

    monkeypatch.setattr(store_session, "decode_doubles", decode_behind_a_change)
    with pytest.raises(DamagedSessionError, match="a dictionary of gex_vol"):
        session.records(0, len(session), strikes=True)


@pytest.fixture(params=["LZ4_RAW", "ZSTD"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How pages of plain values are packed; an older gexlake did it with zstd."""
    if request.param == "ZSTD":
        pack_plain_values_with_zstd(monkeypatch)
    return str(request.param)


def test_values_that_never_come_again_are_read_as_they_were_sent(make_lake: MakeLake, codec: str) -> None:
    """More different ones than a dictionary holds, in the one column, and a few in the others."""
    records = sample_records(700, FEED, MONDAY, strikes=100)
    for number, record in enumerate(records):
        for place, row in enumerate(record["strikes"]):
            row[1] = (number * 100 + place) / 64
    published = publish(make_lake, records)
    columns = (
        "SELECT path_in_schema, compression FROM parquet_metadata(?) WHERE path_in_schema IN ('gex_vol', 'gex_oi')"
    )
    assert duckdb.execute(columns, [str(published.ladders)]).fetchall() == [("gex_vol", codec), ("gex_oi", "ZSTD")]
    found = published.open().records(0, len(records), strikes=True)
    assert [json.loads(bytes(text)[: -len(SEPARATOR)]) for text in found] == records
