"""Facts of sums that do not fit into a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gexlake.models.record_types import GEX, ORDERFLOW_TYPE
from gexlake.vendor.messages import Clamped, decode, encode
from gexlake.vendor.sums import correct_sums

RECORD: dict[str, Any] = {
    "timestamp": 1763130600, "ticker": "SPX", "min_dte": 0, "sec_min_dte": 1, "spot": 6802.25, "zero_gamma": 6799.5,
    "major_pos_vol": 6800, "major_pos_oi": 6810, "major_neg_vol": 6700, "major_neg_oi": 6690,
    "strikes": [[6800, 12.34, -5.6, [1, 2, 3, 4, 5.25]], [6810, -0.07, 99.99, [0, 0, 0, 0, 0]]],
    "sum_gex_vol": 12.27, "sum_gex_oi": 94.39, "delta_risk_reversal": -0.123,
    "max_priors": [[6800, 1.5]] * 6,
}  # fmt: skip


def through_the_wire(record: dict[str, Any]) -> dict[str, Any]:
    document = decode(encode(GEX, record, Clamped())).document
    correct_sums(GEX, document)
    return document


def test_socket_and_rest_give_the_same_doubles() -> None:
    assert json.loads(json.dumps(through_the_wire(RECORD))) == RECORD


def test_sum_that_was_cut_is_the_ladders_and_flagged() -> None:
    ladder = [[6800, 2_000_000.5, 1, [0] * 5], [6810, 1_000_000.25, 1, [0] * 5]]
    found = through_the_wire({**RECORD, "strikes": ladder, "sum_gex_vol": 3_000_000.75, "sum_gex_oi": 2})
    assert (found["sum_gex_vol"], found["sum_gex_oi"], found["sum_saturated"]) == (3_000_000.75, 2, ["sum_gex_vol"])


@pytest.mark.parametrize("value", [0, 12.27, 500.0])
def test_sum_that_would_have_fitted_is_left_alone(value: float) -> None:
    document = {**RECORD, "sum_gex_vol": value}
    assert correct_sums(GEX, document) == 0
    assert document == {**RECORD, "sum_gex_vol": value}


def test_what_has_no_ladder_has_nothing_to_correct() -> None:
    assert correct_sums(ORDERFLOW_TYPE, {"spot": 1}) == 0
