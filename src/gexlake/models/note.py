"""Notes: a user's own words at an instant of a feed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from gexlake.errors import UsageError
from gexlake.models.feed import Feed

MAX_CHARACTERS = 2_000
NOTE_ID = r"[0-9]{8}T[0-9]{6}\.[0-9]{6}-[0-9a-f]{8}"
"""The instant of the note in UTC, and a number drawn by lot: in order of ids notes are in order of time."""
FIRST_YEAR = 1970
_REFUSED = frozenset({"Cc", "Cs"})
"""Unicode's categories of control characters, and of halves of characters."""


class Note(BaseModel, frozen=True):
    """A note. It is of an instant of a feed, whatever version of the session the lake holds, or none. Times are UTC."""

    id: str = Field(pattern=f"^{NOTE_ID}$")
    ticker: str
    package: str
    category: str
    session_date: date = Field(description="Of its instant, in New York.")
    timestamp: AwareDatetime
    text: str
    created_at: AwareDatetime
    changed_at: AwareDatetime

    @field_validator("text")
    @classmethod
    def _is_text(cls, text: str) -> str:
        problem = text_problem(text)
        if problem:
            raise ValueError(problem)
        return text

    @property
    def feed(self) -> Feed:
        """The feed that it is of."""
        return Feed(self.ticker, self.package, self.category)


def text_of(text: str) -> str:
    r"""The text of a note as it is kept: without white space around it, lines ended by \n alone.

    Raises `UsageError` for one that is empty, too long, or has control characters.
    """
    kept = text.replace("\r\n", "\n").strip()
    problem = text_problem(kept)
    if problem:
        raise UsageError(f"The text of a note {problem}.")
    return kept


def text_problem(text: str) -> str | None:
    """What is wrong with a text, None where nothing is."""
    if not text:
        return "is empty"
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text):,} characters; {MAX_CHARACTERS:,} are admitted"
    for place, character in enumerate(text):
        if unicodedata.category(character) in _REFUSED and character != "\n":
            return f"has a control character, U+{ord(character):04X}, at character {place + 1}"
    return None


def instant_of(note_id: str) -> datetime | None:
    """The instant in an id, UTC; None for what is no id."""
    if re.fullmatch(NOTE_ID, note_id) is None:
        return None
    try:
        moment = datetime.strptime(f"{note_id[:22]}+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        return None
    return moment if moment.year >= FIRST_YEAR else None
