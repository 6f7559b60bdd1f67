"""The native renderer: any double comes back bit for bit, and no tables make it read or write beyond them."""

from __future__ import annotations

import json
import math
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gexlake.models.block import MISSING_INT, Int
from gexlake.models.record_types import GEX
from gexlake.services.store._render import render
from gexlake.services.store.records import layout_of
from helpers.columns import LADDER, NUMBER_ROWS, NUMBERS

FINITE = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.builds(lambda digits, places: digits / 10**places, st.integers(-(2**53), 2**53), st.integers(0, 6))


class Call:
    """Arguments of one call of `render`: `count` snapshots of one strike row each."""

    def __init__(self, count: int = 1) -> None:
        self.layout: Any = layout_of(GEX)
        self.ticker: Any = b'"NQ_NDX"'
        self.ints: Any = np.zeros((len(Int), count), np.int64)
        self.ints[Int.TIMESTAMP] = 1_762_785_001_000_000
        self.ints[Int.ROWS] = 1
        self.numbers: Any = np.ones((NUMBER_ROWS, count))
        self.ladder: Any = np.ones((len(LADDER), count))
        self.tails: Any = b""
        self.tail_ends: Any = np.zeros(count, np.int64)
        self.first, self.stop = 0, count
        self.offsets: Any = np.empty(count + 1, np.uint64)

    def run(self) -> bytes:
        return render(
            self.layout,
            self.ticker,
            self.ints,
            self.numbers,
            self.ladder,
            self.tails,
            self.tail_ends,
            self.first,
            self.stop,
            self.offsets,
        )

    def record(self) -> dict[str, Any]:
        text = self.run()
        assert text.endswith(b"},\n")
        record: dict[str, Any] = json.loads(text[:-2])
        return record


def text_of(value: float) -> str:
    """How the renderer writes a number."""
    call = Call()
    call.numbers[0] = value
    return call.run().decode().partition('"spot":')[2].partition(",")[0]


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@given(FINITE | DECIMALS)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
@example(2.0**53)
@example(2.0**53 - 1)
@example(-9007199254740.993)
@example(0.1 + 0.2)
@example(1e22)
@example(1.0000005)
def test_any_finite_double_comes_back_bit_for_bit(value: float) -> None:
    assert bits(float(json.loads(text_of(value)))) == bits(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0.0"),
        (7135.0, "7135"),
        (-228.01, "-228.01"),
        (0.5, "0.5"),
        (1712585.519, "1712585.519"),
        (0.000001, "0.000001"),
        (100.0, "100"),
        (100.05, "100.05"),
        (-0.007, "-0.007"),
        (9007199254740991.0, "9007199254740991"),
        (1e300, "1e+300"),
        (0.1 + 0.2, "0.30000000000000004"),
        (math.nan, "null"),
    ],
)
def test_numbers_look_like_the_vendors(value: float, text: str) -> None:
    assert text_of(value) == text


def test_a_ladder_comes_back_in_its_form() -> None:
    call = Call()
    call.ladder[:, 0] = [6890, -228.01, -86.9, -240.55, -243.15, -245.22, -221.27, -220.12]
    assert call.record()["strikes"] == [[6890, -228.01, -86.9, [-240.55, -243.15, -245.22, -221.27, -220.12]]]


@pytest.mark.parametrize(
    ("cells", "priors"),
    [
        ([math.nan] * 5, []),
        ([1.5, 2, math.nan, math.nan, math.nan], [1.5, 2]),
        ([math.nan, 2, math.nan, 4, math.nan], [None, 2, None, 4]),
    ],
)
def test_missing_priors_end_the_list_or_are_null(cells: list[float], priors: list[float | None]) -> None:
    call = Call()
    call.ladder[3:, 0] = cells
    assert call.record()["strikes"][0][3] == priors


def test_missing_scalars_are_null() -> None:
    call = Call()
    call.numbers[:] = math.nan
    call.ints[Int.MIN_DTE] = call.ints[Int.SEC_MIN_DTE] = MISSING_INT
    call.ints[Int.MAX_PRIORS] = -1
    record = call.record()
    assert all(record[name] is None for name in (*NUMBERS, "min_dte", "sec_min_dte", "max_priors"))


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (1_762_785_001_000_000, "1762785001"),
        (1_762_785_001_250_000, "1762785001.25"),
        (1_762_785_001_000_001, "1762785001.000001"),
    ],
)
def test_timestamps_have_decimals_only_where_they_need_them(us: int, text: str) -> None:
    call = Call()
    call.ints[Int.TIMESTAMP] = us
    assert call.run().startswith(f'{{"timestamp":{text},'.encode())


def test_offsets_cut_the_text_into_records() -> None:
    call = Call(3)
    call.tails, call.tail_ends = b',"note":1', np.array([0, 9, 9])
    text = call.run()
    bounds = call.offsets.tolist()
    records = [json.loads(text[a : b - 2]) for a, b in pairwise(bounds)]
    assert bounds[-1] == len(text)
    assert [record.get("note") for record in records] == [None, 1, None]


def test_some_of_the_records_can_be_asked_for() -> None:
    call = Call(5)
    whole = call.run()
    bounds = call.offsets.tolist()
    call.first, call.stop, call.ladder, call.offsets = 2, 4, call.ladder[:, 2:4].copy(), np.empty(3, np.uint64)
    assert call.run() == whole[bounds[2] : bounds[4]]


def test_no_records_are_no_text() -> None:
    assert Call(0).run() == b""


def few_rows(call: Call) -> None:
    call.ints[Int.ROWS] = 2


def many_rows(call: Call) -> None:
    call.ladder = np.ones((len(LADDER), 9))


def negative_rows(call: Call) -> None:
    call.ints[Int.ROWS] = -1


def stop_beyond(call: Call) -> None:
    call.stop = 4


def stop_before_first(call: Call) -> None:
    call.first, call.stop = 2, 1


def negative_first(call: Call) -> None:
    call.first = -1


def short_numbers(call: Call) -> None:
    call.numbers = np.ones((NUMBER_ROWS, 2))


def ragged_ladder(call: Call) -> None:
    call.ladder = np.ones(7)


def short_offsets(call: Call) -> None:
    call.offsets = np.empty(3, np.uint64)


def tails_beyond(call: Call) -> None:
    call.tail_ends = np.array([0, 1, 1])


def tails_backwards(call: Call) -> None:
    call.tails, call.tail_ends = b",,", np.array([2, 1, 2])


def negative_tails(call: Call) -> None:
    call.tail_ends = np.array([-5, 0, 0])


@pytest.mark.parametrize(
    "spoil",
    [
        few_rows,
        many_rows,
        negative_rows,
        stop_beyond,
        stop_before_first,
        negative_first,
        short_numbers,
        ragged_ladder,
        short_offsets,
        tails_beyond,
        tails_backwards,
        negative_tails,
    ],
)
def test_tables_that_do_not_fit_are_refused(spoil: Any) -> None:
    call = Call(3)
    spoil(call)
    with pytest.raises(ValueError, match="the tables do not fit together"):
        call.run()


def test_read_only_offsets_are_refused() -> None:
    call = Call()
    call.offsets.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        call.run()
