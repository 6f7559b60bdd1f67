"""What records of every type are made of: hundredths, earlier rows, levels on the ladder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.market import Floats, Ints

BLOCK_ROWS = 1024

Cents = NDArray[np.int32]


def to_cents(gex: Floats) -> Cents:
    """Whole hundredths, rounded half to even."""
    cents = np.empty(gex.shape, np.int32)
    for block in blocks(len(gex)):
        cents[block] = np.rint(gex[block] * 100)
    return cents


def prior_rows(timestamps: Ints, minutes: tuple[int, ...]) -> tuple[Ints, ...]:
    """Per horizon, the row of the last snapshot at or before that many minutes ago.

    Before the session is that old, the first snapshot stands in for the missing one.
    """
    return tuple(np.maximum(np.searchsorted(timestamps, timestamps - 60 * ago, side="right") - 1, 0) for ago in minutes)


def major_levels(strikes: Floats, cents: Cents) -> tuple[Floats, Floats]:
    """Strikes of the largest positive and the largest negative GEX; 0 where there is none of that sign."""
    positive = np.where(cents.max(axis=1) > 0, strikes[cents.argmax(axis=1)], 0.0)
    negative = np.where(cents.min(axis=1) < 0, strikes[cents.argmin(axis=1)], 0.0)
    return positive, negative


def rounded(values: Floats, decimals: int) -> Floats:
    """Rounded, and never minus zero."""
    return np.round(values, decimals) + 0.0


def blocks(rows: int) -> Iterator[slice]:
    """The rows in parts that stay in a processor's cache."""
    return (slice(start, min(start + BLOCK_ROWS, rows)) for start in range(0, rows, BLOCK_ROWS))
