"""`/`: the dashboard. Its files are part of the package, so it works without a network and without Node.

The page itself holds no data and needs no key; everything that it shows comes from the API, for which it asks for one.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response

from gexlake.api.errors import ApiError

router = APIRouter(include_in_schema=False)

DIRECTORY = Path(__file__).parents[2] / "dashboard"
INDEX = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    content: bytes
    packed: bytes
    headers: dict[str, str]


@cache
def _files() -> dict[str, _File]:
    """Every file of the page by its path; what is not among them cannot be asked for."""
    found = {}
    for path in sorted(DIRECTORY.rglob("*")):
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        name = path.relative_to(DIRECTORY).as_posix()
        content = path.read_bytes()
        headers = {
            "Content-Type": f"{media_type}; charset=utf-8",
            # Names in assets/ hold a hash of the content; the page, which names them, is looked at anew each time.
            "Cache-Control": FOREVER if name.startswith("assets/") else "no-cache",
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Vary": "Accept-Encoding",
        }
        found[name] = _File(content, gzip.compress(content, mtime=0), headers)
    return found


@router.get("/")
async def page(request: Request) -> Response:
    """Give the page."""
    return _answer(request, INDEX)


@router.get("/favicon.svg")
async def icon(request: Request) -> Response:
    """Give its icon."""
    return _answer(request, "favicon.svg")


@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """Give one of the files that the page names."""
    return _answer(request, f"assets/{name}")


def _answer(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise ApiError(404, "not_found", f"The dashboard has no file {name[:100]}.")
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers=file.headers | {"Content-Encoding": "gzip"})
    return Response(file.content, headers=file.headers)
