"""What is to be recorded, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gexlake.errors import UsageError
from gexlake.models.feed import FEED_CATEGORIES, PACKAGES, Feed, category_of
from gexlake.vendor.names import BASE_URL, ticker_of


class Method(StrEnum):
    """How records come."""

    AUTO = "auto"
    """By sockets where the key may, else by polling."""
    POLL = "poll"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """What `gexlake live` is asked for. `clock_from` is the address of a replay whose clock counts."""

    feeds: tuple[Feed, ...]
    method: Method = Method.AUTO
    base_url: str = BASE_URL
    clock_from: str | None = None


def feeds_of(tickers: Sequence[str], packages: Sequence[str] = (), categories: Sequence[str] = ()) -> tuple[Feed, ...]:
    """The feeds that these words name: of each ticker, all that packages and categories leave.

    Raises `UsageError` for a word that is none, and where nothing is left.
    """
    for package in packages:
        if package not in PACKAGES:
            raise UsageError(f"There is no package {package!r}.", hint=f"There are {', '.join(PACKAGES)}.")
    wanted = packages or PACKAGES
    named = {(package, found) for package in wanted for word in categories if (found := category_of(package, word))}
    unknown = [word for word in categories if not any(category_of(package, word) for package in wanted)]
    if unknown:
        raise UsageError(f"There is no category {unknown[0]!r} in {', '.join(wanted)}.", hint="As gex_zero, delta_one.")
    feeds = []
    for word in tickers:
        ticker = ticker_of(word)
        if ticker is None:
            raise UsageError(f"{word!r} is no ticker.", hint="As NQ_NDX, SPX.")
        for package in wanted:
            for category in FEED_CATEGORIES[package]:
                if not categories or (package, category) in named:
                    feeds.append(Feed(ticker, package, category))
    if not feeds:
        raise UsageError("There is nothing to record.", hint="Name a ticker.")
    return tuple(dict.fromkeys(feeds))
