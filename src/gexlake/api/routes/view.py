"""`/view`: what the pictures of the dashboard are drawn from, as large as the picture and no larger."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import orjson
import xxhash
from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from gexlake._version import __version__
from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, ApiError, ErrorDetail, responses
from gexlake.api.params import Day, End, FeedQuery, Start, ZoneField
from gexlake.api.representations import is_known
from gexlake.api.routes.snapshots.feeds import check_feed
from gexlake.api.state import running
from gexlake.models.record_types import RECORD_TYPES, kind_of
from gexlake.services.asking.view import SECOND_US, SessionView, session_versions, view_session
from gexlake.services.owner.keys import Scope
from gexlake.services.store.unpublished import UnpublishedSession
from gexlake.services.store.values import PublishedSession

router = APIRouter(
    prefix="/view",
    tags=["pictures"],
    responses=DATA_RESPONSES | responses(404),
    dependencies=[Depends(Needs(Scope.READ))],
)
MEDIA_TYPE = "application/octet-stream"
MAX_COLUMNS = 4_000
VALUES = tuple(name for kind in RECORD_TYPES.values() if kind.ladder for name in kind.ladder.shown)


class ViewQuery(FeedQuery):
    """Which session, which part of it, and how wide the picture is."""

    date: Day = Field(description="Session date.", examples=["2025-11-14"])
    value: Literal[VALUES] | None = Field(  # type: ignore[valid-type]
        default=None, description="What the cells show, of the ladder's columns; the first of them if it is not given."
    )
    change_minutes: int | None = Field(
        default=None,
        ge=1,
        le=390,
        description="The cells show by how much that has changed over so many minutes, in place of the value itself.",
    )
    cells: bool = Field(default=True, description="Whether there are cells; without them the rest is there sooner.")
    columns: int = Field(default=1200, ge=1, le=MAX_COLUMNS, description="At most so many columns of time.")
    tz: ZoneField = None
    start: Start | None = Field(default=None, description="From here on; else from the open.")
    end: End | None = Field(default=None, description="Up to here; else to the close.")
    known: End | None = Field(
        default=None, description="The session is known up to here: `known_digest` says of what it consists until then."
    )

    @model_validator(mode="after")
    def _has_a_range(self) -> ViewQuery:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("start lies after end")
        return self


@router.get(
    "/session",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
    response_class=Response,
)
def show_session(request: Request, query: Annotated[ViewQuery, Query()]) -> Response:
    """Give a session as a picture needs it: strike by time, the path of spot, the levels and the sums.

    Four bytes say how long the JSON head is, which names the arrays behind it: little-endian float64, NaN where there
    is nothing, each with an element per column and `cells` with strikes x columns. A column shows the last snapshot
    at or before its end, `…_min` and `…_max` are the extremes within it, and `moved` is the largest change over a
    minute of the sum of what is shown, at `moved_at`. A change of the cells is that of the snapshot which a column
    shows against the last one at or before so many minutes earlier, NaN where that is missing. `digest` is of the
    instants and numbers of all snapshots of the session, and where there are cells of what pictures show of their
    ladders; `known_digest` of those at or before `known`: who has drawn
    the session until then, and finds the digest of that time in it, needs no more than the columns that came after.
    """
    check_feed(request, None, query.feed)
    value = _value_of(query)
    service = running(request)
    published = {session.session_date: session for session in service.lake.sessions_of(query.feed)}
    recorded = {shown.session_date: (shown, held) for shown, held in service.lake.store.unpublished(query.feed)}
    sessions = [_joined(published.get(day), recorded.get(day)) for day in sorted(published | recorded)]
    found = next((session for session in sessions if session.session_date == query.date), None)
    if found is None:
        raise _no_session(query, sessions)
    layout = service.lake.layout
    tag = _tag(request, found, sessions)
    headers = {"Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers | {"ETag": tag})
    read = session_versions(layout, query.feed, query.date)
    view = view_session(
        layout,
        query.feed,
        query.date,
        value=value,
        columns=query.columns,
        change_us=None if query.change_minutes is None else query.change_minutes * 60 * SECOND_US,
        with_cells=query.cells,
        start_us=query.start,
        end_us=query.end,
        known_us=query.known,
        recorded=recorded[query.date][1] if query.date in recorded else None,
    )
    if view is None:
        raise _no_session(query, sessions)
    versions = {published[query.date].version} if query.date in published else set()
    if read == versions == session_versions(layout, query.feed, query.date):
        headers["ETag"] = tag  # else the session is being replaced, and what was read may be of another version
    return Response(_encoded(view, query.change_minutes, sessions), media_type=MEDIA_TYPE, headers=headers)


def _joined(
    published: PublishedSession | None, recorded: tuple[PublishedSession, UnpublishedSession] | None
) -> PublishedSession:
    """A session with what is recorded of it and not published; its version is of both."""
    if recorded is None or published is None or not published.snapshots:
        found = recorded[0] if recorded else published
        assert found is not None
        return found
    shown, _ = recorded
    assert published.first_us is not None and published.last_us is not None  # noqa: PT018
    assert shown.first_us is not None and shown.last_us is not None  # noqa: PT018
    return published._replace(
        version=f"{published.version}+{shown.version}",
        snapshots=published.snapshots + shown.snapshots,
        first_us=min(published.first_us, shown.first_us),
        last_us=max(published.last_us, shown.last_us),
    )


def _value_of(query: ViewQuery) -> str | None:
    """The column that the cells show; None of a feed without ladders."""
    ladder = kind_of(query.feed).ladder
    shown = ladder.shown if ladder else ()
    if query.value is None or query.value in shown:
        return query.value or (shown[0] if shown else None)
    message = f"The feed {query.feed} has {', '.join(shown) or 'no ladder'}."
    detail = ErrorDetail(parameter="value", value=query.value, message=message)
    raise ApiError(422, "parameters_invalid", f"{query.feed} has no {query.value} to show.", details=[detail])


def _tag(request: Request, found: PublishedSession, sessions: list[PublishedSession]) -> str:
    """What the answer follows from: the session's version, the days beside it, and how we encode it."""
    days = [session.session_date.isoformat() for session in sessions]
    place = sessions.index(found)
    origin = (__version__, found.version, days[max(place - 1, 0) : place + 2], request.scope["query_string"])
    return f'"{xxhash.xxh3_128_hexdigest(repr(origin).encode())}"'


def _no_session(query: ViewQuery, sessions: list[PublishedSession]) -> ApiError:
    day = query.date
    before = max((session.session_date for session in sessions if session.session_date < day), default=None)
    after = min((session.session_date for session in sessions if session.session_date > day), default=None)
    near = " and ".join(one.isoformat() for one in (before, after) if one is not None)
    return ApiError(
        404,
        "session_unknown",
        f"The lake has no snapshot of {query.feed} on {day}.",
        details=[ErrorDetail(parameter="date", value=day.isoformat(), message=f"The nearest are {near or 'none'}.")],
    )


def _encoded(view: SessionView, change_minutes: int | None, sessions: list[PublishedSession]) -> bytes:
    arrays = {"cells": view.cells, **view.series}
    days = [session.session_date.isoformat() for session in sessions]
    place = days.index(view.session_date.isoformat())
    hours = view.hours
    head: dict[str, Any] = {
        "symbol": view.feed.ticker,
        "package": view.feed.package,
        "category": view.feed.category,
        "record_type": kind_of(view.feed).name,
        "session_date": view.session_date,
        "value": view.value,
        "change_minutes": change_minutes,
        "start": view.span.start_us / SECOND_US,
        "end": view.span.end_us / SECOND_US,
        "column_seconds": view.span.column_us // SECOND_US,
        "open": hours and hours.open_us / SECOND_US,
        "close": hours and hours.close_us / SECOND_US,
        "early_close": bool(hours and hours.early_close),
        "snapshots": view.snapshots,
        "first": view.first_us / SECOND_US,
        "last": view.last_us / SECOND_US,
        "previous_session": days[place - 1] if place else None,
        "next_session": days[place + 1] if place + 1 < len(days) else None,
        "digest": view.digest,
        "known_digest": view.known_digest,
        "synthetic": view.synthetic,
        "strikes": view.strikes.tolist(),
        "moves": [[move.timestamp, move.change] for move in view.moves],
        "arrays": [[name, array.size] for name, array in arrays.items()],
    }
    text = orjson.dumps(head)
    text += b" " * (-(len(text) + 4) % 8)  # so that the arrays can be used where they lie
    blocks = (np.ascontiguousarray(array, dtype="<f8").tobytes() for array in arrays.values())
    return b"".join((len(text).to_bytes(4, "little"), text, *blocks))
