"""A route whose query is read by one model, in one step.

FastAPI reads each parameter of a query by itself before it asks the model, which takes longer than a snapshot does. The
route documents its parameters as ever; only `QueryRoute.get_route_handler`, FastAPI's door for routes of another kind,
is its own. Source: https://fastapi.tiangolo.com/how-to/custom-request-and-route/
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
from gexlake.api.state import service_of
from gexlake.services.owner.keys import Scope

Endpoint = Callable[[Request, Any], Awaitable[Response]]


class QueryRoute(APIRoute):
    """A route of `async def endpoint(request: Request, query: Annotated[Model, Query()]) -> Response`, for readers.

    Its path has no parameters, and each parameter of its query has one value.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the key, wait for the turn, read the query, answer."""
        endpoint: Endpoint = self.endpoint
        model = _model_of(endpoint)

        async def answer(request: Request) -> Response:
            authorize(request, Scope.READ)
            await service_of(request).queue.wait()
            return await endpoint(request, read_query(request, model))

        return answer


def read_query(request: Request, model: type[BaseModel]) -> BaseModel:
    """The query as the model has it. Raises `RequestValidationError`, as FastAPI would."""
    try:
        return model.model_validate(_parameters(request))
    except ValidationError as error:
        found = [{**detail, "loc": ("query", *detail["loc"])} for detail in error.errors(include_url=False)]
        raise RequestValidationError(found) from None


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
