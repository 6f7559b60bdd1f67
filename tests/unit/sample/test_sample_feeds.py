"""Which feeds are meant by some packages and categories."""

from __future__ import annotations

import re

import pytest

from gexlake.sample import CATEGORIES
from gexlake.sample.feeds import choose_feeds


def chosen(packages: list[str] | None, categories: list[str] | None) -> list[str]:
    return [f"{feed.package}/{feed.category}" for feed in choose_feeds(["NDX"], packages, categories)]


@pytest.mark.parametrize(
    ("packages", "categories", "feeds"),
    [
        (None, None, ["classic/gex_zero"]),
        (["state"], None, ["state/gex_zero"]),
        (["orderflow"], None, ["orderflow/orderflow"]),
        (["classic", "orderflow"], None, ["classic/gex_zero", "orderflow/orderflow"]),
        (None, ["gex_one"], ["classic/gex_one"]),
        (None, ["gamma_zero"], ["state/gamma_zero"]),
        (None, ["orderflow"], ["orderflow/orderflow"]),
        (None, ["gex_one", "vanna_one"], ["classic/gex_one", "state/vanna_one"]),
        (
            ["classic", "state"],
            ["gex_one", "gamma_zero"],
            ["classic/gex_one", "state/gex_one", "state/gamma_zero"],
        ),
        (["state", "state"], ["gex_one"], ["state/gex_one"]),
    ],
)
def test_combinations_are_those_that_the_vendor_has(
    packages: list[str] | None, categories: list[str] | None, feeds: list[str]
) -> None:
    assert chosen(packages, categories) == feeds


def test_all_categories_are_fifteen_of_each_ticker() -> None:
    feeds = choose_feeds(["NDX", "SPX"], None, None, all_categories=True)
    assert len(set(feeds)) == 30
    assert {(feed.package, feed.category) for feed in feeds} == {
        (package, category) for package, categories in CATEGORIES.items() for category in categories
    }


@pytest.mark.parametrize(
    ("packages", "categories", "message"),
    [
        (["classic"], ["gamma_zero"], "There is no classic/gamma_zero: classic has gex_full, gex_zero, gex_one; "),
        (["orderflow"], ["gex_one"], "There is no orderflow/gex_one: "),
        (["gold"], None, "The `package` was 'gold'. Use one of classic, state, orderflow."),
        (None, ["gex_two"], "The `category` was 'gex_two'. Use one of gex_full, gex_zero, gex_one, delta_zero, "),
        ([], None, "At least one of each `tickers`, `packages` and `categories` is needed."),
    ],
)
def test_what_does_not_exist_is_named_beside_what_does(
    packages: list[str] | None, categories: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        chosen(packages, categories)
