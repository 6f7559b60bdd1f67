"""What is made of the snapshots of a record type: a strike through time, bars, and strike by time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import Request
from starlette.responses import Response

from gexlake.api.errors import ApiError, ErrorDetail
from gexlake.api.params import MAX_US, MIN_US, encode_cursor
from gexlake.api.representations import TABLE_FORMATS, choose_format, frame_response, rows_of
from gexlake.api.routes.snapshots.feeds import about, check_feed, check_imported, following_headers
from gexlake.api.routes.snapshots.queries import GridQuery, HeatmapQuery, LadderQuery
from gexlake.api.state import RunningService, running
from gexlake.models.record_type import RecordType
from gexlake.services.asking.heatmap import Heatmap, iter_heatmap
from gexlake.services.asking.moments import instant
from gexlake.services.asking.resample import bars
from gexlake.services.asking.session_frames import Bounds, collect_rows, scan_range
from gexlake.services.asking.strike_frames import iter_strikes

if TYPE_CHECKING:
    import polars as pl

MAX_INTERVALS = 5_000
"""Rows of bars, and columns of a heatmap, in one answer."""


# ---- one strike through time ---------------------------------------------------------------------------------------


def ladder_rows(kind: RecordType, request: Request, query: LadderQuery) -> Response:
    """Give one strike through time, or several: ladder rows by time and strike, a page at a time."""
    check_feed(request, kind, query.feed)
    check_imported(request, query.feed)
    form = choose_format(request, query.format, TABLE_FORMATS)
    dataset = _dataset(kind)
    frame, following = _page_of_rows(running(request), dataset, query)

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {**about(query.feed), "count": rows.height, "next": following, dataset: rows_of(rows)}

    shown = frame.drop("ticker", "package", "category", "session_date") if form == "json" else frame
    return frame_response(request, shown, form, envelope, headers=following_headers(request, following))


def _page_of_rows(service: RunningService, dataset: str, query: LadderQuery) -> tuple[pl.DataFrame, str | None]:
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
    for session in iter_strikes(layout, dataset, query.feed, bounds, query.strike, descending=descending):
        rows = session.sort("timestamp", descending=descending, maintain_order=True)
        parts.append(rows)
        wanted -= rows["timestamp"].n_unique()
        if wanted <= 0:
            break
    if not parts:
        return collect_rows(scan_range(layout, dataset, query.feed, Bounds(first_us=MAX_US))), None
    frame = pl.concat(parts)
    instants = frame["timestamp"].unique(maintain_order=True)
    if len(instants) <= query.limit:
        return frame, None
    last = instants[query.limit - 1]
    kept = frame.filter(pl.col("timestamp") >= last if descending else pl.col("timestamp") <= last)
    return kept, encode_cursor(int(instants.to_physical()[query.limit - 1]))


# ---- on a grid of time ---------------------------------------------------------------------------------------------


def show_bars(kind: RecordType, request: Request, query: GridQuery) -> Response:
    """Give spot as open, high, low and close per interval, and the other numbers at its end.

    Each row is that of the interval's end, and is made of snapshots at or before it alone. Without `start` and `end` it
    is the latest session.
    """
    service, bounds = _grid(kind, request, query)
    frame = collect_rows(bars(kind, scan_range(service.lake.layout, "snapshots", query.feed, bounds), query.interval))
    _check_intervals(query, frame.height)

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {**about(query.feed), "interval_seconds": query.interval, "count": rows.height, "bars": rows_of(rows)}

    form = choose_format(request, query.format, TABLE_FORMATS)
    return frame_response(request, frame, form, envelope)


def show_heatmap(kind: RecordType, request: Request, query: HeatmapQuery) -> Response:
    """Give a ladder column, strike by time: what the last snapshot of each interval says.

    JSON is a matrix, `values[i][j]` at `strikes[i]` and `timestamps[j]`, null where that ladder has no such strike; the
    other forms have a row per cell. Without `start` and `end` it is the latest session.
    """
    service, bounds = _grid(kind, request, query)
    parts = iter_heatmap(
        service.lake.layout,
        query.feed,
        bounds,
        query.interval,
        query.value,
        on_intervals=partial(_check_intervals, query),
    )
    found = Heatmap.join(list(parts))
    form = choose_format(request, query.format, TABLE_FORMATS)
    return frame_response(request, found.frame(query.value), form, lambda _: _matrix(query, found))


def _matrix(query: HeatmapQuery, found: Heatmap) -> dict[str, Any]:
    strikes, ends, values = found.matrix()
    return {
        **about(query.feed),
        "interval_seconds": query.interval,
        "value": query.value,
        "timestamps": [instant(end) for end in ends.tolist()],
        "strikes": strikes,
        "values": values,
    }


def _grid(kind: RecordType, request: Request, query: GridQuery) -> tuple[RunningService, Bounds]:
    """The range asked for, or that of the feed's latest session."""
    check_feed(request, kind, query.feed)
    check_imported(request, query.feed)
    service = running(request)
    if query.start != MIN_US or query.end != MAX_US:
        return service, Bounds(first_us=query.start, last_us=query.end)
    latest_day = service.lake.sessions_of(query.feed)[-1].session_date
    return service, Bounds.between(latest_day, latest_day)


def _check_intervals(query: GridQuery, count: int) -> None:
    if count > MAX_INTERVALS:
        message = f"There are more intervals than the {MAX_INTERVALS:,} of one answer."
        raise ApiError(
            422,
            "parameters_invalid",
            f"{message} Ask for longer intervals or less time.",
            details=[ErrorDetail(parameter="interval", value=f"{query.interval}s", message=message)],
        )


def _dataset(kind: RecordType) -> str:
    assert kind.ladder is not None, "there is no such route without a ladder"
    return kind.ladder.dataset
