"""The routes, one module per resource.

Give a router its prefix where it is made, not where it is included: log and metrics name a route by it.
"""

from __future__ import annotations

from fastapi import APIRouter

from gexlake.api.routes import health

ROUTERS: tuple[APIRouter, ...] = (health.router,)
"""All routers, in the order of the documentation."""

TAGS: list[dict[str, str]] = [
    {"name": "service", "description": "Whether the service lives, is ready, and how it fares."},
]
"""The groups of the documentation."""
