"""The rows of some strikes, or of some snapshots, are those that all ladders have of them, bit by bit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.errors import DamagedSessionError
from gexlake.importers.snapshots.writing._pages import pick_doubles
from gexlake.importers.snapshots.writing.ladder_file import LadderFile
from gexlake.models.block import Doubles
from gexlake.models.record_types import GEX
from gexlake.services.store.ladder_rows import StrikeRows, pick_snapshots, pick_strikes
from gexlake.services.store.lookup_file import LookupFile
from helpers.columns import LADDER
from unit.importers.snapshots.writing.test_ladder_file import Group, bits, group_of, groups, patched_pages
from unit.services.store.support import pack_plain_values_with_zstd


def indexed(path: Path, written: Sequence[Group]) -> LookupFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(LadderFile(path, GEX)) as file:
        for group in written:
            file.add(*group)
        file.complete({}, [b"scalars"])
    return LookupFile(path, len(LADDER))


def picked(file: LookupFile, strikes: list[float], first: int, stop: int) -> StrikeRows:
    of_groups = range(len(file.index.group_ends))
    found = [pick_strikes(file, np.array(strikes), group, first, stop) for group in of_groups]
    rows = [one for one in found if one is not None]
    return StrikeRows(
        np.concatenate([np.empty(0, np.int64), *(one.timestamps for one in rows)]),
        np.concatenate([np.empty((len(LADDER), 0)), *(one.cells for one in rows)], axis=1),
    )


def assert_picked(file: LookupFile, written: Sequence[Group], strikes: list[float], first: int, stop: int) -> None:
    cells = np.concatenate([group.cells for group in written], axis=1)
    snapshot = np.repeat(np.arange(len(file)), file.index.rows)
    wanted = np.isin(cells[0], strikes) & (snapshot >= first) & (snapshot < stop)
    found = picked(file, strikes, first, stop)
    assert found.timestamps.tolist() == file.index.timestamps[snapshot[wanted]].tolist()
    assert bits(found.cells) == bits(cells[:, wanted])


@settings(max_examples=200)
@given(written=groups(), data=st.data())
def test_any_strikes_of_any_ladders(
    tmp_path_factory: pytest.TempPathFactory, written: list[Group], data: st.DataObject
) -> None:
    with patched_pages(3):
        file = indexed(tmp_path_factory.getbasetemp() / "picked" / "strikes.parquet", written)
    values = np.concatenate([group.cells[0] for group in written]).tolist()
    strikes = data.draw(st.lists(st.one_of(st.sampled_from(values), st.floats()), max_size=4))
    first = data.draw(st.integers(0, len(file) - 1))
    assert_picked(file, written, strikes, first, data.draw(st.integers(first + 1, len(file))))


@settings(max_examples=200)
@given(written=groups(), data=st.data())
def test_any_columns_of_any_snapshots(
    tmp_path_factory: pytest.TempPathFactory, written: list[Group], data: st.DataObject
) -> None:
    with patched_pages(3):
        file = indexed(tmp_path_factory.getbasetemp() / "picked" / "strikes.parquet", written)
    numbers = sorted(data.draw(st.sets(st.integers(0, len(file) - 1))))
    columns = data.draw(st.lists(st.integers(0, len(LADDER) - 1), min_size=1, max_size=3))
    cells = np.concatenate([group.cells for group in written], axis=1)
    wanted = np.isin(np.repeat(np.arange(len(file)), file.index.rows), numbers)
    found = pick_snapshots(file, np.array(numbers, np.int64), columns)
    assert bits(found) == bits(cells[columns][:, wanted])


def ladders(strikes: list[float], snapshots: int, *, start: int = 0) -> Group:
    """The same strikes again and again, beside values of which some come again, some never, and some are missing."""
    chance = np.random.default_rng(start)
    cells = chance.normal(size=(len(LADDER), len(strikes) * snapshots))
    cells[0] = np.tile(strikes, snapshots)
    cells[2] = chance.integers(0, 3, cells.shape[1]) / 8
    cells[3, ::2] = np.nan
    cells[4] = np.nan
    return group_of(cells, [len(strikes)] * snapshots, start=start)


@pytest.fixture
def written() -> list[Group]:
    return [ladders([10, 20, 30], 9), ladders([20, 30, 40, 50], 9, start=9), ladders([60], 9, start=18)]


@pytest.mark.parametrize("plain", ["LZ4", "zstd"])
@pytest.mark.parametrize("strikes", [[30], [10], [60, 20], [-0.0, 40, 40], [99], [], [float("nan")]])
@pytest.mark.parametrize(("first", "stop"), [(0, 27), (3, 4), (5, 20), (9, 18), (26, 27)])
def test_strikes_that_come_and_go(  # noqa: PLR0917
    tmp_path: Path,
    written: list[Group],
    monkeypatch: pytest.MonkeyPatch,
    plain: str,
    strikes: list[float],
    first: int,
    stop: int,
) -> None:
    if plain != "LZ4":
        pack_plain_values_with_zstd(monkeypatch)
    with patched_pages(4):
        file = indexed(tmp_path / "strikes.parquet", written)
    forms = [form for group in range(3) for form in file.forms(group)]
    assert any(form.dictionary for form in forms)
    assert any(form.dictionary is None for form in forms)
    assert_picked(file, written, strikes, first, stop)


def test_a_file_that_is_cut_is_damaged(tmp_path: Path, written: list[Group]) -> None:
    """Where its pages are mapped, and where they are read."""
    path = tmp_path.joinpath(
        "gex/strikes/ticker=A/package=classic/category=gex_zero/session_date=2025-11-10/strikes.parquet"
    )
    page = os.sysconf("SC_PAGE_SIZE")
    file = indexed(path, [ladders([10, 20, 30], page)])
    mapped = int(file.index.pages[-1, 1, 0])
    for size in (mapped // page * page, 0):
        os.truncate(path, size)
        with pytest.raises(DamagedSessionError, match=r"ends too early|Input/output error"):
            picked(file, [30], 0, page)
        with pytest.raises(DamagedSessionError, match=r"ends too early|Input/output error"):
            pick_snapshots(file, np.arange(page), [1, 2])


PAGE = b"\2\0\0\0\x10\1" + np.arange(8.0).tobytes()


Place = tuple[int, int, int]


def pick(places: list[Place], rows: list[int], counts: list[int], wanted: list[int], out: int) -> Doubles:
    return pick_of((PAGE * 2, np.array(places, np.uint64).reshape(-1, 3)), rows, counts, wanted, out)


def pick_of(pages: Any, rows: list[int], counts: list[int], wanted: list[int], out: int) -> Doubles:
    values = np.empty(out)
    pick_doubles(pages, (None, 0, False), *(np.array(one, np.int64) for one in (rows, counts, wanted)), values)
    return values


WHOLE = (0, len(PAGE), 0)
NEXT = (len(PAGE), len(PAGE), 0)


def test_single_values_of_pages_are_picked() -> None:
    assert pick([WHOLE, NEXT], [8, 8], [2, 1], [0, 7, 3], 3).tolist() == [0, 7, 3]
    assert pick([WHOLE, NEXT], [8, 8], [0, 1], [5], 1).tolist() == [5]
    assert pick([], [], [], [], 0).tolist() == []
    assert pick_of([PAGE, PAGE], [8, 8], [2, 1], [0, 7, 3], 3).tolist() == [0, 7, 3]


@pytest.mark.parametrize(
    ("places", "rows", "counts", "wanted", "out"),
    [
        ([(0, 2 * len(PAGE) + 1, 0)], [8], [1], [0], 1),
        ([(2**64 - 1, 2, 0)], [8], [1], [0], 1),
        ([WHOLE], [8], [1], [8], 1),
        ([WHOLE], [8], [1], [-1], 1),
        ([WHOLE], [8], [2], [3, 3], 2),
        ([WHOLE], [8], [2], [3, 2], 2),
        ([WHOLE], [8], [2], [3], 1),
        ([WHOLE], [8], [1], [3, 4], 2),
        ([WHOLE], [8], [-1], [], 0),
        ([WHOLE], [-1], [0], [], 0),
        ([WHOLE], [2**40], [0], [], 0),
        ([WHOLE], [8], [1], [3], 2),
        ([WHOLE], [8, 8], [1, 0], [3], 1),
        ([WHOLE], [8], [1, 0], [3], 1),
    ],
)
def test_picks_that_do_not_fit_are_refused(
    places: list[tuple[int, int, int]], rows: list[int], counts: list[int], wanted: list[int], out: int
) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        pick(places, rows, counts, wanted, out)


@pytest.mark.parametrize("pages", [[], [PAGE, PAGE]])
def test_other_pages_than_there_are_rows_of_are_refused(pages: list[bytes]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        pick_of(pages, [8], [1], [3], 1)


@pytest.mark.parametrize("pages", [9, [PAGE, bytearray(PAGE)], [PAGE, None], (PAGE,), (PAGE, 9)], ids=repr)
def test_what_is_no_page_is_refused(pages: Any) -> None:
    with pytest.raises(TypeError):
        pick_of(pages, [8] * 2, [1] * 2, [3] * 2, 2)


@pytest.mark.parametrize("place", [(0, 8, 0), (1, len(PAGE), 0)])
def test_a_page_of_another_form_is_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        pick([place], [8], [1], [7], 1)
