"""The imports that the lake remembers: every run that was to write."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.services.asking.moments import instant
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import duckdb

COLUMNS = (
    "import_id, status, sources, epoch_us(started_at), epoch_us(finished_at), files, records_seen, records_imported, "
    "records_duplicate, records_quarantined"
)


class ImportSummary(BaseModel):
    """One run, as the lake remembers it; times are in UTC."""

    import_id: str
    status: str
    sources: list[str]
    started_at: datetime
    finished_at: datetime | None
    files: int | None
    records_seen: int | None
    records_imported: int | None
    records_duplicate: int | None
    records_quarantined: int | None
    imported_by_type: dict[str, int]
    """Records imported so far, by record type."""


@served
def list_imports(lake: Path, *, limit: int | None = None) -> list[ImportSummary]:
    """The latest imports, the newest first."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return load_imports(connection, limit=limit)


@served
def find_import(lake: Path, import_id: str) -> ImportSummary | None:
    """One import by its id."""
    with open_database(LakeLayout(lake), write=False) as connection:
        found = load_imports(connection, import_id=import_id)
    return found[0] if found else None


def load_imports(
    connection: duckdb.DuckDBPyConnection, *, import_id: str | None = None, limit: int | None = None
) -> list[ImportSummary]:
    """The imports of a lake, the newest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM imports WHERE ? IS NULL OR import_id = ? "
        "ORDER BY started_at DESC, import_id DESC LIMIT ?",
        [import_id, import_id, limit],
    ).fetchall()
    by_type = defaultdict[str, dict[str, int]](dict)
    for name, record_type, count in connection.execute(
        "SELECT import_id, record_type, sum(records_imported)::BIGINT FROM lineage WHERE list_contains(?, import_id) "
        "GROUP BY ALL ORDER BY ALL",
        [[row[0] for row in rows]],
    ).fetchall():
        by_type[name][record_type] = count
    return [_summary(row, by_type[row[0]]) for row in rows]


def _summary(row: tuple[Any, ...], by_type: dict[str, int]) -> ImportSummary:
    import_id, status, sources, started_us, finished_us, *counts = row
    return ImportSummary(
        import_id=import_id,
        status=status,
        sources=json.loads(sources),
        started_at=instant(started_us),
        finished_at=None if finished_us is None else instant(finished_us),
        **dict(zip(_COUNTS, counts, strict=True)),
        imported_by_type=by_type,
    )


_COUNTS = ("files", "records_seen", "records_imported", "records_duplicate", "records_quarantined")
