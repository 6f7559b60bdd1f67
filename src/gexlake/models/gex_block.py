"""A block: up to some thousands of snapshots as columns, the unit in which GEX data moves through an import."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gexlake.models.gex_columns import LADDER, NUMBER_ROWS, Int

RECORD_CAPACITY = 4096
ROW_CAPACITY = 262_144
"""Strike rows of a block, and so at most of a Parquet row group: about 1,300 snapshots of 99 strikes.

Row groups of 50 to 120 thousand rows answered "the ladder at this second" fastest when measured.
"""

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(slots=True)
class Block:
    """Snapshots in source order, column-major; only the first `records` and `rows` columns of the tables are filled.

    `ints` is (9, capacity) as `gex_columns.Int` says, `numbers` (21, capacity): `gex_columns.NUMBERS` and six pairs of
    max_priors; `ladder` (8, row capacity) as `gex_columns.LADDER`. `extra` holds the JSON text of unknown fields by
    record. Timestamps are Unix microseconds; START and END are byte offsets in the unpacked source.
    """

    ints: Ints
    numbers: Doubles
    ladder: Doubles
    records: int = 0
    rows: int = 0
    extra: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, *, records: int = RECORD_CAPACITY, rows: int = ROW_CAPACITY) -> Block:
        """A block with room for that many records and strike rows; memory is touched only as it fills."""
        return cls(
            ints=np.empty((len(Int), records), np.int64),
            numbers=np.empty((NUMBER_ROWS, records), np.float64),
            ladder=np.empty((len(LADDER), rows), np.float64),
        )

    def has_room(self, *, rows: int) -> bool:
        """Whether one more record with that many strike rows fits."""
        return bool(self.records < self.ints.shape[1] and self.rows + rows <= self.ladder.shape[1])

    def column(self, which: Int) -> Ints:
        """One integer column, as long as the block has records."""
        return self.ints[which, : self.records]

    @property
    def filled_numbers(self) -> Doubles:
        """(21, records)"""
        return self.numbers[:, : self.records]

    @property
    def filled_ladder(self) -> Doubles:
        """(8, rows)"""
        return self.ladder[:, : self.rows]

    @property
    def row_starts(self) -> Ints:
        """First strike row of each record; every record has at least one."""
        starts = np.zeros(self.records, np.int64)
        np.cumsum(self.column(Int.ROWS)[:-1], out=starts[1:])
        return starts
