"""Facts of segments: names, torn lines, what waits for an import."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import (
    Interruption,
    imported_segments,
    interruptions_of,
    note_imported,
    note_interruptions,
    segment_file,
    session_of_segment,
    slot_of,
)
from gexlake.models.feed import FEED_CATEGORIES, Feed, SessionKey
from gexlake.scanner.names import parse_name
from gexlake.services.living.journal import Journal, cut_torn_line, last_line

DAY = date(2025, 11, 14)
FEED = Feed("NQ_NDX", "classic", "gex_zero")


def at(hour: int, minute: int) -> int:
    """An instant of that day in New York, which is five hours behind."""
    return int(datetime(2025, 11, 14, hour + 5, minute, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("ticker", ["NQ_NDX", "SPX", "BRK.B"])
def test_scanner_and_segments_agree_on_whose_a_name_is(tmp_path: Path, ticker: str) -> None:
    for package, categories in FEED_CATEGORIES.items():
        for category in categories:
            session = SessionKey(Feed(ticker, package, category), DAY)
            file = segment_file(LakeLayout(tmp_path), session, "0930")
            hints = parse_name(file.name)
            assert session_of_segment(file) == session
            assert (hints.ticker, hints.package, hints.category, hints.session_date) == (*session.feed, DAY)
            assert hints.is_vendor_name


def test_slot_is_the_ten_minutes_in_new_york() -> None:
    assert [slot_of(at(9, 30)), slot_of(at(9, 39)), slot_of(at(15, 59))] == ["0930", "0930", "1550"]


def test_torn_line_is_cut_and_whole_ones_stay(tmp_path: Path) -> None:
    file = tmp_path / "segment.jsonl"
    file.write_bytes(b'{"a":1}\n{"b":2}\n{"c"')
    assert cut_torn_line(file) == 4
    assert file.read_bytes() == b'{"a":1}\n{"b":2}\n'
    assert cut_torn_line(file) == 0
    assert last_line(file) == b'{"b":2}'


@pytest.mark.parametrize("text", [b"", b"x" * 200_000])
def test_file_without_a_whole_line_is_emptied(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "segment.jsonl"
    file.write_bytes(text)
    assert cut_torn_line(file) == len(text)
    assert last_line(file) == b""


def test_closed_segments_wait_until_their_import_is_noted(tmp_path: Path) -> None:
    layout, session = LakeLayout(tmp_path), SessionKey(FEED, DAY)
    journal = Journal(layout)
    journal.append(session, b"{}", at(9, 31))
    assert journal.closed(at(9, 32)) == {}
    journal.append(session, b"{}", at(9, 41))
    first = segment_file(layout, session, "0930")
    assert journal.closed(at(9, 42)) == {DAY: {first: 3}}
    note_imported(layout, DAY, {first: 3})
    assert journal.closed(at(9, 42)) == {}
    assert list(journal.closed()[DAY]) == [segment_file(layout, session, "0940")]
    journal.close()
    assert imported_segments(layout, DAY) == {first.name: 3}


def test_segment_that_has_grown_since_its_import_waits_again(tmp_path: Path) -> None:
    layout, session = LakeLayout(tmp_path), SessionKey(FEED, DAY)
    journal = Journal(layout)
    journal.append(session, b"{}", at(9, 31))
    note_imported(layout, DAY, journal.closed()[DAY])
    journal.append(session, b"{}", at(9, 32))
    assert journal.closed() == {DAY: {segment_file(layout, session, "0930"): 6}}
    journal.close()


def test_interruptions_are_kept_but_for_a_torn_line(tmp_path: Path) -> None:
    layout, missed = LakeLayout(tmp_path), Interruption(*FEED, at(9, 31), at(9, 33), "the network")
    (layout.live / DAY.isoformat()).mkdir(parents=True)
    note_interruptions(layout, DAY, [missed])
    with (layout.live / DAY.isoformat() / ".interruptions.jsonl").open("a") as file:
        file.write('{"ticker": "N')
    assert interruptions_of(layout, DAY) == [missed]
