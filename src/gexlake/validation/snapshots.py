"""Warnings: what is odd about snapshots that are imported all the same. Pure and vectorised, a block at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from gexlake.models.block import (
    FLAG_EXTRA,
    FLAG_FIELD_TYPE,
    FLAG_NOT_FINITE,
    FLAG_NUMBER_AS_TEXT,
    FLAG_PRIORS_COUNT,
    FLAG_ZONE_GIVEN,
    Block,
    Doubles,
    Int,
)
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE, cash_hours
from gexlake.validation.rules import Rule

CELL_ROUNDING = 0.005
"""Ladder cells have 2 decimals, so each may be off by this much from what the vendor added up."""
SUM_ROUNDING = 0.001
"""Sums have 3 decimals."""

MAJORS = tuple(i for i, name in enumerate(GEX.numbers) if name.startswith("major_"))
ZERO_GAMMA = GEX.numbers.index("zero_gamma")
SUMS = (
    (GEX.numbers.index("sum_gex_vol"), GEX.ladder_names.index("gex_vol")),
    (GEX.numbers.index("sum_gex_oi"), GEX.ladder_names.index("gex_oi")),
)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SessionBounds:
    """The New York day of a session and its cash hours, Unix microseconds UTC; closed days have no hours."""

    day: date
    day_start_us: int
    day_end_us: int
    open_us: int | None
    close_us: int | None

    @classmethod
    def of(cls, session_date: date) -> SessionBounds:
        """Bounds of a trading date by the NYSE calendar."""
        hours = cash_hours(session_date)
        return cls(
            day=session_date,
            day_start_us=_midnight_us(session_date),
            day_end_us=_midnight_us(session_date + timedelta(days=1)),
            open_us=hours.open_us if hours else None,
            close_us=hours.close_us if hours else None,
        )


def count_warnings(
    kind: RecordType,
    block: Block,
    source: NDArray[np.int64],
    days: Sequence[tuple[SessionBounds, Mask]],
    previous_us: int,
    *,
    planned: SessionBounds,
) -> dict[int, Counter[Rule]]:
    """How many snapshots of the block break each rule of severity `warning`, for each source that has any.

    `source` numbers the source of each snapshot; `days` are the dates of the block with the mask of their snapshots,
    `planned` the date that the sources were thought to be of. `previous_us` is the timestamp of the record before the
    block, if it is of the same source, or else any number below all others.
    """
    timestamps, flags = block.column(Int.TIMESTAMP), block.column(Int.FLAGS)
    continued = np.diff(source, prepend=source[:1]) == 0
    outside_date, outside_hours = np.zeros((2, len(timestamps)), np.bool_)
    for bounds, mask in days:
        outside_date |= mask & (bounds.day != planned.day)
        outside_hours |= mask & is_outside_hours(timestamps, bounds)
    broken: dict[Rule, Mask] = {
        **(_of_gex(block) if kind is GEX else {}),
        Rule.PRIORS_COUNT: flags & FLAG_PRIORS_COUNT != 0,
        Rule.DATE_MISMATCH: outside_date,
        Rule.OUTSIDE_CASH_HOURS: outside_hours,
        Rule.OUT_OF_ORDER: continued & (np.diff(timestamps, prepend=previous_us) < 0),
        Rule.UNKNOWN_FIELD: flags & FLAG_EXTRA != 0,
        Rule.FIELD_TYPE: flags & FLAG_FIELD_TYPE != 0,
        Rule.NOT_FINITE: flags & FLAG_NOT_FINITE != 0,
        Rule.NUMBER_AS_TEXT: flags & FLAG_NUMBER_AS_TEXT != 0,
        Rule.ZONE_GIVEN: flags & FLAG_ZONE_GIVEN != 0,
    }
    counts: dict[int, Counter[Rule]] = {}
    for rule, mask in broken.items():
        if mask.any():
            numbers_of, counted = np.unique(source[mask], return_counts=True)
            for number, count in zip(numbers_of.tolist(), counted.tolist(), strict=True):
                counts.setdefault(number, Counter())[rule] = count
    return counts


def _of_gex(block: Block) -> dict[Rule, Mask]:
    """What only GEX snapshots can break."""
    numbers, ladder, starts, rows = block.filled_numbers, block.filled_ladder, block.row_starts, block.column(Int.ROWS)
    return {
        Rule.SUM_MISMATCH: sums_disagree(numbers, ladder, starts, rows),
        Rule.MAJOR_OFF_LADDER: majors_off_ladder(numbers, ladder, starts, rows),
        Rule.OPENING_UNPOPULATED: (numbers[[ZERO_GAMMA, *MAJORS]] == 0).all(axis=0),
    }


def sums_disagree(numbers: Doubles, ladder: Doubles, starts: NDArray[np.int64], rows: NDArray[np.int64]) -> Mask:
    """Records whose ladder column does not add up to its `sum_gex_…`, beyond the rounding of the cells."""
    tolerance = CELL_ROUNDING * rows + SUM_ROUNDING
    wrong = np.zeros(len(starts), np.bool_)
    for number, column in SUMS:
        reported = numbers[number]
        added = np.add.reduceat(ladder[column], starts)
        wrong |= np.abs(added - reported) > tolerance + 1e-12 * np.abs(reported)  # False where not reported: NaN
    return wrong


def majors_off_ladder(numbers: Doubles, ladder: Doubles, starts: NDArray[np.int64], rows: NDArray[np.int64]) -> Mask:
    """Records with a major level, other than 0, that is not among the ladder's strikes."""
    strikes = ladder[GEX.ladder_names.index("strike")]
    off = np.zeros(len(starts), np.bool_)
    for number in MAJORS:
        level = numbers[number]
        present = np.logical_or.reduceat(strikes == np.repeat(level, rows), starts)
        off |= ~present & (level != 0) & ~np.isnan(level)
    return off


def is_outside_hours(timestamps: NDArray[np.int64], bounds: SessionBounds) -> Mask:
    """Timestamps before the open or after the close; all of them on a closed day."""
    if bounds.open_us is None or bounds.close_us is None:
        return np.ones(len(timestamps), np.bool_)
    return (timestamps < bounds.open_us) | (timestamps > bounds.close_us)


def _midnight_us(day: date) -> int:
    midnight = datetime.combine(day, time(), ZoneInfo(EXCHANGE_TIME_ZONE))
    return int(midnight.timestamp()) * 1_000_000
