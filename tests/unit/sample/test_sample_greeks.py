"""Records of the greeks: form, priors, levels, and one shape for each greek."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import numpy as np
import pytest

from gexlake.models.feed import GREEK_CATEGORIES
from gexlake.sample import SampleFeed, generate_session, sample_records
from gexlake.sample.greeks import PRIOR_MINUTES

MONDAY = date(2025, 11, 10)
GAMMA = SampleFeed("NQ_NDX", "state", "gamma_zero")

FIELDS = [
    "timestamp",
    "ticker",
    "spot",
    "min_dte",
    "sec_min_dte",
    "major_positive",
    "major_negative",
    "major_long_gamma",
    "major_short_gamma",
    "mini_contracts",
]
STRIKE, CALL, PUT, VALUE, PRIORS = range(5)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """A little over ten minutes, so that every prior has its earlier value."""
    return sample_records(700, GAMMA, MONDAY, strikes=21)


def greek(category: str, count: int = 1, strikes: int = 99) -> list[dict[str, Any]]:
    return sample_records(count, SampleFeed("NQ_NDX", "state", category), MONDAY, strikes=strikes)


def values(record: dict[str, Any]) -> list[float]:
    return [entry[VALUE] for entry in record["mini_contracts"]]


def test_fields_stand_in_the_vendors_order(records: list[dict[str, Any]]) -> None:
    assert {tuple(record) for record in records} == {tuple(FIELDS)}


def test_text_is_compact_json_without_trailing_zeros() -> None:
    for text in generate_session(GAMMA, MONDAY, snapshots=50):
        assert text == json.dumps(json.loads(text), separators=(",", ":")).encode()
        assert not re.search(rb"\.\d*0[,\]]|-0[,\]]", text)


def test_entries_are_a_strike_two_volatilities_a_value_three_priors_and_two_nulls() -> None:
    for record in greek("vanna_one", 300):
        assert len(record["mini_contracts"]) == 99
        for strike, call, put, value, priors, *rest in record["mini_contracts"]:
            assert rest == [None, None]
            assert len(priors) == 3
            assert [round(number, 2) for number in (strike, value, *priors)] == [strike, value, *priors]
            assert [round(number, 3) for number in (call, put)] == [call, put]
            assert 0.05 < call < put < 1


def test_strikes_are_those_of_the_gex_ladder(records: list[dict[str, Any]]) -> None:
    gex = sample_records(1, SampleFeed("NQ_NDX", "state", "gex_zero"), MONDAY, strikes=21)[0]
    assert [entry[STRIKE] for entry in records[0]["mini_contracts"]] == [row[0] for row in gex["strikes"]]


def test_priors_are_earlier_values_of_the_same_strike(records: list[dict[str, Any]]) -> None:
    by_second = {record["timestamp"]: record for record in records}
    compared = 0
    for record in records[::10]:
        for horizon, minutes in enumerate(PRIOR_MINUTES):
            earlier = by_second.get(record["timestamp"] - 60 * minutes)
            if earlier is not None:
                assert [entry[PRIORS][horizon] for entry in record["mini_contracts"]] == values(earlier)
                compared += 1
    assert compared > 80


def test_priors_before_there_is_history_are_the_first_values(records: list[dict[str, Any]]) -> None:
    for record in records[:50]:
        assert [entry[PRIORS] for entry in record["mini_contracts"]] == [[value] * 3 for value in values(records[0])]


def test_majors_are_the_strikes_of_the_largest_values(records: list[dict[str, Any]]) -> None:
    for record in records[100::50]:
        by_strike = {entry[STRIKE]: entry[VALUE] for entry in record["mini_contracts"]}
        assert by_strike[record["major_positive"]] == max(by_strike.values()) > 0
        assert by_strike[record["major_negative"]] == min(by_strike.values()) < 0
        assert {record["major_long_gamma"], record["major_short_gamma"]} <= by_strike.keys()


def test_major_is_zero_where_no_value_has_its_sign() -> None:
    record = greek("gamma_zero", 2, strikes=1)[1]
    assert 0 in (record["major_positive"], record["major_negative"])


def test_every_feed_has_values_of_its_own() -> None:
    assert len({tuple(values(greek(category, 300)[-1])) for category in GREEK_CATEGORIES}) == len(GREEK_CATEGORIES)


def test_vanna_and_charm_change_their_sign_at_the_money_where_gamma_does_not() -> None:
    from gexlake.sample.greeks import EXPOSURES

    gamma, years = np.ones((1, 4)), np.array([[0.004]])
    deviations = np.array([[2.0, 0.5, -0.5, -2.0]])
    signs = {name: np.sign(greek(gamma, deviations, years))[0].tolist() for name, greek in EXPOSURES.items()}
    assert signs == {
        "delta": [1, 1, 1, 1],
        "gamma": [1, 1, 1, 1],
        "vanna": [-1, -1, 1, 1],
        "charm": [1, 1, -1, -1],
    }


@pytest.mark.parametrize(("category", "expiries"), [("delta_zero", (0, 3)), ("delta_one", (3, 4))])
def test_days_to_expiry_count_to_the_next_sessions(category: str, expiries: tuple[int, int]) -> None:
    record = sample_records(1, SampleFeed("NQ_NDX", "state", category), date(2025, 11, 14))[0]
    assert (record["min_dte"], record["sec_min_dte"]) == expiries


def test_same_arguments_give_the_same_text_and_a_shorter_session_begins_it() -> None:
    longer = list(generate_session(GAMMA, MONDAY, seed=7, snapshots=300, strikes=5))
    assert list(generate_session(GAMMA, MONDAY, seed=7, snapshots=100, strikes=5)) == longer[:100]
    assert list(generate_session(GAMMA, MONDAY, seed=8, snapshots=100, strikes=5)) != longer[:100]


@pytest.mark.parametrize("ticker", ["SPX", "AAPL"])
@pytest.mark.parametrize("category", GREEK_CATEGORIES)
def test_wide_ladders_hold_plain_numbers(ticker: str, category: str) -> None:
    record = sample_records(3, SampleFeed(ticker, "state", category), MONDAY, strikes=400)[-1]
    numbers = [number for entry in record["mini_contracts"] for number in entry[:PRIORS]]
    assert np.isfinite(numbers).all()
    assert min(entry[CALL] for entry in record["mini_contracts"]) > 0
