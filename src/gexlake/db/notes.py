"""Notes, beside the database and not in it: a file for each session date that has some, `notes/<date>.jsonl`.

They are words that nobody can give again, so they rest on nothing else: no database, no session, no import. A file is
replaced as a whole, under a lock, so that a kill leaves it as it was or as it was to be. Its first line says how many
notes follow, one a line, and their checksum; one that is not so is never written over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import xxhash
from pydantic import BaseModel, ValidationError

from gexlake.db.faults import LOCK_WAIT_SECONDS, POLL_SECONDS, storage_error
from gexlake.db.layout import LakeLayout, make_directories, replace_durably, try_lock
from gexlake.errors import LakeError, LakeLockedError, LakeVersionError
from gexlake.models.checks import Check
from gexlake.models.note import Note
from gexlake.models.verify_report import Finding

FORMAT = 1
SUFFIX = ".jsonl"


class _Head(BaseModel):
    """The first line. The checksum is XXH3-128 of all lines behind it."""

    format: int
    notes: int
    checksum: str


def note_dates(layout: LakeLayout) -> list[date]:
    """The session dates of which there is a file, in order. Raises `LakeError` where they cannot be listed."""
    try:
        names = os.listdir(layout.notes)  # noqa: PTH208 - of years of notes in a millisecond, where a glob takes twenty
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LakeError(f"{layout.notes} cannot be read: {error.strerror}.") from error
    return sorted(filter(None, map(_date_of, names)))


def note_files(layout: LakeLayout) -> list[Path]:
    """The files of notes, in order of their dates."""
    return [notes_file(layout, day) for day in note_dates(layout)]


def notes_file(layout: LakeLayout, day: date) -> Path:
    """Where the notes of a session date lie, if there are any."""
    return layout.notes / f"{day.isoformat()}{SUFFIX}"


def read_notes(layout: LakeLayout, day: date) -> list[Note]:
    """The notes of a session date, in order of time.

    Raises `LakeError` where their file is damaged, `LakeVersionError` where a newer gexlake wrote it.
    """
    try:
        return check_notes(notes_file(layout, day))
    except FileNotFoundError:
        return []


def check_notes(file: Path) -> list[Note]:
    """The notes of a file. Raises `FileNotFoundError`, and as `read_notes` does."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LakeError(f"{file} cannot be read: {error.strerror}.") from error
    return _parsed(file, data)


def find_damaged_notes(layout: LakeLayout) -> Iterator[Finding]:
    """Files of notes that are not as they were written."""
    for day in note_dates(layout):
        try:
            read_notes(layout, day)
        except LakeError as error:
            yield Finding(code=Check.NOTES_FILE, message=str(error))


@contextmanager
def changing_notes(layout: LakeLayout, day: date) -> Iterator[dict[str, Note]]:
    """The notes of a session date by id, to be changed; written, durably, when the block is left without an error.

    One process and thread at a time. Raises as `read_notes` does, `LakeLockedError` where another has them for long,
    `StorageError` where the disk refuses.
    """
    with _locked(layout):
        before = {note.id: note for note in read_notes(layout, day)}
        notes = dict(before)
        yield notes
        if notes != before:
            _write(layout, day, sorted(notes.values(), key=lambda note: note.id))


@contextmanager
def _locked(layout: LakeLayout) -> Iterator[None]:
    try:
        make_directories(layout.notes)
        descriptor = os.open(layout.notes, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise storage_error(layout, error) from error
    try:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while not try_lock(descriptor):  # the directory: files are replaced
            if time.monotonic() >= deadline:
                raise LakeLockedError(
                    f"Another process has been writing notes in {layout.notes} for {LOCK_WAIT_SECONDS:.0f} seconds.",
                    hint="Let it go on, or end it, and try again: nothing was written.",
                )
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _write(layout: LakeLayout, day: date, notes: list[Note]) -> None:
    """Put them in the place of those before. A file without notes stays: it says to mirrors that they are gone."""
    lines = b"".join(note.model_dump_json().encode() + b"\n" for note in notes)
    head = _Head(format=FORMAT, notes=len(notes), checksum=xxhash.xxh3_128_hexdigest(lines))
    file = notes_file(layout, day)
    new = file.with_suffix(".new")  # under the lock nobody else has it; what a kill left is written over
    try:
        replace_durably(file, new, head.model_dump_json().encode() + b"\n" + lines)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)  # on a full disk it is in the way
        raise storage_error(layout, error) from error


def _parsed(file: Path, data: bytes) -> list[Note]:
    first, _, lines = data.partition(b"\n")
    try:
        head = _Head.model_validate_json(first)
        if head.format > FORMAT:
            raise LakeVersionError(f"{file} was written by a newer gexlake.", hint="Upgrade gexlake.")
        notes = [Note.model_validate_json(line) for line in lines.splitlines()]
    except ValidationError as error:
        raise _damaged(file) from error
    if len(notes) != head.notes or xxhash.xxh3_128_hexdigest(lines) != head.checksum:
        raise _damaged(file)
    return notes


def _damaged(file: Path) -> LakeError:
    return LakeError(
        f"The notes in {file} are not as they were written; the file is left as it is.",
        hint="Bring it back from a backup or a mirror. To go on without it, move it out of the lake.",
    )


def _date_of(name: str) -> date | None:
    """Of a file of notes; None for one of somebody else."""
    try:
        day = date.fromisoformat(name.removesuffix(SUFFIX))
    except ValueError:
        return None
    return day if name == f"{day.isoformat()}{SUFFIX}" else None
