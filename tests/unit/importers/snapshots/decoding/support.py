"""A good record, and how tests have variants of it read."""

from __future__ import annotations

import json
import math
from typing import Any

from gexlake.importers.snapshots.decoding.careful import (
    Expectation,
    Snapshot,
    read_snapshot,
)
from gexlake.importers.snapshots.decoding.json_values import parse
from gexlake.models.record_types import GEX

EXPECT = Expectation(GEX, "NQ_NDX", min_us=946_684_800_000_000, max_us=1_800_000_000_000_000)
SECOND = 1_763_130_602
GOOD: dict[str, Any] = {
    "timestamp": SECOND,
    "ticker": "NQ_NDX",
    "min_dte": 0,
    "sec_min_dte": 3,
    "spot": 25012.5,
    "zero_gamma": 25000,
    "major_pos_vol": 25100,
    "major_pos_oi": 25200,
    "major_neg_vol": 24900,
    "major_neg_oi": 24800,
    "strikes": [[24990, -1.5, 2, [0, 1, 2, 3, 4]], [25000, 3, -4.25, [5, 6, 7, 8, 9.5]]],
    "sum_gex_vol": 1.5,
    "sum_gex_oi": -2.25,
    "delta_risk_reversal": 0.118,
    "max_priors": [[25000, 1.5], [25010, -2]],
}
NAN = math.nan


def text_of(fields: dict[str, object]) -> str:
    """A record's text; values of type bytes stand in it as they are."""
    members = (
        f"{json.dumps(name)}:{value.decode() if isinstance(value, bytes) else json.dumps(value)}"
        for name, value in fields.items()
    )
    return "{" + ",".join(members) + "}"


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name not in names}


def read(text: str | dict[str, object], expect: Expectation = EXPECT) -> Snapshot:
    value, end, oddities = parse(text := text if isinstance(text, str) else text_of(text))
    assert end == len(text)
    return read_snapshot(value, oddities, expect)


def read_with(expect: Expectation = EXPECT, **fields: object) -> Snapshot:
    return read({**GOOD, **fields}, expect)


def same(left: object, right: object) -> bool:
    """Equal, where NaN equals NaN and the sign of zero counts."""
    return repr(left) == repr(right)
