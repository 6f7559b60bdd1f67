"""`/sql`: one read-only statement, bounded in time, rows and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, RETRY_SECONDS, ApiError, responses
from gexlake.api.params import Format
from gexlake.api.params import Query as Parameters
from gexlake.api.representations import TABLE_FORMATS, choose_format, content, frame_response, rows_of
from gexlake.api.state import STATEMENTS_AT_ONCE, running
from gexlake.errors import QueryError
from gexlake.services.owner.frames import is_panic
from gexlake.services.owner.keys import Scope

if TYPE_CHECKING:
    import polars as pl

router = APIRouter(tags=["lake"], responses=DATA_RESPONSES, dependencies=[Depends(Needs(Scope.SQL))])
_executor = ThreadPoolExecutor(STATEMENTS_AT_ONCE, thread_name_prefix="sql")
"""Of their own, so that statements that wait for their turn take no thread that other answers need."""


class Statement(BaseModel):
    """A statement of SQL."""

    model_config = ConfigDict(extra="forbid")

    statement: str = Field(
        min_length=1,
        max_length=100_000,
        description="One SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.",
        examples=["SELECT session_date, count(*) FROM gex_snapshots GROUP BY ALL ORDER BY ALL"],
    )
    limit: int | None = Field(default=None, ge=1, description="At most so many rows.")


class FormQuery(Parameters):
    """In which form."""

    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


@router.post("/sql", responses=responses(406) | content(*TABLE_FORMATS), response_class=Response)
async def run_statement(request: Request, order: Statement, query: Annotated[FormQuery, Query()]) -> Response:
    """Give the rows of one statement that only reads. It reaches the lake's data, no file, network or setting."""
    chosen = choose_format(request, query.format, TABLE_FORMATS)
    service = running(request)
    await run_in_threadpool(service.lake.check_present)
    work = _executor.submit(service.statements.run, order.statement, limit=order.limit)
    answer = asyncio.wrap_future(work)
    await asyncio.wait([answer], timeout=service.settings.query_seconds)
    if work.cancel():  # it has not even begun
        raise ApiError(
            429,
            "too_many_statements",
            f"{STATEMENTS_AT_ONCE} statements run already, and others wait.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    frame = await answer

    def envelope(rows: pl.DataFrame) -> dict[str, Any]:
        return {"count": rows.height, "columns": rows.columns, "rows": rows_of(rows)}

    return await run_in_threadpool(_shown, request, frame, chosen, envelope)


def _shown(request: Request, frame: pl.DataFrame, form: Format, envelope: Callable[[pl.DataFrame], object]) -> Response:
    """The answer. Raises `QueryError` where a value has no place in its form: of types there are infinitely many."""
    import polars as pl

    try:
        return frame_response(request, frame, form, envelope)
    except BaseException as error:
        if isinstance(error, pl.exceptions.PolarsError | ValueError | TypeError | OverflowError) or is_panic(error):
            what = str(error).rstrip(".") or type(error).__name__
            raise QueryError(
                f"The result has values that {form} cannot show: {what}.", hint="Select them as text, with ::VARCHAR."
            ) from error
        raise
