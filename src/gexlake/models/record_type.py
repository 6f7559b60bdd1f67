"""What a record type is: its fields, and the columns that hold them. All that differs from type to type is data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gexlake.models.column import Column

MAX_PRIORS = "max_priors"
MOST_PAIRS = 6
"""[strike, change] pairs of `max_priors`."""

TIMESTAMP_COLUMN = Column("timestamp", "TIMESTAMPTZ", "the instant of the snapshot, UTC, to the microsecond")
EXTRA_COLUMN = Column(
    "extra", "VARCHAR", "fields without a column of their own, as a JSON object; NULL where there are none"
)


@dataclass(frozen=True, eq=False)
class Ladder:
    """The entries of a snapshot, one for each strike.

    An entry is an array: `own` numbers of which the first is the strike, an array of `priors` earlier values, and
    behind it as many more as `columns` has; `unknown` more may stand there, and are null as far as is known.
    """

    field: str
    """The vendor's name of the array."""
    dataset: str
    columns: tuple[Column, ...]
    own: int
    priors: int
    shown: tuple[str, ...]
    """Columns that pictures are drawn of, the usual one first."""
    required: int
    """Of its own numbers, those that have to be there."""
    unknown: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, `strike` first."""
        return tuple(column.name for column in self.columns)

    @property
    def rest(self) -> int:
        """Columns behind the priors."""
        return len(self.columns) - self.own - self.priors


@dataclass(frozen=True, eq=False)
class RecordType:
    """One of the vendor's record types: the same object for all that have it, so it is compared by identity."""

    name: str
    """In paths, tables, lineage and routes."""
    words: str
    """What its records are called in sentences."""
    categories: tuple[str, ...]
    default: tuple[str, str]
    """Package and category that are meant where nobody names any."""
    fields: tuple[str, ...]
    """The vendor's fields in the vendor's order."""
    scalars: tuple[Column, ...]
    """The columns of a snapshot between `timestamp` and `extra`: doubles, `spot` the first of them, two integers
    (`min_dte`, `sec_min_dte`) at most, and `max_priors`."""
    levels: tuple[str, ...]
    """Of its numbers, those that are prices, and stay what they are for a while; 0 where there is no such level."""
    ladder: Ladder | None

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Scalar doubles: the first rows of a block's table of numbers."""
        return tuple(column.name for column in self.scalars if column.sql_type == "DOUBLE")

    @cached_property
    def integers(self) -> tuple[str, ...]:
        """Scalar integers."""
        return tuple(column.name for column in self.scalars if column.sql_type == "INTEGER")

    @cached_property
    def has_max_priors(self) -> bool:
        """Whether there are `max_priors`: twelve more rows of a block's table of numbers."""
        return any(column.name == MAX_PRIORS for column in self.scalars)

    @cached_property
    def number_rows(self) -> int:
        """Rows of a block's table of numbers."""
        return len(self.numbers) + (2 * MOST_PAIRS if self.has_max_priors else 0)

    @cached_property
    def snapshot_columns(self) -> tuple[Column, ...]:
        """Columns of its snapshots, without the session's identity."""
        return (TIMESTAMP_COLUMN, *self.scalars, EXTRA_COLUMN)

    @cached_property
    def ladder_names(self) -> tuple[str, ...]:
        """The columns of a ladder, and rows of a block's ladder table; none where there is no ladder."""
        return self.ladder.names if self.ladder else ()

    @cached_property
    def ladder_columns(self) -> tuple[Column, ...]:
        """Columns of the ladder's data set, without the session's identity."""
        return (TIMESTAMP_COLUMN, *self.ladder.columns) if self.ladder else ()

    @property
    def indexed_dataset(self) -> str:
        """The data set whose file has the lookup index."""
        return self.ladder.dataset if self.ladder else "snapshots"

    @cached_property
    def mark(self) -> str:
        """A field that records of this type have, and no others: by it they are told from what stands around them."""
        return self.ladder.field if self.ladder else self.numbers[1]

    @cached_property
    def known_fields(self) -> frozenset[str]:
        """Fields that have columns, or are the identity of a record."""
        return frozenset(self.fields)

    @cached_property
    def optional_fields(self) -> frozenset[str]:
        """Fields that a record may lack."""
        return self.known_fields - {"timestamp", "ticker", "spot", self.ladder.field if self.ladder else ""}


def doubles(meanings: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """Columns of doubles with these names and meanings."""
    return tuple(Column(name, "DOUBLE", meaning) for name, meaning in meanings)
