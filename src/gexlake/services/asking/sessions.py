"""The sessions that a lake holds: a listing with filters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.models.session_filter import SessionFilter
from gexlake.services.owner.frames import fetch_frame
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import polars as pl


@served
def list_sessions(
    lake: Path,
    *,
    tickers: Sequence[str] = (),
    packages: Sequence[str] = (),
    categories: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Sessions, the newest first, with the columns of table `sessions`; both dates are included."""
    SessionFilter.of(tickers=tickers, packages=packages, categories=categories, since=since, until=until)
    terms, values = ["true"], []
    for column, words in (("ticker", tickers), ("package", packages), ("category", categories)):
        if words:
            terms.append(f"{column} IN ({', '.join('?' * len(words))})")
            values += list(words)
    for comparison, day in ((">=", since), ("<=", until)):
        if day is not None:
            terms.append(f"session_date {comparison} ?::DATE")
            values.append(day.isoformat())
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    with open_database(LakeLayout(lake), write=False) as connection:
        return fetch_frame(
            connection.sql(
                f"SELECT * FROM sessions WHERE {' AND '.join(terms)} "
                f"ORDER BY session_date DESC, ticker, package, category{bound}",
                params=values,
            )
        )
