"""One read-only SQL statement over the lake.

DuckDB itself guards the lake: the database is opened read-only, no file outside the lake can be reached, no extension
loaded, and the settings that say so are locked. What is left is refused here: a statement that writes files (COPY,
EXPORT), also where EXPLAIN ANALYZE or PIVOT would carry it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gexlake.db.database import confine, is_held, open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.schema import TABLES, VIEWS
from gexlake.errors import QueryError
from gexlake.services.frames import fetch_frame

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    Connection = duckdb.DuckDBPyConnection

POLL_SECONDS = 0.05
Result = TypeVar("Result")

_EXPLAIN = re.compile(r"\s*explain(\s+analyze\b)?\s*(\([^)]*\))?", re.IGNORECASE)
_READS = re.compile(r"\s*(pivot|unpivot|with|from|select)\b", re.IGNORECASE)
_TEXT_TYPES = re.compile(r"\b(INTERVAL|UNION|BIT|VARIANT|GEOMETRY|TIME WITH TIME ZONE|TIMETZ)\b")
"""Types that Polars has no counterpart for: a column with one of them comes as text."""


def run_query(lake: Path, statement: str, *, limit: int | None = None) -> pl.DataFrame:
    """The rows of one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN) statement.

    With `limit`, at most so many rows. Raises `QueryError` for a statement that is not valid, not one, or does not
    only read; `LakeError` where there is no lake.
    """
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        if not is_held(layout):
            _confine(connection, layout)
        return _interruptible(connection, lambda: _fetch(connection, statement, limit))


def _fetch(connection: Connection, statement: str, limit: int | None) -> pl.DataFrame:
    import duckdb
    import polars as pl

    try:
        check_statement(connection, statement)
        relation = connection.sql(statement)
        # DuckDB computes with the interpreter's lock released here, but not while it streams.
        return fetch_frame(_readable(relation if limit is None else relation.limit(limit)).materialize())
    except duckdb.InterruptException:
        raise
    except (duckdb.Error, pl.exceptions.PolarsError, RuntimeError) as error:  # the latter from the stream of rows
        raise _query_error(error) from error


def _interruptible(connection: Connection, work: Callable[[], Result]) -> Result:
    """Do the work of a connection in another thread, so that Ctrl-C ends it: DuckDB's own handling of it can hang."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(work)
        try:
            while not wait([future], timeout=POLL_SECONDS).done:
                pass  # the system may give the signal to another thread, and nothing wakes this one then
        except KeyboardInterrupt:
            while not wait([future], timeout=POLL_SECONDS).done:
                connection.interrupt()  # again, should the statement not have begun at the first
            raise
        return future.result()


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
