"""Which measurement a synthetic history imitates: ticker, package and category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

GEX_PACKAGES = ("classic", "state")
GEX_CATEGORIES = ("gex_full", "gex_zero", "gex_one")


class FeedLike(Protocol):
    """Anything that names a feed; the generator needs no particular class."""

    @property
    def ticker(self) -> str:
        """As the vendor spells it, for instance `NQ_NDX`."""

    @property
    def package(self) -> str:
        """One of `GEX_PACKAGES`."""

    @property
    def category(self) -> str:
        """One of `GEX_CATEGORIES`."""


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """A feed to generate; the plainest `FeedLike`."""

    ticker: str
    package: str = "classic"
    category: str = "gex_zero"


def check_feed(feed: FeedLike) -> None:
    """Raise ValueError unless the generator can write snapshots of this feed."""
    if not feed.ticker or not feed.ticker.replace("_", "").isalnum():
        raise ValueError(f"The `ticker` must be letters, digits and underscores, was {feed.ticker!r}.")
    check_choice("package", feed.package, GEX_PACKAGES)
    check_choice("category", feed.category, GEX_CATEGORIES)


def check_choice(parameter: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError naming the parameter, its value and the choices, unless the value is one of them."""
    if value not in choices:
        raise ValueError(f"The `{parameter}` was {value!r}. Use one of {', '.join(choices)}.")


def file_stem(feed: FeedLike, session_date: object) -> str:
    """The vendor's file name without its suffix: ``2025-11-14_NQ_NDX_classic_gex_zero``."""
    return f"{session_date}_{feed.ticker}_{feed.package}_{feed.category}"
