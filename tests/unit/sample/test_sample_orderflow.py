"""Records of the orderflow: form, stale beginning, running sums, flows, negative zeros."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from gexlake.sample import SampleFeed, generate_session, sample_records
from gexlake.sample.orderflow import STALE_RECORDS

MONDAY = date(2025, 11, 10)
ORDERFLOW = SampleFeed("NQ_NDX", "orderflow", "orderflow")

# fmt: off
FIELDS = (
    "timestamp", "ticker", "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma", "zero_mcall", "zero_mput",
    "one_mcall", "one_mput", "zcvr", "ocvr", "zgr", "ogr", "zvanna", "ovanna", "zcharm", "ocharm", "agg_dex",
    "one_agg_dex", "agg_call_dex", "one_agg_call_dex", "agg_put_dex", "one_agg_put_dex", "net_dex", "one_net_dex",
    "net_call_dex", "one_net_call_dex", "net_put_dex", "one_net_put_dex", "dexoflow", "gexoflow", "cvroflow",
    "one_dexoflow", "one_gexoflow", "one_cvroflow",
)
# fmt: on
LEVELS, RATIOS, SUMS = FIELDS[3:11], FIELDS[11:19], FIELDS[19:31]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return sample_records(600, ORDERFLOW, MONDAY, strikes=31)


def test_fields_stand_in_the_vendors_order(records: list[dict[str, Any]]) -> None:
    assert len(FIELDS) == 37
    assert {tuple(record) for record in records} == {FIELDS}


def test_record_is_flat_numbers_of_two_decimals(records: list[dict[str, Any]]) -> None:
    for record in records:
        numbers = [record[field] for field in FIELDS[2:]]
        assert [round(number, 2) for number in numbers] == numbers


def test_text_is_compact_json_without_trailing_zeros_but_in_a_negative_zero() -> None:
    for text in generate_session(ORDERFLOW, MONDAY, snapshots=300):
        assert text == json.dumps(json.loads(text), separators=(",", ":")).encode()
        assert not re.search(rb"\.\d*0[,}]|-0[,}]", text.replace(b"-0.0", b"0"))
        assert 550 < len(text) < 750


def test_levels_are_strikes_of_the_tickers_ladder(records: list[dict[str, Any]]) -> None:
    gex = sample_records(1, SampleFeed("NQ_NDX", "state", "gex_zero"), MONDAY, strikes=31)[0]
    strikes = {row[0] for row in gex["strikes"]}
    levels = {record[level] for record in records for level in LEVELS}
    assert levels - strikes <= {0}
    assert len(levels & strikes) > 8


def test_ratios_are_small(records: list[dict[str, Any]]) -> None:
    assert all(abs(record[ratio]) < 100 for record in records for ratio in RATIOS)
    assert all(len({record[ratio] for record in records}) > 5 for ratio in RATIOS)


def test_first_seconds_repeat_one_state(records: list[dict[str, Any]]) -> None:
    first, *later = [{**record, "timestamp": 0} for record in records[: STALE_RECORDS + 1]]
    assert later[:-1] == [first] * (STALE_RECORDS - 1)
    assert later[-1] != first
    assert len({record["timestamp"] for record in records}) == len(records)


def test_running_sums_begin_at_zero_and_move(records: list[dict[str, Any]]) -> None:
    assert [records[0][name] for name in SUMS] == [0] * 12
    assert all(len({record[name] for record in records}) > 50 for name in SUMS)


@pytest.mark.parametrize("kind", ["agg", "one_agg", "net", "one_net"])
def test_sum_of_calls_and_puts_is_the_whole(records: list[dict[str, Any]], kind: str) -> None:
    for record in records:
        parts = record[f"{kind}_call_dex"] + record[f"{kind}_put_dex"]
        assert record[f"{kind}_dex"] == pytest.approx(parts, abs=1e-9)


@pytest.mark.parametrize("expiry", ["", "one_"])
def test_flow_is_the_change_of_its_running_sum(records: list[dict[str, Any]], expiry: str) -> None:
    for before, record in pairwise(records):
        change = record[f"{expiry}agg_dex"] - before[f"{expiry}agg_dex"]
        assert record[f"{expiry}dexoflow"] == pytest.approx(change, abs=1e-9)


def test_some_zeros_are_negative_and_most_numbers_are_not() -> None:
    negative = [
        (text, field)
        for text in generate_session(ORDERFLOW, MONDAY, snapshots=600, strikes=31)
        for field, value in json.loads(text).items()
        if value == 0 and math.copysign(1, value) < 0
    ]
    assert all(f'"{field}":-0.0'.encode() in text for text, field in negative)
    assert {"agg_put_dex", "one_net_put_dex"} <= {field for _, field in negative}
    assert STALE_RECORDS < len({text for text, _ in negative}) < 300


def test_every_ticker_has_records_of_its_own_and_the_two_expiries_differ() -> None:
    one, other = (sample_records(20, SampleFeed(ticker, "orderflow", "orderflow"), MONDAY) for ticker in ("NDX", "SPX"))
    assert one[-1] != other[-1]
    assert one[-1]["agg_dex"] != one[-1]["one_agg_dex"]
    assert one[-1]["zgr"] != one[-1]["ogr"]


def test_same_arguments_give_the_same_text_and_a_shorter_session_begins_it() -> None:
    longer = list(generate_session(ORDERFLOW, MONDAY, seed=7, snapshots=300, strikes=5))
    assert list(generate_session(ORDERFLOW, MONDAY, seed=7, snapshots=100, strikes=5)) == longer[:100]
    assert list(generate_session(ORDERFLOW, MONDAY, seed=7, snapshots=2, strikes=5)) == longer[:2]
    assert list(generate_session(ORDERFLOW, MONDAY, seed=8, snapshots=100, strikes=5)) != longer[:100]
