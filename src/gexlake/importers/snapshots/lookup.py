"""The lookup index of a session: what it takes to answer with any snapshot of it in a moment.

It stands in the file of the ladders, or of the snapshots where there are none, behind the pages and before the footer,
where readers of Parquet pass it over:

    pages of Parquet · page indexes · scalar blocks · table · footer

A scalar block holds what is not in the ladders of `BLOCK_SNAPSHOTS` snapshots, compressed. The table says where blocks
and pages are, with a checksum of each, and has the instants of the snapshots. The document in the footer says where
the table is (`lookup`), and the footer's seal covers that. So whatever an answer rests on is checked, and nothing else
is read. Where a library writes the file, it is not known beforehand where the table will be: it ends where the
footer begins, and the places of the blocks are counted from the first of them.

All numbers are little-endian and unsigned, 64 bits, unless said otherwise.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
import xxhash
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from gexlake.models.block import Doubles, Int, Ints
from gexlake.zstd import FrameCompressor, unpack_frame

LOOKUP_KEY = "lookup"
"""Of what the document in the footer says of the table."""
FORMAT = 1
BLOCK_SNAPSHOTS = 64
"""A block takes 10 microseconds to unpack; all take a twentieth of the ladders' room."""
INTS = Int.MIN_DTE, Int.SEC_MIN_DTE, Int.MAX_PRIORS
"""Integers in a block; the table has the timestamps and the rows, and the others are of a source."""
LEVEL = 1
DICTIONARY_FIELDS, PAGE_FIELDS, BLOCK_FIELDS = 4, 3, 3
PLAIN_IN_LZ4 = 1, 0, 0, 0
"""In the place of a dictionary: there is none, and pages are LZ4 blocks. All 0: there is none, and they are of zstd."""
_HEADER = struct.Struct("<6Q")

Numbers = NDArray[np.uint64]


class BrokenLookupError(ValueError):
    """Bytes are not those that were written."""


@dataclass(frozen=True, slots=True)
class LookupIndex:
    """The table.

    timestamps      (n,) Unix microseconds, ascending
    rows            (n,) ladder rows of each snapshot
    group_ends      (g,) ladder row behind each row group
    page_ends       (p,) ladder row behind each page; row groups end where a page does, and pages with a ladder
    dictionaries    (g, k, 4) for each ladder column: offset and length of the dictionary's frame, its values, CRC-32;
                    `PLAIN_IN_LZ4`, or in older files all 0, where the column is plain in this group
    pages           (p, k, 3) offset and length of the page's frame, CRC-32
    blocks          (b, 3) offset and length of each scalar block, XXH3-64
    """

    timestamps: Ints
    rows: Ints
    group_ends: Ints
    page_ends: Ints
    dictionaries: Numbers
    pages: Numbers
    blocks: Numbers

    def pack(self) -> bytes:
        """Its bytes."""
        counts = len(self.timestamps), len(self.group_ends), len(self.page_ends), len(self.blocks)
        first = int(self.timestamps[0]) if len(self.timestamps) else 0
        tables = (
            np.diff(self.timestamps, prepend=first).astype("<i8"),
            self.rows.astype("<i8"),
            self.group_ends.astype("<i8"),
            self.page_ends.astype("<i8"),
            *(table.astype("<u8") for table in (self.dictionaries, self.pages, self.blocks)),
        )
        head = _HEADER.pack(FORMAT, *counts, first & (2**64 - 1))
        return head + FrameCompressor(level=LEVEL).compress(b"".join(table.tobytes() for table in tables))

    @classmethod
    def unpack(cls, data: bytes, columns: int) -> LookupIndex:
        """The way back, of so many ladder columns. Raises `BrokenLookupError` for bytes that do not fit together."""
        form, snapshots, groups, pages, blocks, first = _HEADER.unpack_from(data)
        if form != FORMAT:
            raise BrokenLookupError(f"its lookup index has the unknown format {form}")
        shapes: list[tuple[int, ...]] = [
            (snapshots,),
            (snapshots,),
            (groups,),
            (pages,),
            (groups, columns, DICTIONARY_FIELDS),
            (pages, columns, PAGE_FIELDS),
            (blocks, BLOCK_FIELDS),
        ]
        content = np.frombuffer(unpack_frame(data[_HEADER.size :]), "<u8")
        *ends, end = accumulate(map(prod, shapes))
        if end != len(content):
            raise BrokenLookupError("its lookup index does not fit together")
        bounds = pairwise([0, *ends, end])
        parts = [content[start:stop].reshape(shape) for (start, stop), shape in zip(bounds, shapes, strict=True)]
        steps, rows, group_ends, page_ends = (part.view(np.int64) for part in parts[:4])
        timestamps = np.cumsum(steps)
        timestamps += np.uint64(first).astype(np.int64)
        return cls(timestamps, rows, group_ends, page_ends, *parts[4:])


class Scalars(NamedTuple):
    """What some snapshots have beside their ladders.

    ints     (3, n) rows `INTS` of a block's table
    numbers  (m, n) as in `Block`
    extra    n JSON objects or None
    """

    ints: Ints
    numbers: Doubles
    extra: list[str | None]

    def pack(self) -> bytes:
        """Their bytes: both tables, and behind them a JSON object of the extras by their number, if there are any."""
        extra = {number: text for number, text in enumerate(self.extra) if text is not None}
        rest = json.dumps(extra).encode() if extra else b""
        return b"%b%b%b" % (self.ints.astype("<i8").tobytes(), self.numbers.astype("<f8").tobytes(), rest)

    @classmethod
    def unpack(cls, content: bytes, count: int, number_rows: int) -> Scalars:
        """The way back, of `count` snapshots."""
        size = count * (len(INTS) + number_rows)
        cells = np.frombuffer(content, "<i8", size).reshape(-1, count)
        extra: list[str | None] = [None] * count
        if len(content) > 8 * size:
            for number, text in json.loads(content[8 * size :]).items():
                extra[int(number)] = text
        return cls(cells[: len(INTS)], cells[len(INTS) :].view("<f8"), extra)

    @classmethod
    def join(cls, parts: Sequence[Scalars]) -> Scalars:
        """One behind the other."""
        if len(parts) == 1:
            return parts[0]
        ints, numbers = (np.concatenate(tables, axis=1) for tables in list(zip(*parts, strict=True))[:2])
        return cls(ints, numbers, [text for part in parts for text in part.extra])

    def cut(self, first: int, stop: int) -> Scalars:
        """The snapshots first … stop - 1 of them."""
        return Scalars(self.ints[:, first:stop], self.numbers[:, first:stop], self.extra[first:stop])


def iter_blocks(scalars: Scalars) -> Iterator[bytes]:
    """The scalar blocks of a session."""
    compressor = FrameCompressor(level=LEVEL)
    for first in range(0, len(scalars.extra), BLOCK_SNAPSHOTS):
        yield compressor.compress(scalars.cut(first, first + BLOCK_SNAPSHOTS).pack())


def read_block(data: bytes, count: int, number_rows: int) -> Scalars:
    """What `iter_blocks` made of `count` snapshots, with so many rows of numbers."""
    return Scalars.unpack(unpack_frame(data), count, number_rows)


def place_of(table: bytes, offset: int) -> dict[str, Any]:
    """What the footer says of the table."""
    return {"offset": offset, **_identity_of(table)}


def _identity_of(table: bytes) -> dict[str, Any]:
    return {"length": len(table), "xxh3_128": xxhash.xxh3_128_hexdigest(table)}


class Appendix(NamedTuple):
    """A lookup index without ladders: its bytes, and what the footer behind them says of it."""

    data: bytes
    place: dict[str, Any]


def appendix_of(scalars: Scalars, timestamps: Ints) -> Appendix:
    """The lookup index of snapshots without ladders."""
    blocks = list(iter_blocks(scalars))
    lengths = np.array([len(block) for block in blocks], np.uint64)
    checksums = np.array([xxhash.xxh3_64_intdigest(block) for block in blocks], np.uint64)
    nothing = np.empty(0, np.int64)
    table = LookupIndex(
        timestamps=timestamps,
        rows=np.zeros(len(timestamps), np.int64),
        group_ends=nothing,
        page_ends=nothing,
        dictionaries=np.empty((0, 0, DICTIONARY_FIELDS), np.uint64),
        pages=np.empty((0, 0, PAGE_FIELDS), np.uint64),
        blocks=np.stack((np.cumsum(lengths) - lengths, lengths, checksums), axis=1),
    ).pack()
    return Appendix(b"".join([*blocks, table]), {"blocks_length": int(lengths.sum()), **_identity_of(table)})


def find_table(place: Mapping[str, Any], footer_start: int) -> tuple[int, int]:
    """Where the table begins, and what is to be added to the places of its blocks."""
    if "offset" in place:
        return place["offset"], 0
    start = footer_start - place["length"]
    return start, start - place["blocks_length"]


def checksum_of(frame: bytes | memoryview) -> int:
    """CRC-32, as Parquet has it for the frames of its pages."""
    return crc32(frame)
