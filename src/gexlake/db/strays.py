"""Files in a lake that nothing refers to, and work that nobody will finish."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commits import versions_listed
from gexlake.db.journal import JOURNAL_TABLES
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import version_paths
from gexlake.db.recovery import is_running
from gexlake.db.sessions import load_rows
from gexlake.importers import IMPORTERS
from gexlake.lineage.quarantine import is_raw_file_sound
from gexlake.models.checks import Check
from gexlake.models.verify_report import Finding

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


def find_strays(connection: Connection, layout: LakeLayout) -> Iterator[Finding]:
    """What lies in the lake's own folders and is no part of it; while an import runs, only what is certain.

    Other files beside `gexlake.duckdb` are the user's own business.
    """
    running = {path.name for path in _staged(layout) if path.is_dir() and is_running(path)}
    yield from _find_left(connection, layout, running)
    refused = {row[0] for row in connection.execute("SELECT DISTINCT raw_file FROM quarantine").fetchall() if row[0]}
    for name in sorted(refused):
        if not (layout.root / name).is_file():
            yield Finding(code=Check.QUARANTINE_FILE, message=f"{layout.root / name} is missing.")
        elif not is_raw_file_sound(layout.root / name):
            yield Finding(code=Check.QUARANTINE_FILE, message=f"{layout.root / name} is not what was written.")
    if running:
        names = ", ".join(sorted(running))
        yield Finding(code=Check.IMPORT_RUNNING, message=f"Stray files were not looked for: {names} is under way.")
        return
    wanted = {layout.root / name for name in refused} | set(_iter_wanted(connection, layout))
    for folder in (*IMPORTERS, layout.versions.name, layout.imports.name, layout.quarantine.name):
        for path in _iter_files(layout.root / folder):
            if path not in wanted:
                yield Finding(code=Check.STRAY_FILE, message=f"Nothing refers to {path}.")
    for path in sorted(layout.root.glob(f"{layout.database.name}?*")):
        if path not in (layout.log, layout.before_image):
            yield Finding(code=Check.STRAY_FILE, message=f"Nothing refers to {path}.")


def _find_left(connection: Connection, layout: LakeLayout, running: set[str]) -> Iterator[Finding]:
    """Staged work and imports that ended without a word: the next import settles them."""
    left = {path.name for path in _staged(layout)} - running
    for name in sorted(left):
        yield Finding(code=Check.STAGING_LEFT, message=f"{layout.staging / name} was left; the next import settles it.")
    for (import_id,) in connection.execute("SELECT import_id FROM imports WHERE status = 'running'").fetchall():
        if import_id not in running | left:
            words = f"Import {import_id} ended without a word; the next import settles it."
            yield Finding(code=Check.STAGING_LEFT, message=words)


def _iter_wanted(connection: Connection, layout: LakeLayout) -> Iterator[Path]:
    for record_type, session in load_rows(connection):
        for dataset in IMPORTERS[record_type].datasets:
            yield layout.dataset_file(record_type, dataset.name, session)
    for one in versions_listed(connection):
        yield from version_paths(layout, one.record_type, one.session, one.version).values()
    for (import_id,) in connection.execute("SELECT import_id FROM imports").fetchall():
        for table in JOURNAL_TABLES:
            yield layout.imports / import_id / f"{table}.parquet"


def _staged(layout: LakeLayout) -> list[Path]:
    return sorted(layout.staging.iterdir()) if layout.staging.is_dir() else []


def _iter_files(top: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            yield Path(folder, name)
