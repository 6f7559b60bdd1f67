"""The lookup index of a session: what it takes to answer with any snapshot of it in a moment.

It stands in `strikes.parquet`, behind the pages and in front of the footer, where readers of Parquet pass it over:

    pages of Parquet · page indexes · record blocks · table · footer

A record block holds the JSON text of `BLOCK_SNAPSHOTS` snapshots without their ladders, compressed. The table says
where blocks and pages are, with a checksum of each, and has the instants of the snapshots. The document in the footer
says where the table is (`lookup`), and the footer's seal covers that. So whatever an answer rests on is checked, and
nothing else is read.

All numbers are little-endian and unsigned, 64 bits, unless said otherwise.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from gexlake.importers.gex.rendering.renderer import Light, SnapshotRenderer
from gexlake.models.gex_block import Ints
from gexlake.models.gex_columns import LADDER
from gexlake.zstd import FrameCompressor, unpack_frame

FORMAT = 1
BLOCK_SNAPSHOTS = 32
"""A block takes 20 microseconds to unpack; all take a twentieth of the ladders' room."""
RENDERED_SNAPSHOTS = 64 * BLOCK_SNAPSHOTS
"""At once; their text takes 0.8 MB."""
LEVEL = 1
COLUMNS = len(LADDER)
DICTIONARY_FIELDS, PAGE_FIELDS, BLOCK_FIELDS = 4, 3, 3
_HEADER = struct.Struct("<6Q")

Numbers = NDArray[np.uint64]


class BrokenLookupError(ValueError):
    """Bytes are not those that were written."""


@dataclass(frozen=True, slots=True)
class LookupIndex:
    """The table.

    timestamps      (n,) Unix microseconds, ascending
    rows            (n,) strike rows of each snapshot
    group_ends      (g,) strike row behind each row group
    page_ends       (p,) strike row behind each page; row groups end where a page does, and pages with a ladder
    dictionaries    (g, 8, 4) for each ladder column: offset and length of the dictionary's frame, its values, CRC-32;
                    all 0 where the column is plain in this group
    pages           (p, 8, 3) offset and length of the page's frame, CRC-32
    blocks          (b, 3) offset and length of each record block, XXH3-64
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
    def unpack(cls, data: bytes) -> LookupIndex:
        """The way back. Raises `BrokenLookupError` for bytes that do not fit together."""
        form, snapshots, groups, pages, blocks, first = _HEADER.unpack_from(data)
        if form != FORMAT:
            raise BrokenLookupError(f"its lookup index has the unknown format {form}")
        shapes: list[tuple[int, ...]] = [
            (snapshots,),
            (snapshots,),
            (groups,),
            (pages,),
            (groups, COLUMNS, DICTIONARY_FIELDS),
            (pages, COLUMNS, PAGE_FIELDS),
            (blocks, BLOCK_FIELDS),
        ]
        content = np.frombuffer(unpack_frame(data[_HEADER.size :]), "<u8")
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        if ends[-1] != len(content):
            raise BrokenLookupError("its lookup index does not fit together")
        parts = [part.reshape(shape) for part, shape in zip(np.split(content, ends[:-1]), shapes, strict=True)]
        steps, rows, group_ends, page_ends = (part.view(np.int64) for part in parts[:4])
        timestamps = np.cumsum(steps) + np.uint64(first).astype(np.int64)
        return cls(timestamps, rows, group_ends, page_ends, *parts[4:])


def iter_blocks(renderer: SnapshotRenderer, count: int) -> Iterator[bytes]:
    """The record blocks of a session of so many snapshots."""
    compressor = FrameCompressor(level=LEVEL)
    for first in range(0, count, RENDERED_SNAPSHOTS):
        light = renderer.render_light(first, min(first + RENDERED_SNAPSHOTS, count))
        for start in range(0, len(light.places), BLOCK_SNAPSHOTS):
            places = light.places[start : start + BLOCK_SNAPSHOTS]
            offsets = light.offsets[start : start + len(places) + 1]
            ends = (offsets[1:] - offsets[0]).astype("<u4")
            text = light.text[int(offsets[0]) : int(offsets[-1])]
            yield compressor.compress(b"%b%b%b" % (ends.tobytes(), places.astype("<u2").tobytes(), text))


def read_block(data: bytes, count: int) -> Light:
    """What `iter_blocks` made of `count` snapshots."""
    content = unpack_frame(data)
    offsets = np.zeros(count + 1, np.uint64)
    offsets[1:] = np.frombuffer(content, "<u4", count)
    places = np.frombuffer(content, "<u2", count, 4 * count)
    return Light(content[6 * count :], offsets, places)


def place_of(table: bytes, offset: int) -> dict[str, Any]:
    """What the footer says of the table."""
    return {"offset": offset, "length": len(table), "xxh3_128": xxhash.xxh3_128_hexdigest(table)}


def checksum_of(frame: bytes) -> int:
    """CRC-32, as Parquet has it for the frames of its pages."""
    return zlib.crc32(frame)
