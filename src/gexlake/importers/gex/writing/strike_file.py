"""`strikes.parquet`, a row group of whole ladders at a time.

A column of doubles is written as numbers of its different values (`_pages.c` says why not by a library), compressed
with zstd; where most values differ, as they are. Any reader of Parquet reads it.

Format: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import json
import os
import struct as packing
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from gexlake._version import __version__
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.gex.writing import _pages
from gexlake.importers.gex.writing.thrift import Item, binary, flag, i32, i64, sequence, struct, varint
from gexlake.importers.seal import blank_seal, seal_end
from gexlake.models.gex_block import Doubles, Ints
from gexlake.models.gex_columns import LADDER
from gexlake.zstd import compress

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"PAR1"
LEVEL_OF_NUMBERS = -10
"""zstd for numbers of values, where little is left to find: level 1 takes twice the time for 7 % less."""
LEVEL_OF_VALUES = 1
FORMAT_VERSION = 2
INT64, DOUBLE = 2, 5
OPTIONAL = 1
TIMESTAMP_MICROS = 10
MICROS_IN_UTC = struct({8: struct({1: flag(True), 2: struct({2: struct({})})})})
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
DATA_PAGE, DICTIONARY_PAGE = 0, 2
ZSTD = 6


class _Page(NamedTuple):
    """A page before it is compressed; `header` is what is particular to its type."""

    type: int
    content: bytes | memoryview
    level: int
    header: Item


class _Chunk(NamedTuple):
    """A column of a row group as the footer describes it, and its size without and with compression."""

    item: Item
    unpacked: int
    packed: int


class StrikeFile:
    """A file under way: `add` row groups, then `complete` it; `close` it in any case.

    Raises `OSError` where the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.rows_of_groups: list[int] = []
        self._file = path.open("wb")
        self._position = 0
        self._body = xxhash.xxh3_128()
        self._groups: list[Item] = []
        self._dictionary: Doubles = np.empty(_pages.MOST_VALUES)
        self._page = bytearray()
        self._write(MAGIC)

    def add(self, timestamps: Ints, rows: Ints, cells: Doubles) -> None:
        """Write a row group: `rows[i]` columns of the (8, n) `cells` belong to `timestamps[i]`, Unix microseconds."""
        count = cells.shape[1]
        if not count:
            return
        start = self._position
        lag = int(rows[0])
        chunks = [self._add_timestamps(timestamps, rows, count)]
        chunks += [self._add_doubles(name, cells[i], lag) for i, name in enumerate(LADDER)]
        group = {
            1: sequence([chunk.item for chunk in chunks]),
            2: i64(sum(chunk.unpacked for chunk in chunks)),
            3: i64(count),
            5: i64(start),
            6: i64(sum(chunk.packed for chunk in chunks)),
        }
        self._groups.append(struct(group))
        self.rows_of_groups.append(count)

    def complete(self, document: Mapping[str, object]) -> None:
        """Write the footer, with a document that becomes JSON, seal the file and sync it to disk."""
        columns = [struct({1: i32(DOUBLE), 3: i32(OPTIONAL), 4: binary(name)}) for name in LADDER]
        timestamp = {1: i32(INT64), 3: i32(OPTIONAL), 4: binary("timestamp"), 6: i32(TIMESTAMP_MICROS)}
        root = struct({4: binary("root"), 5: i32(len(columns) + 1)})
        texts = {FOOTER_KEY: json.dumps(document, default=str), **blank_seal()}
        footer = {
            1: i32(FORMAT_VERSION),
            2: sequence([root, struct({**timestamp, 10: MICROS_IN_UTC}), *columns]),
            3: i64(sum(self.rows_of_groups)),
            4: sequence(self._groups),
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

    def _add_timestamps(self, timestamps: Ints, rows: Ints, count: int) -> _Chunk:
        """Numbers of snapshots, each as often as its ladder has rows."""
        width = max(1, (len(timestamps) - 1).bit_length())
        size = (width + 7) // 8
        runs = [varint(n << 1) + i.to_bytes(size, "little") for i, n in enumerate(rows.tolist())]
        present = varint(count << 1) + b"\1"
        content = packing.pack("<I", len(present)) + present + bytes([width]) + b"".join(runs)
        values = np.ascontiguousarray(timestamps).tobytes()
        pages = [
            _dictionary_page(values, len(timestamps)),
            _data_page(content, count, RLE_DICTIONARY, LEVEL_OF_NUMBERS),
        ]
        return self._add_column("timestamp", INT64, pages, count, _bounds(0, values[:8], values[-8:]))

    def _add_doubles(self, name: str, values: Doubles, lag: int) -> _Chunk:
        count = len(values)
        if len(self._page) < _pages.most_bytes(count):
            self._page = bytearray(_pages.most_bytes(count))
        unique, nulls, least, most, length = _pages.encode_doubles(
            np.ascontiguousarray(values), lag, self._dictionary, self._page
        )
        content = memoryview(self._page)[:length]
        if unique:
            pages = [
                _dictionary_page(self._dictionary[:unique].tobytes(), unique),
                _data_page(content, count, RLE_DICTIONARY, LEVEL_OF_NUMBERS),
            ]
        else:
            pages = [_data_page(content, count, PLAIN, LEVEL_OF_VALUES)]
        # The format asks for it: a reader must find both zeros where one is the bound.
        least, most = least if least else -0.0, most if most else 0.0
        bounds = (packing.pack("<d", least), packing.pack("<d", most)) if least <= most else ()
        return self._add_column(name, DOUBLE, pages, count, _bounds(nulls, *bounds))

    def _add_column(self, name: str, kind: int, pages: list[_Page], count: int, statistics: Item) -> _Chunk:
        start, unpacked, offsets = self._position, 0, {}
        for page in pages:
            offsets[page.type] = self._position
            packed = compress(page.content, level=page.level)
            particular = {DATA_PAGE: 5, DICTIONARY_PAGE: 7}[page.type]
            header = struct(
                {
                    1: i32(page.type),
                    2: i32(len(page.content)),
                    3: i32(len(packed)),
                    4: i32(_signed(zlib.crc32(packed))),
                    particular: page.header,
                }
            ).data
            self._write(header)
            self._write(packed)
            unpacked += len(header) + len(page.content)
        size = self._position - start
        values = RLE_DICTIONARY if DICTIONARY_PAGE in offsets else PLAIN
        metadata = {
            1: i32(kind),
            2: sequence([i32(encoding) for encoding in sorted({PLAIN, RLE, values})]),
            3: sequence([binary(name)]),
            4: i32(ZSTD),
            5: i64(count),
            6: i64(unpacked),
            7: i64(size),
            9: i64(offsets[DATA_PAGE]),
        }
        if DICTIONARY_PAGE in offsets:
            metadata[11] = i64(offsets[DICTIONARY_PAGE])
        metadata[12] = statistics
        return _Chunk(struct({2: i64(0), 3: struct(metadata)}), unpacked, size)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._body.update(data)
        self._position += len(data)


def _signed(value: int) -> int:
    """The 32 bits of a checksum as the signed number that Thrift has for them."""
    return value - (1 << 32) if value >> 31 else value


def _dictionary_page(values: bytes, count: int) -> _Page:
    return _Page(DICTIONARY_PAGE, values, LEVEL_OF_VALUES, struct({1: i32(count), 2: i32(PLAIN)}))


def _data_page(content: bytes | memoryview, count: int, encoding: int, level: int) -> _Page:
    header = struct({1: i32(count), 2: i32(encoding), 3: i32(RLE), 4: i32(RLE)})
    return _Page(DATA_PAGE, content, level, header)


def _bounds(nulls: int, least: bytes = b"", most: bytes = b"") -> Item:
    """Statistics of a column, with its least and largest value where there is one."""
    return struct({3: i64(nulls), 5: binary(most), 6: binary(least)} if least else {3: i64(nulls)})
