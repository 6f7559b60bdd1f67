"""What the lake holds and where it is from: feeds, sessions, gaps, lineage, quarantine, and news of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.responses import Response

from gexlake.api.announce import LaggedError
from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, responses
from gexlake.api.params import Category, Day, Format, takes_no_parameters
from gexlake.api.params import Query as Parameters
from gexlake.api.representations import TABLE_FORMATS, choose_format, content, frame_response, rows_of
from gexlake.api.state import running, until_stopping
from gexlake.models.lineage import FileStatus
from gexlake.models.record_types import RECORD_TYPES
from gexlake.models.session_filter import SessionFilter
from gexlake.services.asking.gaps import GapsReport, find_gaps
from gexlake.services.asking.lineage import list_lineage, list_quarantine
from gexlake.services.asking.recorded import with_recorded
from gexlake.services.asking.sessions import list_sessions
from gexlake.services.asking.status import FeedStatus, LakeStatus, lake_status
from gexlake.services.owner.keys import Scope

if TYPE_CHECKING:
    import polars as pl

router = APIRouter(tags=["lake"], responses=DATA_RESPONSES, dependencies=[Depends(Needs(Scope.READ))])
BARE = [Depends(takes_no_parameters)]


# ---- parameters ----------------------------------------------------------------------------------------------------


class FeedsQuery(Parameters):
    """Some feeds, each parameter repeatable; and some session dates, both included."""

    symbol: list[str] = Field(default=[], max_length=100, description="Tickers of feeds; none: all.")
    package: list[str] = Field(default=[], max_length=10, description="Packages of feeds; none: all.")
    category: list[Category] = Field(default=[], max_length=20, description="Categories of feeds; none: all.")
    start: Day | None = Field(default=None, description="First session date.", examples=["2025-11-10"])
    end: Day | None = Field(default=None, description="Last session date.", examples=["2025-11-14"])


class SessionsQuery(FeedsQuery):
    """Which sessions, and in which form."""

    limit: int = Field(default=1000, ge=1, le=100_000, description="At most so many, the newest first.")
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class RecordsQuery(Parameters):
    """What `lineage` and `quarantine` have in common."""

    import_id: str | None = Field(default=None, max_length=100, description="Of this import, or of those beginning so.")
    symbol: list[str] = Field(default=[], max_length=100, description="Tickers; none: all.")
    start: Day | None = Field(default=None, description="First session date.", examples=["2025-11-10"])
    end: Day | None = Field(default=None, description="Last session date.", examples=["2025-11-14"])
    source: str | None = Field(default=None, max_length=1000, description="Any part of the source file's path.")
    limit: int = Field(default=1000, ge=1, le=100_000, description="At most so many.")
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class LineageQuery(RecordsQuery):
    """Which lineage records."""

    record_type: list[Literal[tuple(RECORD_TYPES)]] = Field(  # type: ignore[valid-type]
        default=[], description="Record types; none: all."
    )
    status: list[FileStatus] = Field(default=[], description="How the file fared; none: all.")


class QuarantineQuery(RecordsQuery):
    """Which refused records."""

    reason: list[str] = Field(default=[], max_length=100, description="Codes of rules; none: all.")


class FeedList(BaseModel):
    """The feeds of the lake."""

    count: int
    feeds: list[FeedStatus]


# ---- routes --------------------------------------------------------------------------------------------------------


@router.get("/status", dependencies=BARE)
def show_status(request: Request) -> LakeStatus:
    """Take stock of the lake: feeds, sessions, rows, bytes, coverage, the last import."""
    return lake_status(running(request).lake.layout.root)


@router.get("/feeds", dependencies=BARE)
def show_feeds(request: Request) -> FeedList:
    """Give every feed with its sessions, sizes and coverage."""
    feeds = lake_status(running(request).lake.layout.root).feeds
    return FeedList(count=len(feeds), feeds=feeds)


@router.get("/sessions", responses=responses(406) | content(*TABLE_FORMATS), response_class=Response)
def show_sessions(request: Request, query: Annotated[SessionsQuery, Query()]) -> Response:
    """Give sessions, the newest first: counts, first and last timestamp, gaps, and the import that wrote them.

    A session that is recorded live, and of which nothing is imported yet, has neither gaps nor an import.
    """
    lake = running(request).lake
    wanted = SessionFilter.of(
        tickers=query.symbol, packages=query.package, categories=query.category, since=query.start, until=query.end
    )
    frame = list_sessions(
        lake.layout.root,
        tickers=query.symbol,
        packages=query.package,
        categories=query.category,
        since=query.start,
        until=query.end,
        limit=query.limit,
    )
    return _table(request, with_recorded(frame, lake.store, wanted).head(query.limit), query.format, "sessions")


@router.get("/gaps", responses=responses(404))
def show_gaps(request: Request, query: Annotated[FeedsQuery, Query()]) -> GapsReport:
    """Give missing sessions by the NYSE calendar, and the holes inside sessions."""
    return find_gaps(
        running(request).lake.layout.root,
        tickers=query.symbol,
        packages=query.package,
        categories=query.category,
        since=query.start,
        until=query.end,
    )


@router.get("/lineage", responses=responses(406) | content(*TABLE_FORMATS), response_class=Response)
def show_lineage(request: Request, query: Annotated[LineageQuery, Query()]) -> Response:
    """Give what became of each source file in each import, the newest first."""
    frame = list_lineage(
        running(request).lake.layout.root,
        import_id=query.import_id,
        record_types=query.record_type,
        statuses=query.status,
        tickers=query.symbol,
        since=query.start,
        until=query.end,
        source=query.source,
        limit=query.limit,
    )
    return _table(request, frame, query.format, "lineage")


@router.get("/quarantine", responses=responses(406) | content(*TABLE_FORMATS), response_class=Response)
def show_quarantine(request: Request, query: Annotated[QuarantineQuery, Query()]) -> Response:
    """Give refused records with their own text and the reason."""
    frame = list_quarantine(
        running(request).lake.layout.root,
        import_id=query.import_id,
        reasons=query.reason,
        tickers=query.symbol,
        since=query.start,
        until=query.end,
        source=query.source,
        limit=query.limit,
    )
    return _table(request, frame, query.format, "quarantine")


@router.get("/events", dependencies=BARE, response_class=EventSourceResponse)
async def follow_sessions(request: Request) -> AsyncIterator[ServerSentEvent]:
    """Follow the lake: a `session` event for every session that is committed, a `live` event for records as they come.

    Who reads too slowly is told by a `lagged` event, the last one: events were lost, and the state is to be read anew.
    """
    try:
        async with running(request).announcer.subscribe() as events:
            async for event in until_stopping(request, events):
                yield ServerSentEvent(data=event, event=str(event.get("type", "session")))
    except LaggedError as error:
        yield ServerSentEvent(data={"type": "lagged", "message": f"{error.message} {error.hint}"}, event="lagged")


def _table(request: Request, frame: pl.DataFrame, form: Format | None, name: str) -> Response:
    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {"count": rows.height, name: rows_of(rows)}

    make: Callable[[pl.DataFrame], dict[str, Any]] = envelope
    return frame_response(request, frame, choose_format(request, form, TABLE_FORMATS), make)
