"""Regular records of a type that has no native decoder: by a library that knows what fields to expect.

A record is regular that has each of the vendor's fields once, and nothing else, in the form that the vendor gives it.
Any other is left to `careful.py`.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from enum import Enum, auto
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np

from gexlake.importers.snapshots.decoding.records import Event, Records
from gexlake.importers.snapshots.decoding.surroundings import Surroundings
from gexlake.importers.snapshots.decoding.text import Text
from gexlake.models.block import INTEGERS, MISSING_INT, NO_PAIRS, Doubles, Int
from gexlake.models.record_type import Ladder, RecordType

if TYPE_CHECKING:
    from typing import TypeAlias

    Values: TypeAlias = tuple[Any, ...]

OBJECT_OPEN = b"{"[0]
MICROSECONDS = 1_000_000
MOST_SECONDS = 10**11
"""From here on a timestamp is not in seconds."""

_NEGATIVE_ZERO = re.compile(rb"-0(?=[,\]}\s])")
"""As an integer, of which the library makes 0."""
_POSITIVE = Annotated[float, msgspec.Meta(gt=0)]
_INTEGER = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class _Taken(NamedTuple):
    """A regular record: its place in the text, the values of its fields, and the cells of its ladder, row by row."""

    start: int
    end: int
    values: Values
    cells: Doubles


class TypedReader:
    """Reads runs of regular records at the cursor."""

    def __init__(self, text: Text, surroundings: Surroundings, records: Records) -> None:
        self._text = text
        self._surroundings = surroundings
        self._records = records
        self._kind = records.scratch.kind
        self._decode = RecordDecoder(self._kind)

    def read(self) -> Generator[Event, None, bool]:
        """Take records as long as they are regular; False where the one at the cursor is not."""
        text, block = self._text, self._records.block
        taken, why = self._take(block.numbers.shape[1] - block.records, block.ladder.shape[1] - block.rows)
        if taken:
            self._append(taken)
            return True
        if why is _Stop.FULL and block.records:
            yield self._records.take_block()
            return True
        if why is _Stop.INCOMPLETE and self._records.may_fill:
            text.fill()
            return True
        return False

    def _take(self, records: int, rows: int) -> tuple[list[_Taken], _Stop]:
        """The regular records from the cursor on that fit, and why there is no other."""
        text, expect = self._text, self._surroundings.expect
        taken: list[_Taken] = []
        at = text.start
        while text.data[at] == OBJECT_OPEN:
            end = text.data.find(b"}", at, text.end) + 1
            if not end:
                return taken, _Stop.INCOMPLETE
            found = self._decode(bytes(text.data[at:end]))
            if found is None:
                break
            values, cells = found
            seconds = values[0]
            if values[1] != expect.ticker or not expect.min_us <= seconds * MICROSECONDS <= expect.max_us:
                break
            records, rows = records - 1, rows - len(cells) // self._decode.width if self._decode.width else rows
            if records < 0 or rows < 0:
                return taken, _Stop.FULL
            taken.append(_Taken(at, end, values, cells))
            at = text.end_of_separators(end)
        return taken, _Stop.IRREGULAR

    def _append(self, taken: list[_Taken]) -> None:
        """Put records into the block, which has room, and move past them."""
        block, kind, decode = self._records.block, self._kind, self._decode
        before, after = block.records, block.records + len(taken)
        columns = list(zip(*(one.values for one in taken), strict=True))
        ints = block.ints[:, before:after]
        ints[Int.TIMESTAMP] = np.array(columns[0]) * MICROSECONDS
        for name, which in INTEGERS.items():
            ints[which] = columns[decode.place[name]] if name in kind.integers else MISSING_INT
        ints[Int.START] = [one.start for one in taken]
        ints[Int.END] = [one.end for one in taken]
        ints[Int.MAX_PRIORS], ints[Int.FLAGS] = NO_PAIRS, 0
        for row, name in enumerate(kind.numbers):
            block.numbers[row, before:after] = columns[decode.place[name]]
        block.records = after
        if kind.ladder:
            cells = np.concatenate([one.cells for one in taken]).reshape(-1, decode.width)
            rows = block.rows + len(cells)
            block.ladder[: decode.width, block.rows : rows] = cells.T
            block.ladder[decode.width :, block.rows : rows] = np.nan
            block.rows = rows
        ints[Int.ROWS] = [len(one.cells) // decode.width if decode.width else 0 for one in taken]
        self._records.number(before)
        self._text.start = taken[-1].end


class _Stop(Enum):
    """Why no more records were taken."""

    FULL = auto()
    INCOMPLETE = auto()
    IRREGULAR = auto()


# ---- one record ----------------------------------------------------------------------------------------------------


class RecordDecoder:
    """Values and cells of a record's text where it is regular, else None."""

    def __init__(self, kind: RecordType) -> None:
        self.place = {name: place for place, name in enumerate(kind.fields)}
        self.width = kind.ladder.own + kind.ladder.priors if kind.ladder else 0
        """Cells of an entry."""
        self._quotes = 2 * len(kind.fields) + 2
        self._ladder = kind.ladder
        self._decoders = list(_decoders(kind))

    def __call__(self, text: bytes) -> tuple[Values, Doubles] | None:
        if text.count(b'"') != self._quotes:  # a key twice, or one that is not known
            return None
        if _NEGATIVE_ZERO.search(text):
            text = _NEGATIVE_ZERO.sub(b"-0.0", text)
        for decoder in self._decoders:
            try:
                record = decoder.decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            if decoder is not self._decoders[0]:  # archives are all of one form
                self._decoders.remove(decoder)
                self._decoders.insert(0, decoder)
            values = msgspec.structs.astuple(record)
            return self._without_ladder(values) if 0 <= values[0] < MOST_SECONDS else None
        return None

    def _without_ladder(self, values: Values) -> tuple[Values, Doubles]:
        """The values with cells in the place of the ladder.

        The entries are let go of at once: kept, their thousands of tuples would be looked at by the garbage collector
        over and over, which took longer than all else.
        """
        if self._ladder is None:
            return values, _NO_CELLS
        place, own = self.place[self._ladder.field], self._ladder.own
        rows = [row[:own] + row[own] for row in values[place]]
        try:
            cells = np.fromiter(chain.from_iterable(rows), np.float64)
        except TypeError:  # null among them
            cells = np.array(rows, np.float64).reshape(-1)
        return (*values[:place], None, *values[place + 1 :]), cells


_NO_CELLS: Doubles = np.empty(0)


@lru_cache
def _decoders(kind: RecordType) -> tuple[msgspec.json.Decoder[Any], ...]:
    """For each form that entries of the ladder have: with nulls behind the priors, or with nothing."""
    if kind.ladder is None:
        return (_decoder(kind, None),)
    behind = kind.ladder.rest + kind.ladder.unknown
    return tuple(_decoder(kind, _entry(kind.ladder, behind=count)) for count in sorted({behind, 0}, reverse=True))


def _decoder(kind: RecordType, entry: Any) -> msgspec.json.Decoder[Any]:
    types: dict[str, Any] = {"timestamp": int, "ticker": str, "spot": _POSITIVE}
    types |= dict.fromkeys(kind.integers, _INTEGER)
    if kind.ladder:
        types[kind.ladder.field] = Annotated[list[entry], msgspec.Meta(min_length=1)]
    fields = [(name, types.get(name, float)) for name in kind.fields]
    record = msgspec.defstruct(kind.name.capitalize(), fields, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(record)


def _entry(ladder: Ladder, *, behind: int) -> Any:
    """The type of an entry with so many nulls behind its priors."""
    own: list[Any] = [_POSITIVE, *[float] * (ladder.required - 1), *[float | None] * (ladder.own - ladder.required)]
    return _tuple_of([*own, _tuple_of([float] * ladder.priors), *[None] * behind])


def _tuple_of(types: list[Any]) -> Any:
    return tuple.__class_getitem__(tuple(types))
