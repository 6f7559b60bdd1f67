"""What is set aside of a source's other days: all of it, in order, in bounded memory."""

from __future__ import annotations

import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from gexlake.importers.snapshots import days
from gexlake.importers.snapshots.batch import Batch
from gexlake.importers.snapshots.days import DaySpool
from gexlake.models.block import Int
from helpers.columns import LADDER, NUMBER_ROWS

FIRST = date(2025, 1, 1)
BATCHES, DAYS, ROWS = 200, 7, 1500


def batch_of(number: int) -> Batch:
    """One snapshot with a long ladder, some 100 kB, that says its number."""
    ints = np.full((len(Int), 1), number, np.int64)
    ints[Int.ROWS] = ROWS
    numbers = np.full((NUMBER_ROWS, 1), float(number))
    return Batch(
        np.zeros(1, np.int64), ints, numbers, np.full((len(LADDER), ROWS), number / 2), {0: f'{{"n": {number}}}'}
    )


def test_days_of_any_size_are_kept_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "MEMORY_BYTES", 1 << 20)
    spool = DaySpool(tmp_path)
    tracemalloc.start()
    try:
        for number in range(BATCHES):
            spool.add(FIRST + timedelta(days=number % DAYS), batch_of(number))
        _, peak = tracemalloc.get_traced_memory()
        assert BATCHES * batch_of(0).size_bytes > 15 << 20
        assert peak < 3 << 20
        tracemalloc.reset_peak()
        for shift, day in enumerate(spool.days()):
            assert day == FIRST + timedelta(days=shift)
            for number, batch in zip(range(shift, BATCHES, DAYS), spool.batches(day), strict=True):
                expected = batch_of(number)
                for found, right in zip(batch[:4], expected[:4], strict=True):
                    assert np.array_equal(found, right)
                assert batch.extra == expected.extra
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 3 << 20
    finally:
        tracemalloc.stop()
