"""Which measurement a synthetic history imitates: ticker, package and category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Protocol

from gexlake.models.feed import FEED_CATEGORIES, GREEK_CATEGORIES

CATEGORIES = FEED_CATEGORIES
"""Package -> its categories: what the vendor has of a ticker for each day."""

DEFAULT_PACKAGE, DEFAULT_CATEGORY = "classic", "gex_zero"


class RecordType(Enum):
    """What the records of a feed look like."""

    GEX = "gex"
    GREEK = "greek"
    ORDERFLOW = "orderflow"


class FeedLike(Protocol):
    """Anything that names a feed; the generator needs no particular class."""

    @property
    def ticker(self) -> str:
        """As the vendor spells it, for instance `NQ_NDX`."""

    @property
    def package(self) -> str:
        """A key of `CATEGORIES`."""

    @property
    def category(self) -> str:
        """One of the package's `CATEGORIES`."""


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """A feed to generate; the plainest `FeedLike`."""

    ticker: str
    package: str = DEFAULT_PACKAGE
    category: str = DEFAULT_CATEGORY

    def __str__(self) -> str:
        return f"{self.ticker}/{self.package}/{self.category}"


def record_type(feed: FeedLike) -> RecordType:
    """The type of the feed's records."""
    if feed.package == "orderflow":
        return RecordType.ORDERFLOW
    return RecordType.GREEK if feed.category in GREEK_CATEGORIES else RecordType.GEX


def choose_feeds(
    tickers: Sequence[str],
    packages: Sequence[str] | None,
    categories: Sequence[str] | None,
    *,
    all_categories: bool = False,
) -> list[SampleFeed]:
    """The feeds of all combinations that the vendor has, each once, in the order asked for.

    Without `packages`, each category has its usual one; without `categories`, each package. Raises ValueError
    for a name that nothing has, where no combination is left, and where something is chosen from
    `all_categories`.
    """
    if all_categories:
        if packages is not None or categories is not None:
            raise ValueError("With `all_categories` there is nothing to choose by `packages` or `categories`.")
        packages, categories = tuple(CATEGORIES), _known_categories()
    for package in packages or ():
        check_choice("package", package, tuple(CATEGORIES))
    for category in categories or ():
        check_choice("category", category, _known_categories())
    pairs = _pairs(packages, categories)
    if not (tickers and pairs):
        raise ValueError("At least one of each `tickers`, `packages` and `categories` is needed.")
    there = [(package, category) for package, category in pairs if category in CATEGORIES[package]]
    if not there:
        what_exists = "; ".join(f"{package} has {', '.join(categories)}" for package, categories in CATEGORIES.items())
        raise ValueError(f"There is no {' or '.join('/'.join(pair) for pair in pairs)}: {what_exists}.")
    return list(dict.fromkeys(SampleFeed(ticker, *pair) for ticker, pair in product(tickers, there)))


def check_feed(feed: FeedLike) -> None:
    """Raise ValueError unless the generator can write records of this feed."""
    if not feed.ticker or not feed.ticker.replace("_", "").isalnum():
        raise ValueError(f"The `ticker` must be letters, digits and underscores, was {feed.ticker!r}.")
    check_choice("package", feed.package, tuple(CATEGORIES))
    check_choice("category", feed.category, CATEGORIES[feed.package])


def check_choice(parameter: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError naming the parameter, its value and the choices, unless the value is one of them."""
    if value not in choices:
        raise ValueError(f"The `{parameter}` was {value!r}. Use one of {', '.join(choices)}.")


def file_stem(feed: FeedLike, session_date: object) -> str:
    """The vendor's file name without its suffix: ``2025-11-14_NQ_NDX_classic_gex_zero``."""
    return f"{session_date}_{feed.ticker}_{feed.package}_{feed.category}"


def _pairs(packages: Sequence[str] | None, categories: Sequence[str] | None) -> list[tuple[str, str]]:
    """Package and category of every combination, whether the vendor has it or not."""
    if packages is None and categories is None:
        return [(DEFAULT_PACKAGE, DEFAULT_CATEGORY)]
    if categories is None:
        return [(package, _usual_category(package)) for package in packages or ()]
    if packages is None:
        return [(_usual_package(category), category) for category in categories]
    return list(product(packages, categories))


def _usual_package(category: str) -> str:
    return next(package for package, categories in CATEGORIES.items() if category in categories)


def _usual_category(package: str) -> str:
    categories = CATEGORIES[package]
    return DEFAULT_CATEGORY if DEFAULT_CATEGORY in categories else categories[0]


def _known_categories() -> tuple[str, ...]:
    return tuple(dict.fromkeys(category for categories in CATEGORIES.values() for category in categories))
