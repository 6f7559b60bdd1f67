"""`/notes`: what users wrote at instants of feeds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi import Response as Answer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, ApiError, ErrorDetail, responses
from gexlake.api.params import FORMS_OF_INSTANTS, Category, Format, Zone, ZoneField, takes_no_parameters
from gexlake.api.params import Query as Parameters
from gexlake.api.representations import TABLE_FORMATS, choose_format, content, frame_response, rows_of
from gexlake.api.routes.exports import Bound
from gexlake.api.routes.snapshots.feeds import check_feed, following_headers
from gexlake.api.state import running
from gexlake.errors import UsageError
from gexlake.models.feed import feed_of
from gexlake.models.note import MAX_CHARACTERS, NOTE_ID, Note, text_of
from gexlake.services.asking.moments import parse_instant
from gexlake.services.asking.notes import add_note, change_note, delete_note, find_note, list_notes, notes_frame
from gexlake.services.asking.session_frames import Bounds
from gexlake.services.owner.keys import Scope

if TYPE_CHECKING:
    import polars as pl

router = APIRouter(prefix="/notes", tags=["notes"], responses=DATA_RESPONSES)
READ = [Depends(Needs(Scope.READ))]
WRITE = [Depends(Needs(Scope.IMPORT))]
BARE = [Depends(takes_no_parameters)]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""No note was changed then: of a tag that is none of ours."""
_BOUND = f"{FORMS_OF_INSTANTS}; a date alone stands for the session of that date"

# ---- what is asked and sent ----------------------------------------------------------------------------------------


def _admitted(text: str) -> str:
    try:
        return text_of(text)
    except UsageError as error:
        raise ValueError(error.message) from None


Text = Annotated[
    str,
    Field(description=f"Up to {MAX_CHARACTERS:,} characters, none of them a control character but line breaks."),
    AfterValidator(_admitted),
]
IfMatch = Annotated[
    str | None,
    Header(description="The note's `ETag`, which is its `changed_at` in quotes: 412 where it is another by now."),
]


class NotesQuery(Parameters):
    """Which notes, and in which form."""

    symbol: list[str] = Field(default=[], max_length=100, description="Tickers of feeds; none: all.")
    package: list[str] = Field(default=[], max_length=10, description="Packages of feeds; none: all.")
    category: list[Category] = Field(default=[], max_length=20, description="Categories of feeds; none: all.")
    tz: ZoneField = None
    start: Bound | None = Field(default=None, description=f"From here on. {_BOUND}.")
    end: Bound | None = Field(default=None, description="Up to here, this instant or session included.")
    limit: int = Field(default=1000, ge=1, le=10_000, description="At most so many.")
    cursor: str | None = Field(
        default=None, pattern=f"^{NOTE_ID}$", description="`next` of the page before; all else as it was there."
    )
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")

    @property
    def bounds(self) -> Bounds:
        """The range."""
        return Bounds.between(cast(date | int | None, self.start), cast(date | int | None, self.end))


class NewNote(BaseModel):
    """A note that is to be written."""

    model_config = ConfigDict(extra="forbid")

    symbol: str = Field(min_length=1, max_length=64, description="Ticker of the feed.", examples=["NQ_NDX"])
    package: str | None = Field(default=None, max_length=64, description="The usual one if it is left out.")
    category: str | None = Field(default=None, max_length=64, description="The usual one if it is left out.")
    timestamp: Any = Field(
        description="Unix seconds, or ISO 8601 with an offset, to the microsecond.",
        json_schema_extra={"anyOf": [{"type": "number"}, {"type": "string"}]},
        examples=["2025-11-14T15:30:00Z"],
    )
    tz: Zone | None = Field(default=None, description="Zone of an instant that is written without one.")
    text: Text


class NoteText(BaseModel):
    """What a note is to say."""

    model_config = ConfigDict(extra="forbid")

    text: Text


# ---- routes --------------------------------------------------------------------------------------------------------


@router.get("", dependencies=READ, responses=responses(406) | content(*TABLE_FORMATS), response_class=Response)
def show_notes(request: Request, query: Annotated[NotesQuery, Query()]) -> Response:
    """Give notes in order of time, a page at a time; `next` is the cursor of the page behind it."""
    found = list_notes(
        running(request).lake.layout.root,
        tickers=query.symbol,
        packages=query.package,
        categories=query.category,
        bounds=query.bounds,
        after=query.cursor or "",
        limit=query.limit + 1,
    )
    following = found[query.limit - 1].id if len(found) > query.limit else None

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {"count": rows.height, "next": following, "notes": rows_of(rows)}

    form = choose_format(request, query.format, TABLE_FORMATS)
    headers = {"Cache-Control": "no-cache", **following_headers(request, following)}
    return frame_response(request, notes_frame(found[: query.limit]), form, envelope, headers=headers)


@router.post("", status_code=201, dependencies=[*WRITE, *BARE], responses=responses(404, 409))
def write_note(order: NewNote, request: Request, response: Answer) -> Note:
    """Write a note at an instant of a feed of the lake; one that is there word for word is not written twice."""
    feed = feed_of(order.symbol, order.package, order.category)
    check_feed(request, None, feed)
    note = add_note(running(request).lake.layout.root, feed, _instant(order), order.text)
    response.headers["Location"] = f"/notes/{note.id}"
    return _tagged(response, note)


@router.get("/{note_id}", dependencies=[*READ, *BARE], responses=responses(404))
def show_note(note_id: str, request: Request, response: Answer) -> Note:
    """Give one note."""
    return _tagged(response, find_note(running(request).lake.layout.root, note_id))


@router.patch("/{note_id}", dependencies=[*WRITE, *BARE], responses=responses(404, 412))
def rewrite_note(note_id: str, words: NoteText, request: Request, response: Answer, if_match: IfMatch = None) -> Note:
    """Give a note another text; feed and instant stay."""
    root = running(request).lake.layout.root
    return _tagged(response, change_note(root, note_id, words.text, changed_at=_changed_at(if_match)))


@router.delete("/{note_id}", dependencies=[*WRITE, *BARE], responses=responses(404, 412))
def remove_note(note_id: str, request: Request, if_match: IfMatch = None) -> Note:
    """Delete a note; the answer is the note as it was."""
    return delete_note(running(request).lake.layout.root, note_id, changed_at=_changed_at(if_match))


# ---- tags and instants -----------------------------------------------------------------------------------------------


def _tagged(response: Answer, note: Note) -> Note:
    response.headers["ETag"] = f'"{_text(note.changed_at)}"'
    response.headers["Cache-Control"] = "no-cache"
    return note


def _text(moment: datetime) -> str:
    """As JSON has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _changed_at(tag: str | None) -> datetime | None:
    """When the note was changed that the caller has read; None where it may be any. Raises `ApiError`."""
    if tag is None or tag.strip() == "*":
        return None
    try:
        moment = datetime.fromisoformat(tag.strip().strip('"'))
    except ValueError:
        return NEVER
    return moment if moment.tzinfo else NEVER


def _instant(order: NewNote) -> int:
    try:
        return parse_instant(order.timestamp, parameter="timestamp", tz=order.tz)
    except UsageError as error:
        detail = ErrorDetail(parameter="timestamp", value=order.timestamp, message=str(error))
        raise ApiError(422, "parameters_invalid", "Not valid: timestamp.", details=[detail]) from None
