"""Notes are words that nobody can give again: they outlive kills, power cuts, full disks, and whatever sessions do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.db.notes import notes_file, read_notes
from gexlake.errors import LakeError, StorageError
from gexlake.models.feed import feed_of
from gexlake.services.asking.notes import add_note, list_notes
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.collect_garbage import collect_garbage
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import forget_source
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import states
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.power import Watch
from helpers.preload import needs_compiler
from helpers.runner import Runner

AT_US = 1_762_785_600_123_456  # 2025-11-10, 14:40 UTC
FEED = feed_of("NQ_NDX", None, None)
TEXTS = ["a", "b", "c"]
STAGES = [set(), {"a"}, {"a", "b"}, {"a", "b", "c"}, {"changed", "b", "c"}, {"changed", "b"}]
"""What there is after each thing that the command `notes` does."""


def texts(lake: Path) -> set[str]:
    return {note.text for note in read_notes(LakeLayout(lake), MONDAY)}


def begun(lake: Path) -> Path:
    """What notes need of a lake: that there is one."""
    lake.mkdir()
    (lake / "gexlake.duckdb").touch()
    return lake


# ---- kills, power, disks, two at once ------------------------------------------------------------------------------


def test_a_kill_at_any_point_leaves_the_notes_before_or_after(runner: Runner, work: Path) -> None:
    lake, kept = begun(work / "lake"), work / "kept"
    order = {"texts": TEXTS, "at_us": AT_US, "revise": True, "faults": {"copy_to": str(kept)}}
    assert runner.start("notes", lake, **order).wait().points > 15
    reached = 0
    for point, left in states(kept):
        stage = STAGES.index(texts(left))
        assert stage >= reached, point
        reached = stage
        add_note(left, FEED, AT_US, "and on it goes")
        assert texts(left) == STAGES[stage] | {"and on it goes"}, point
    assert reached == len(STAGES) - 1


@pytest.fixture
def watch(work: Path) -> Iterator[Watch]:
    watch = Watch(begun(work / "disk"), work)
    yield watch
    watch.close()


@needs_compiler
def test_a_power_cut_loses_no_note_that_was_acknowledged(work: Path, watch: Watch) -> None:
    runner = Runner(watch.prefix)
    try:
        runner.start("notes", watch.disk.root, texts=TEXTS, at_us=AT_US, revise=True).wait()
    finally:
        runner.close()
    watch.disk.end()
    assert len(watch.disk.said) == len(STAGES) - 1
    assert len(watch.disk.states) > 10
    for state in watch.disk.states:
        state.lay_out(work / "after")
        done = len(state.said)
        assert texts(work / "after") in STAGES[done : done + 2], state.moment
        shutil.rmtree(work / "after")


def test_what_two_processes_write_at_once_is_all_there(runner: Runner, other_runner: Runner, work: Path) -> None:
    lake = begun(work / "lake")
    ours, theirs = ([f"{name} {number}" for number in range(30)] for name in ("ours", "theirs"))
    running = [
        one.start("notes", lake, texts=words, at_us=AT_US) for one, words in ((runner, ours), (other_runner, theirs))
    ]
    assert [one.wait().status for one in running] == [0, 0]
    assert texts(lake) == {*ours, *theirs}


def test_a_full_disk_is_said_and_the_notes_before_stay(runner: Runner, work: Path) -> None:
    lake = begun(work / "lake")
    add_note(lake, FEED, AT_US, "before")
    done = runner.start("notes", lake, texts=["x" * 2000], at_us=AT_US, faults={"file_bytes": 1000}).wait()
    assert done.status == StorageError.exit_status
    assert "File too large" in done.err
    assert "Traceback" not in done.err
    assert texts(lake) == {"before"}
    assert [file.name for file in (lake / "notes").iterdir()] == [f"{MONDAY}.jsonl"]


# ---- whatever sessions do ------------------------------------------------------------------------------------------


@pytest.fixture
def history(work: Path) -> Path:
    write_array(work / "history" / vendor_name(), records_of(MONDAY, 20))
    return work / "history"


def test_notes_outlive_the_database_the_session_and_the_collector(history: Path, work: Path) -> None:
    lake = work / "lake"
    import_history(history, lake)
    opened = gexlake.open(lake)
    note = opened.add_note("NQ_NDX", timestamp="2025-11-10T14:40:00Z", text="swept the call wall")
    before = notes_file(LakeLayout(lake), MONDAY).read_bytes()

    write_array(history / vendor_name(), [record | {"spot": 3.5} for record in records_of(MONDAY, 20)])
    import_history(history, lake)
    (lake / "gexlake.duckdb").unlink()
    with pytest.raises(LakeError, match="There is no lake"):
        add_note(lake, FEED, AT_US, "not now")
    rebuild_database(lake)
    collect_garbage(lake)
    assert verify_lake(lake, read_sources=False).findings == []
    forget_source(lake, history / vendor_name())
    assert list_notes(lake) == [note]
    assert notes_file(LakeLayout(lake), MONDAY).read_bytes() == before


def test_damaged_notes_are_named_by_verify_and_never_written_over(history: Path, work: Path) -> None:
    lake = work / "lake"
    import_history(history, lake)
    add_note(lake, FEED, AT_US, "swept the call wall")
    file = notes_file(LakeLayout(lake), MONDAY)
    damaged = file.read_bytes().replace(b"call", b"cull")
    file.write_bytes(damaged)
    (finding,) = verify_lake(lake, read_sources=False).findings
    assert finding.code == "notes_file"
    assert str(file) in finding.message
    for ask in (lambda: list_notes(lake), lambda: add_note(lake, FEED, AT_US, "another")):
        with pytest.raises(LakeError, match="not as they were written; the file is left as it is"):
            ask()
    assert file.read_bytes() == damaged
    assert add_note(lake, FEED, AT_US + 86_400_000_000, "another day").session_date == date(2025, 11, 11)
