"""`/gex`, `/greeks`, `/orderflow` and below: snapshots, ladders and what is made of them.

The record types have the same routes: `queries.py` says what can be asked, `answers.py` and `grids.py` answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, responses
from gexlake.api.query_route import QueryRoute
from gexlake.api.representations import TABLE_FORMATS, content
from gexlake.api.routes.snapshots import answers, grids
from gexlake.api.routes.snapshots.instants import FormQuery, InstantsOrder, at_instants
from gexlake.api.routes.snapshots.queries import Queries
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import RECORD_TYPES
from gexlake.services.owner.keys import Scope

READ = [Depends(Needs(Scope.READ))]


def _routers_of(kind: RecordType) -> tuple[APIRouter, APIRouter]:
    """The routes of a record type: those that answer in a moment, and those that work in a thread."""
    queries = Queries(kind)
    place: dict[str, Any] = {"prefix": f"/{kind.name}", "tags": [kind.name], "responses": DATA_RESPONSES}
    quick = APIRouter(**place, route_class=QueryRoute, dependencies=READ)
    slow = APIRouter(**place)
    tables = responses(404, 406) | content(*TABLE_FORMATS)
    pages = responses(404, 406) | content("json", "ndjson", "csv", "arrow", "parquet")
    for router, path, answer, query, described in (
        (quick, "/latest", answers.latest, queries.latest, responses(404)),
        (quick, "/at", answers.at, queries.at, responses(404)),
        (quick, "", answers.page, queries.page, pages),
        (slow, "/bars", grids.show_bars, queries.bars, tables),
    ):
        _add(router, path, _endpoint(kind, answer, query), described)
    _add_instants(slow, kind, tables)
    if kind.ladder:
        _add(slow, f"/{kind.ladder.dataset}", _endpoint(kind, grids.ladder_rows, queries.ladder), tables)
        _add(slow, "/heatmap", _endpoint(kind, grids.show_heatmap, queries.heatmap), tables)
    return quick, slow


def _add(router: APIRouter, path: str, endpoint: Callable[..., Any], described: dict[int | str, Any]) -> None:
    dependencies = [] if router.dependencies else READ
    router.add_api_route(path, endpoint, responses=described, response_class=Response, dependencies=dependencies)


def _add_instants(router: APIRouter, kind: RecordType, described: dict[int | str, Any]) -> None:
    def endpoint(request: Request, order: InstantsOrder, query: Annotated[FormQuery, Query()]) -> Response:
        return at_instants(kind, request, order, query)

    endpoint.__name__, endpoint.__doc__ = at_instants.__name__, at_instants.__doc__
    endpoint.__annotations__ |= {"order": InstantsOrder, "query": Annotated[FormQuery, Query()], "request": Request}
    router.add_api_route(
        "/at", endpoint, methods=["POST"], responses=described, response_class=Response, dependencies=READ
    )


def _endpoint(kind: RecordType, answer: Callable[..., Any], query: type[BaseModel]) -> Callable[..., Any]:
    """The answer to a query of that record type, as FastAPI wants it: with types that say what is asked."""
    endpoint: Callable[..., Any]
    if inspect.iscoroutinefunction(answer):

        async def quick(request: Request, query: Any) -> Response:
            found: Response = await answer(kind, request, query)
            return found

        endpoint = quick
    else:

        def slow(request: Request, query: Any) -> Response:
            found: Response = answer(kind, request, query)
            return found

        endpoint = slow

    endpoint.__name__ = answer.__name__
    endpoint.__doc__ = (answer.__doc__ or "").replace("{name}", kind.name)
    endpoint.__annotations__ = {"request": Request, "query": Annotated[query, Query()], "return": Response}
    return endpoint


ROUTERS: tuple[APIRouter, ...] = tuple(router for kind in RECORD_TYPES.values() for router in _routers_of(kind))
"""All of them, in the order of the record types."""

TAGS: list[dict[str, str]] = [
    {
        "name": kind.name,
        "description": f"{kind.words[0].upper()}{kind.words[1:]}, and what is made of them. "
        "Nothing that came later is ever used.",
    }
    for kind in RECORD_TYPES.values()
]
