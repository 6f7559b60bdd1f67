"""Whether two snapshots of one key hold the same values: by the vendor's fields, whatever a recorder added."""

from __future__ import annotations

import numpy as np

from gexlake.importers.snapshots.ladders import LadderStore
from gexlake.models.block import INTEGERS, MISSING_INT, Doubles, Int, Ints
from gexlake.models.record_type import MAX_PRIORS, RecordType
from gexlake.validation.snapshots import Mask

COMPARED_INTS = [Int.MIN_DTE, Int.SEC_MIN_DTE, Int.ROWS, Int.MAX_PRIORS]
COMPARED_SNAPSHOTS = 1000
"""Ladders are compared this many at a time, to bound memory."""


class Sameness:
    """Compares snapshots of one session by their numbers; `ints` and `numbers` as in `Block`, n columns each."""

    def __init__(self, kind: RecordType, ints: Ints, numbers: Doubles, ladders: LadderStore) -> None:
        self._kind = kind
        self._ints = ints
        self._numbers = numbers
        self._ladders = ladders

    def of(self, left: Ints, right: Ints) -> Mask:
        """Whether each snapshot of `left` has the values of the one in `right`."""
        counts = self._ints[COMPARED_INTS]
        same: Mask = (counts[:, left] == counts[:, right]).all(axis=0)
        same &= _equal(self._numbers[:, left], self._numbers[:, right]).all(axis=0)
        candidates = np.flatnonzero(same) if self._kind.ladder else np.empty(0, np.int64)
        for start in range(0, len(candidates), COMPARED_SNAPSHOTS):
            some = candidates[start : start + COMPARED_SNAPSHOTS]
            cells = _equal(self._ladders.gather(left[some]), self._ladders.gather(right[some])).all(axis=0)
            rows = self._ladders.rows_of[left[some]]
            same[some] = np.logical_and.reduceat(cells, np.cumsum(rows) - rows)
        return same

    def first_difference(self, stands: int, other: int) -> str:
        """The first field in which they differ, with the value that stands and the other one."""
        for name, which in INTEGERS.items():
            left, right = int(self._ints[which, stands]), int(self._ints[which, other])
            if left != right:
                return f"{name}: {_int_text(left)}, here {_int_text(right)}"
        for row, name in enumerate(self._kind.numbers):
            values = float(self._numbers[row, stands]), float(self._numbers[row, other])
            if not _equal(*(np.array([value]) for value in values)).all():
                return f"{name}: {_text(values[0])}, here {_text(values[1])}"
        pairs = self._numbers[len(self._kind.numbers) :]
        if (
            self._ints[Int.MAX_PRIORS, stands] != self._ints[Int.MAX_PRIORS, other]
            or not _equal(pairs[:, stands], pairs[:, other]).all()
        ):
            return MAX_PRIORS
        return self._ladder_difference(stands, other)

    def _ladder_difference(self, stands: int, other: int) -> str:
        left, right = (self._ladders.gather(np.array([snapshot])) for snapshot in (stands, other))
        if left.shape != right.shape:
            return f"number of strikes: {left.shape[1]}, here {right.shape[1]}"
        columns, rows = np.nonzero(~_equal(left, right))
        row = int(rows.min())
        column = int(columns[rows == row].min())
        values = f"{_text(left[column, row])}, here {_text(right[column, row])}"
        return f"{self._kind.ladder_names[column]} at strike {_text(left[0, row])}: {values}"


def _equal(left: Doubles, right: Doubles) -> Mask:
    both: Mask = (left == right) | (np.isnan(left) & np.isnan(right))
    return both


def _text(value: float) -> str:
    return "nothing" if np.isnan(value) else repr(float(value))


def _int_text(value: int) -> str:
    return "nothing" if value == MISSING_INT else str(value)
