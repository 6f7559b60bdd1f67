"""Snapshots of a record type in the vendor's shape: the last, the one at an instant, and pages of a range."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gexlake.api.errors import ApiError, ErrorDetail
from gexlake.api.params import MAX_US, Format, encode_cursor
from gexlake.api.representations import (
    MEDIA_TYPES,
    TABLE_FORMATS,
    choose_format,
    frame_response,
    rows_of,
    tagged_response,
)
from gexlake.api.routes.snapshots.feeds import about, check_feed, check_imported, following_headers, nothing_of
from gexlake.api.routes.snapshots.queries import AtQuery, SnapshotQuery, SnapshotsQuery
from gexlake.api.selection import parsed, selected
from gexlake.api.state import running
from gexlake.errors import NoSnapshotError
from gexlake.models.record_type import Ladder, RecordType
from gexlake.models.record_types import kind_of
from gexlake.services.asking.moments import iso
from gexlake.services.asking.nearness import age_of, check_near
from gexlake.services.asking.session_frames import Bounds, collect_rows, scan_range
from gexlake.services.store.values import SEPARATOR, Page, Record

if TYPE_CHECKING:
    import polars as pl

QUICK_LADDERS, QUICK_SNAPSHOTS = 100, 1_000
"""A page of at most so many snapshots, with ladders or without, is made in some 2 ms: sooner than a thread is found."""


# ---- one snapshot --------------------------------------------------------------------------------------------------


async def latest(kind: RecordType, request: Request, query: SnapshotQuery) -> Response:
    """Give the last snapshot of a feed, in the vendor's shape, with `as_of` and its age in seconds at this moment.

    It is of the newest session, however long ago that was; `max_age` bounds its age.
    """
    check_feed(request, kind, query.feed)
    record = running(request).lake.store.latest(query.feed, strikes=query.strikes)
    now_us = int(time.time() * 1_000_000)
    if record is not None and query.max_age is not None:
        _check_near(query, record, now_us)
    return _answer_record(request, query, record, now_us)


async def at(kind: RecordType, request: Request, query: AtQuery) -> Response:
    """Give the last snapshot at or before an instant, never a later one, with `as_of` and its age at that instant.

    It is of the same session, by New York's date, unless `max_age` says how old it may be.
    """
    check_feed(request, kind, query.feed)
    record = running(request).lake.store.at(query.feed, query.timestamp, strikes=query.strikes)
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
        raise nothing_of(running(request), None, query.feed)
    age = age_of(record.timestamp_us, now_us)
    text = record.text
    if query.fields is not None:
        text = memoryview(selected(parsed(text), query.fields))
    separator = b"," if len(text) > 2 else b""
    tail = b'%b"as_of":"%b","age_seconds":%b}' % (separator, iso(record.timestamp_us).encode(), str(age).encode())
    return tagged_response(request, [bytes(text[:-1]) + tail])


# ---- pages of snapshots --------------------------------------------------------------------------------------------


async def page(kind: RecordType, request: Request, query: SnapshotsQuery) -> Response:
    """Give the snapshots of a range, a page at a time; `next` is the cursor of the page behind it.

    JSON and JSON Lines have the vendor's shape. The other forms have the columns of table `{name}_snapshots`, and with
    `strikes` a list of ladder rows beside them, but for CSV, which has no ladders.
    """
    form = choose_format(request, query.format, TABLE_FORMATS)
    check_feed(request, kind, query.feed)
    if form in ("json", "ndjson"):
        ladder = kind.ladder
        wants_ladders = bool(ladder and query.strikes and (query.fields is None or ladder.field in query.fields))
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
    following = encode_cursor(found.last_us) if found.more and found.last_us is not None else None
    tagged = partial(
        tagged_response,
        request,
        media_type=MEDIA_TYPES[form],
        headers=following_headers(request, following),
        origin=(query.feed, found.runs, query.order, query.strikes, query.fields, following),
    )
    if form == "ndjson":
        return tagged([found.lines() if query.fields is None else _lines_of(found, query.fields)])
    head = orjson.dumps({**about(query.feed), "count": found.count, "next": following})[:-1] + b',"snapshots":['
    if query.fields is not None:
        return tagged([head, b",".join(_iter_selected(found, query.fields)), b"]}"])
    *most, last = found.buffers or [memoryview(SEPARATOR)]
    return tagged([head, *most, last[: -len(SEPARATOR)], b"]}"])


def _lines_of(found: Page, fields: list[str]) -> bytes:
    return b"".join(record + b"\n" for record in _iter_selected(found, fields))


def _iter_selected(found: Page, fields: list[str]) -> list[bytes]:
    return [selected(record, fields) for record in parsed(found.array())]


def _answer_table(request: Request, query: SnapshotsQuery, form: Format) -> Response:
    """A page as a frame: the rows between its first and its last snapshot."""

    check_imported(request, query.feed)
    found = _find_page(request, query, strikes=False)
    layout = running(request).lake.layout
    ends = sorted(end for end in (found.first_us, found.last_us) if end is not None) or [MAX_US, MAX_US]
    bounds = Bounds(first_us=ends[0], last_us=ends[-1])
    frame = collect_rows(scan_range(layout, "snapshots", query.feed, bounds))
    ladder = kind_of(query.feed).ladder
    if ladder and query.strikes and form != "csv":
        rows = scan_range(layout, ladder.dataset, query.feed, bounds)
        frame = frame.join(_nested(rows, ladder), on="timestamp", how="left", maintain_order="left")
    frame = frame.sort("timestamp", descending=query.order == "desc", maintain_order=True)
    if query.fields is not None:
        frame = frame.select(name for name in query.fields if name in frame.columns)
    following = encode_cursor(found.last_us) if found.more and found.last_us is not None else None
    return frame_response(request, frame, form, rows_of, headers=following_headers(request, following))


def _nested(rows: pl.LazyFrame, ladder: Ladder) -> pl.DataFrame:
    """Ladder rows as one list for each timestamp, under the vendor's name of the ladder."""
    import polars as pl

    grouped = rows.group_by("timestamp", maintain_order=True).agg(pl.struct(ladder.names).alias(ladder.field))
    return collect_rows(grouped)
