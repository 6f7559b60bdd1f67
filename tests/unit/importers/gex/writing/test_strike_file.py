"""`strikes.parquet` as other programs read it: every double by its bits, NULL for NaN, and bounds that hold."""

from __future__ import annotations

import math
import zlib
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.importers.gex.writing import _pages
from gexlake.importers.gex.writing.frames import STRIKE_SCHEMA
from gexlake.importers.gex.writing.strike_file import StrikeFile
from gexlake.models.gex_block import Doubles, Ints
from gexlake.models.gex_columns import LADDER

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
    with closing(StrikeFile(path)) as file:
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
    assert frame.schema == STRIKE_SCHEMA
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


@settings(max_examples=150, deadline=None)
@given(groups())
def test_any_ladders_are_read_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, written: list[Group]) -> None:
    path = tmp_path_factory.getbasetemp() / "strikes.parquet"
    assert_read_back(write(path, *written), *written)


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
    assert pl.read_parquet(path).schema == STRIKE_SCHEMA
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
    ("values", "lag", "dictionary", "page"),
    [
        (np.empty(0), 1, _pages.MOST_VALUES, 1000),
        (np.zeros(5), 0, _pages.MOST_VALUES, 1000),
        (np.zeros(5), 1, _pages.MOST_VALUES - 1, 1000),
        (np.zeros(5), 1, _pages.MOST_VALUES, _pages.most_bytes(5) - 1),
    ],
)
def test_the_native_part_refuses_what_does_not_fit(values: Doubles, lag: int, dictionary: int, page: int) -> None:
    with pytest.raises(ValueError, match=r"at least one|too small"):
        _pages.encode_doubles(values, lag, np.empty(dictionary), bytearray(page))


def test_every_page_has_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "strikes.parquet"
    rows = np.full(50, 3)
    cells = np.random.default_rng(1).normal(size=(8, 150)).round(1)
    with closing(StrikeFile(path)) as file:
        file.add(np.arange(50) * 1_000_000, rows, cells)
        file.complete({})
    data, at, pages = path.read_bytes(), 4, 0
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    while at < footer:
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
