"""A block: up to some thousands of snapshots as columns, the unit in which they move through an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gexlake.models.record_type import RecordType

RECORD_CAPACITY = 4096
ROW_CAPACITY = 262_144
"""Ladder rows of a block, and so at most of a Parquet row group: about 2,600 snapshots of 99 strikes."""

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Int(IntEnum):
    """Rows of a block's table of integers; the order is that of `_native.c`, which fills all but the last."""

    TIMESTAMP = 0
    MIN_DTE = 1
    SEC_MIN_DTE = 2
    START = 3
    END = 4
    ROWS = 5
    MAX_PRIORS = 6
    FLAGS = 7
    INDEX = 8
    """Ordinal of the record in its file; the decoder counts, the native code leaves it alone."""


INTEGERS: dict[str, Int] = {"min_dte": Int.MIN_DTE, "sec_min_dte": Int.SEC_MIN_DTE}
"""Scalar integers by the name of their column."""
MISSING_INT = -(2**63)
"""Stands for an absent integer inside a block; absent doubles are NaN, which JSON cannot express."""
NO_PAIRS = -1
"""Stands for absent `max_priors`, the number of whose pairs is in MAX_PRIORS."""

FLAG_PRIORS_COUNT = 1
FLAG_EXTRA = 2
FLAG_FIELD_TYPE = 4
FLAG_NOT_FINITE = 8
FLAG_NUMBER_AS_TEXT = 16
FLAG_ZONE_GIVEN = 32


@dataclass(slots=True)
class Block:
    """Snapshots in source order, column-major; only the first `records` and `rows` columns of the tables are filled.

    `ints` is (9, capacity) as `Int` says, `numbers` (n, capacity): the record type's `numbers` and, where it has them,
    six pairs of max_priors; `ladder` (k, row capacity) as its `ladder_names`. What a record type does not have is
    absent. `extra` holds the JSON text of unknown fields by record. Timestamps are Unix microseconds; START and END are
    byte offsets in the unpacked source.
    """

    ints: Ints
    numbers: Doubles
    ladder: Doubles
    records: int = 0
    rows: int = 0
    extra: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, kind: RecordType, *, records: int = RECORD_CAPACITY, rows: int = ROW_CAPACITY) -> Block:
        """A block with room for that many records and ladder rows; memory is touched only as it fills."""
        return cls(
            ints=np.empty((len(Int), records), np.int64),
            numbers=np.empty((kind.number_rows, records), np.float64),
            ladder=np.empty((len(kind.ladder_names), rows), np.float64),
        )

    def has_room(self, *, rows: int) -> bool:
        """Whether one more record with that many ladder rows fits."""
        return bool(self.records < self.ints.shape[1] and self.rows + rows <= self.ladder.shape[1])

    def column(self, which: Int) -> Ints:
        """One integer column, as long as the block has records."""
        return self.ints[which, : self.records]

    @property
    def filled_numbers(self) -> Doubles:
        """(n, records)"""
        return self.numbers[:, : self.records]

    @property
    def filled_ladder(self) -> Doubles:
        """(k, rows)"""
        return self.ladder[:, : self.rows]

    @property
    def row_starts(self) -> Ints:
        """First ladder row of each record; where there are ladders, every record has a row at least."""
        starts = np.zeros(self.records, np.int64)
        np.cumsum(self.column(Int.ROWS)[:-1], out=starts[1:])
        return starts
