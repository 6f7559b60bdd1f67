"""What the owner of the database gives to the workers of statements: one state of the lake, as committed.

Files of versions are pinned by links, small tables exported, all of it read under one snapshot of the database. So a
statement sees the lake as it was at its start, whatever is committed meanwhile, and the database is held for as long
as this takes, not as long as the statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import is_held, open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.live import (
    DATASETS,
    READABLE,
    SMALL_TABLES,
    export_table,
    live_files,
    pin,
    view_over_files,
    view_that_says,
)
from gexlake.errors import LakeError
from gexlake.services.owner.served import served
from gexlake.services.statements.names import FILES, MISSING, TABLES

if TYPE_CHECKING:
    import duckdb

Files = dict[str, list[str]]
"""Table or view -> its files, as paths below the private place."""


def named_in(statement: str) -> list[str]:
    """The tables and views whose name stands somewhere in a statement.

    One that hides the name of another fails on that, see `MISSING`, and is run again with all.
    """
    text = statement.lower()
    return [name for name in READABLE if name in text]


@served
def hand_over(lake: Path, *, place: str, names: list[str]) -> dict[str, list[str]]:
    """Pin and export these tables and views in a private place; their files, relative to it.

    Raises what `open_database` raises.
    """
    layout, root = LakeLayout(lake), Path(place)
    if is_held(layout) and not root.resolve().is_relative_to(layout.statements.resolve()):
        raise LakeError(f"{root} is not in {layout.statements}.", hint="Make the lake's cache writable.")
    with open_database(layout, write=False) as connection:
        connection.begin()
        try:
            found: Files = {name: _pin_all(connection, layout, name, root) for name in names if name in DATASETS}
            small = [name for name in names if name in SMALL_TABLES]
            directory = root / TABLES / uuid.uuid4().hex
            if small:
                directory.mkdir()
            for name in small:
                export_table(connection, name, directory / f"{name}.parquet")
                found[name] = [str((directory / f"{name}.parquet").relative_to(root))]
        finally:
            connection.rollback()
    return found


def _pin_all(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, name: str, root: Path) -> list[str]:
    files = live_files(connection, layout, name)
    return [str(pin(session, file, root / FILES / name).relative_to(root)) for session, file in files]


def view_of(files: Mapping[str, Sequence[str]], name: str) -> str:
    """DDL of the view by that name in a worker."""
    if name not in files:
        return view_that_says(name, MISSING)
    return view_over_files(name, files[name])
