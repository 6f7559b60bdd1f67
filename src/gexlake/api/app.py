"""The application of the service: what it is made of, and what starts and ends with it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from gexlake._version import __version__
from gexlake.api.errors import add_error_handlers, error_schemas
from gexlake.api.lifespan import RESOURCES
from gexlake.api.middleware import ServiceMiddleware
from gexlake.api.routes import ROUTERS, TAGS
from gexlake.api.state import ServiceState
from gexlake.settings import Settings

DESCRIPTION = """A lake of GEXBot gamma-exposure history. Field names are the vendor's.

Errors have one shape: `error` is a stable code, `message` is for people, `details` name parameter, value and what would
be valid, `request_id` is the one of the header `X-Request-ID` and of the log."""
DOCS_PATH = "/docs"
DOCS_FILES_PATH = "/docs/files"
OPENAPI_PATH = "/openapi.json"


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for resource in RESOURCES:
            await stack.enter_async_context(resource(app.state.service))
        await run_in_threadpool(_nothing)  # what runs threads is loaded with the first, which no answer has to wait for
        yield


def _nothing() -> None: ...


# ---- the application -----------------------------------------------------------------------------------------------


def create_app(settings: Settings) -> FastAPI:
    """Make the application of a service over `settings.lake`; nothing is opened until its lifespan begins."""
    service = ServiceState.of_settings(settings)
    app = FastAPI(
        title="gexlake",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=OPENAPI_PATH,
        openapi_tags=TAGS,
        docs_url=None,  # below, with a content security policy
        redoc_url=None,
        lifespan=_lifespan,
        # It would look for providers of OpenTelemetry in every request: 3 % of the time of a snapshot.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,  # one path for each thing, and no status that is not documented
        # Not by `include_router`, which looks for the route of each request twice.
        routes=[route for router in ROUTERS for route in router.routes],
    )
    app.state.service = service
    app.add_middleware(ServiceMiddleware, service=service)
    if settings.cors_origins:  # around it, so that browsers can read errors too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
        )
    add_error_handlers(app)
    _add_docs(app)
    _complete_openapi(app)
    return app


def _add_docs(app: FastAPI) -> None:
    """The page of the documentation, without the network: a package holds the files of Swagger UI.

    Its policy admits these, and the script in the page, nothing else.
    """
    page = get_swagger_ui_html(
        openapi_url=OPENAPI_PATH,
        title=f"{app.title} {app.version}",
        swagger_js_url=f"{DOCS_FILES_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{DOCS_FILES_PATH}/swagger-ui.css",
        swagger_favicon_url="/favicon.svg",
    )
    html = bytes(page.body).decode()
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    policy = (
        f"default-src 'none'; script-src 'self' {hashes}; connect-src 'self'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    )

    async def docs(_: Request) -> HTMLResponse:
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    app.add_route(DOCS_PATH, docs, include_in_schema=False)
    app.mount(DOCS_FILES_PATH, StaticFiles(packages=[("fastapi_swagger", "resources")]))


def _complete_openapi(app: FastAPI) -> None:
    """Say in OpenAPI what FastAPI cannot: how errors look, and that a key may come in either of two headers."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(error_schemas())
            schemes = components.setdefault("securitySchemes", {})
            schemes["apiKey"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
            for operation in (operation for path in document["paths"].values() for operation in path.values()):
                if "security" in operation:
                    operation["security"].append({"apiKey": []})
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
