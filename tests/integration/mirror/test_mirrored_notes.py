"""Notes are in the mirror: replicas have them and do not write them, and with a lost lake they come back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.db.notes import note_files, notes_file
from gexlake.errors import LakeError, UsageError
from gexlake.models.location import location_of
from gexlake.models.note import Note
from gexlake.services.asking.notes import add_note, change_note, delete_note, list_notes
from gexlake.services.publishing.restore import bring_back
from gexlake.services.publishing.sweep import collect_unnamed
from helpers.histories import MONDAY
from helpers.mirrors import place, publications, pulled, pushed

DAY_US = 86_400_000_000
AT_US = 1_762_785_600_000_000


def written(lake: Path, text: str, *, days: int = 0) -> Note:
    (feed, *_) = gexlake.open(lake).feeds()
    return add_note(lake, feed, AT_US + days * DAY_US, text)


def test_notes_are_published_as_they_change(lake: Path, work: Path) -> None:
    mirror, copy = work / "mirror", work / "copy"
    first, second = written(lake, "first"), written(lake, "second", days=1)
    report = pushed(lake, mirror)
    assert (report.publication, report.notes) == (1, 2)
    pulled(copy, mirror)
    assert list_notes(copy) == [first, second]
    assert not pushed(lake, mirror).changed

    changed = change_note(lake, first.id, "changed")
    delete_note(lake, second.id)
    report = pushed(lake, mirror)
    assert (report.publication, report.notes, report.sessions, report.imports) == (2, 2, 0, 0)
    pulled(copy, mirror)
    assert list_notes(copy) == [changed]
    for write in (lambda: written(copy, "no"), lambda: delete_note(copy, first.id)):
        with pytest.raises(LakeError, match="is a replica"):
            write()


def test_a_lost_lake_comes_back_with_its_notes(lake: Path, work: Path) -> None:
    mirror, back = work / "mirror", work / "back"
    pushed(lake, mirror)  # a mirror of a lake without notes, as of an older gexlake
    note = written(lake, "irreplaceable")
    pushed(lake, mirror)
    bring_back(back, location_of(str(mirror)))
    assert list_notes(back) == [note]
    assert written(back, "and on it goes", days=1).text == "and on it goes"


def test_a_directory_with_notes_is_not_taken_for_an_empty_one(work: Path, lake: Path) -> None:
    pushed(lake, work / "mirror")
    written(lake, "the only thing left")
    left = work / "left"
    shutil.copytree(lake / "notes", left / "notes")
    with pytest.raises(UsageError, match="is a lake of its own"):
        bring_back(left, location_of(str(work / "mirror")))
    assert note_files(LakeLayout(left))


def test_who_takes_a_mirror_over_publishes_its_own_notes_and_no_others(lake: Path, work: Path) -> None:
    mirror, other = work / "mirror", work / "other"
    shutil.copytree(lake, other)
    written(lake, "of the first owner")
    pushed(lake, mirror)
    pulled(work / "copy", mirror)
    theirs = written(other, "of the second", days=1)
    pushed(other, mirror, take_over=True)
    pulled(work / "copy", mirror)
    assert list_notes(work / "copy") == [theirs]
    assert list(publications(mirror)[-1].notes) == [theirs.session_date]


def test_published_notes_are_collected_when_nothing_names_them(lake: Path, work: Path) -> None:
    mirror = work / "mirror"
    note = written(lake, "first")
    pushed(lake, mirror)
    for text in ("second", "third"):
        change_note(lake, note.id, text)
        pushed(lake, mirror)
    assert len(list((mirror / "notes").iterdir())) == 3
    collect_unnamed(LakeLayout(lake), place(mirror), grace=timedelta(days=-1))
    pulled(work / "copy", mirror)
    assert [one.text for one in list_notes(work / "copy")] == ["third"]


def test_damaged_notes_are_not_carried_on(lake: Path, work: Path) -> None:
    mirror = work / "mirror"
    written(lake, "swept the call wall")
    pushed(lake, mirror)
    file = notes_file(LakeLayout(lake), MONDAY)
    file.write_bytes(file.read_bytes().replace(b"call", b"cull"))
    with pytest.raises(LakeError, match="not as they were written"):
        pushed(lake, mirror)
    (published,) = (mirror / "notes").iterdir()
    shutil.copy(published, file)  # what the hint says
    assert [note.text for note in list_notes(lake)] == ["swept the call wall"]
    assert not pushed(lake, mirror).changed
