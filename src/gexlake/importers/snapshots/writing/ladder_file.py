"""The Parquet file of ladders, a row group of whole ones at a time, in pages of some tens of them.

A column of doubles is written as numbers of its different values (`_pages.c` says why not by a library), compressed
with zstd; where most values differ, as they are, compressed with LZ4, which unpacks them in a third of the time. The
values of numbers are not compressed: they are read anew for every ladder that is asked for. Any reader of Parquet reads
it; page indexes let it pass over pages. Behind them stands what `lookup.py` describes.

Format: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift and PageIndex.md there
"""

from __future__ import annotations

import json
import os
import struct as packing
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from gexlake._version import __version__
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.seal import blank_seal, seal_end
from gexlake.importers.snapshots.lookup import (
    DICTIONARY_FIELDS,
    LOOKUP_KEY,
    PAGE_FIELDS,
    PLAIN_IN_LZ4,
    LookupIndex,
    checksum_of,
    place_of,
)
from gexlake.importers.snapshots.writing import _pages
from gexlake.importers.snapshots.writing.thrift import (
    STRUCT,
    Item,
    binary,
    boolean,
    flag,
    i32,
    i64,
    sequence,
    struct,
    zigzag,
)
from gexlake.lz4 import pack_block
from gexlake.models.block import Doubles, Ints
from gexlake.models.field_ids import FIELD_IDS
from gexlake.models.record_type import RecordType
from gexlake.zstd import FrameCompressor, raw_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"PAR1"
PAGE_SNAPSHOTS, PLAIN_PAGE_SNAPSHOTS = 32, 16
"""Whole ladders of a page; fewer where most columns have plain values, of which a page has four times the bytes. Half
as many make the file 5 % larger there, and 7 % where there are dictionaries."""
LEVEL = -1
FORMAT_VERSION = 2
INT64, DOUBLE = 2, 5
OPTIONAL = 1
TIMESTAMP_MICROS = 10
MICROS_IN_UTC = struct({8: struct({1: flag(True), 2: struct({2: struct({})})})})
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
DATA_PAGE, DICTIONARY_PAGE = 0, 2
ZSTD, LZ4_RAW = 6, 7
ASCENDING = 1


Bounds = tuple[bytes, bytes]
"""Least and largest value."""


class _Frame(NamedTuple):
    """Compressed bytes in the file, without the header in front of them."""

    offset: int
    length: int
    checksum: int


class _Content(NamedTuple):
    """A data page before it is compressed."""

    content: bytes | memoryview
    rows: int


class _Page(NamedTuple):
    """A data page in the file, as the page index describes it; `offset` and `size` with its header."""

    offset: int
    size: int
    first_row: int
    frame: _Frame


class _Chunk(NamedTuple):
    """A column of a row group: what the footer says of it, its pages, its size without and with compression."""

    metadata: Item
    dictionary: tuple[_Frame, int] | None
    pages: list[_Page]
    bounds: list[Bounds]
    """Of each page; none where pages are not worth passing over by them."""
    unpacked: int
    packed: int


class _Group(NamedTuple):
    start: int
    rows: int
    chunks: list[_Chunk]


class LadderFile:
    """A file under way: `add` row groups, then `complete` it; `close` it in any case.

    Raises `OSError` where the disk refuses.
    """

    def __init__(self, path: Path, kind: RecordType) -> None:
        self._names = kind.ladder_names
        self._ids = FIELD_IDS[kind.name, kind.ladder.dataset] if kind.ladder else {}
        self._file = path.open("wb")
        self._position = 0
        self._body = xxhash.xxh3_128()
        self._groups: list[_Group] = []
        self._timestamps: list[Ints] = []
        self._rows: list[Ints] = []
        self._dictionary: Doubles = np.empty(_pages.MOST_VALUES)
        self._pages = bytearray()
        self._compressor = FrameCompressor(level=LEVEL)
        self._write(MAGIC)

    @property
    def rows_of_groups(self) -> list[int]:
        """Rows of each row group so far."""
        return [group.rows for group in self._groups]

    def add(self, timestamps: Ints, rows: Ints, cells: Doubles) -> None:
        """Write a row group: `rows[i]` columns of the (k, n) `cells` belong to `timestamps[i]`, Unix microseconds."""
        self._timestamps.append(np.array(timestamps))
        self._rows.append(np.array(rows))
        count = cells.shape[1]
        if not count:
            return
        start = self._position
        lag = max(1, int(rows[0]))
        page_snapshots = self._page_snapshots()
        ends = _ends_of_pages(rows, page_snapshots)
        chunks = [self._add_timestamps(timestamps, rows, ends, page_snapshots)]
        chunks += [self._add_doubles(name, cells[i], ends, lag) for i, name in enumerate(self._names)]
        self._groups.append(_Group(start, count, chunks))

    def complete(self, document: Mapping[str, object], blocks: Iterable[bytes] = ()) -> None:
        """Write indexes and footer, with a document that becomes JSON, seal the file and sync it to disk.

        `blocks` are the session's scalar blocks; without them there is no lookup index.
        """
        groups = sequence([self._described(group) for group in self._groups])
        place = self._add_lookup(blocks)
        columns = [
            struct({1: i32(DOUBLE), 3: i32(OPTIONAL), 4: binary(name), 9: i32(self._ids[name])}) for name in self._names
        ]
        timestamp = {1: i32(INT64), 3: i32(OPTIONAL), 4: binary("timestamp"), 6: i32(TIMESTAMP_MICROS)}
        numbered = {**timestamp, 9: i32(self._ids["timestamp"]), 10: MICROS_IN_UTC}
        root = struct({4: binary("root"), 5: i32(len(columns) + 1)})
        whole = {**document, "rows_of_groups": self.rows_of_groups, **place}
        texts = {FOOTER_KEY: json.dumps(whole, default=str), **blank_seal()}
        footer = {
            1: i32(FORMAT_VERSION),
            2: sequence([root, struct(numbered), *columns]),
            3: i64(sum(self.rows_of_groups)),
            4: groups,
            5: sequence([struct({1: binary(key), 2: binary(text)}) for key, text in texts.items()]),
            6: binary(f"gexlake version {__version__}"),
            7: sequence([struct({1: struct({})})] * (len(columns) + 1)),  # bounds are in the order of the type
        }
        data = struct(footer).data
        end = data + packing.pack("<I", len(data)) + MAGIC
        self._write(seal_end(self._body.hexdigest(), end))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; without `complete` it is none that can be read."""
        self._file.close()

    # ---- columns -------------------------------------------------------------------------------------------

    def _page_snapshots(self) -> int:
        """Ladders of a page of the next row group, by what the one before has come to."""
        plain = [chunk.dictionary is None for chunk in self._groups[-1].chunks] if self._groups else []
        return PLAIN_PAGE_SNAPSHOTS if 2 * sum(plain) > len(plain) else PAGE_SNAPSHOTS

    def _add_timestamps(self, timestamps: Ints, rows: Ints, ends: Ints, page_snapshots: int) -> _Chunk:
        """Numbers of snapshots, each as often as its ladder has rows."""
        width = max(1, (len(timestamps) - 1).bit_length())
        values = np.ascontiguousarray(timestamps)
        pages, bounds = [], []
        for first in range(0, len(values), page_snapshots):
            of_page = np.ascontiguousarray(rows[first : first + page_snapshots], np.int64)
            if count := int(of_page.sum()):
                pages.append(_Content(_pages.encode_runs(of_page, first, width), count))
                bounds.append((values[first].tobytes(), values[first + len(of_page) - 1].tobytes()))
        assert len(pages) == len(ends)
        frame = self._compressor.compress(values.tobytes())
        statistics = _statistics(0, (bounds[0][0], bounds[-1][1]))
        return self._add_column("timestamp", INT64, (frame, len(values)), pages, statistics)._replace(bounds=bounds)

    def _add_doubles(self, name: str, values: Doubles, ends: Ints, lag: int) -> _Chunk:
        most = _pages.most_bytes(len(values), len(ends))
        if len(self._pages) < most:
            self._pages = bytearray(most)
        unique, least, greatest, encoded = _pages.encode_doubles(
            np.ascontiguousarray(values), lag, ends, self._dictionary, self._pages
        )
        pages, start, before, view = [], 0, 0, memoryview(self._pages)
        for end, (_, length) in zip(ends.tolist(), encoded, strict=True):
            pages.append(_Content(view[start : start + length], end - before))
            start, before = start + length, end
        dictionary = (raw_frame(self._dictionary[:unique].tobytes()), unique) if unique else None
        statistics = _statistics(sum(nulls for nulls, _ in encoded), _bounds_of(least, greatest))
        return self._add_column(name, DOUBLE, dictionary, pages, statistics)

    def _add_column(
        self, name: str, kind: int, dictionary: tuple[bytes, int] | None, contents: list[_Content], statistics: Item
    ) -> _Chunk:
        start = at = self._position
        unpacked, encoding, codec = 0, PLAIN, LZ4_RAW
        held = None
        out: list[bytes] = []
        if dictionary is not None:
            frame, count = dictionary
            encoding, codec = RLE_DICTIONARY, ZSTD
            header = _kind_and_size(DICTIONARY_PAGE, count * 8)
            placed = _put_page(out, at, header, frame, particular=_dictionary_header(count))
            held = placed, count
            unpacked += placed.offset - at + count * 8
            at = placed.offset + placed.length
        pages: list[_Page] = []
        first_row = 0
        for page in contents:
            frame = pack_block(page.content) if codec == LZ4_RAW else self._compressor.compress(page.content)
            header = _kind_and_size(DATA_PAGE, len(page.content))
            placed = _put_page(out, at, header, frame, particular=_data_header(page.rows, encoding))
            end = placed.offset + placed.length
            pages.append(_Page(at, end - at, first_row, placed))
            unpacked += placed.offset - at + len(page.content)
            first_row += page.rows
            at = end
        self._write(b"".join(out))
        size = at - start
        metadata = {
            1: i32(kind),
            2: sequence([i32(encoding) for encoding in sorted({PLAIN, RLE, encoding})]),
            3: sequence([binary(name)]),
            4: i32(codec),
            5: i64(first_row),
            6: i64(unpacked),
            7: i64(size),
            9: i64(pages[0].offset),
        }
        if held is not None:
            metadata[11] = i64(start)
        metadata[12] = statistics
        return _Chunk(struct(metadata), held, pages, [], unpacked, size)

    # ---- indexes -------------------------------------------------------------------------------------------

    def _described(self, group: _Group) -> Item:
        """The footer's words on a row group; writes the page indexes of its columns."""
        columns = []
        for chunk in group.chunks:
            at = self._position
            self._write(_offset_index(chunk.pages))
            column = {2: i64(0), 3: chunk.metadata, 4: i64(at), 5: i32(self._position - at)}
            if chunk.bounds:
                at = self._position
                self._write(_column_index(chunk.bounds).data)
                column |= {6: i64(at), 7: i32(self._position - at)}
            columns.append(struct(column))
        return struct(
            {
                1: sequence(columns),
                2: i64(sum(chunk.unpacked for chunk in group.chunks)),
                3: i64(group.rows),
                5: i64(group.start),
                6: i64(sum(chunk.packed for chunk in group.chunks)),
            }
        )

    def _add_lookup(self, blocks: Iterable[bytes]) -> dict[str, object]:
        """Write the lookup index; what the footer says of it."""
        placed = []
        for block in blocks:
            placed.append((self._position, len(block), xxhash.xxh3_64_intdigest(block)))
            self._write(block)
        if not placed:
            return {}
        table = self._lookup_index(np.array(placed, np.uint64)).pack()
        place = place_of(table, self._position)
        self._write(table)
        return {LOOKUP_KEY: place}

    def _lookup_index(self, blocks: np.ndarray[tuple[int, int], np.dtype[np.uint64]]) -> LookupIndex:
        rows = np.concatenate(self._rows)
        group_ends = np.cumsum(self.rows_of_groups, dtype=np.int64)
        starts = group_ends - self.rows_of_groups
        page_ends = np.array(
            [
                start + end
                for start, group in zip(starts.tolist(), self._groups, strict=True)
                for end in _page_ends(group)
            ]
        )
        dictionaries = np.zeros((len(self._groups), len(self._names), DICTIONARY_FIELDS), np.uint64)
        pages = np.zeros((len(page_ends), len(self._names), PAGE_FIELDS), np.uint64)
        done = 0
        for number, group in enumerate(self._groups):
            for column, chunk in enumerate(group.chunks[1:]):
                if chunk.dictionary is not None:
                    frame, unique = chunk.dictionary
                    dictionaries[number, column] = frame.offset, frame.length, unique, frame.checksum
                else:
                    dictionaries[number, column] = PLAIN_IN_LZ4
                pages[done : done + len(chunk.pages), column] = [page.frame for page in chunk.pages]
            done += len(group.chunks[0].pages)
        return LookupIndex(
            timestamps=np.concatenate(self._timestamps),
            rows=rows,
            group_ends=group_ends,
            page_ends=page_ends.astype(np.int64),
            dictionaries=dictionaries,
            pages=pages,
            blocks=blocks,
        )

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._body.update(data)
        self._position += len(data)


def _put_page(out: list[bytes], at: int, header: bytes, frame: bytes, *, particular: bytes) -> _Frame:
    """Add a page that begins at a byte of the file; `header` has its kind and the size of its content."""
    checksum = checksum_of(frame)
    # The header's next two fields, spelled out: there are thousands of them.
    whole = b"%b\x15%b\x15%b%b" % (header, zigzag(len(frame)), zigzag(_signed(checksum)), particular)
    out += whole, frame
    return _Frame(at + len(whole), len(frame), checksum)


def _kind_and_size(kind: int, length: int) -> bytes:
    """The first two fields of a page's header, spelled out."""
    return b"\x15%b\x15%b" % (zigzag(kind), zigzag(length))


def _page_ends(group: _Group) -> list[int]:
    """The row behind each page of a row group."""
    pages = group.chunks[0].pages
    return [page.first_row for page in pages[1:]] + [group.rows]


def _ends_of_pages(rows: Ints, page_snapshots: int) -> Ints:
    """The row behind each page of so many whole ladders; pages without a row are left out."""
    ends = np.cumsum(rows)
    places = np.append(np.arange(page_snapshots - 1, len(rows) - 1, page_snapshots), len(rows) - 1)
    found: Ints = np.unique(ends[places])
    return found[found > 0]


def _signed(value: int) -> int:
    """The 32 bits of a checksum as the signed number that Thrift has for them."""
    return value - (1 << 32) if value >> 31 else value


def _bounds_of(least: float, most: float) -> Bounds | None:
    """The bounds of a column as the format has them: a reader must find both zeros where one is the bound."""
    if least > most:
        return None
    return packing.pack("<d", least if least else -0.0), packing.pack("<d", most if most else 0.0)


def _statistics(nulls: int, bounds: Bounds | None) -> Item:
    """NULLs of a column, its least and its largest value where there is one."""
    return struct({3: i64(nulls), 5: binary(bounds[1]), 6: binary(bounds[0])} if bounds else {3: i64(nulls)})


def _column_index(bounds: list[Bounds]) -> Item:
    """Of a column in ascending order without NULL."""
    return struct(
        {
            1: sequence([boolean(False)] * len(bounds)),
            2: sequence([binary(least) for least, _ in bounds]),
            3: sequence([binary(most) for _, most in bounds]),
            4: i32(ASCENDING),
            5: sequence([i64(0)] * len(bounds)),
        }
    )


def _offset_index(pages: list[_Page]) -> bytes:
    """Page locations, spelled out: there are thousands of them."""
    places = (
        b"\x16%b\x15%b\x16%b\0" % (zigzag(page.offset), zigzag(page.size), zigzag(page.first_row)) for page in pages
    )
    return struct({1: sequence([Item(STRUCT, place) for place in places])}).data


@lru_cache(64)
def _data_header(rows: int, encoding: int) -> bytes:
    """What is particular to a data page, and the end of the header: field 5, one behind the fourth."""
    return b"\x1c" + struct({1: i32(rows), 2: i32(encoding), 3: i32(RLE), 4: i32(RLE)}).data + b"\0"


def _dictionary_header(count: int) -> bytes:
    """The same for a dictionary: field 7, three behind the fourth."""
    return b"\x3c" + struct({1: i32(count), 2: i32(PLAIN)}).data + b"\0"
