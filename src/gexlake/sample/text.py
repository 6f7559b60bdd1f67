"""Snapshots as the vendor writes them: field order, compact separators, trailing zeros dropped.

A session holds about 16 million decimals, so ladders are never formatted number by number. Each gex_vol and
gex_oi cell becomes text once, looked up in tables of digits as three short pieces padded with NUL. A ladder
is a table of such fixed-width rows (priors are copies of the text of earlier rows); deleting every NUL
leaves the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.columns import PRIOR_MINUTES, Cents, Columns
from gexlake.sample.feeds import FeedLike
from gexlake.sample.market import Floats

BLOCK_RECORDS = 256

Bytes = NDArray[np.bytes_]

CELL = np.dtype([("high", "S4"), ("low", "S4"), ("fraction", "S3")])
"""Text of one number below ten million: sign and digits above the last four, the last four, decimals."""

_LAST = len(PRIOR_MINUTES)
_PRIORS = [
    field
    for number in range(1, _LAST + 1)
    for field in ((f"prior_{number}", CELL), (f"after_{number}", "S3" if number == _LAST else "S1"))
]
ROW = np.dtype([("strike", "S14"), ("gex_vol", CELL), ("comma", "S1"), ("gex_oi", CELL), ("open", "S2"), *_PRIORS])
"""Text of one strike row: `[6890,-228.01,-86.9,[-240.55,-243.15,-245.22,-221.27,-220.12]],`"""

END_OF_LADDER = b"\n"
_START = '{"timestamp":'


def iter_record_texts(feed: FeedLike, columns: Columns, min_dte: int, sec_min_dte: int) -> Iterator[bytes]:
    """One compact JSON object per snapshot, in time order."""
    heads = _iter_heads(feed, columns, min_dte, sec_min_dte)
    tails = _iter_tails(columns)
    for head, ladder, tail in zip(heads, _iter_ladders(columns), tails, strict=True):
        yield b"".join((head.encode(), ladder, tail.encode()))


def record_timestamp(record: bytes) -> int:
    """Unix seconds of a record text of this module, without parsing the rest."""
    return int(record[len(_START) : record.index(b",")])


def plain_number(value: float, decimals: int) -> str:
    """`value` to so many decimals, trailing zeros dropped: 7135, -86.9, 0.118."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


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


def _iter_ladders(columns: Columns) -> Iterator[bytes]:
    """The rows of each snapshot's ladder, without the brackets around them."""
    gex_vol, gex_oi = cell_texts(columns.gex_vol_cents), cell_texts(columns.gex_oi_cents)
    rows = _row_template(columns.strikes)
    for start in range(0, len(gex_vol), BLOCK_RECORDS):
        block = slice(start, min(start + BLOCK_RECORDS, len(gex_vol)))
        part = rows[: block.stop - start]
        part["gex_vol"] = gex_vol[block]
        part["gex_oi"] = gex_oi[block]
        for number, earlier in enumerate(columns.prior_rows, start=1):
            part[f"prior_{number}"] = gex_vol[earlier[block]]
        yield from part.tobytes().translate(None, b"\0").split(END_OF_LADDER)[:-1]


def _row_template(strikes: Floats) -> NDArray[np.void]:
    """A block of ladders with everything filled in but the GEX values."""
    rows = np.zeros((BLOCK_RECORDS, len(strikes)), ROW)
    rows["strike"] = [f"[{plain_number(strike, 2)}," for strike in strikes]
    rows["comma"] = b","
    rows["open"] = b",["
    for number in range(1, _LAST):
        rows[f"after_{number}"] = b","
    rows[f"after_{_LAST}"] = b"]],"
    rows[f"after_{_LAST}"][:, -1] = b"]]" + END_OF_LADDER
    return rows


def _iter_heads(feed: FeedLike, columns: Columns, min_dte: int, sec_min_dte: int) -> Iterator[str]:
    pattern = (
        f'{{{_START}{{}},"ticker":"{feed.ticker}","min_dte":{min_dte},"sec_min_dte":{sec_min_dte},'
        '"spot":{},"zero_gamma":{},"major_pos_vol":{},"major_pos_oi":{},"major_neg_vol":{},"major_neg_oi":{},'
        '"strikes":['
    )
    levels = (
        columns.spot,
        columns.zero_gamma,
        columns.major_pos_vol,
        columns.major_pos_oi,
        columns.major_neg_vol,
        columns.major_neg_oi,
    )
    texts = (_iter_numbers(level, 2) for level in levels)
    return map(pattern.format, columns.timestamps.tolist(), *texts)


def _iter_tails(columns: Columns) -> Iterator[str]:
    pairs = ",".join(["[{},{}]"] * len(columns.max_prior_strikes))
    pattern = f'],"sum_gex_vol":{{}},"sum_gex_oi":{{}},"delta_risk_reversal":{{}},"max_priors":[{pairs}]}}}}'
    sums = (columns.sum_gex_vol, columns.sum_gex_oi, columns.delta_risk_reversal)
    texts = [_iter_numbers(values, 3) for values in sums]
    for strikes, changes in zip(columns.max_prior_strikes, columns.max_prior_changes, strict=True):
        texts += [_iter_numbers(strikes, 2), _iter_numbers(changes, 3)]
    return map(pattern.format, *texts)


def _iter_numbers(values: Floats, decimals: int) -> Iterator[str]:
    """Texts of a column; neighbours are often equal, and an equal value is not formatted twice."""
    last, text = float("nan"), ""
    for value in values.tolist():
        if value != last:
            last, text = value, plain_number(value, decimals)
        yield text
