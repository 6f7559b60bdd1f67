"""The DuckDB file of a lake: one process opens it at a time to write, several to read."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake._version import __version__
from gexlake.db.checkpoint import LOG_BYTES, checkpoint, needs_undoing, undo_checkpoint
from gexlake.db.faults import (
    LOCK_WAIT_SECONDS,
    NOT_WRITABLE,
    POLL_SECONDS,
    is_not_writable,
    locked_error,
    storage_error,
    translated_faults,
)
from gexlake.db.instances import MEMORY_LIMIT, BusyError, attached
from gexlake.db.layout import LakeLayout, make_directories, place_new, sync_file
from gexlake.db.owner import owned_database
from gexlake.db.readers import GRACE
from gexlake.db.schema import SCHEMA_VERSION, create_table, create_view, quoted, tables_of, views_of
from gexlake.db.sessions import keeps_snapshots
from gexlake.errors import LakeError, LakeVersionError, StorageError
from gexlake.importers import IMPORTERS
from gexlake.models.location import SCHEMES

if TYPE_CHECKING:
    import duckdb

NOT_IN_PATHS = "?\\"
"""DuckDB takes what follows a question mark for options, and a backslash for a slash."""
NEW_DATABASE_PREFIX = "new-"
"""Of a file in `staging/`: a database that is being made."""


@contextmanager
def open_database(
    layout: LakeLayout, *, write: bool, snapshots_in_database: bool = True, wait_seconds: float = LOCK_WAIT_SECONDS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the lake's database; with `write` the lake is created where there is none, with
    tables of snapshots or without.

    Where this process holds the database (`held_database`), one writes at a time.

    Raises `LakeLockedError` when another process still holds it after `wait_seconds`, `LakeVersionError` for a lake
    of a newer gexlake, `LakeError` where there is no usable lake, `StorageError` when the disk refuses.
    """
    held = _held.get(layout.database.absolute())
    if held is None:
        with _opened(
            layout, write=write, snapshots_in_database=snapshots_in_database, wait_seconds=wait_seconds
        ) as connection:
            yield connection
        return
    with (
        held.writing if write else nullcontext(),
        translated_faults(layout),
        attached(layout.database, write=write, aside=layout.staging) as connection,
    ):
        if not layout.database.exists():
            raise LakeError(f"The lake {layout.root} is gone.", hint="Put it back, or end this server.")
        try:
            yield connection
            if write:
                checkpoint(connection, layout, log_bytes=LOG_BYTES)
        finally:
            held.changes += write


@contextmanager
def held_database(
    layout: LakeLayout,
    memory: str = MEMORY_LIMIT,
    *,
    grace: timedelta = GRACE,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> Iterator[None]:
    """Keep the database open for writing in this process, for all its threads; the lake is created where there is none.

    Statements reach nothing but the lake's data, and no setting can be changed; what users write is run elsewhere, see
    `services.statements`. DuckDB plans with so much `memory`; `grace` is for how long files that were replaced stay.
    Raises what `open_database` raises.
    """
    path = layout.database.absolute()
    with _opened(layout, write=True, wait_seconds=wait_seconds, keep=False) as connection:
        connection.execute(f"SET memory_limit = {quoted(memory)}")
        confine(connection, layout)
        _held[path] = _Held(grace)
        try:
            yield
        finally:
            held = _held.pop(path)
            with held.writing:  # what is being committed is committed
                pass


@dataclass
class _Held:
    grace: timedelta
    writing: threading.RLock = field(default_factory=threading.RLock)
    changes: int = 0
    """Times that it was opened for writing, and closed again."""


_held: dict[Path, _Held] = {}
"""By path: the databases that this process keeps open."""


def is_held(layout: LakeLayout) -> bool:
    """Whether this process keeps the database open."""
    return layout.database.absolute() in _held


def grace_of(layout: LakeLayout) -> timedelta:
    """For how long files that were replaced stay, as this process, which owns the database, was told."""
    held = _held.get(layout.database.absolute())
    return held.grace if held else GRACE


def changes(layout: LakeLayout) -> int:
    """A number that grows with every change that this process, which keeps the database open, has made to it."""
    return _held[layout.database.absolute()].changes


def confine(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    """Let statements read the lake's data and no other file, load nothing, and change no setting."""
    root = layout.root.absolute()
    directories = [root / record_type for record_type in IMPORTERS] + [
        layout.versions,
        layout.staging,
        layout.imports,
        layout.quarantine,
        layout.statements,
    ]
    connection.execute(f"SET allowed_directories = [{', '.join(quoted(str(path.absolute())) for path in directories)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def _opened(
    layout: LakeLayout, *, write: bool, wait_seconds: float, snapshots_in_database: bool = True, keep: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    prepare_lake(layout) if write else _check_exists(layout)
    with translated_faults(layout), ExitStack() as stack:
        if write and not layout.database.exists():
            _create_database(layout, snapshots_in_database=snapshots_in_database)
        if needs_undoing(layout):
            _undo(layout, wait_seconds=wait_seconds)
        connection = stack.enter_context(_connected(layout, write=write, wait_seconds=wait_seconds, keep=keep))
        if _schema_version(connection, layout) < SCHEMA_VERSION:
            if write:
                _migrate(connection, layout)
            else:
                stack.close()
                _migrate_for_reader(layout, wait_seconds=wait_seconds)
                connection = stack.enter_context(_connected(layout, write=False, wait_seconds=wait_seconds))
        if not write:
            _point_views_here(connection, layout)
        yield connection
        if write:
            checkpoint(connection, layout)


def _undo(layout: LakeLayout, *, wait_seconds: float) -> None:
    """Undo a checkpoint that was not completed. Who may not write leaves the database as it is, and may yet read it."""
    try:
        with owned_database(layout, wait_seconds=wait_seconds) as descriptor:
            if descriptor is not None and needs_undoing(layout):
                undo_checkpoint(layout, descriptor)
    except OSError as error:
        if not is_not_writable(error):
            raise


def refresh_views(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    """Point the views at the published files of this lake, where they do not yet.

    `lake_info` says where they point: asking DuckDB for a view's text takes longer than a commit.
    """
    globs = _view_globs(connection, layout)
    if _views_stand(connection, layout, globs):
        return
    made = [_make_view(connection, create_view(name, glob)) for name, glob in globs.items()]
    if all(made):
        connection.execute("UPDATE lake_info SET root = ?, views = ?", _place_of_views(layout, globs))


def prepare_lake(layout: LakeLayout) -> None:
    """Make the directory of a lake that is to be written. Raises `LakeError` or `StorageError` where that fails."""
    _check_root(layout)
    try:
        make_directories(layout.staging)
    except OSError as error:
        raise storage_error(layout, error) from error


def _check_exists(layout: LakeLayout) -> None:
    _check_root(layout)
    if not layout.database.exists():
        raise LakeError(
            f"There is no lake at {layout.root}.",
            hint="Name one with --lake, or make one with `gexlake import SOURCE`.",
        )


def _check_root(layout: LakeLayout) -> None:
    root = layout.root
    scheme = root.parts[0] if root.parts else ""
    if scheme.endswith(":") and scheme[:-1] in SCHEMES:
        raise LakeError(
            f"A lake is a directory of this machine, and {scheme}// is none.",
            hint="A bucket can be its mirror: see `gexlake push --help`.",
        )
    if root.exists() and not root.is_dir():
        raise LakeError(f"The lake {root} is a file, not a directory.", hint="Name a directory with --lake.")
    if any(character in str(root) for character in NOT_IN_PATHS):
        raise LakeError(
            f"The lake {root} has a `?` or a backslash in its path, which DuckDB reads as something else.",
            hint="Name another directory with --lake.",
        )


@contextmanager
def _connected(
    layout: LakeLayout, *, write: bool, wait_seconds: float, keep: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    deadline = time.monotonic() + wait_seconds
    with ExitStack() as stack:
        while True:
            try:
                connection = stack.enter_context(
                    attached(layout.database, write=write, aside=layout.staging, keep=keep)
                )
                break
            except BusyError as error:
                if time.monotonic() >= deadline:
                    raise locked_error(layout, os.getpid()) from error
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error) or time.monotonic() >= deadline:
                    raise
            time.sleep(POLL_SECONDS)
        yield connection


def create_schema(connection: duckdb.DuckDBPyConnection, *, snapshots_in_database: bool) -> None:
    """Make the tables and views of a lake in an empty database."""
    connection.begin()
    for name in tables_of(snapshots_in_database=snapshots_in_database):
        connection.execute(create_table(name))
    connection.execute(
        "INSERT INTO lake_info VALUES (?, ?, NULL, NULL, ?)", [SCHEMA_VERSION, __version__, snapshots_in_database]
    )
    for name in views_of(snapshots_in_database=snapshots_in_database):
        connection.execute(create_view(name, None))
    connection.commit()


def _create_database(layout: LakeLayout, *, snapshots_in_database: bool) -> None:
    """Make an empty database whole before it gets its name: a crash or a full disk must not leave half of one there."""
    new = layout.staging / f"{NEW_DATABASE_PREFIX}{uuid.uuid4().hex}.duckdb"
    try:
        with attached(new, write=True, aside=layout.staging) as connection:
            create_schema(connection, snapshots_in_database=snapshots_in_database)
            connection.execute("CHECKPOINT")
        sync_file(new)
        place_new(new, layout.database)
    except FileNotFoundError:
        if not layout.database.exists():  # else another process made one meanwhile, and swept ours up
            raise
    finally:
        new.unlink(missing_ok=True)
        new.with_name(f"{new.name}.wal").unlink(missing_ok=True)


def _migrate(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    """Bring the database of an older gexlake to today's tables, if nobody has done so meanwhile."""
    from gexlake.db.migrate import migrate

    found = _schema_version(connection, layout)
    if found < SCHEMA_VERSION:
        migrate(connection, layout, found)


def _migrate_for_reader(layout: LakeLayout, *, wait_seconds: float) -> None:
    """The same for who only reads, and opens it for writing for so long.

    Raises `StorageError` where the lake can only be read.
    """
    import duckdb

    try:
        with _connected(layout, write=True, wait_seconds=wait_seconds) as connection:
            _migrate(connection, layout)
            checkpoint(connection, layout)
    except duckdb.IOException as error:
        if not NOT_WRITABLE.search(str(error)):
            raise
        raise StorageError(
            f"The lake {layout.root} was written by an older gexlake: its tables have to be brought to those of "
            f"{__version__} once, and it can only be read here.",
            hint=f"Run `gexlake status --lake {layout.root}` once where it can be written, or open a copy of it.",
        ) from error


def _schema_version(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> int:
    """The version of the tables. Raises `LakeVersionError` where it is newer than ours, `LakeError` for a database that
    is not of a lake.
    """
    import duckdb

    try:
        rows = connection.execute("SELECT schema_version, gexlake_version FROM lake_info").fetchall()
    except duckdb.CatalogException as error:
        raise LakeError(
            f"{layout.database} is a DuckDB database, but not of a lake.", hint="Name another directory with --lake."
        ) from error
    if not rows or rows[0][0] > SCHEMA_VERSION:
        made_by = f" {rows[0][1]}" if rows else ""
        raise LakeVersionError(
            f"The lake {layout.root} was written by a newer gexlake{made_by}; this is {__version__}.",
            hint="Upgrade gexlake.",
        )
    return int(rows[0][0])


def _point_views_here(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    """Temporary views for a reader, where those in the file name another place: the lake has been moved since."""
    globs = _view_globs(connection, layout)
    if _views_stand(connection, layout, globs):
        return
    for name, glob in globs.items():
        view = create_view(name, glob)
        _make_view(connection, view.replace("CREATE OR REPLACE VIEW", "CREATE OR REPLACE TEMP VIEW", 1))


def _make_view(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    """Whether the view could be made: DuckDB looks into its first file, and a damaged one must not close the lake."""
    import duckdb

    try:
        connection.execute(statement)
    except duckdb.Error:
        return False
    return True


def _views_stand(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, globs: Mapping[str, str | None]) -> bool:
    """Whether the views in the file are those that are wanted."""
    rows = connection.execute("SELECT root, views FROM lake_info").fetchall()  # all: of one it would wait for more
    return rows == [tuple(_place_of_views(layout, globs))]


def _place_of_views(layout: LakeLayout, globs: Mapping[str, str | None]) -> list[str | list[str] | None]:
    """Root and views as `lake_info` has them."""
    names = [name for name, glob in globs.items() if glob]
    return [str(layout.root.absolute()), names] if names else [None, None]


def _view_globs(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> dict[str, str | None]:
    names = views_of(snapshots_in_database=keeps_snapshots(connection))
    return {name: _view_glob(layout, name) for name in names}


def _view_glob(layout: LakeLayout, view: str) -> str | None:
    record_type, dataset = view.split("_", 1)
    files = (layout.root / record_type / dataset).glob(f"*/*/*/*/{dataset}.parquet")
    return layout.dataset_glob(record_type, dataset) if next(files, None) else None
