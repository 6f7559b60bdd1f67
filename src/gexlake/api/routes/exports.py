"""`/export`: whole ranges in bulk, streamed in batches, however many rows they have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, Field, ValidationInfo
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, responses
from gexlake.api.params import FORMS_OF_INSTANTS, Category, FeedQuery, ZoneField, moment_of
from gexlake.api.representations import choose_format, content, stream_response
from gexlake.api.routes.snapshots.feeds import check_feed, check_imported
from gexlake.api.state import running
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX, GREEKS
from gexlake.services.asking.session_frames import Bounds, iter_batches, scan_range
from gexlake.services.owner.keys import Scope

router = APIRouter(
    prefix="/export",
    tags=["export"],
    responses=DATA_RESPONSES | responses(404, 406),
    dependencies=[Depends(Needs(Scope.READ))],
)
BulkFormat = Literal["arrow", "parquet", "csv", "ndjson"]
FORMATS: tuple[BulkFormat, ...] = ("arrow", "parquet", "csv", "ndjson")


_BOUND = f"{FORMS_OF_INSTANTS}; a date alone stands for the session of that date"


def _moment(text: str, info: ValidationInfo) -> date | int:
    return moment_of(text, info, words=_BOUND)


Bound = Annotated[str, Field(max_length=64), AfterValidator(_moment)]


class ExportQuery(FeedQuery):
    """Which rows, and in which form."""

    tz: ZoneField = None
    start: Bound | None = Field(default=None, description=f"From here on. {_BOUND}.")
    end: Bound | None = Field(default=None, description="Up to here, this instant or session included.")
    format: BulkFormat | None = Field(default=None, description="Form of the answer; else Accept decides, else Arrow.")

    @property
    def bounds(self) -> Bounds:
        """The range."""
        return Bounds.between(cast(date | int | None, self.start), cast(date | int | None, self.end))


class ExportStrikesQuery(ExportQuery):
    """Which rows of which strikes, and in which form."""

    strike: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default=[], max_length=1000, description="Some strikes, repeated; none: all."
    )


class ExportContractsQuery(ExportStrikesQuery):
    """The same of greek profiles."""

    package: str = Field(default=GREEKS.default[0], min_length=1, max_length=64, description="`state`.")
    category: Category = Field(
        GREEKS.default[1], min_length=1, max_length=64, description="`gamma_zero`, or another greek."
    )


@router.get("/snapshots", responses=content(*FORMATS), response_class=Response)
def export_snapshots(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Give all snapshots of a range of any record type, with the columns of its table, in order of time."""
    return _export(request, query, "snapshots")


@router.get("/strikes", responses=content(*FORMATS), response_class=Response)
def export_strikes(request: Request, query: Annotated[ExportStrikesQuery, Query()]) -> Response:
    """Give all ladder rows of a range with the columns of view `gex_strikes`, by time and strike."""
    return _export(request, query, "strikes", GEX, query.strike)


@router.get("/contracts", responses=content(*FORMATS), response_class=Response)
def export_contracts(request: Request, query: Annotated[ExportContractsQuery, Query()]) -> Response:
    """Give all entries of greek profiles of a range with the columns of view `greeks_contracts`, by time and strike."""
    return _export(request, query, "contracts", GREEKS, query.strike)


def _export(
    request: Request,
    query: ExportQuery,
    dataset: str,
    kind: RecordType | None = None,
    strikes: Sequence[float] = (),
) -> Response:
    check_feed(request, kind, query.feed)
    check_imported(request, query.feed)
    frame = scan_range(running(request).lake.layout, dataset, query.feed, query.bounds, strikes=strikes or None)
    return stream_response(iter_batches(frame), choose_format(request, query.format, FORMATS))
