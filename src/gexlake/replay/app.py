"""The application of a replay."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexlake.errors import GexlakeError
from gexlake.replay.routes import control, history, snapshots, sockets
from gexlake.replay.routes.vendor_route import VendorError, error_answer
from gexlake.replay.state import Replay

logger = logging.getLogger(__name__)


def create_app(replay: Replay) -> Starlette:
    """The application over a replay; whoever made that also closes it."""
    app = Starlette(
        routes=[*control.ROUTES, *history.ROUTES, *sockets.ROUTES, *snapshots.ROUTES],
        exception_handlers={HTTPException: _on_http_error, GexlakeError: _on_fault, Exception: _on_error},
    )
    app.state.replay = replay
    app.router.redirect_slashes = False
    return app


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_answer(VendorError(error.status_code, None if error.status_code == 404 else str(error.detail)))


async def _on_fault(request: Request, error: Exception) -> Response:
    logger.warning("%s", error)
    return error_answer(VendorError(503, str(error)))


async def _on_error(request: Request, error: Exception) -> Response:
    return error_answer(VendorError(500))
