"""Notes at seconds of sessions: written, changed, deleted, listed. They need no database, so they wait for nobody."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.layout import LakeLayout
from gexlake.db.notes import changing_notes, note_dates, read_notes
from gexlake.db.replicas import refuse_replica
from gexlake.errors import LakeError, UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.note import Note, instant_of, text_of
from gexlake.models.session_filter import SessionFilter
from gexlake.services.asking.moments import instant, new_york_day, parse_instant
from gexlake.services.asking.session_frames import Bounds

if TYPE_CHECKING:
    import polars as pl

NOTES_OF_A_DATE = 1_000
"""The most that there may be of one session date, all feeds together: its file is written anew with each change."""

LATEST_US = 253_402_300_800_000_000
"""The year 10000."""


class UnknownNoteError(UsageError):
    """There is no note of this id."""


class ChangedNoteError(UsageError):
    """The note has been changed since it was read."""


class TooManyNotesError(UsageError):
    """The session date has as many notes as are admitted."""


# ---- reading -------------------------------------------------------------------------------------------------------


def list_notes(
    lake: Path,
    *,
    tickers: Sequence[str] = (),
    packages: Sequence[str] = (),
    categories: Sequence[str] = (),
    bounds: Bounds | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Note]:
    """The notes of some feeds (none named: all) in a range, in order of time; those behind the id `after` alone.

    Raises `UsageError` for words that no feed has, `LakeError` for a file of notes that is damaged.
    """
    wanted = SessionFilter.of(tickers=tickers, packages=packages, categories=categories)
    found: list[Note] = []
    for note in _iter_notes(LakeLayout(lake), bounds or Bounds()):
        if note.id > after and wanted.admits(SessionKey(note.feed, note.session_date)):
            found.append(note)
            if limit is not None and len(found) >= limit:
                break
    return found


def _iter_notes(layout: LakeLayout, bounds: Bounds) -> Iterator[Note]:
    first, last = (_day_at(us) for us in (bounds.first_us, bounds.last_us))
    for day in note_dates(layout):
        is_outside = (first is not None and day < first) or (last is not None and day > last)
        if not is_outside and bounds.may_admit_day(day.isoformat()):
            for note in read_notes(layout, day):
                at_us = parse_instant(note.timestamp, parameter="timestamp")
                if bounds.may_admit_span((at_us, at_us)):
                    yield note


def _day_at(us: int | None) -> date | None:
    """The date in New York at an instant; None for one that no note has."""
    return new_york_day(us)[0] if us is not None and _may_have_notes(us) else None


def _may_have_notes(at_us: int) -> bool:
    return 0 <= at_us < LATEST_US


def find_note(lake: Path, note_id: str) -> Note:
    """One note. Raises `UnknownNoteError`, and as `list_notes` does."""
    for note in read_notes(LakeLayout(lake), session_date_of(note_id)):
        if note.id == note_id:
            return note
    raise _unknown(note_id)


def notes_frame(notes: Sequence[Note]) -> pl.DataFrame:
    """Notes as rows, with the columns of `Note`; instants in UTC, to the microsecond."""
    import polars as pl

    utc = pl.Datetime("us", "UTC")
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "id": pl.String,
        "ticker": pl.String,
        "package": pl.String,
        "category": pl.String,
        "session_date": pl.Date,
        "timestamp": utc,
        "text": pl.String,
        "created_at": utc,
        "changed_at": utc,
    }
    return pl.DataFrame([note.model_dump() for note in notes], schema=schema, orient="row")


# ---- writing -------------------------------------------------------------------------------------------------------


def add_note(lake: Path, feed: Feed, at_us: int, text: str) -> Note:
    """Write a note at an instant of a feed, in Unix microseconds. One that is there word for word is not written twice.

    Raises `UsageError` for a text that is none, `TooManyNotesError`, `LakeError` where there is no lake or it is a
    replica, and what `changing_notes` raises.
    """
    layout = _writable(lake)
    words = text_of(text)
    if not _may_have_notes(at_us):
        raise UsageError("A note cannot be of that instant: it lies before 1970 or after the year 9999.")
    day, _ = new_york_day(at_us)
    now = datetime.now(UTC)
    with changing_notes(layout, day) as notes:
        for note in notes.values():
            if (note.feed, note.timestamp, note.text) == (feed, instant(at_us), words):
                return note
        if len(notes) >= NOTES_OF_A_DATE:
            raise TooManyNotesError(
                f"{day} has {len(notes):,} notes already, which is the most.", hint="Delete some, or join them."
            )
        note = Note(
            id=f"{instant(at_us):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}",
            **feed._asdict(),
            session_date=day,
            timestamp=instant(at_us),
            text=words,
            created_at=now,
            changed_at=now,
        )
        notes[note.id] = note
    return note


def change_note(lake: Path, note_id: str, text: str, *, changed_at: datetime | None = None) -> Note:
    """Give a note another text. With `changed_at`, as it was read, only if nobody has changed it since.

    Raises `UnknownNoteError`, `ChangedNoteError`, and as `add_note` does.
    """
    words = text_of(text)

    def changed(note: Note) -> Note:
        if note.text == words:
            return note
        return note.model_copy(update={"text": words, "changed_at": _after(note.changed_at)})

    return _replace(lake, note_id, changed, changed_at)


def delete_note(lake: Path, note_id: str, *, changed_at: datetime | None = None) -> Note:
    """Delete a note; it is returned as it was. `changed_at` as in `change_note`, and it raises the same."""
    return _replace(lake, note_id, None, changed_at)


def _replace(lake: Path, note_id: str, change: Callable[[Note], Note] | None, changed_at: datetime | None) -> Note:
    layout = _writable(lake)
    with changing_notes(layout, session_date_of(note_id)) as notes:
        note = notes.get(note_id)
        if note is None:
            raise _unknown(note_id)
        if changed_at is not None and note.changed_at != changed_at:
            raise ChangedNoteError(
                f"The note {note_id} has been changed since it was read.", hint="Read it again; it says something else."
            )
        if change is None:
            return notes.pop(note_id)
        notes[note_id] = change(note)
        return notes[note_id]


def session_date_of(note_id: str) -> date:
    """The session date of a note, by its id. Raises `UnknownNoteError` for what is no id."""
    at = instant_of(note_id)
    if at is None:
        raise _unknown(note_id)
    day, _ = new_york_day(parse_instant(at, parameter="id"))
    return day


def _after(before: datetime) -> datetime:
    """Now, and later than it was changed last, however the clock goes: it is what tells one text from another."""
    return max(datetime.now(UTC), before + timedelta(microseconds=1))


def _writable(lake: Path) -> LakeLayout:
    layout = LakeLayout(lake)
    if not layout.database.exists():
        raise LakeError(
            f"There is no lake at {layout.root}.", hint="Name one with --lake; of a lost database: `gexlake rebuild`."
        )
    refuse_replica(layout)
    return layout


def _unknown(note_id: str) -> UnknownNoteError:
    return UnknownNoteError(f"There is no note {note_id[:64]!r}.", hint="`gexlake notes list` shows their ids.")
