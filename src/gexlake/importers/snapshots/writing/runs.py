"""A column as runs of equal values: short where values hardly ever change, as the number of strikes in a ladder."""

from __future__ import annotations

import numpy as np

from gexlake.models.block import Ints


def runs_of(values: Ints) -> list[tuple[int, int, int]]:
    """Runs of equal neighbours as (value, first, count)."""
    if not len(values):
        return []
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    counts = np.diff(firsts, append=len(values))
    return list(zip(values[firsts].tolist(), firsts.tolist(), counts.tolist(), strict=True))


def from_runs(runs: list[list[int]]) -> Ints:
    """The values that [value, count] stand for."""
    values = np.array(runs, np.int64).reshape(-1, 2)
    return np.repeat(values[:, 0], values[:, 1])
