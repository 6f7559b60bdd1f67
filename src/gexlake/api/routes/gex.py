"""`/gex` and below: snapshots, ladders and what is made of them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, ApiError, ErrorDetail, responses
from gexlake.api.params import (
    MAX_LIMIT,
    MAX_US,
    MIN_US,
    Cursor,
    End,
    FeedQuery,
    Format,
    Interval,
    MaxAge,
    RangeQuery,
    ZoneField,
    encode_cursor,
    split_words,
)
from gexlake.api.query_route import QueryRoute
from gexlake.api.representations import (
    MEDIA_TYPES,
    TABLE_FORMATS,
    choose_format,
    content,
    frame_response,
    rows_of,
    tagged_response,
)
from gexlake.api.selection import parsed, selected
from gexlake.api.state import RunningService, running
from gexlake.errors import GexlakeError, NoSnapshotError
from gexlake.models.feed import Feed
from gexlake.services.asking.moments import iso
from gexlake.services.asking.nearness import age_of, check_near, no_snapshot
from gexlake.services.asking.resample import bars, heatmap, last_of_intervals, matrix
from gexlake.services.asking.session_frames import Bounds, collect_rows, iter_sessions, scan_range
from gexlake.services.owner.keys import Scope
from gexlake.services.store.values import SEPARATOR, Page, Record

if TYPE_CHECKING:
    import polars as pl

router = APIRouter(prefix="/gex", tags=["gex"], responses=DATA_RESPONSES)
READ = [Depends(Needs(Scope.READ))]
snapshots = APIRouter(prefix="/gex", tags=["gex"], responses=DATA_RESPONSES, route_class=QueryRoute, dependencies=READ)
FIELDS = (
    "timestamp", "ticker", "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi",
    "major_neg_vol", "major_neg_oi", "strikes", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "max_priors",
)  # fmt: skip
"""The vendor's fields of a snapshot, in the vendor's order."""
MAX_INTERVALS = 5_000
"""Rows of bars, and columns of a heatmap, in one answer."""

QUICK_LADDERS, QUICK_SNAPSHOTS = 100, 1_000
"""A page of at most so many snapshots, with ladders or without, is made in some 2 ms: sooner than a thread is found."""
FieldList = Annotated[list[Literal[FIELDS]] | None, BeforeValidator(split_words)]  # type: ignore[valid-type]


# ---- parameters ----------------------------------------------------------------------------------------------------


class SnapshotQuery(FeedQuery):
    """Which feed, and what of a snapshot."""

    strikes: bool = Field(default=True, description="Whether the ladder is wanted.")
    fields: FieldList = Field(
        default=None,
        description="Only these fields, separated by commas.",
        json_schema_extra={"type": "string", "examples": ["timestamp,spot,zero_gamma"]},
    )
    max_age: MaxAge | None = Field(
        default=None,
        description="Seconds, or 90s, 15m, 4h, 3d: a snapshot of any session that is no older, else 404. For `/gex/at` "
        "without it: one of the same session, by New York's date, else 404.",
    )


class AtQuery(SnapshotQuery):
    """Which feed, when, and what of the snapshot."""

    tz: ZoneField = None
    timestamp: End = Field(description="The snapshot at this instant, or else the last one before.")


class PageQuery(RangeQuery):
    """Which range, in which order and form."""

    limit: int = Field(default=1000, ge=1, le=MAX_LIMIT, description="At most so many snapshots.")
    order: Literal["asc", "desc"] = Field(default="asc", description="By time.")
    cursor: Cursor | None = Field(default=None, description="`next` of the page before; all else as it was there.")
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class SnapshotsQuery(PageQuery):
    """Which snapshots, and what of them."""

    strikes: bool = Field(default=True, description="Whether the ladders are wanted; CSV has none.")
    fields: FieldList = Field(
        default=None,
        description="Only these fields, separated by commas.",
        json_schema_extra={"type": "string", "examples": ["timestamp,spot,zero_gamma"]},
    )


class StrikesQuery(PageQuery):
    """Which strikes, through which time."""

    strike: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        min_length=1, max_length=100, description="One strike or, repeated, several.", examples=[[25000]]
    )


class GridQuery(RangeQuery):
    """Which range, on which grid of time."""

    interval: Interval = Field(
        default_factory=lambda: 60, description="Length of an interval, as 30s, 1m, 1h; 1m if it is not given."
    )
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class HeatmapQuery(GridQuery):
    """Which range, on which grid of time, of which ladder column."""

    value: Literal["gex_vol", "gex_oi"] = Field(default="gex_vol", description="What the cells show.")


# ---- one snapshot --------------------------------------------------------------------------------------------------


@snapshots.get("/latest", responses=responses(404), response_class=Response)
async def latest(request: Request, query: Annotated[SnapshotQuery, Query()]) -> Response:
    """Give the last snapshot of a feed, in the vendor's shape, with `as_of` and its age in seconds at this moment.

    It is of the newest session, however long ago that was; `max_age` bounds its age.
    """
    service = running(request)
    record = service.lake.store.latest(query.feed, strikes=query.strikes)
    now_us = int(time.time() * 1_000_000)
    if record is not None and query.max_age is not None:
        _check_near(query, record, now_us)
    return _answer_record(request, query, record, now_us)


@snapshots.get("/at", responses=responses(404), response_class=Response)
async def at(request: Request, query: Annotated[AtQuery, Query()]) -> Response:
    """Give the last snapshot at or before an instant, never a later one, with `as_of` and its age at that instant.

    It is of the same session, by New York's date, unless `max_age` says how old it may be.
    """
    service = running(request)
    record = service.lake.store.at(query.feed, query.timestamp, strikes=query.strikes)
    if record is not None:
        _check_near(query, record, query.timestamp)
    return _answer_record(request, query, record, query.timestamp)


def _check_near(query: SnapshotQuery, record: Record, asked_us: int) -> None:
    try:
        check_near(query.feed, record.timestamp_us, asked_us, query.max_age)
    except NoSnapshotError as error:
        age = age_of(record.timestamp_us, asked_us)
        detail = ErrorDetail(parameter="max_age", value=query.max_age, message=f"It would have to be {age}.")
        raise ApiError(404, "snapshot_too_old", error.message, hint=error.hint, details=[detail]) from None


def _answer_record(request: Request, query: SnapshotQuery, record: Record | None, now_us: int) -> Response:
    if record is None:
        raise _nothing(running(request), query.feed)
    age = age_of(record.timestamp_us, now_us)
    text = record.text
    if query.fields is not None:
        text = memoryview(selected(parsed(text), query.fields))
    separator = b"," if len(text) > 2 else b""
    tail = b'%b"as_of":"%b","age_seconds":%b}' % (separator, iso(record.timestamp_us).encode(), str(age).encode())
    return tagged_response(request, [bytes(text[:-1]) + tail])


def _nothing(service: RunningService, feed: Feed) -> GexlakeError:
    """Why there is no snapshot."""
    feeds = service.lake.store.feeds()
    if feed in feeds:
        return no_snapshot(feed)
    known = ", ".join(map(str, feeds)) or "no feed yet"
    return ApiError(
        404,
        "feed_unknown",
        f"The lake does not hold the feed {feed}.",
        details=[ErrorDetail(parameter="symbol", value=feed.ticker, message=f"It holds {known}.")],
    )


# ---- pages of snapshots --------------------------------------------------------------------------------------------


@snapshots.get(
    "",
    responses=responses(404, 406) | content("json", "ndjson", "csv", "arrow", "parquet"),
    response_class=Response,
)
async def page(request: Request, query: Annotated[SnapshotsQuery, Query()]) -> Response:
    """Give the snapshots of a range, a page at a time; `next` is the cursor of the page behind it.

    JSON and JSON Lines have the vendor's shape. The other forms have the columns of table `gex_snapshots`, and with
    `strikes` a list of ladder rows beside them, but for CSV, which has no ladders.
    """
    form = choose_format(request, query.format, TABLE_FORMATS)
    if form in ("json", "ndjson"):
        wants_ladders = query.strikes and (query.fields is None or "strikes" in query.fields)
        light = query.limit <= (QUICK_LADDERS if wants_ladders else QUICK_SNAPSHOTS) and query.fields is None
        answer = partial(_answer_page, request, query, form, strikes=wants_ladders)
        return answer() if light else await run_in_threadpool(answer)
    return await run_in_threadpool(_answer_table, request, query, form)


def _find_page(request: Request, query: SnapshotsQuery, *, strikes: bool) -> Page:
    return running(request).lake.store.page(
        query.feed,
        query.start,
        query.end,
        query.limit,
        descending=query.order == "desc",
        strikes=strikes,
        after_us=query.cursor,
    )


def _answer_page(request: Request, query: SnapshotsQuery, form: Format, *, strikes: bool) -> Response:
    found = _find_page(request, query, strikes=strikes)
    check_feed(request, query.feed)
    following = encode_cursor(found.last_us) if found.more and found.last_us is not None else None
    tagged = partial(
        tagged_response,
        request,
        media_type=MEDIA_TYPES[form],
        headers=_following(request, following),
        origin=(query.feed, found.runs, query.order, query.strikes, query.fields, following),
    )
    if form == "ndjson":
        return tagged([found.lines() if query.fields is None else _lines_of(found, query.fields)])
    head = orjson.dumps({**_about(query.feed), "count": found.count, "next": following})[:-1] + b',"snapshots":['
    if query.fields is not None:
        return tagged([head, b",".join(_iter_selected(found, query.fields)), b"]}"])
    *most, last = found.buffers or [memoryview(SEPARATOR)]
    return tagged([head, *most, last[: -len(SEPARATOR)], b"]}"])


def _about(feed: Feed) -> dict[str, str]:
    return {"symbol": feed.ticker, "package": feed.package, "category": feed.category}


def _lines_of(found: Page, fields: list[str]) -> bytes:
    return b"".join(record + b"\n" for record in _iter_selected(found, fields))


def _iter_selected(found: Page, fields: list[str]) -> list[bytes]:
    return [selected(record, fields) for record in parsed(found.array())]


def _following(request: Request, cursor: str | None) -> dict[str, str]:
    """Headers that lead to the page behind this one."""
    if cursor is None:
        return {}
    asked = request.scope["query_string"].decode("latin-1").replace(">", "%3E").split("&")
    query = "&".join([*(word for word in asked if not word.startswith("cursor=")), f"cursor={cursor}"])
    return {"Link": f'<{request.scope["path"]}?{query}>; rel="next"', "X-Next-Cursor": cursor}


def _answer_table(request: Request, query: SnapshotsQuery, form: Format) -> Response:
    """A page as a frame: the rows between its first and its last snapshot."""
    import polars as pl

    found = _find_page(request, query, strikes=False)
    check_feed(request, query.feed)
    layout = running(request).lake.layout
    ends = sorted(end for end in (found.first_us, found.last_us) if end is not None) or [MAX_US, MAX_US]
    bounds = Bounds(first_us=ends[0], last_us=ends[-1])
    frame = collect_rows(scan_range(layout, "snapshots", query.feed, bounds))
    if query.strikes and form != "csv":
        ladders = scan_range(layout, "strikes", query.feed, bounds)
        rows = [
            name
            for name in ladders.collect_schema().names()
            if name not in (*query.feed._fields, "timestamp", "session_date")
        ]
        grouped = ladders.group_by("timestamp", maintain_order=True).agg(pl.struct(rows).alias("strikes"))
        frame = frame.join(collect_rows(grouped), on="timestamp", how="left", maintain_order="left")
    frame = frame.sort("timestamp", descending=query.order == "desc", maintain_order=True)
    if query.fields is not None:
        frame = frame.select(name for name in query.fields if name in frame.columns)
    following = encode_cursor(found.last_us) if found.more and found.last_us is not None else None
    return frame_response(request, frame, form, rows_of, headers=_following(request, following))


def check_feed(request: Request, feed: Feed) -> None:
    """Raise `ApiError` 404 for a feed that the lake does not hold."""
    service = running(request)
    if not service.lake.store.holds(feed):
        raise _nothing(service, feed)


# ---- one strike through time ---------------------------------------------------------------------------------------


@router.get(
    "/strikes", dependencies=READ, responses=responses(404, 406) | content(*TABLE_FORMATS), response_class=Response
)
def strikes(request: Request, query: Annotated[StrikesQuery, Query()]) -> Response:
    """Give one strike through time, or several: ladder rows by time and strike, a page at a time."""
    check_feed(request, query.feed)
    form = choose_format(request, query.format, TABLE_FORMATS)
    frame, following = _page_of_strikes(running(request), query)

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {**_about(query.feed), "count": rows.height, "next": following, "strikes": rows_of(rows)}

    shown = frame.drop("ticker", "package", "category", "session_date") if form == "json" else frame
    return frame_response(request, shown, form, envelope, headers=_following(request, following))


def _page_of_strikes(service: RunningService, query: StrikesQuery) -> tuple[pl.DataFrame, str | None]:
    """The rows of the first `limit` snapshots, so that no page ends within a ladder; and the cursor behind them."""
    import polars as pl

    descending = query.order == "desc"
    start, end = query.start, query.end
    if query.cursor is not None:
        start, end = (start, query.cursor - 1) if descending else (query.cursor + 1, end)
    bounds = Bounds(first_us=max(start, MIN_US), last_us=end)
    layout = service.lake.layout
    parts: list[pl.DataFrame] = []
    wanted = query.limit + 1
    for session in iter_sessions(layout, "strikes", query.feed, bounds, strikes=query.strike, descending=descending):
        rows = collect_rows(session.sort("timestamp", descending=descending, maintain_order=True))
        parts.append(rows)
        wanted -= rows["timestamp"].n_unique()
        if wanted <= 0:
            break
    if not parts:
        return collect_rows(scan_range(layout, "strikes", query.feed, Bounds(first_us=MAX_US))), None
    frame = pl.concat(parts)
    instants = frame["timestamp"].unique(maintain_order=True)
    if len(instants) <= query.limit:
        return frame, None
    last = instants[query.limit - 1]
    kept = frame.filter(pl.col("timestamp") >= last if descending else pl.col("timestamp") <= last)
    return kept, encode_cursor(int(instants.to_physical()[query.limit - 1]))


# ---- on a grid of time ---------------------------------------------------------------------------------------------


@router.get(
    "/bars", dependencies=READ, responses=responses(404, 406) | content(*TABLE_FORMATS), response_class=Response
)
def show_bars(request: Request, query: Annotated[GridQuery, Query()]) -> Response:
    """Give spot as open, high, low and close per interval, and the levels at its end.

    Each row is that of the interval's end, and is made of snapshots at or before it alone. Without `start` and `end` it
    is the latest session.
    """
    service, bounds = _grid(request, query)
    frame = collect_rows(bars(scan_range(service.lake.layout, "snapshots", query.feed, bounds), query.interval))
    _check_intervals(query, frame.height)

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {**_about(query.feed), "interval_seconds": query.interval, "count": rows.height, "bars": rows_of(rows)}

    form = choose_format(request, query.format, TABLE_FORMATS)
    return frame_response(request, frame, form, envelope)


@router.get(
    "/heatmap", dependencies=READ, responses=responses(404, 406) | content(*TABLE_FORMATS), response_class=Response
)
def show_heatmap(request: Request, query: Annotated[HeatmapQuery, Query()]) -> Response:
    """Give a ladder column, strike by time: what the last snapshot of each interval says.

    JSON is a matrix, `values[i][j]` at `strikes[i]` and `timestamps[j]`, null where that ladder has no such strike; the
    other forms have a row per cell. Without `start` and `end` it is the latest session.
    """
    service, bounds = _grid(request, query)
    layout = service.lake.layout
    intervals = collect_rows(last_of_intervals(scan_range(layout, "snapshots", query.feed, bounds), query.interval))
    _check_intervals(query, intervals.height)
    frame = collect_rows(heatmap(intervals, scan_range(layout, "strikes", query.feed, bounds), query.value))
    form = choose_format(request, query.format, TABLE_FORMATS)
    return frame_response(request, frame, form, partial(_matrix, query))


def _matrix(query: HeatmapQuery, cells: pl.DataFrame) -> dict[str, Any]:
    strikes, instants, values = matrix(cells, query.value)
    return {
        **_about(query.feed),
        "interval_seconds": query.interval,
        "value": query.value,
        "timestamps": instants.to_list(),
        "strikes": strikes,
        "values": values,
    }


def _grid(request: Request, query: GridQuery) -> tuple[RunningService, Bounds]:
    """The range asked for, or that of the feed's latest session."""
    check_feed(request, query.feed)
    service = running(request)
    if query.start != MIN_US or query.end != MAX_US:
        return service, Bounds(first_us=query.start, last_us=query.end)
    latest_day = service.lake.sessions_of(query.feed)[-1].session_date.isoformat()
    return service, Bounds(first_day=latest_day, last_day=latest_day)


def _check_intervals(query: GridQuery, count: int) -> None:
    if count > MAX_INTERVALS:
        message = f"{count:,} intervals are more than the {MAX_INTERVALS:,} of one answer."
        raise ApiError(
            422,
            "parameters_invalid",
            f"{message} Ask for longer intervals or less time.",
            details=[ErrorDetail(parameter="interval", value=f"{query.interval}s", message=message)],
        )
