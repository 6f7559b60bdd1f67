"""What Python's own `json` says of a record, for `fuzz_files.py`: imported columns are held to it bit for bit."""

from __future__ import annotations

import json
import math
import re
import struct
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fuzz_inputs import Record
from gexlake.models.block import MISSING_INT, Block, Int
from gexlake.models.record_type import MOST_PAIRS
from gexlake.models.record_types import GEX


class FindingError(Exception):
    """What is promised of every input does not hold."""


def number_of(value: object) -> float:
    """A number, also as text; NaN for none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return math.nan
    if isinstance(value, str) and not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value, re.ASCII):
        return math.nan
    return result if math.isfinite(result) else math.nan


def microseconds_of(value: Any) -> int:
    """Unix microseconds of a timestamp that was accepted."""
    if isinstance(value, str) and math.isnan(number_of(value)):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise FindingError("a time without a zone was guessed")
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    number: int | float = json.loads(value) if isinstance(value, str) else value
    for bound, factor in ((10**11, 10**6), (10**14, 10**3), (10**17, 1)):
        if number < bound:
            return round(number * factor)
    return round(number / 1000) if isinstance(number, float) else number // 1000


def record_in(value: Any) -> Record:
    """The record itself, without what is around it."""
    while "strikes" not in value:
        payload = value.get("payload")
        value = payload if isinstance(payload, dict) else next(item for item in value.values() if holds_record(item))
    return value  # type: ignore[no-any-return]


def holds_record(value: Any) -> bool:
    """Whether a record is in it, at any depth."""
    if not isinstance(value, dict):
        return False
    return {"timestamp", "strikes"} <= value.keys() or any(map(holds_record, value.values()))


def cells_of(row: Any) -> list[float]:
    """A row of the ladder in eight cells."""
    if isinstance(row, dict):
        vol, oi = ("gex_vol", "gex_oi") if "gex_vol" in row else ("gamma", "oi_gamma")
        row = [row["strike"], row[vol], row[oi], row.get("priors")]
    priors = (row[3] if len(row) > 3 else None) or []
    cells = [number_of(cell) for cell in (*row[:3], *priors[:5])]
    return cells + [math.nan] * (len(GEX.ladder_names) - len(cells))


def same_bits(left: list[float], right: Any) -> bool:
    """Equal bit for bit; NaN, which stands for none, may have any."""
    other = np.asarray(right, np.float64).ravel().tolist()
    return len(left) == len(other) and all(
        (math.isnan(a) and math.isnan(b)) or struct.pack("d", a) == struct.pack("d", b)
        for a, b in zip(left, other, strict=True)
    )


def plain_value(text: bytes) -> Any:
    """The record as `json` reads it; as doubles, whole numbers have a negative zero."""
    return json.loads(
        text, parse_int=lambda digits: float(digits) if digits == "-0" or len(digits) > 300 else int(digits)
    )


def check_record(raw: bytes, block: Block, record: int, first_row: int) -> None:
    """The columns of an imported record against what its own bytes say."""
    fields = record_in(plain_value(raw))
    ints, numbers = block.ints[:, record], block.numbers[:, record]
    rows = int(ints[Int.ROWS])
    if microseconds_of(fields["timestamp"]) != ints[Int.TIMESTAMP]:
        raise FindingError(f"timestamp {ints[Int.TIMESTAMP]}")
    spot = fields.get("spot") if fields.get("spot") is not None else fields.get("spot_price")
    if not same_bits(
        [number_of(spot), *(number_of(fields.get(name)) for name in GEX.numbers[1:])], numbers[: len(GEX.numbers)]
    ):
        raise FindingError(f"numbers {numbers[: len(GEX.numbers)]}")
    for name, column in (("min_dte", Int.MIN_DTE), ("sec_min_dte", Int.SEC_MIN_DTE)):
        days = number_of(fields.get(name))
        whole = not math.isnan(days) and days == int(days) and -(2**31) <= days < 2**31
        if int(ints[column]) != (int(days) if whole else MISSING_INT):
            raise FindingError(f"{name} {ints[column]}")
    expected = [cell for row in fields["strikes"] for cell in cells_of(row)]
    if not same_bits(expected, block.ladder[:, first_row : first_row + rows].T):
        raise FindingError("ladder")
    pairs = int(ints[Int.MAX_PRIORS])
    if pairs >= 0:
        written = [number_of(item) for pair in fields["max_priors"] for item in pair]
        if pairs > MOST_PAIRS or not same_bits(written, numbers[len(GEX.numbers) : len(GEX.numbers) + 2 * pairs]):
            raise FindingError("max_priors")
