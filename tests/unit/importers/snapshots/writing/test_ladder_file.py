"""`strikes.parquet` as other programs read it: every double by its bits, NULL for NaN, and bounds that hold."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.snapshots.lookup import LookupIndex
from gexlake.importers.snapshots.writing import _pages, ladder_file
from gexlake.importers.snapshots.writing.frames import ladder_schema
from gexlake.importers.snapshots.writing.ladder_file import LadderFile
from gexlake.lz4 import pack_block
from gexlake.models.block import Doubles, Ints
from gexlake.models.record_types import GEX
from gexlake.zstd import raw_frame
from helpers.columns import LADDER

FIRST_US = 1_763_130_600_000_000


class Group(NamedTuple):
    timestamps: Ints
    rows: Ints
    cells: Doubles


def group_of(cells: Doubles, rows: list[int] | None = None, *, start: int = 0) -> Group:
    counts = np.array(rows if rows is not None else [cells.shape[1]], np.int64)
    return Group(FIRST_US + (np.arange(len(counts)) + start) * 1_000_000, counts, cells)


def same_in_all(values: list[float] | Doubles) -> Doubles:
    return np.ascontiguousarray(np.broadcast_to(np.array(values, np.float64), (len(LADDER), len(values))))


def write(path: Path, *groups: Group) -> Path:
    with closing(LadderFile(path, GEX)) as file:
        for group in groups:
            file.add(*group)
        file.complete({})
    return path


def bits(values: Doubles) -> list[int]:
    return np.where(np.isnan(values), np.nan, values).view(np.int64).tolist()


def assert_read_back(path: Path, *groups: Group) -> None:
    """Polars and DuckDB find the very bits that were written."""
    expected = np.concatenate([group.cells for group in groups], axis=1)
    moments = np.concatenate([np.repeat(group.timestamps, group.rows) for group in groups])
    frame = pl.read_parquet(path)
    assert frame.schema == ladder_schema(GEX)
    relation = duckdb.read_parquet(str(path)).fetchnumpy()
    assert frame["timestamp"].to_physical().to_list() == moments.tolist()
    assert relation["timestamp"].astype("datetime64[us]").astype(np.int64).tolist() == moments.tolist()
    for name, values in zip(LADDER, expected, strict=True):
        assert bits(frame[name].fill_null(np.nan).to_numpy()) == bits(values), name
        assert bits(np.ma.filled(relation[name], np.nan)) == bits(values), name
        assert frame[name].null_count() == np.isnan(values).sum()


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, math.nan, 5e-324, -5e-324, 1.7976931348623157e308]),
)


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    found, start = [], 0
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
        pool = draw(st.lists(NUMBERS, min_size=1, max_size=30))
        picks = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, len(pool), (len(LADDER), sum(rows)))
        found.append(group_of(np.array(pool)[picks], rows, start=start))
        start += len(rows)
    return found


@settings(max_examples=150)
@given(groups())
def test_any_ladders_are_read_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, written: list[Group]) -> None:
    path = tmp_path_factory.getbasetemp() / "strikes.parquet"
    with patched_pages(3):
        assert_read_back(write(path, *written), *written)


@contextmanager
def patched_pages(snapshots: int) -> Iterator[None]:
    """So many ladders a page: a page ends within a small group, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder_file, "PAGE_SNAPSHOTS", snapshots)
        patch.setattr(ladder_file, "PLAIN_PAGE_SNAPSHOTS", max(1, snapshots // 2))
        yield


@pytest.mark.parametrize("different", [1, 2, 3, 255, 256, 257, 32_767, 32_768, 32_769])
def test_dictionaries_of_any_size(tmp_path: Path, different: int) -> None:
    values = np.arange(different, dtype=np.float64) / 8
    group = group_of(same_in_all(np.concatenate([values, values[::-1], values, values, values])))
    assert_read_back(write(tmp_path / "strikes.parquet", group), group)


@pytest.mark.parametrize("values", [[math.nan], [math.nan] * 9, [1.0], [math.nan, 2.5], [0.0, -0.0], [-0.0]])
def test_few_values(tmp_path: Path, values: list[float]) -> None:
    group = group_of(same_in_all(values))
    assert_read_back(write(tmp_path / "strikes.parquet", group), group)


def test_values_that_never_come_again_are_written_as_they_are(tmp_path: Path) -> None:
    values = np.random.default_rng(7).normal(size=100_000)
    values[::1000] = np.nan
    group = group_of(same_in_all(values), [100] * 1000)
    assert_read_back(write(tmp_path / "strikes.parquet", group), group)


def test_no_ladders(tmp_path: Path) -> None:
    path = write(tmp_path / "strikes.parquet", group_of(np.empty((len(LADDER), 0)), []))
    assert pl.read_parquet(path).schema == ladder_schema(GEX)
    assert duckdb.read_parquet(str(path)).fetchall() == []


def test_bounds_let_a_reader_skip_row_groups_and_never_the_wrong_one(tmp_path: Path) -> None:
    cells = [same_in_all([float(number), number + 0.5, math.nan]) for number in (-2, 0, 2)]
    written = [group_of(block, [3], start=number) for number, block in enumerate(cells)]
    path = write(tmp_path / "strikes.parquet", *written)
    found = duckdb.execute(
        "SELECT row_group_id, path_in_schema, stats_min_value, stats_max_value, stats_null_count "
        "FROM parquet_metadata(?) WHERE path_in_schema IN ('strike', 'timestamp') ORDER BY ALL",
        [str(path)],
    ).fetchall()
    assert [row[2:] for row in found if row[1] == "strike"] == [
        ("-2.0", "-1.5", 1),
        ("-0.0", "0.5", 1),
        ("2.0", "2.5", 1),
    ]
    for low in (-2, -0.0, 0.0, 0.25, 2.5, 3):
        kept = pl.scan_parquet(path).filter(pl.col("strike") >= low, pl.col("strike").is_not_nan()).collect().height
        counted = duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE strike >= ?", [str(path), low]).fetchall()
        expected = sum(int((block[0] >= low).sum()) for block in cells)
        assert (kept, counted) == (expected, [(expected,)]), low
    moment = FIRST_US + 1_000_000
    assert pl.scan_parquet(path).filter(pl.col("timestamp").to_physical() == moment).collect().height == 3


@pytest.mark.parametrize(
    ("values", "lag", "ends", "dictionary", "pages"),
    [
        (np.empty(0), 1, [], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 0, [5], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, [5], _pages.MOST_VALUES - 1, 1000),
        (np.zeros(5), 1, [5], _pages.MOST_VALUES, _pages.most_bytes(5, 1) - 1),
        (np.zeros(5), 1, [], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, [4], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, [0, 5], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, [3, 3, 5], _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, [5, 6], _pages.MOST_VALUES, 1000),
    ],
)
def test_the_native_part_refuses_what_does_not_fit(
    values: Doubles, lag: int, ends: list[int], dictionary: int, pages: int
) -> None:
    with pytest.raises(ValueError, match=r"at least one|too small|must ascend"):
        _pages.encode_doubles(values, lag, np.array(ends, np.int64), np.empty(dictionary), bytearray(pages))


@settings(max_examples=200)
@given(st.lists(NUMBERS, min_size=1, max_size=60), st.integers(1, 5), st.data())
def test_any_rows_of_a_page_are_decoded_bit_by_bit(values: list[float], different: int, data: st.DataObject) -> None:
    column = np.array((values[:different] * len(values))[: 2 * len(values)] if data.draw(st.booleans()) else values)
    ends = np.unique([data.draw(st.integers(1, len(column))), len(column)])
    dictionary, out = np.empty(_pages.MOST_VALUES), bytearray(_pages.most_bytes(len(column), len(ends)))
    unique, _, _, encoded = _pages.encode_doubles(column, different, ends, dictionary, out)
    start = begin = 0
    for end, (_, length) in zip(ends.tolist(), encoded, strict=True):
        first = data.draw(st.integers(0, end - begin))
        stop = data.draw(st.integers(first, end - begin))
        before = data.draw(st.integers(0, 3))
        found = np.full((2, before + stop - first + 1), 0.5)
        held = memoryview(raw_frame(dictionary[:unique].tobytes())) if unique else None
        page, rows = bytes(out[start : start + length]), end - begin
        forms = [(held, unique, False), (held, unique, True)]
        _pages.decode_doubles([page, pack_block(page)], forms, rows, first, stop, found, before)
        wanted = [0.5] * before + column[begin + first : begin + stop].tolist() + [0.5]
        assert bits(found) == bits(np.array([wanted, wanted]))
        start, begin = start + length, end


DAMAGED_PAGES = {
    "nothing": b"",
    "levels longer than the page": b"\xff\xff\xff\x7f" + bytes(9),
    "levels of another number of rows": b"\2\0\0\0\x0e\1" + np.zeros(8).tobytes(),
    "a level above 1": b"\2\0\0\0\x10\2" + np.zeros(8).tobytes(),
    "levels without an end": b"\5\0\0\0\xff\xff\xff\xff\xff",
    "values too few": b"\2\0\0\0\x10\1" + np.zeros(7).tobytes(),
    "a width of its own": b"\2\0\0\0\x10\1\x0c\3" + bytes(12),
    "a number that the dictionary does not have": b"\2\0\0\0\x10\1\x08\3" + bytes([0, 1, 2, 3, 0, 0, 0, 0]),
    "runs": b"\2\0\0\0\x10\1\x08\x10\1",
}


@pytest.mark.parametrize("page", DAMAGED_PAGES.values(), ids=DAMAGED_PAGES)
@pytest.mark.parametrize("dictionary", [None, memoryview(raw_frame(bytes(24)))])
def test_a_page_of_another_form_is_refused(page: bytes, dictionary: memoryview | None) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        _pages.decode_doubles([page], [(dictionary, 3, False)], 8, 0, 8, np.empty((1, 8)), 0)


@pytest.mark.parametrize(("unique", "length"), [(0, 36), (4, 36), (3, 35), (1 << 16, 1 << 20), (-1, 36)])
def test_a_dictionary_of_another_size_is_refused(unique: int, length: int) -> None:
    page = b"\2\0\0\0\x10\1\x08\3" + bytes(8)
    with pytest.raises(ValueError, match="does not have so many values"):
        _pages.decode_doubles([page], [(memoryview(bytes(length)), unique, False)], 8, 0, 8, np.empty((1, 8)), 0)


@pytest.mark.parametrize(
    ("columns", "rows", "shape", "at"),
    [
        ((1, 2), (0, 8), (1, 8), 0),
        ((2, 2), (0, 8), (1, 15), 0),
        ((0, 0), (0, 8), (1, 8), 0),
        ((1, 1), (0, 9), (1, 9), 0),
        ((1, 1), (5, 4), (1, 8), 0),
        ((1, 1), (-1, 4), (1, 8), 0),
        ((1, 1), (0, 8), (1, 8), 1),
        ((1, 1), (0, 8), (1, 8), -1),
        ((1, 1), (8, 8), (1, 8), 9),
    ],
)
def test_a_table_that_pages_and_rows_do_not_fit_is_refused(
    columns: tuple[int, int], rows: tuple[int, int], shape: tuple[int, int], at: int
) -> None:
    pages, forms = [b"\2\0\0\0\x10\1" + bytes(64)] * columns[0], [(None, 0, False)] * columns[1]
    with pytest.raises(ValueError, match="do not fit"):
        _pages.decode_doubles(pages, forms, 8, *rows, np.empty(shape), at)


def test_a_value_is_found_in_a_dictionary_of_several_blocks() -> None:
    values = np.arange(3 * _pages.MOST_VALUES) % _pages.MOST_VALUES / 4
    dictionary, out = np.empty(_pages.MOST_VALUES), bytearray(_pages.most_bytes(len(values), 1))
    unique, _, _, ((_, length),) = _pages.encode_doubles(values, 9, np.array([len(values)]), dictionary, out)
    assert unique == _pages.MOST_VALUES
    found = np.empty(len(values))
    frame = memoryview(raw_frame(dictionary.tobytes()))
    _pages.decode_doubles([bytes(out[:length])], [(frame, unique, False)], len(values), 0, len(values), found, 0)
    assert bits(found) == bits(values)


def test_page_indexes_are_there_and_true(tmp_path: Path) -> None:
    """DuckDB says which bytes a page has; a page that is passed over by its bounds was not needed."""
    with patched_pages(4):
        group = group_of(same_in_all(np.arange(60.0)), [3] * 20)
        path = write(tmp_path / "strikes.parquet", group)
    metadata = pq.ParquetFile(path).metadata
    columns = [metadata.row_group(0).column(i) for i in range(len(LADDER) + 1)]
    assert all(column.has_offset_index for column in columns)
    assert [column.has_column_index for column in columns] == [True] + [False] * len(LADDER)
    assert_read_back(path, group)


def test_pages_have_fewer_ladders_behind_a_group_of_plain_values(tmp_path: Path) -> None:
    path, few = tmp_path / "strikes.parquet", same_in_all([1.0, 2.0, 3.0] * 8)
    many = np.random.default_rng(3).normal(size=few.shape)
    with patched_pages(4), closing(LadderFile(path, GEX)) as file:
        for number, cells in enumerate((few, many, many, few)):
            file.add(*group_of(cells, [3] * 8, start=number * 8))
        file.complete({}, [b"scalars"])
    table = json.loads(pl.read_parquet_metadata(path)[FOOTER_KEY])["lookup"]
    index = LookupIndex.unpack(path.read_bytes()[table["offset"] :][: table["length"]], len(LADDER))
    assert index.page_ends.tolist() == [12, 24, 36, 48, 54, 60, 66, 72, 78, 84, 90, 96]


def test_every_page_has_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "strikes.parquet"
    rows = np.full(50, 3)
    cells = np.random.default_rng(1).normal(size=(8, 150)).round(1)
    with closing(LadderFile(path, GEX)) as file:
        file.add(np.arange(50) * 1_000_000, rows, cells)
        file.complete({})
    data, at, pages = path.read_bytes(), 4, 0
    (end,) = duckdb.execute(
        "SELECT max(coalesce(dictionary_page_offset, data_page_offset) + total_compressed_size) "
        "FROM parquet_metadata(?)",
        [str(path)],
    ).fetchall()[0]
    while at < end:
        values = []
        for _ in range(4):  # type, sizes without and with compression, checksum
            assert data[at] == 0x15
            number, at = zigzag(data, at + 1)
            values.append(number)
        at += 1  # what is particular to the type begins
        while data[at] == 0x15:
            _, at = zigzag(data, at + 1)
        at += 2  # the end of that, and of the header
        packed = data[at : at + values[2]]
        assert values[3] & 0xFFFFFFFF == zlib.crc32(packed)
        at += len(packed)
        pages += 1
    assert pages >= 10


def zigzag(data: bytes, at: int) -> tuple[int, int]:
    """A number of Thrift's compact protocol, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
