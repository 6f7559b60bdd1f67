"""Whether a statement is one that only reads. That it can do nothing else is the kernel's part: this finds words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gexlake.errors import QueryError

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_READS = frozenset({"pivot", "unpivot", "with", "from", "select"})
_WRITES = re.compile(r"COPY|EXPORT|INSERT|DELETE|UPDATE|MERGE|CREATE|DROP|ALTER|ATTACH|DETACH|LOAD|VACUUM|TRUNCATE")
"""Operators of a plan that do more than read. A SELECT can carry them in its WITH."""


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
    words = list(_iter_words(statement))
    if kind == "EXPLAIN":
        check_statement(connection, _explained(connection, statement, words))
    elif kind == "SELECT":
        _check_plan(connection, statement, copies="copy" in (word for word, _ in words))
    elif kind != "MULTI" or not words or words[0][0] not in _READS:
        raise _refusal(kind)
    elif "copy" in (word for word, _ in words):  # of a PIVOT, which is several statements, there is no plan to be had
        raise _refusal("COPY")


def _refusal(kind: str) -> QueryError:
    return QueryError(
        f"{kind} statements are not allowed: the lake is read-only here.",
        hint="Use SELECT, FROM, WITH, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.",
    )


def _iter_words(statement: str) -> Iterator[tuple[str, int]]:
    """Each token but comments, in lower case, with where it ends; one ends where the next begins, or a blank does."""
    import duckdb

    encoded = statement.encode()
    tokens = duckdb.tokenize(statement)
    ends = [start for start, _ in tokens[1:]] + [len(encoded)]
    for (start, kind), end in zip(tokens, ends, strict=True):
        text = encoded[start:end].rstrip()
        if not str(kind).endswith("comment"):
            yield text.decode(errors="replace").lower(), start + len(text)


def _explained(connection: Connection, statement: str, words: list[tuple[str, int]]) -> str:
    """What is behind EXPLAIN, ANALYZE and options in brackets; a statement can be in brackets too."""
    import duckdb

    encoded = statement.encode()
    assert words[0][0] == "explain", words[0]
    place = 2 if len(words) > 1 and words[1][0] == "analyze" else 1
    rest = encoded[words[place - 1][1] :].decode()
    if place < len(words) and words[place][0] == "(":
        try:
            connection.extract_statements(rest)
        except duckdb.Error:
            closing = next((end for word, end in words[place:] if word == ")"), len(encoded))
            rest = encoded[closing:].decode()
    return rest


def _check_plan(connection: Connection, statement: str, *, copies: bool) -> None:
    """Look through the whole plan: the kind of a statement is that of its outermost part."""
    import duckdb

    try:
        row = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchone()
    except duckdb.PermissionException:
        if copies:
            raise _refusal("COPY") from None
        raise
    plan = json.loads(row[1]) if row else []
    for name in _iter_operators(plan):
        found = _WRITES.search(name)
        if found:
            raise _refusal(found[0])


def _iter_operators(plan: list[dict[str, Any]]) -> Iterator[str]:
    waiting = list(plan)
    while waiting:
        operator = waiting.pop()
        yield str(operator.get("name", "")).upper()
        waiting += operator.get("children", [])
