"""What was read, when, with which outcome; and the records that were refused: listings with filters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.lineage import FileStatus
from gexlake.models.record_types import RECORD_TYPES
from gexlake.models.session_filter import SessionFilter
from gexlake.services.owner.frames import fetch_frame
from gexlake.services.owner.served import served
from gexlake.validation.rules import Rule, Severity

if TYPE_CHECKING:
    import polars as pl


@served
def list_lineage(
    lake: Path,
    *,
    import_id: str | None = None,
    record_types: Sequence[str] = (),
    statuses: Sequence[str] = (),
    tickers: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    source: str | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Lineage records, the newest first, with the columns of table `lineage`.

    `import_id` may be the beginning of one, `source` any part of a file's path; dates are of sessions, both
    included. Raises `UsageError` for a status or record type that does not exist.
    """
    where = _Where()
    where.starts("import_id", import_id)
    where.among("record_type", [_known("record type", name, list(RECORD_TYPES)) for name in record_types])
    where.among("status", [_known("status", status, [s.value for s in FileStatus]) for status in statuses])
    where.sessions(tickers, since, until)
    where.contains("source_file", source)
    return _select(lake, "lineage", where, "import_timestamp DESC, source_file", limit)


@served
def list_quarantine(
    lake: Path,
    *,
    import_id: str | None = None,
    reasons: Sequence[str] = (),
    tickers: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    source: str | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Refused records, those of the newest import first, with the columns of table `quarantine`.

    The filters are those of `list_lineage`; `reasons` are codes of rules. Raises `UsageError` for one that does not
    exist.
    """
    where = _Where()
    where.starts("import_id", import_id)
    where.among("reason", [_known("reason", reason, REASONS) for reason in reasons])
    where.contains("source_file", source)
    of_session = _Where()
    of_session.sessions(tickers, since, until)
    if of_session.terms:
        files = f"SELECT import_id, source_file FROM lineage WHERE {of_session}"
        where.add(f"(import_id, source_file) IN ({files})", *of_session.values)
    return _select(lake, "quarantine", where, "import_id DESC, source_file, record_index", limit)


REASONS: list[str] = [rule.value for rule in Rule if rule.severity is Severity.REFUSED]
"""Codes that a refused record can have."""


class _Where:
    """The terms of a WHERE clause and their values."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.values: list[object] = []

    def __str__(self) -> str:
        return " AND ".join(self.terms) or "true"

    def add(self, term: str, *values: object) -> None:
        self.terms.append(term)
        self.values += values

    def starts(self, column: str, beginning: str | None) -> None:
        if beginning is not None:
            self.add(f"starts_with({column}, ?)", beginning)

    def contains(self, column: str, part: str | None) -> None:
        if part is not None:
            self.add(f"contains({column}, ?)", part)

    def among(self, column: str, words: Sequence[str]) -> None:
        if words:
            self.add(f"{column} IN ({', '.join('?' * len(words))})", *words)

    def sessions(self, tickers: Sequence[str], since: date | None, until: date | None) -> None:
        SessionFilter.of(since=since, until=until)
        self.among("upper(ticker)", [ticker.upper() for ticker in tickers])
        if since is not None:
            self.add("session_date >= ?", since)
        if until is not None:
            self.add("session_date <= ?", until)


def _select(lake: Path, table: str, where: _Where, order: str, limit: int | None) -> pl.DataFrame:
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    with open_database(LakeLayout(lake), write=False) as connection:
        return fetch_frame(
            connection.sql(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}{bound}", params=where.values)
        )


def _known(parameter: str, word: str, words: Sequence[str]) -> str:
    if word.lower() in words:
        return word.lower()
    raise UsageError(f"There is no {parameter} {word!r}.", hint=f"Use one of {', '.join(words)}.")
