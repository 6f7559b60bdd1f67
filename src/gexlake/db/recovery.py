"""After a crash: staged work is committed where it is whole and still fits, and removed where not."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commit import commit_groups, publish
from gexlake.db.database import NEW_DATABASE_PREFIX, is_held, refresh_views
from gexlake.db.faults import translated_faults
from gexlake.db.journal import JOURNAL_PREFIX, write_journal
from gexlake.db.layout import LakeLayout, sync_directory, try_lock
from gexlake.db.parquet import dataset_paths, version_paths
from gexlake.db.queries import insert_lost_imports, sum_import
from gexlake.db.standing import Standing
from gexlake.db.versions import discard_version, is_shown, place_version
from gexlake.models.staged import StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

LOCK_NAME = "lock"
DUCKDB_TEMPORARY_PREFIX = "duckdb_temp"
LEFT_PREFIXES = (JOURNAL_PREFIX, NEW_DATABASE_PREFIX, DUCKDB_TEMPORARY_PREFIX)


@contextmanager
def staging_area(layout: LakeLayout, import_id: str) -> Iterator[Path]:
    """A staging directory for one import, locked while it runs; the system drops the lock when the process dies.

    Raises `StorageError` where it cannot be made.
    """
    with translated_faults(layout):
        directory, lock = _make_locked(layout.staging, import_id)
    try:
        yield directory
        # Only at a good end: after a fault, staged work is left for the next import to commit. A recovery that comes
        # upon the directory while it is being removed may take a hand in that, so nothing here is an error.
        shutil.rmtree(directory, ignore_errors=True)
    except BaseException:
        if not any(path.is_dir() for path in directory.iterdir()):  # nothing was staged
            shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _make_locked(staging: Path, import_id: str) -> tuple[Path, int]:
    """A new directory that has its name only when it is locked, so that no recovery takes it for an abandoned one."""
    directory, unlocked = staging / import_id, staging / f".{import_id}"
    while True:
        try:
            unlocked.mkdir(parents=True)
            lock = os.open(unlocked / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except FileNotFoundError:  # a recovery was quicker, and has removed it
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            unlocked.rename(directory)
            sync_directory(staging)
        except FileNotFoundError:
            os.close(lock)
        except BaseException:
            os.close(lock)
            raise
        else:
            return directory, lock


def recover(connection: Connection, layout: LakeLayout) -> list[str]:
    """Settle the staging directories of imports that are no more; the ids of those imports."""
    if not is_held(layout):  # else these may be in use, by another thread
        for path in layout.staging.iterdir():
            if path.name.startswith((*LEFT_PREFIXES, layout.before_image.name)):
                _remove(path)  # an owner of the database that died left it: no other is alive while we own it
    settled = [
        directory.name
        for directory in sorted(layout.staging.iterdir())
        if _recover_import(connection, layout, directory)
    ]
    for (import_id,) in connection.execute("SELECT import_id FROM imports WHERE status = 'running'").fetchall():
        if not (layout.staging / import_id).exists():
            sum_import(connection, import_id)
            write_journal(connection, layout, import_id)
    for (import_id,) in connection.execute("SELECT import_id FROM imports WHERE status <> 'running'").fetchall():
        if not (layout.imports / import_id).exists():
            write_journal(connection, layout, import_id)
    refresh_views(connection, layout)
    return settled


def _recover_import(connection: Connection, layout: LakeLayout, directory: Path) -> bool:
    """Settle one entry of the staging directory; whether it was the place of an import that is no more."""
    if not directory.is_dir():
        return False
    with _abandoned(directory) as abandoned:
        if not abandoned:
            return False
        found = list(iter_staged(directory))
        # What cannot be committed, because the lake has moved on or the disk has lost a file, the next import stages
        # anew.
        commit_groups(connection, layout, _groups(found), in_order=False)
        standing = Standing.load(connection, found)
        for staged in found:
            if not standing.is_committed(staged):
                discard_version(layout, staged)
        insert_lost_imports(connection)
        if connection.execute("SELECT 1 FROM imports WHERE import_id = ?", [directory.name]).fetchone():
            sum_import(connection, directory.name)
            write_journal(connection, layout, directory.name)
        _remove(directory)
        return True


def iter_staged(directory: Path) -> Iterator[StagedSession]:
    """The staged work of an import that is whole."""
    for path in sorted(path for path in directory.iterdir() if path.is_dir()):
        with suppress(OSError, ValueError, KeyError, TypeError):  # else it was not finished, and is removed
            yield StagedSession.load(path)


def _iter_left(layout: LakeLayout) -> Iterator[StagedSession]:
    """The same of all imports that are no more."""
    for directory in sorted(path for path in layout.staging.glob("*") if path.is_dir()):
        if not is_running(directory):
            yield from iter_staged(directory)


def _groups(found: list[StagedSession]) -> list[list[StagedSession]]:
    """What was staged together: the sessions that some sources feed, and last the one with the lineage of these.

    Without that one, because the import died before it was whole, the others are left out. One of the others that is
    not there was committed, or else the last does not fit.
    """
    groups = {_name_of(staged): [staged] for staged in found if "." not in _name_of(staged)}
    for staged in found:
        name, dot, _ = _name_of(staged).partition(".")
        if dot and name in groups:
            groups[name].insert(-1, staged)
    return list(groups.values())


def _name_of(staged: StagedSession) -> str:
    assert staged.directory is not None
    return staged.directory.name


def _remove(path: Path) -> None:
    """Remove a file or a tree; a worker that has outlived its import for a moment may still put something there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def finish_publishing(layout: LakeLayout) -> list[StagedSession]:
    """Complete the names for globs of sessions that have one already; the sessions that were committed by imports that
    are no more, still in their staging directories.

    Needs no database: names for globs are given behind the commit. Staged work that has none is left to `recover`.
    """
    finished = []
    for staged in _iter_left(layout):
        if staged.changes_data:
            shown = dataset_paths(layout, staged.record_type, staged.session)
            files = version_paths(layout, staged.record_type, staged.session, staged.version)
            if any(is_shown(shown[name], file) for name, file in files.items()):
                place_version(layout, staged)
                publish(layout, [staged])
                finished.append(staged)
    return finished


def is_running(directory: Path) -> bool:
    """Whether a living process owns a staging directory; nothing is changed by asking."""
    try:
        lock = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def _abandoned(directory: Path) -> Iterator[bool]:
    """Whether no living import owns the directory; it is owned by us inside the block."""
    try:
        lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False  # removed by its own import just now
        return
    try:
        yield try_lock(lock)
    finally:
        os.close(lock)
