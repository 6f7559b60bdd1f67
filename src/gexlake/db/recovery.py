"""After a crash: staged work is committed where it is whole and still fits, and removed where not."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commit import OverlapError, StaleStageError, commit_session, publish
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout
from gexlake.models.staged import StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

LOCK_NAME = "lock"


@contextmanager
def staging_area(layout: LakeLayout, import_id: str) -> Iterator[Path]:
    """A staging directory for one import, locked while it runs; the system drops the lock when the process dies."""
    directory = layout.staging / import_id
    directory.mkdir(parents=True)
    lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory
        # Only at a good end: after a fault, staged work is left for the next import to commit.
        shutil.rmtree(directory)
    finally:
        os.close(lock)


def recover(connection: Connection, layout: LakeLayout) -> list[str]:
    """Settle the staging directories of imports that are no more; the ids of those imports."""
    settled = [
        directory.name
        for directory in sorted(layout.staging.iterdir())
        if _recover_import(connection, layout, directory)
    ]
    running = connection.execute("SELECT import_id FROM imports WHERE status = 'running'").fetchall()
    for (import_id,) in running:
        if import_id in settled or not (layout.staging / import_id).exists():
            connection.execute(
                "UPDATE imports SET status = 'interrupted', finished_at = now() WHERE import_id = ?", [import_id]
            )
            write_journal(connection, layout, import_id)
    return settled


def _recover_import(connection: Connection, layout: LakeLayout, directory: Path) -> bool:
    if not directory.is_dir():
        return False
    with _abandoned(directory) as abandoned:
        if not abandoned:
            return False
        for session in sorted(path for path in directory.iterdir() if path.is_dir()):
            try:
                staged = StagedSession.load(session)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # it was not finished, and is removed with the rest
            _settle(connection, layout, staged)
        shutil.rmtree(directory)
        return True


def _settle(connection: Connection, layout: LakeLayout, staged: StagedSession) -> None:
    if is_committed(connection, staged):
        row = connection.execute("SELECT 1 FROM sessions WHERE version = ?", [staged.version]).fetchone()
        if row is not None or not staged.changes_data:
            publish(layout, staged)
        return
    with suppress(StaleStageError, OverlapError):  # the import that comes next stages it anew
        commit_session(connection, layout, staged)


def is_committed(connection: Connection, staged: StagedSession) -> bool:
    """Whether the lake's lineage has this work: it is written in the transaction that commits it."""
    first = staged.lineage[0]
    row = connection.execute(
        "SELECT 1 FROM lineage WHERE import_id = ? AND source_file = ? AND session_date = ?",
        [first.import_id, first.source_file, first.session_date],
    ).fetchone()
    return row is not None


@contextmanager
def _abandoned(directory: Path) -> Iterator[bool]:
    """Whether no living import owns the directory; it is owned by us inside the block."""
    try:
        lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False  # removed by its own import just now
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)
