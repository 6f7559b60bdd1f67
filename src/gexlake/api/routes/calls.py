"""Calls of `services.served` from other processes on this machine: the command line and imports beside the service."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from gexlake.api.errors import ApiError
from gexlake.api.state import running
from gexlake.errors import GexlakeError, fault_document
from gexlake.services.asking import gaps, imports, lineage, sessions, status
from gexlake.services.importing import commits
from gexlake.services.owner.served import CALL_PATH, CallError, answer
from gexlake.services.publishing import mirror_log, outgoing
from gexlake.services.statements import hand_over
from gexlake.services.upkeep import collect_garbage, inspect_lake, rewrite

SERVED = (
    collect_garbage,
    commits,
    gaps,
    imports,
    inspect_lake,
    lineage,
    hand_over,
    mirror_log,
    outgoing,
    rewrite,
    sessions,
    status,
)
"""The modules of functions that can be called: importing them is what makes them known."""

router = APIRouter(include_in_schema=False)

COMMITTING = frozenset({"commit_staged", "register_import"})
"""Calls that can bring sessions into the lake."""


@router.post(CALL_PATH + "{name}")
async def call(name: str, request: Request) -> Response:
    """Call a function in this process, for whoever may read the token in the lake."""
    service = running(request)
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {service.address.token}".encode()):
        raise ApiError(401, "token_invalid", "This is for processes that can read the lake's own files.")
    body = await request.body()
    try:
        content_type, content = await run_in_threadpool(answer, name, service.lake.layout.root, body)
    except CallError as error:
        raise ApiError(400, "call_invalid", f"{name[:64]} cannot be called so. {error.message}") from error
    except GexlakeError as error:
        return JSONResponse(fault_document(error), status_code=409)
    if name in COMMITTING:
        await run_in_threadpool(service.lake.refresh)
    return Response(content, media_type=content_type)
