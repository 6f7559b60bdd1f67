"""`gexlake notes`: written, listed in each form, changed and deleted; and with what is exported."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gexlake

if TYPE_CHECKING:
    from conftest import Run

AT = ("--at", "2025-11-24 10:00", "--tz", "America/New_York")


@pytest.fixture(scope="module")
def copy(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("noted") / "lake")


@pytest.fixture
def place(copy: Path) -> Path:
    shutil.rmtree(copy / "notes", ignore_errors=True)
    return copy


def test_a_note_is_written_listed_changed_and_deleted(run: Run, place: Path) -> None:
    added = run("notes", "add", "nq_ndx", "-", *AT, "--lake", place, stdin="swept the call wall,\nfaded\n")
    assert (added.status, added.err) == (0, "")
    first, *text = added.lines
    note_id, feed, *second = first.split()
    assert (feed, " ".join(second)) == ("NQ_NDX/classic/gex_zero", "2025-11-24 15:00:00 UTC")
    assert text == ["swept the call wall,", "faded"]

    listed = run("notes", "list", "--ticker", "NQ_NDX", "--lake", place)
    assert listed.lines[0].split() == ["second", "feed", "text", "id"]
    assert "swept the call wall," in listed.lines[1]
    (row,) = run("notes", "list", "-o", "json", "--lake", place).json
    assert (row["id"], row["text"], row["timestamp"]) == (
        note_id,
        "swept the call wall,\nfaded",
        "2025-11-24T15:00:00+00:00",
    )
    csv = run("notes", "list", "-o", "csv", "--lake", place).out
    assert pl.read_csv(csv.encode())["text"].to_list() == [row["text"]]
    assert run("notes", "list", "--start", "2025-11-25", "-o", "json", "--lake", place).json == []

    changed = run("notes", "change", note_id, "it held", "-o", "json", "--lake", place)
    assert (changed.json["text"], changed.json["created_at"]) == ("it held", row["created_at"].replace("+00:00", "Z"))
    assert run("notes", "delete", note_id, "--lake", place).lines == [f"Deleted: {first}", "it held"]
    gone = run("notes", "delete", note_id, "--lake", place)
    assert (gone.status, gone.out) == (2, "")
    assert gone.err == f"Error: There is no note '{note_id}'.\n`gexlake notes list` shows their ids.\n"


def test_what_cannot_be_noted_is_said(run: Run, place: Path) -> None:
    for arguments, words in (
        (["NQ_NDX", "a\x1b[2J", *AT], "U+001B"),
        (["NQ_NDX", "x", "--at", "2025-11-24 10:00"], "without a zone"),
        (["NQ_NDZ", "x", *AT], "Did you mean NQ_NDX/classic/gex_zero?"),
    ):
        done = run("notes", "add", *arguments, "--lake", place)
        assert (done.status, done.out) == (2, "")
        assert words in done.err
    assert run("notes", "list", "-o", "json", "--lake", place).json == []


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_an_export_carries_the_notes_of_what_it_holds(run: Run, place: Path, tmp_path: Path, suffix: str) -> None:
    lake, target, beside = gexlake.open(place), tmp_path / f"rows{suffix}", tmp_path / f"rows.notes{suffix}"
    note = lake.add_note("NQ_NDX", timestamp="2025-11-24T15:00:00Z", text="a, b\nc")
    lake.add_note("NQ_NDX", timestamp="2025-11-26T15:00:00Z", text="of another day")
    lake.add_note("SPX", "state", "gex_full", timestamp="2025-11-24T15:00:00Z", text="of another feed")
    order = ("export", "NQ_NDX", "--end", "2025-11-24", "-o", target, "--lake", place)
    done = run(*order)
    assert (done.status, done.out, done.err.splitlines()[1]) == (0, "", f"Wrote {beside}, 1 note")
    if suffix == ".parquet":
        assert_frame_equal(pl.read_parquet(beside), lake.notes(tickers=["NQ_NDX"], end="2025-11-24"))
    else:
        assert pl.read_csv(beside)["text"].to_list() == ["a, b\nc"]
    lake.delete_note(note.id)
    assert run(*order).err.splitlines()[1] == f"Wrote {beside}, 0 notes"  # and none of before
