"""One read-only SQL statement over the lake, asked by its owner: on the command line and in Python.

It runs in a process of its own that cannot write the lake, like those that come to a service, and without the bounds
that a service sets to strangers: it may take the memory of the machine, half of the free disk, and the time it takes.
A server beside it only hands over what it holds.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.live import READABLE
from gexlake.db.published import damaged_session
from gexlake.services.statements.hand_over import hand_over, named_in
from gexlake.services.statements.place import Limits, confined_to, private_place
from gexlake.services.statements.process import DamagedFileError, DiedError, MissingError, Process, not_started

if TYPE_CHECKING:
    import polars as pl


def run_query(lake: Path, statement: str, *, limit: int | None = None) -> pl.DataFrame:
    """The rows of one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN) statement.

    With `limit`, at most so many rows. Raises `QueryError` for a statement that is not valid, not one, or does not
    only read; `LakeError` where there is no lake.
    """
    layout = LakeLayout(lake)
    if not layout.database.exists():
        with open_database(layout, write=False):  # which says what is wrong
            pass
    here = LakeLayout(lake.absolute())
    with private_place(here) as place:
        process = Process(place, confined_to(place, here, _limits(place)))
        try:
            import polars as pl  # while the process loads the same

            try:
                stream = _answer(process, lake, statement, limit, named_in(statement))
            except MissingError:
                stream = _answer(process, lake, statement, limit, list(READABLE))
            return pl.read_ipc_stream(stream)
        except DamagedFileError as error:
            raise damaged_session(here, error.path, error.problem) from error
        except DiedError:
            raise not_started("it was ended") from None
        finally:
            process.kill()


def _answer(process: Process, lake: Path, statement: str, limit: int | None, names: list[str]) -> bytes:
    files = hand_over(lake, place=str(process.place), names=names)
    views = process.renew_views(files, dict(zip(files, range(1, len(files) + 1), strict=True)))
    return process.ask(statement, limit=limit, views=views, seconds=None)


def _limits(place: Path) -> Limits:
    """The machine's own."""
    return Limits(
        more_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        spill_bytes=shutil.disk_usage(place).free // 2,
    )
