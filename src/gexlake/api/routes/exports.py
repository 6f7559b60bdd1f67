"""`/export`: whole ranges in bulk, streamed in batches, however many rows they have."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, Field, ValidationInfo
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, responses
from gexlake.api.params import FORMS_OF_INSTANTS, FeedQuery, ZoneField, moment_of
from gexlake.api.representations import choose_format, content, stream_response
from gexlake.api.routes.gex import check_feed
from gexlake.api.state import running
from gexlake.services.asking.session_frames import Bounds, iter_batches, scan_range
from gexlake.services.owner.keys import Scope

router = APIRouter(
    prefix="/export",
    tags=["gex"],
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


@router.get("/snapshots", responses=content(*FORMATS), response_class=Response)
def export_snapshots(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Give all snapshots of a range with the columns of table `gex_snapshots`, in order of time."""
    return _export(request, query, "snapshots", None)


@router.get("/strikes", responses=content(*FORMATS), response_class=Response)
def export_strikes(request: Request, query: Annotated[ExportStrikesQuery, Query()]) -> Response:
    """Give all ladder rows of a range with the columns of view `gex_strikes`, by time and strike."""
    return _export(request, query, "strikes", query.strike or None)


def _export(request: Request, query: ExportQuery, dataset: str, strikes: list[float] | None) -> Response:
    check_feed(request, query.feed)
    frame = scan_range(running(request).lake.layout, dataset, query.feed, query.bounds, strikes=strikes)
    return stream_response(iter_batches(frame), choose_format(request, query.format, FORMATS))
