"""Many instants in one request: what was known at each, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gexlake.api.errors import ApiError, ErrorDetail
from gexlake.api.params import MAX_US, MaxAge, Query, Zone
from gexlake.api.params import Format as Form
from gexlake.api.representations import TABLE_FORMATS, choose_format, frame_response, rows_of
from gexlake.api.routes.snapshots.feeds import about, check_feed
from gexlake.api.state import running
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.record_type import RecordType
from gexlake.services.asking.asof import Wanted, join_asof
from gexlake.services.asking.moments import SECOND_US, parse_instant

if TYPE_CHECKING:
    import polars as pl

MOST_INSTANTS = 50_000
"""They fit into the body that a request may have by default."""


class InstantsOrder(BaseModel):
    """Which feed, at which instants, and what of the snapshots."""

    model_config = ConfigDict(extra="forbid")

    symbol: str = Field(min_length=1, max_length=64, description="Ticker of the feed.", examples=["NQ_NDX"])
    package: str | None = Field(default=None, max_length=64, description="The usual one if it is left out.")
    category: str | None = Field(default=None, max_length=64, description="The usual one if it is left out.")
    timestamps: list[Any] = Field(
        max_length=MOST_INSTANTS,
        description="In any order: Unix seconds, or ISO 8601 with an offset.",
        json_schema_extra={"items": {"anyOf": [{"type": "number"}, {"type": "string"}]}},
        examples=[[1763134200, "2025-11-14T15:30:01Z"]],
    )
    tz: Zone | None = Field(default=None, description="Zone of instants that are written without one.")
    max_age: MaxAge | None = Field(
        default=None, description="How old a snapshot may be, of whichever session; else it is of the same one."
    )
    columns: list[str] | None = Field(default=None, max_length=100, description="Of the snapshots; else all numbers.")
    distances: bool = Field(default=False, description="How far spot is above each level.")
    within: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="The share of the ladder's magnitude at most so many points from spot."
    )
    strikes: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default=[], max_length=100, description="The ladder's value at each of these."
    )


class FormQuery(Query):
    """In which form."""

    format: Form | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


def at_instants(kind: RecordType, request: Request, order: InstantsOrder, query: FormQuery) -> Response:
    """Give what was known at each of many instants: a row for each, in their order.

    `as_of` is the instant of the last snapshot at or before it, `age_seconds` how much older that is; null where there
    is none of the same session, by New York's date, or none within `max_age`.
    """
    import polars as pl

    feed = _feed_of(kind, order)
    check_feed(request, kind, feed)
    form = choose_format(request, query.format, TABLE_FORMATS)
    instants = pl.Series("timestamp", _microseconds(order.timestamps, order), pl.Int64).cast(pl.Datetime("us", "UTC"))
    wanted = Wanted(order.columns, order.distances, order.within, tuple(order.strikes), order.max_age)
    try:
        found = join_asof(running(request).lake.layout, feed, instants, wanted)
    except UsageError as error:
        detail = ErrorDetail(parameter="columns", value=None, message=error.hint or error.message)
        raise ApiError(422, "parameters_invalid", error.message, details=[detail]) from None

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {**about(feed), "count": rows.height, "rows": rows_of(rows)}

    return frame_response(request, found, form, envelope)


def _feed_of(kind: RecordType, order: InstantsOrder) -> Feed:
    package, category = order.package, order.category
    if package is None and category is None:
        package, category = kind.default
    return feed_of(order.symbol, package, category)


def _microseconds(values: Sequence[Any], order: InstantsOrder) -> list[int]:
    """Unix microseconds. Raises `ApiError` for the first that is no instant."""
    found = []
    for number, value in enumerate(values):
        if type(value) is int and 0 <= value * SECOND_US < MAX_US:  # as mostly
            found.append(value * SECOND_US)
            continue
        try:
            found.append(parse_instant(value, parameter="timestamps", tz=order.tz))
        except UsageError as error:
            detail = ErrorDetail(parameter=f"timestamps.{number}", value=value, message=str(error))
            raise ApiError(422, "parameters_invalid", "Not valid: timestamps.", details=[detail]) from None
    return found
