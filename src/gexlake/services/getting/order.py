"""What is to be fetched, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import TypeAdapter

from gexlake.errors import UsageError
from gexlake.models.feed import FEED_CATEGORIES, Feed, SessionKey
from gexlake.models.session_filter import SessionFilter
from gexlake.scanner.names import valid_ticker
from gexlake.vendor.history import TIMEOUT_SECONDS
from gexlake.vendor.names import BASE_URL
from gexlake.vendor.pace import INTERVAL_SECONDS
from gexlake.vendor.trouble import PATIENCE_SECONDS

PARALLEL = 4


@dataclass(frozen=True, slots=True)
class GetOrder:
    """Feeds and dates (both included), the directory that files go to and the lake that they are imported into."""

    tickers: tuple[str, ...]
    directory: Path
    lake: Path = Path("data")
    packages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    base_url: str = BASE_URL
    eod: bool = False
    """Fetch the report of the last session first."""
    imports: bool = True
    again: bool = False
    """Ask again for what was denied or not there."""
    parallel: int = PARALLEL
    interval_seconds: float = INTERVAL_SECONDS
    """Between two requests of one ticker and metric."""
    patience_seconds: float = PATIENCE_SECONDS
    """The first wait after a refusal."""
    timeout_seconds: float = TIMEOUT_SECONDS
    workers: int | None = None
    """Processes of the import; None: one per core."""

    def feeds(self) -> list[Feed]:
        """The feeds that are wanted, in the vendor's order. Raises `UsageError` where there is none."""
        wanted = SessionFilter.of(
            packages=self.packages, categories=self.categories, since=self.since, until=self.until
        )
        found = [
            Feed(ticker, package, category)
            for ticker in dict.fromkeys(map(_checked_ticker, self.tickers))
            for package, categories in FEED_CATEGORIES.items()
            for category in categories
            if wanted.admits(SessionKey(Feed(ticker, package, category), self.until or date.max))
        ]
        if not found:
            what = "package and category fit together" if self.tickers else "ticker is named"
            raise UsageError(f"There is nothing to get: no {what}.", hint="`gexlake get --help` shows an example.")
        return found


@dataclass(frozen=True)
class GetTask:
    """What is to be fetched, and where the key is: in the environment, unless a file is named."""

    order: GetOrder
    now: datetime
    key_file: Path | None = None


TASK = TypeAdapter(GetTask)
"""Reads and writes a task as JSON."""


def _checked_ticker(word: str) -> str:
    ticker = valid_ticker(word)
    if ticker is None:
        raise UsageError(f"{word!r} cannot be a ticker.", hint="Write it as the vendor does: SPX, ES_SPX, NQ_NDX.")
    return ticker


@dataclass(slots=True)
class GetProgress:
    """How far it is; the bytes of what is yet to come nobody knows."""

    files_total: int = 0
    files_done: int = 0
    bytes_done: int = 0


OnProgress = Callable[[GetProgress], None]
