"""Feed and session: the two identities that everything in the lake hangs on."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

PACKAGES: tuple[str, ...] = ("classic", "state", "orderflow")
"""The vendor's packages. Classic and state are different measurements and are never merged."""

VENDOR_TICKERS: frozenset[str] = frozenset({"SPX", "NDX", "RUT", "VIX", "XSP", "ES_SPX", "NQ_NDX", "SPY", "QQQ", "IWM"})
"""The vendor's indexes and futures, and funds on them; its many stocks are not listed here."""

GEX_CATEGORIES: tuple[str, ...] = ("gex_full", "gex_zero", "gex_one")
"""Categories whose snapshots carry a GEX ladder (packages classic and state)."""

GREEK_CATEGORIES: tuple[str, ...] = tuple(
    f"{greek}_{expiry}" for greek in ("delta", "gamma", "vanna", "charm") for expiry in ("zero", "one")
)
"""Categories of package state whose snapshots carry `mini_contracts` instead of a GEX ladder."""

ORDERFLOW = "orderflow"
"""The one category of package orderflow."""

FEED_CATEGORIES: dict[str, tuple[str, ...]] = {
    "classic": GEX_CATEGORIES,
    "state": (*GEX_CATEGORIES, *GREEK_CATEGORIES),
    ORDERFLOW: (ORDERFLOW,),
}
"""The categories of each package: together the fifteen feeds of a ticker."""

CATEGORY_ALIASES: dict[str, str] = {
    **{name.removeprefix("gex_"): name for name in GEX_CATEGORIES},
    **{greek: f"{greek}_zero" for greek in ("delta", "gamma", "vanna", "charm")},
    **{f"one{greek}": f"{greek}_one" for greek in ("delta", "gamma", "vanna", "charm")},
}
"""Short category names, the vendor's own and seen in archives, and what they stand for."""


def category_of(package: str, word: str) -> str | None:
    """The category of the package that a word stands for, by its name or a short one; None where it is no such word."""
    category = CATEGORY_ALIASES.get(word, word)
    return category if category in FEED_CATEGORIES.get(package, ()) else None


class Feed(NamedTuple):
    """One stream of snapshots: a ticker, in capitals, in one category of one package."""

    ticker: str
    package: str
    category: str

    def __str__(self) -> str:
        return f"{self.ticker}/{self.package}/{self.category}"


def feed_of(ticker: str, package: str | None, category: str | None) -> Feed:
    """The feed that these words mean: what is left out follows from the other, else it is classic gex_zero.

    A category alone is that of the first package that has it, so `gamma_zero` is of package state. `ticker` may be the
    whole feed in one word, as `NQ_NDX/classic/gex_zero`. Case does not matter.
    """
    ticker, _, rest = ticker.partition("/")
    named_package, _, named_category = rest.partition("/")
    package = (package or named_package).lower() or None
    category = (category or named_category).lower() or None
    if category is None:
        category = ORDERFLOW if package == ORDERFLOW else GEX_CATEGORIES[1]
    full = CATEGORY_ALIASES.get(category, category)
    if package is None:
        package = next((name for name, categories in FEED_CATEGORIES.items() if full in categories), PACKAGES[0])
    return Feed(ticker.upper(), package, full)


class SessionKey(NamedTuple):
    """One trading date (America/New_York) of one feed."""

    feed: Feed
    session_date: date

    def __str__(self) -> str:
        return f"{self.feed}/{self.session_date.isoformat()}"
