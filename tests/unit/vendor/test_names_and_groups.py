"""The vendor's names of feeds, files and groups, and what is none of them."""

from __future__ import annotations

from datetime import date

import pytest

from gexlake.models.feed import CATEGORY_ALIASES, FEED_CATEGORIES, Feed, SessionKey
from gexlake.vendor.groups import HUBS, V2, group_of, group_of_feed, hub_names, is_of_hub
from gexlake.vendor.names import (
    date_of,
    feed_of,
    history_name,
    report_member,
    report_name,
    session_of_name,
    ticker_of,
)

FEEDS = [Feed("NQ_NDX", package, category) for package, names in FEED_CATEGORIES.items() for category in names]
DAY = date(2025, 11, 14)


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_a_file_of_every_feed_is_known_by_its_name(feed: Feed) -> None:
    session = SessionKey(feed, DAY)
    assert session_of_name(history_name(session)) == session
    assert report_member(session).startswith(f"NQ_NDX/{feed.package}/{feed.category}/2025-11-14_NQ_NDX_")


@pytest.mark.parametrize(
    "name", ["", "x", "2025-11-14_SPX_classic_gex_zero.json", "2025-13-14_SPX_classic_zero.json.gz"]
)
def test_other_names_are_of_no_session(name: str) -> None:
    assert session_of_name(name) is None


def test_a_report_is_named_by_ticker_and_day() -> None:
    assert report_name("SPY", date(2026, 7, 17)) == "eod_report_SPY_2026-07-17.zip"


@pytest.mark.parametrize(("alias", "category"), CATEGORY_ALIASES.items())
def test_short_names_stand_for_categories(alias: str, category: str) -> None:
    assert feed_of("spx", "state", alias) == Feed("SPX", "state", category)


@pytest.mark.parametrize(
    "words", [("SPX", "classic", "gamma"), ("SPX", "flow", "full"), ("S/X", "classic", "full"), ("", "classic", "full")]
)
def test_other_words_are_of_no_feed(words: tuple[str, str, str]) -> None:
    assert feed_of(*words) is None


@pytest.mark.parametrize(
    ("word", "day"),
    [("2025-11-04", date(2025, 11, 4)), ("2025-11-4", date(2025, 11, 4)), ("2025-2-30", None), ("x", None)],
)
def test_dates_may_lack_zeros(word: str, day: date | None) -> None:
    assert date_of(word) == day


@pytest.mark.parametrize(("word", "ticker"), [("nq_ndx", "NQ_NDX"), ("^spx", "^SPX"), ("A_B_C", None), ("../x", None)])
def test_tickers_are_in_capitals(word: str, ticker: str | None) -> None:
    assert ticker_of(word) == ticker


@pytest.mark.parametrize("feed", FEEDS, ids=str)
def test_every_feed_has_a_group_of_one_hub_in_each_generation(feed: Feed) -> None:
    group = group_of(group_of_feed(feed))
    assert group is not None
    assert group.feed == feed
    for generation in ("", V2):
        assert [hub for hub in hub_names(generation) if is_of_hub(group, hub)] == [f"{generation}{group.hub}"]


@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("SPX_classic_gex_full", "classic"),
        ("SPX_state_gex_zero", "state_gex"),
        ("SPX_state_gamma_zero", "state_greeks_zero"),
        ("ES_SPX_state_charm_one", "state_greeks_one"),
        ("SPX_orderflow_orderflow", "orderflow"),
        ("SPX_classic_gex_20251121", "classic"),
        ("SPX_state_gex_20251121", "state_gex"),
        ("SPX_state_vanna_20251121", "state_greeks"),
        ("SPX_orderflow_20251121", "orderflow"),
    ],
)
def test_groups_are_of_their_hubs(name: str, hub: str) -> None:
    group = group_of(name)
    assert group is not None
    assert group.hub == hub
    assert name.startswith(f"{group.ticker}_{hub.partition('_')[0]}_")
    assert (group.feed is None) == name.endswith("20251121")


def test_spot_is_of_every_newer_hub() -> None:
    group = group_of("NQ_NDX_spot")
    assert group is not None
    assert group.is_spot
    assert [is_of_hub(group, f"{V2}{hub}") for hub in HUBS] == [True] * 6
    assert not any(is_of_hub(group, hub) for hub in HUBS)


@pytest.mark.parametrize(
    "name",
    ["", "SPX", "_spot", "SPX_classic", "SPX_classic_volume_zero", "SPX_state_greeks_zero_gamma",
     "spx_classic_gex_full",
     "SPX_classic_gamma_zero", "SPX_classic_20251121", "SPX_state_gex_20251399", "SPX_orderflow_gex_20251121"],
)  # fmt: skip
def test_other_names_are_of_no_group(name: str) -> None:
    assert group_of(name) is None
