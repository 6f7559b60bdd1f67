"""Routes that answer in microseconds: FastAPI documents them, and takes no part in answering.

FastAPI's own handling of a request, and the search for its route, cost more than the answer does. A hot route has one
model for its query; the request is checked against the key, read by that model, and answered. The middleware finds
these routes by their path (`middleware.ServiceMiddleware`).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import cached_property
from typing import Any, get_args, get_type_hints

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gexlake.api.auth import authorize
from gexlake.services.owner.keys import Scope

Endpoint = Callable[[Request, Any], Awaitable[Response]]


class HotRoute(APIRoute):
    """A route of `async def endpoint(request: Request, query: Annotated[Model, Query()]) -> Response`, for readers.

    Its path has no parameters.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI would call: the same."""
        return self.answer

    async def answer(self, request: Request) -> Response:
        """Check the key, read the query, answer."""
        authorize(request, Scope.READ)
        try:
            query = self._model.model_validate(_parameters(request))
        except ValidationError as error:
            found = [{**detail, "loc": ("query", *detail["loc"])} for detail in error.errors(include_url=False)]
            raise RequestValidationError(found) from None
        endpoint: Endpoint = self.endpoint
        return await endpoint(request, query)

    @cached_property
    def _model(self) -> type[BaseModel]:
        return _model_of(self.endpoint)


def hot_routes(routers: Iterable[APIRouter]) -> dict[str, HotRoute]:
    """The hot routes by their paths."""
    routes = (route for router in routers for route in router.routes)
    return {route.path: route for route in routes if isinstance(route, HotRoute)}


def _parameters(request: Request) -> dict[str, str]:
    """The query's parameters, the last of each name: as Starlette reads them, which takes ten times as long."""
    text = request.scope["query_string"].decode("latin-1")
    if "%" in text or "+" in text:
        return dict(request.query_params)
    words = (word.partition("=") for word in text.split("&") if word)
    return {name: value for name, _, value in words}


def _model_of(endpoint: Endpoint) -> type[BaseModel]:
    hints = get_type_hints(inspect.unwrap(endpoint), include_extras=True)
    model: type[BaseModel] = get_args(hints["query"])[0]
    return model
