"""Notes as the service functions keep them: what a text may be, what tells one from another, what is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import xxhash

from gexlake.db import notes as files
from gexlake.db.layout import LakeLayout
from gexlake.db.notes import notes_file
from gexlake.errors import LakeError, LakeLockedError, LakeVersionError, UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.services.asking import notes as service
from gexlake.services.asking.moments import SECOND_US, instant
from gexlake.services.asking.notes import (
    ChangedNoteError,
    TooManyNotesError,
    UnknownNoteError,
    add_note,
    change_note,
    delete_note,
    find_note,
    list_notes,
    notes_frame,
)
from gexlake.services.asking.session_frames import Bounds

NDX, SPX = feed_of("NQ_NDX", None, None), Feed("^SPX/../..", "state", "gex_full")
AT_US = 1_763_134_200_000_000  # 2025-11-14 15:30 UTC
NIGHT_US = 1_763_179_200_000_000  # 2025-11-15 04:00 UTC, and the 14th in New York


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "gexlake.duckdb").touch()  # that it is there is all that notes need of it
    return tmp_path


def test_a_lake_without_notes_has_none(lake: Path) -> None:
    assert list_notes(lake) == []
    assert notes_frame([]).columns[:4] == ["id", "ticker", "package", "category"]
    assert not (lake / "notes").exists()


def test_a_note_says_feed_instant_date_and_when_it_was_written(lake: Path) -> None:
    before = datetime.now(UTC)
    note = add_note(lake, SPX, NIGHT_US + 7, "over night")
    assert (note.feed, note.timestamp, note.session_date) == (SPX, instant(NIGHT_US + 7), date(2025, 11, 14))
    assert note.id.startswith("20251115T040000.000007-")
    assert before <= note.created_at == note.changed_at <= datetime.now(UTC)
    assert list_notes(lake) == [find_note(lake, note.id)] == [note]
    assert [file.name for file in (lake / "notes").iterdir()] == ["2025-11-14.jsonl"]
    frame = notes_frame([note])
    assert frame.row(0, named=True) == note.model_dump()
    assert str(frame.schema["timestamp"]) == "Datetime(time_unit='us', time_zone='UTC')"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  a\r\nb \n", "a\nb"),
        ("✓ 测试 👩‍🚀 e\u0301", "✓ 测试 👩‍🚀 e\u0301"),
        ("x" * 2000, "x" * 2000),
        ('"\\{}', '"\\{}'),
    ],
)
def test_any_text_is_kept_as_it_is(lake: Path, text: str, kept: str) -> None:
    add_note(lake, NDX, AT_US, text)
    assert [note.text for note in list_notes(lake)] == [kept]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \n ", "is empty"),
        ("x" * 2001, "has 2,001 characters; 2,000 are admitted"),
        ("a\tb", "control character, U+0009, at character 2"),
        ("a\x85b", "U+0085"),
        ("\x1b[2J", "U+001B"),
        ("a\ud800", "U+D800"),
    ],
)
def test_what_is_no_text_of_a_note_is_refused(lake: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        add_note(lake, NDX, AT_US, text)
    assert list_notes(lake) == []


def test_notes_come_in_order_of_time_and_by_feed_range_and_page(lake: Path) -> None:
    late = add_note(lake, NDX, AT_US + 86_400 * SECOND_US, "late")
    second, first = add_note(lake, SPX, AT_US + 1, "second"), add_note(lake, NDX, AT_US, "first")
    assert list_notes(lake) == [first, second, late]
    assert list_notes(lake, tickers=["nq_ndx"], categories=["zero"]) == [first, late]
    assert list_notes(lake, packages=["state"]) == [second]
    assert list_notes(lake, bounds=Bounds.between(date(2025, 11, 14), date(2025, 11, 14))) == [first, second]
    assert list_notes(lake, bounds=Bounds.between(AT_US + 1, None)) == [second, late]
    assert list_notes(lake, bounds=Bounds.between(date(2025, 11, 14), AT_US)) == [first]
    assert list_notes(lake, limit=1) == [first]
    assert list_notes(lake, after=first.id, limit=1) == [second]
    delete_note(lake, first.id)  # the cursor of a page stays good
    assert list_notes(lake, after=first.id) == [second, late]


def test_a_note_that_is_there_word_for_word_is_not_written_twice(lake: Path) -> None:
    note = add_note(lake, NDX, AT_US, "swept")
    assert add_note(lake, NDX, AT_US, " swept ") == note
    assert len({note.id, add_note(lake, NDX, AT_US, "faded").id, add_note(lake, SPX, AT_US, "swept").id}) == 3
    assert len(list_notes(lake)) == 3


def test_a_change_keeps_all_but_the_text(lake: Path) -> None:
    note = add_note(lake, NDX, AT_US, "swept")
    changed = change_note(lake, note.id, "swept twice", changed_at=note.changed_at)
    assert changed == note.model_copy(update={"text": "swept twice", "changed_at": changed.changed_at})
    assert changed.changed_at > note.changed_at
    assert change_note(lake, note.id, "swept twice") == changed
    assert list_notes(lake) == [changed]


def test_what_somebody_else_has_changed_is_not_changed_or_deleted_unseen(lake: Path) -> None:
    note = add_note(lake, NDX, AT_US, "mine")
    theirs = change_note(lake, note.id, "theirs")
    with pytest.raises(ChangedNoteError, match="has been changed since it was read"):
        change_note(lake, note.id, "mine again", changed_at=note.changed_at)
    with pytest.raises(ChangedNoteError):
        delete_note(lake, note.id, changed_at=note.changed_at)
    assert delete_note(lake, note.id, changed_at=theirs.changed_at) == theirs
    assert list_notes(lake) == []


@pytest.mark.parametrize(
    "note_id",
    [
        "",
        "x",
        "../keys",
        "20251314T000000.000000-00000000",
        "00010101T000000.000000-00000000",
        "20251114T153000.000000-00000000",
    ],
)
def test_a_note_that_is_not_there_is_unknown(lake: Path, note_id: str) -> None:
    for ask in (find_note, delete_note, lambda lake, one: change_note(lake, one, "x")):
        with pytest.raises(UnknownNoteError, match="There is no note"):
            ask(lake, note_id)


def test_a_date_has_a_bound(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "NOTES_OF_A_DATE", 2)
    for text in "ab":
        add_note(lake, NDX, AT_US, text)
    with pytest.raises(TooManyNotesError, match="2025-11-14 has 2 notes already"):
        add_note(lake, SPX, AT_US, "c")
    assert add_note(lake, NDX, AT_US, "a").text == "a"


@pytest.mark.parametrize("at_us", [-1, 253_402_300_800_000_000, 10**30])
def test_before_1970_and_after_9999_there_is_nothing_to_note(lake: Path, at_us: int) -> None:
    with pytest.raises(UsageError, match="before 1970 or after the year 9999"):
        add_note(lake, NDX, at_us, "x")
    assert list_notes(lake, bounds=Bounds.between(at_us, at_us)) == []
    note = add_note(lake, NDX, 253_402_300_799_999_999, "the last")
    assert find_note(lake, note.id) == note


def test_where_there_is_no_lake_and_in_a_replica_nothing_is_written(tmp_path: Path, lake: Path) -> None:
    with pytest.raises(LakeError, match="There is no lake"):
        add_note(tmp_path / "none", NDX, AT_US, "x")
    assert not (tmp_path / "none").exists()
    (lake / "replica.json").touch()
    with pytest.raises(LakeError, match="is a replica"):
        add_note(lake, NDX, AT_US, "x")


def test_files_of_others_in_the_folder_are_let_be(lake: Path) -> None:
    add_note(lake, NDX, AT_US, "x")
    for name in ("2025-11-14.new", "read me.jsonl", "2025-1-1.jsonl", "2025-11-14.jsonl.bak"):
        (lake / "notes" / name).write_text("of somebody else")
    assert len(list_notes(lake)) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "line gone", "no json", "other bytes", "directory"])
def test_a_damaged_file_is_said_and_let_be(lake: Path, damage: str) -> None:
    add_note(lake, NDX, AT_US, "a")
    add_note(lake, NDX, AT_US, "b")
    file = notes_file(LakeLayout(lake), date(2025, 11, 14))
    data = file.read_bytes()
    lines = data.splitlines(keepends=True)
    damaged = {"cut": data[:-9], "empty": b"", "line gone": b"".join(lines[:-1]), "no json": b"{" + data}
    if damage == "directory":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(damaged.get(damage, data.replace(b'"a"', b'"o"')))
    for ask in (list_notes, lambda lake: add_note(lake, NDX, AT_US, "c")):
        with pytest.raises(LakeError, match=r"2025-11-14\.jsonl"):
            ask(lake)


def test_a_file_of_a_newer_gexlake_is_not_touched(lake: Path) -> None:
    (lake / "notes").mkdir()
    file = notes_file(LakeLayout(lake), date(2025, 11, 14))
    line = b'{"id":"of a form that is yet to come"}\n'
    head = f'{{"format":2,"notes":1,"checksum":"{xxhash.xxh3_128_hexdigest(line)}"}}\n'
    file.write_bytes(head.encode() + line)
    with pytest.raises(LakeVersionError, match="newer gexlake"):
        add_note(lake, NDX, AT_US, "x")
    assert file.read_bytes() == head.encode() + line


def test_who_holds_the_notes_is_not_waited_for_without_end(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT_SECONDS", 0.0)
    with (
        files.changing_notes(LakeLayout(lake), date(2025, 11, 14)),
        pytest.raises(LakeLockedError, match="has been writing notes"),
    ):
        add_note(lake, NDX, AT_US, "x")
