"""Number style: the table look-up writes what plain formatting would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexlake.sample.text import cell_texts, plain_number


def cell_text(cents: int) -> str:
    return cell_texts(np.array([[cents]], np.int32)).tobytes().replace(b"\0", b"").decode()


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0"),
        (5, "0.05"),
        (-5, "-0.05"),
        (-8690, "-86.9"),
        (713_500, "7135"),
        (1_000_000, "10000"),
        (1_000_001, "10000.01"),
        (-100_000_000, "-1000000"),
        (-999_999_999, "-9999999.99"),
    ],
)
def test_cells_have_two_decimals_without_trailing_zeros(cents: int, text: str) -> None:
    assert cell_text(cents) == text


@given(st.integers(-999_999_999, 999_999_999))
def test_cells_read_as_plain_formatting_does(cents: int) -> None:
    assert cell_text(cents) == plain_number(cents / 100, 2)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (7135.0, 2, "7135"),
        (-86.9, 2, "-86.9"),
        (0.118, 3, "0.118"),
        (100.0, 3, "100"),
        (0.0, 3, "0"),
        (7100, 0, "7100"),
    ],
)
def test_plain_numbers_drop_trailing_zeros_of_the_fraction_alone(value: float, decimals: int, text: str) -> None:
    assert plain_number(value, decimals) == text
