"""Where a record of each type has what the faults change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gexlake.sample.feeds import RecordType

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Keys and places in a record; one that is flat has no `ladder` and no `cells`.

    `cells` are the places of two numbers behind the strike of an entry, which with `nullable` may be null; `scalars`
    the keys of two numbers that are not required.
    """

    ladder: str | None
    cells: tuple[int, ...]
    scalars: tuple[str, str]
    nullable: bool = False

    def entries(self, record: Record) -> list[list[Any]]:
        """The ladder of the record; none where it is flat."""
        return list(record[self.ladder]) if self.ladder else []


SHAPES = {
    RecordType.GEX: Shape("strikes", (1, 2), ("zero_gamma", "sum_gex_vol")),
    RecordType.GREEK: Shape("mini_contracts", (3, 1), ("major_positive", "major_long_gamma"), nullable=True),
    RecordType.ORDERFLOW: Shape(None, (), ("zcvr", "agg_call_dex")),
}
