"""The journal: each import's own row, lineage and quarantine as Parquet, so that the database can be rebuilt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.layout import LakeLayout, sync_directory, sync_file
from gexlake.db.schema import quoted

if TYPE_CHECKING:
    import duckdb

JOURNAL_TABLES = ("imports", "lineage", "quarantine")


def write_journal(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, import_id: str) -> Path:
    """Write what the database holds of one import to `imports/<import_id>/`, replacing what is there."""
    target = layout.imports / import_id
    temporary = layout.staging / f"journal-{import_id}-{os.getpid()}"
    temporary.mkdir(parents=True, exist_ok=True)
    for table in JOURNAL_TABLES:
        file = temporary / f"{table}.parquet"
        connection.execute(
            f"COPY (SELECT * FROM {table} WHERE import_id = {quoted(import_id)}) TO {quoted(str(file))} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        sync_file(file)
    layout.imports.mkdir(exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    temporary.replace(target)
    sync_directory(layout.imports)
    return target
