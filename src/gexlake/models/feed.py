"""Feed and session: the two identities that everything in the lake hangs on."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

PACKAGES: tuple[str, ...] = ("classic", "state", "orderflow")
"""The vendor's packages. Classic and state are different measurements and are never merged."""

GEX_PACKAGES: tuple[str, ...] = ("classic", "state")
"""Packages with GEX snapshots."""

VENDOR_TICKERS: frozenset[str] = frozenset({"SPX", "NDX", "RUT", "VIX", "XSP", "ES_SPX", "NQ_NDX", "SPY", "QQQ", "IWM"})
"""The vendor's indexes and futures, and funds on them; its many stocks are not listed here."""

GEX_CATEGORIES: tuple[str, ...] = ("gex_full", "gex_zero", "gex_one")
"""Categories whose snapshots carry a GEX ladder (packages classic and state)."""

GREEK_CATEGORIES: tuple[str, ...] = tuple(
    f"{greek}_{expiry}" for greek in ("delta", "gamma", "vanna", "charm") for expiry in ("zero", "one")
)
"""Categories of package state whose snapshots carry `mini_contracts` instead of a GEX ladder."""

CATEGORY_ALIASES: dict[str, str] = {"full": "gex_full", "zero": "gex_zero", "one": "gex_one"}
"""Short category names seen in archives, and what they stand for."""


class Feed(NamedTuple):
    """One stream of snapshots: a ticker, in capitals, in one category of one package."""

    ticker: str
    package: str
    category: str

    def __str__(self) -> str:
        return f"{self.ticker}/{self.package}/{self.category}"


class SessionKey(NamedTuple):
    """One trading date (America/New_York) of one feed."""

    feed: Feed
    session_date: date

    def __str__(self) -> str:
        return f"{self.feed}/{self.session_date.isoformat()}"
