"""Every error of the API, in one shape: `{"error", "message", "details", "request_id"}`.

`error` is a code that scripts may rely on, `message` is for people, `details` name the parameter, the value and what is
wrong with it. A traceback goes to the log, never into an answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import isfinite
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gexlake.errors import (
    DamagedSessionError,
    GexlakeError,
    LakeError,
    LakeLockedError,
    LakeVersionError,
    NoSnapshotError,
    QueryError,
    SourceError,
    StorageError,
    StoreError,
    UsageError,
    WorkerError,
)
from gexlake.services.asking.notes import ChangedNoteError, TooManyNotesError, UnknownNoteError

RETRY_SECONDS = 1
MAX_VALUE_CHARACTERS = 200
REQUEST_ID = "gexlake.request_id"
"""Where the middleware leaves the id of a request in its ASGI scope."""

logger = logging.getLogger(__name__)


class ErrorDetail(BaseModel):
    """What is wrong with one parameter."""

    parameter: str | None = None
    value: Any = None
    message: str


class ErrorDocument(BaseModel):
    """The body of every answer that reports an error."""

    error: str = Field(description="A stable code.", examples=["parameters_invalid"])
    message: str = Field(description="What happened, for people.")
    details: list[ErrorDetail] = Field(default_factory=list)
    request_id: str | None = Field(None, description="As in the header X-Request-ID and in the log.")


class ApiError(GexlakeError):
    """An error that only a request can make; a route raises it with its status and code.

    `details` and `headers` go into the answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        hint: str = "",
        details: Sequence[ErrorDetail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.error = error
        self.details = tuple(details)
        self.headers = dict(headers or {})


FAULTS: dict[type[GexlakeError], tuple[int, str]] = {
    UnknownNoteError: (404, "note_unknown"),
    ChangedNoteError: (412, "note_changed"),
    TooManyNotesError: (409, "notes_full"),
    UsageError: (400, "usage_invalid"),
    QueryError: (400, "query_invalid"),
    NoSnapshotError: (404, "no_snapshot"),
    SourceError: (400, "source_unusable"),
    LakeLockedError: (503, "lake_locked"),
    LakeVersionError: (503, "lake_version"),
    DamagedSessionError: (503, "session_damaged"),
    LakeError: (503, "lake_unusable"),
    StorageError: (503, "storage_failed"),
    StoreError: (503, "store_failed"),
    WorkerError: (503, "worker_failed"),
    GexlakeError: (500, "internal_error"),
}
"""Fault -> status and code; a subclass that is not named has those of its nearest ancestor."""

STATUS_CODES = {
    400: "request_invalid",
    401: "key_missing",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    422: "parameters_invalid",
    429: "rate_limited",
}
"""Code of an error that has nothing but a status."""

DESCRIPTIONS = {
    400: "The request cannot be carried out as given.",
    401: "A valid API key is needed.",
    403: "The API key lacks the scope, the address of the service is not one that it answers to, or it is a replica.",
    404: "There is no such thing.",
    406: "None of the accepted forms can be given.",
    409: "The state of the resource does not allow it.",
    412: "The resource is not as If-Match says: somebody has changed it.",
    413: "The body of the request is too large.",
    415: "The body of the request is of a form that is not understood.",
    422: "A parameter is not valid.",
    429: "Too many requests; Retry-After says when to go on.",
    500: "A fault of the service; the log has more under the request id.",
    503: "The lake cannot be used at the moment; Retry-After says when it may be.",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "How to send the key.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}


_SCHEMAS = "#/components/schemas/{model}"


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a router or route: what its errors look like in OpenAPI; see `error_schemas`.

    They refer to the schema. Given the model, FastAPI would make a serializer of it for every status of every route.
    """
    schema = {"$ref": _SCHEMAS.format(model=ErrorDocument.__name__)}
    return {
        status: {
            "content": {"application/json": {"schema": schema}},
            "description": DESCRIPTIONS[status],
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


def error_schemas() -> dict[str, Any]:
    """The schemas that `responses` refer to, by name: for the components of an OpenAPI document."""
    schema = ErrorDocument.model_json_schema(mode="serialization", ref_template=_SCHEMAS)
    return {**schema.pop("$defs"), ErrorDocument.__name__: schema}


OPEN_RESPONSES = responses(413, 429, 500)
"""For routes that need no key: what the middleware can answer to anything."""
DATA_RESPONSES = responses(400, 401, 403, 413, 422, 429, 500, 503)
"""For routes of data; add 404, 409 and so on where a route has them."""


# ---- from an exception to an answer --------------------------------------------------------------------------------


class Answer(NamedTuple):
    """An error, ready to be sent."""

    status: int
    error: str
    message: str
    details: Sequence[ErrorDetail] = ()
    headers: Mapping[str, str] = {}


ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)
"""What means that the process or the task is to end, and is no fault of anything."""


def ends_the_process(error: BaseException) -> bool:
    """Whether an exception, or one of a group, has to go on to whoever ends the process or the task."""
    return isinstance(error, ENDINGS) or (isinstance(error, BaseExceptionGroup) and error.subgroup(ENDINGS) is not None)


def answer_to(error: BaseException) -> Answer:
    """What an exception means to the caller."""
    if isinstance(error, ApiError):
        return Answer(error.status, error.error, str(error), error.details, error.headers)
    if isinstance(error, GexlakeError):
        status, code = next(FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS)
        return Answer(status, code, str(error), (), {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {})
    if isinstance(error, RequestValidationError):
        details = [_detail(found) for found in error.errors()]
        names = ", ".join(dict.fromkeys(detail.parameter or "the body" for detail in details))
        return Answer(422, STATUS_CODES[422], f"Not valid: {names}.", details)
    if isinstance(error, HTTPException):
        return _answer_to_http(error)
    return Answer(500, "internal_error", "The service failed; its log has more under this request id.")


def _answer_to_http(error: HTTPException) -> Answer:
    code = STATUS_CODES.get(error.status_code, HTTPStatus(error.status_code).name.lower())
    message = str(error.detail)
    return Answer(error.status_code, code, message if message.endswith(".") else f"{message}.", (), error.headers or {})


def _detail(found: Mapping[str, Any]) -> ErrorDetail:
    """A finding of Pydantic, with where it is as people would write it: `limit`, `data_types.0`."""
    place, *names = (str(part) for part in found["loc"])
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "json_invalid":
        reason = (found.get("ctx") or {}).get("error", "")
        return ErrorDetail(parameter="body", message=f"Not valid JSON: {reason} at character {'.'.join(names)}.")
    value = None if found["type"] == "missing" else _shown(found.get("input"))
    return ErrorDetail(parameter=".".join(names) or place, value=value, message=f"{message.rstrip('.')}.")


def _shown(value: object) -> str | int | float | bool | None:
    """A value that was sent, as JSON can express it, and never much of it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= 53:
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    try:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    except (ValueError, RecursionError):  # an integer of thousands of digits, say
        text = f"({type(value).__name__})"
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"


def error_response(error: BaseException, request_id: str | None) -> Response:
    """The answer to an exception; what is the service's own failing is logged."""
    answer = answer_to(error)
    if answer.status == 500:
        logger.error("The service failed.", exc_info=error)
    elif answer.status > 500:
        logger.warning("%s", answer.message)
    document = {
        "error": answer.error,
        "message": answer.message,
        "details": [detail.model_dump() for detail in answer.details],
        "request_id": request_id,
    }
    # By the standard library: what was sent may hold lone surrogates, which orjson refuses.
    return Response(
        json.dumps(document),
        status_code=answer.status,
        headers={"Cache-Control": "no-store", **answer.headers},
        media_type="application/json",
    )


async def _on_error(request: Request, error: Exception) -> Response:
    return error_response(error, request.scope.get(REQUEST_ID))


def add_error_handlers(app: FastAPI) -> None:
    """Give every error that a route can raise its shape; what is left, the middleware answers with 500."""
    for kind in (GexlakeError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _on_error)
