"""The journal: each import's own row, lineage, quarantine and changes as Parquet, to rebuild the database from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.layout import LakeLayout, make_directories, sync_directory, sync_log
from gexlake.db.schema import quoted
from gexlake.importers.seal import blank_seal, seal_file

if TYPE_CHECKING:
    import duckdb

JOURNAL_TABLES = ("imports", "lineage", "quarantine", "changes")
JOURNAL_PREFIX = "journal-"
"""Of a directory in `staging/`: a journal that is being written, or one that was replaced."""


def write_journal(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, import_id: str) -> Path:
    """Write what the database holds of one import to `imports/<import_id>/`, replacing what is there.

    It is there whole or, after a crash at the wrong moment, not at all: `recovery` writes one that is missing.
    """
    sync_log(layout)
    target = layout.imports / import_id
    temporary = layout.staging / f"{JOURNAL_PREFIX}{import_id}-{os.getpid()}"
    replaced = temporary.with_name(f"{temporary.name}-old")
    temporary.mkdir(parents=True, exist_ok=True)
    seal = ", ".join(f"{key}: {quoted(text)}" for key, text in blank_seal().items())
    for table in JOURNAL_TABLES:
        file = temporary / f"{table}.parquet"
        connection.execute(
            f"COPY (SELECT * FROM {table} WHERE import_id = {quoted(import_id)}) TO {quoted(str(file))} "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{seal}}})"
        )
        seal_file(file)
    sync_directory(temporary)
    make_directories(layout.imports)
    if target.exists():
        target.replace(replaced)
    temporary.replace(target)
    sync_directory(layout.imports)
    shutil.rmtree(replaced, ignore_errors=True)
    return target
