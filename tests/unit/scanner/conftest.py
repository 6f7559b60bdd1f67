"""Small synthetic records and the files they are put in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeRecord = Callable[..., bytes]
Put = Callable[[str, bytes], Path]

SNAPSHOT: dict[str, Any] = {
    "timestamp": 1763130602,  # 2025-11-14 09:30:02 in New York
    "ticker": "NQ_NDX",
    "min_dte": 0,
    "sec_min_dte": 3,
    "spot": 25012.5,
    "zero_gamma": 0,
    "major_pos_vol": 25100,
    "major_pos_oi": 25200,
    "major_neg_vol": 24900,
    "major_neg_oi": 24800,
    "strikes": [[24990, -1.5, 2, [0, 1, 2, 3, 4]], [25000, 3, -4.25, []]],
    "sum_gex_vol": 1.5,
    "sum_gex_oi": -2.25,
    "delta_risk_reversal": 0.1,
    "max_priors": [[25000, 1.5]],
}


@pytest.fixture
def make_record() -> MakeRecord:
    """One GEX snapshot as compact JSON; a keyword changes a field, None removes it."""

    def make(**changes: object) -> bytes:
        record = {**SNAPSHOT, **changes}
        kept = {key: value for key, value in record.items() if value is not None}
        return json.dumps(kept, separators=(",", ":")).encode()

    return make


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file below the test's folder, with the folders it needs."""

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write
