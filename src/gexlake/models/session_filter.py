"""Which sessions are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self

from gexlake.errors import UsageError
from gexlake.models.feed import CATEGORY_ALIASES, GEX_CATEGORIES, GREEK_CATEGORIES, PACKAGES, SessionKey

CATEGORIES: tuple[str, ...] = (*GEX_CATEGORIES, *GREEK_CATEGORIES, "orderflow")


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Wanted tickers, packages and categories (none named: all), from `since` to `until`, both included."""

    tickers: frozenset[str]
    packages: frozenset[str]
    categories: frozenset[str]
    since: date
    until: date

    @classmethod
    def of(
        cls,
        *,
        tickers: Iterable[str] = (),
        packages: Iterable[str] = (),
        categories: Iterable[str] = (),
        since: date | None = None,
        until: date | None = None,
    ) -> Self:
        """Build a filter from words as people type them. Raises UsageError for one that can never fit."""
        wanted_categories = (CATEGORY_ALIASES.get(word.lower(), word) for word in categories)
        result = cls(
            tickers=frozenset(ticker.upper() for ticker in tickers),
            packages=frozenset(_known("package", word, PACKAGES) for word in packages),
            categories=frozenset(_known("category", word, CATEGORIES) for word in wanted_categories),
            since=since or date.min,
            until=until or date.max,
        )
        if result.since > result.until:
            raise UsageError(f"`since` ({since}) is later than `until` ({until}).", hint="Swap the two dates.")
        return result

    def admits(self, session: SessionKey) -> bool:
        """Whether the session is wanted."""
        (ticker, package, category), session_date = session
        return (
            self.since <= session_date <= self.until
            and (not self.tickers or ticker.upper() in self.tickers)
            and (not self.packages or package in self.packages)
            and (not self.categories or category in self.categories)
        )


def _known(parameter: str, word: str, words: tuple[str, ...]) -> str:
    if word.lower() in words:
        return word.lower()
    raise UsageError(f"There is no {parameter} {word!r}.", hint=f"Use one of {', '.join(words)}.")
