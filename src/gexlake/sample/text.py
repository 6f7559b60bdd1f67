"""Records as the vendor writes them: compact separators, trailing zeros dropped.

A session holds about 16 million decimals, so ladders are never formatted number by number. Each cell becomes
text once, looked up in tables of digits as short pieces padded with NUL. A ladder is a table of such
fixed-width rows (priors are copies of the text of earlier rows); deleting every NUL leaves the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.columns import Cents
from gexlake.sample.market import Floats, Ints

BLOCK_RECORDS = 256

Bytes = NDArray[np.bytes_]

CELL = np.dtype([("high", "S4"), ("low", "S4"), ("fraction", "S3")])
"""Text of one number below ten million: sign and digits above the last four, the last four, decimals."""

START = '{"timestamp":'
"""Every record begins so."""
_END_OF_TABLE = b"\n"


@dataclass(frozen=True, slots=True)
class Cells:
    """Texts of fixed width, one per snapshot and row of its table; with `rows`, those of earlier snapshots."""

    texts: NDArray[Any]
    rows: Ints | None = None

    def of(self, block: slice) -> NDArray[Any]:
        """The texts that these snapshots show."""
        return np.asarray(self.texts[block if self.rows is None else self.rows[block]])


Part = bytes | list[bytes] | Cells
"""A piece of a row: the same text everywhere, one text for each row of a table, or cells."""


def iter_tables(snapshots: int, rows: int, parts: Sequence[Part]) -> Iterator[bytes]:
    """Per snapshot, its rows with commas between them; a row is its parts one behind the other."""
    template = _template(rows, parts)
    names = template.dtype.names or ()
    moving = [(name, part) for name, part in zip(names, parts, strict=False) if isinstance(part, Cells)]
    for start in range(0, snapshots, BLOCK_RECORDS):
        block = slice(start, min(start + BLOCK_RECORDS, snapshots))
        table = template[: block.stop - start]
        for name, cells in moving:
            table[name] = cells.of(block)
        yield from table.tobytes().translate(None, b"\0").split(_END_OF_TABLE)[:-1]


def record_timestamp(record: bytes) -> int:
    """Unix seconds of a record text of this package, without parsing the rest."""
    return int(record[len(START) : record.index(b",")])


def plain_number(value: float, decimals: int) -> str:
    """`value` to so many decimals, trailing zeros dropped: 7135, -86.9, 0.118."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def iter_numbers(values: Floats, decimals: int) -> Iterator[str]:
    """Texts of a column; neighbours are often equal, and an equal value is not formatted twice."""
    last, text = float("nan"), ""
    for value in values.tolist():
        if value != last:
            last, text = value, plain_number(value, decimals)
        yield text


def cell_texts(cents: Cents) -> NDArray[np.void]:
    """Text of whole hundredths as `CELL`s of the same shape; magnitudes below a thousand million cents."""
    high_digits, low_digits, fractions = _digit_tables()
    cells = np.empty(cents.shape, CELL)
    magnitude = np.abs(cents)
    whole = magnitude // 100
    cells["fraction"] = fractions[magnitude - whole * 100]
    high = whole // 10_000
    cells["low"] = low_digits[whole - high * 10_000 + 10_000 * (high > 0)]
    high += 1_000 * (cents < 0)
    cells["high"] = high_digits[high]
    return cells


@lru_cache(maxsize=1)
def _digit_tables() -> tuple[Bytes, Bytes, Bytes]:
    """The texts of the three pieces of a cell, by index.

    High: 0-999 positive, 1000-1999 the same with a sign. Low: 0-9999 alone, then the same with leading
    zeros, as they follow a high piece. Fraction: hundredths.
    """
    high = [f"{sign}{number or ''}" for sign in ("", "-") for number in range(1_000)]
    low = [f"{number}" for number in range(10_000)] + [f"{number:04}" for number in range(10_000)]
    fraction = [plain_number(number / 100, 2)[1:] for number in range(100)]
    return np.array(high, "S4"), np.array(low, "S4"), np.array(fraction, "S3")


def _template(rows: int, parts: Sequence[Part]) -> NDArray[np.void]:
    """A block of tables with everything filled in but the cells."""
    kinds = [part.texts.dtype if isinstance(part, Cells) else np.array(part).dtype for part in parts]
    fields: list[tuple[str, Any]] = [(f"part_{number}", kind) for number, kind in enumerate(kinds)]
    template = np.zeros((BLOCK_RECORDS, rows), [*fields, ("behind", "S1")])
    for (name, _), part in zip(fields, parts, strict=True):
        if not isinstance(part, Cells):
            template[name] = part
    template["behind"] = b","
    template["behind"][:, -1] = _END_OF_TABLE
    return template
