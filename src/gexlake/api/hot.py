"""Routes that answer in microseconds: FastAPI documents them, and takes no part in answering.

FastAPI's own handling of a request costs more than the answer does. A hot route has one model for its query; it is read
by that model, checked against the key, and answered.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, get_args, get_type_hints

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gexlake.api.auth import authorize
from gexlake.services.keys import Scope

Endpoint = Callable[[Request, Any], Awaitable[Response]]


class HotRoute(APIRoute):
    """A route of `async def endpoint(request: Request, query: Annotated[Model, Query()]) -> Response`, for readers.

    Its path has no parameters.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the query, check the key, answer."""
        endpoint: Endpoint = self.endpoint
        model = _model_of(endpoint)

        async def handle(request: Request) -> Response:
            authorize(request, Scope.READ)
            try:
                query = model.model_validate(dict(request.query_params))
            except ValidationError as error:
                found = [{**detail, "loc": ("query", *detail["loc"])} for detail in error.errors(include_url=False)]
                raise RequestValidationError(found) from None
            return await endpoint(request, query)

        return handle


def _model_of(endpoint: Endpoint) -> type[BaseModel]:
    hints = get_type_hints(inspect.unwrap(endpoint), include_extras=True)
    model: type[BaseModel] = get_args(hints["query"])[0]
    return model
