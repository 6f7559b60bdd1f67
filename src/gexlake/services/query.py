"""One read-only SQL statement over the lake.

DuckDB itself guards the lake: the statement runs in a transaction that only reads, no file outside the lake can be
reached, no extension loaded, and the settings that say so are locked. What is left is refused here: a statement that
writes files (COPY, EXPORT), also where EXPLAIN ANALYZE or PIVOT would carry it.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gexlake.db.database import confine, open_database, statement_bounds
from gexlake.db.layout import LakeLayout
from gexlake.db.published import check_published
from gexlake.db.schema import TABLES, VIEWS
from gexlake.errors import QueryError
from gexlake.services.frames import fetch_frame
from gexlake.services.served import served
from gexlake.services.statement_files import files_of_statement

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    Connection = duckdb.DuckDBPyConnection

POLL_SECONDS = 0.05
MOST_BYTES = 64 << 20
"""Of the rows that a server gives, as they lie in memory: 100,000 rows of `gex_snapshots` take half of it."""
PIECE_ROWS = 1 << 14
Result = TypeVar("Result")

_EXPLAIN = re.compile(r"\s*explain(\s+analyze\b)?\s*(\([^)]*\))?", re.IGNORECASE)
_READS = re.compile(r"\s*(pivot|unpivot|with|from|select)\b", re.IGNORECASE)
_TEXT_TYPES = re.compile(r"\b(INTERVAL|UNION|BIT|VARIANT|GEOMETRY|TIME WITH TIME ZONE|TIMETZ)\b")
"""Types that Polars has no counterpart for: a column with one of them comes as text."""


@served
def run_query(lake: Path, statement: str, *, limit: int | None = None) -> pl.DataFrame:
    """The rows of one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN) statement.

    With `limit`, at most so many rows. Raises `QueryError` for a statement that is not valid, not one, does not only
    read, or exceeds the bounds of a server; `LakeError` where there is no lake.
    """
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        bounds = statement_bounds(layout)
        if bounds is None:
            _confine(connection, layout)
            return _bounded(connection, lambda: _fetch(connection, layout, statement, limit, fetch_frame))
        most = bounds.rows + 1 if limit is None else min(limit, bounds.rows + 1)
        work = partial(_fetch, connection, layout, statement, most, _fetch_bounded)
        frame = _bounded(connection, work, bounds.seconds)
        if frame.height > bounds.rows:
            raise QueryError(
                f"The statement yields more than {bounds.rows:,} rows, the most that this server gives.",
                hint="Sum up, select less, or read the Parquet files.",
            )
        return frame


def _fetch(
    connection: Connection,
    layout: LakeLayout,
    statement: str,
    limit: int | None,
    fetch: Callable[[duckdb.DuckDBPyRelation], pl.DataFrame],
) -> pl.DataFrame:
    import duckdb
    import polars as pl

    try:
        check_statement(connection, statement)
        check_published(files_of_statement(connection, layout, statement))
        # A SELECT can carry a DELETE in its WITH, and where a server holds the database that is open for writing.
        connection.execute("BEGIN TRANSACTION READ ONLY")
        relation = connection.sql(statement)
        # DuckDB computes with the interpreter's lock released here, but not while it streams.
        return fetch(_readable(relation if limit is None else relation.limit(limit)).materialize())
    except duckdb.InterruptException:
        raise
    except (duckdb.Error, pl.exceptions.PolarsError, RuntimeError) as error:  # the latter from the stream of rows
        raise _query_error(error) from error


def _fetch_bounded(rows: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """All rows, in pieces of a size that follows what rows turn out to take. Raises `QueryError` for too many bytes."""
    import polars as pl

    pieces: list[pl.DataFrame] = []
    done, size, step = 0, 0, 1
    while not pieces or pieces[-1].height == step:
        done += pieces[-1].height if pieces else 0
        step = min(PIECE_ROWS, max(1, MOST_BYTES // 4 * done // size)) if size else 1
        pieces.append(fetch_frame(rows.limit(step, done)))
        size += int(pieces[-1].estimated_size())
        if size > MOST_BYTES:
            raise QueryError(
                f"The statement yields more than {MOST_BYTES >> 20} MiB, the most that this server gives.",
                hint="Sum up, select less, or read the Parquet files.",
            )
    return pl.concat(pieces)


def _bounded(connection: Connection, work: Callable[[], Result], seconds: float | None = None) -> Result:
    """Do the work of a connection in another thread, so that Ctrl-C and a bound in time end it.

    DuckDB's own handling of Ctrl-C can hang.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(work)
        try:
            while not wait([future], timeout=POLL_SECONDS).done:
                # The system may give the signal to another thread, and nothing wakes this one then: so it looks.
                if deadline is not None and time.monotonic() > deadline:
                    _interrupt(connection, future)
                    raise QueryError(
                        f"The statement took longer than {seconds:g} seconds.", hint="Select fewer columns or sessions."
                    )
        except KeyboardInterrupt:
            _interrupt(connection, future)
            raise
        return future.result()


def _interrupt(connection: Connection, future: Future[Result]) -> None:
    while not wait([future], timeout=POLL_SECONDS).done:
        connection.interrupt()  # again, should the statement not have begun at the first


def _confine(connection: Connection, layout: LakeLayout) -> None:
    """Give the statement all of the machine to compute with, and nothing to read but the lake's data."""
    connection.execute("RESET memory_limit")
    connection.execute("RESET threads")
    confine(connection, layout)


def check_statement(connection: Connection, statement: str) -> None:
    """Raise `QueryError` for what is not exactly one statement, or not one that only reads; nothing is run."""
    statements = connection.extract_statements(statement)
    if not statements:
        raise QueryError("There is no statement.", hint="Write one, such as `SELECT * FROM sessions`.")
    if len(statements) > 1:
        raise QueryError(
            f"There are {len(statements)} statements, where one is to be.", hint="Join them with WITH or UNION ALL."
        )
    kind = statements[0].type.name
    if kind == "EXPLAIN":
        rest = statement[_EXPLAIN.match(statement).end() :]  # type: ignore[union-attr]
        return check_statement(connection, rest)
    if kind != "SELECT" and not (kind == "MULTI" and _READS.match(statement)):
        raise QueryError(
            f"{kind} statements are not allowed: the lake is read-only here.",
            hint="Use SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.",
        )
    return None


def _readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation, with columns of types that Polars lacks as text."""
    names = relation.columns
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise QueryError(
            f"Two columns of the result are called {twice[0]!r}.", hint="Give one of them another name with AS."
        )
    as_text = [bool(_TEXT_TYPES.search(str(kind))) for kind in relation.types]
    if not any(as_text):
        return relation
    columns = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
    return relation.project(
        ", ".join(f"{name}::VARCHAR AS {name}" if text else name for name, text in zip(columns, as_text, strict=True))
    )


def _query_error(error: Exception) -> QueryError:
    text = str(error).strip().splitlines()[0].removeprefix("got external error: ")
    return QueryError(text if text.endswith((".", "!", "?")) else f"{text}.", hint=_hint(text))


def _hint(text: str) -> str:
    if "Permission Error" in text:
        return "Only files of the lake can be read."
    if "read-only mode" in text:
        return "The lake is read-only here; `gexlake import` writes it."
    if "Out of Memory" in text:
        return "Select fewer columns or sessions, or sum up before joining."
    if "Catalog Error" in text and "able" in text:
        return f"The tables are {', '.join(sorted([*TABLES, *VIEWS]))}."
    return "`DESCRIBE gex_snapshots` lists the columns of a table, `SHOW TABLES` the tables."
