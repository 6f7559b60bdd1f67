"""The routes, one module per resource.

Give a router its prefix where it is made, not where it is included: log and metrics name a route by it.
"""

from __future__ import annotations

from fastapi import APIRouter

from gexlake.api.routes import calls, dashboard, exports, health, imports, notes, records, snapshots, sql, view

ROUTERS: tuple[APIRouter, ...] = (
    *snapshots.ROUTERS,
    view.router,
    exports.router,
    notes.router,
    records.router,
    sql.router,
    imports.router,
    health.router,
    calls.router,
    dashboard.router,
)
"""All routers, in the order of the documentation."""

TAGS: list[dict[str, str]] = [
    *snapshots.TAGS,
    {"name": "pictures", "description": "What the dashboard draws."},
    {"name": "export", "description": "Whole ranges in bulk."},
    {"name": "notes", "description": "Words at instants of feeds: written, changed, deleted, found again."},
    {"name": "lake", "description": "What the lake holds, and where it is from."},
    {"name": "imports", "description": "Bring history into the lake."},
    {"name": "service", "description": "Whether the service lives, is ready, and how it fares."},
]
"""The groups of the documentation."""
