"""A few rows out of the ladders of a session, without taking all others apart: those of strikes, or of snapshots.

A library unpacks every page, decodes every value and compares every row. Here the lookup index tells which pages have
rows that are wanted, or the bytes of a page's strikes do, and only their values are decoded (`pick_doubles`).

Pages are not held to their checksums: who asks has looked at the whole file. Safe in threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexlake.importers.snapshots.lookup import Numbers
from gexlake.importers.snapshots.writing._pages import decode_doubles, pick_doubles
from gexlake.models.block import Doubles, Ints
from gexlake.services.store.lookup_file import Form, LookupFile
from gexlake.zstd import BrokenFrameError, unpack_frame

STRIKE = 0
"""Its place among the columns of a ladder."""


class StrikeRows(NamedTuple):
    """Rows by time and strike.

    timestamps  (n,) Unix microseconds
    cells       (k, n) the columns of the ladder; NaN for NULL
    """

    timestamps: Ints
    cells: Doubles


class _Pages(NamedTuple):
    """Pages that have rows which are wanted, one behind the other.

    places  (p, k, 3) as in `LookupIndex`
    starts  (p,) first ladder row of each in the session
    rows    (p,) rows of each
    counts  (p,) how many of them are wanted
    picked  (n,) their numbers within their page
    """

    places: Numbers
    starts: Ints
    rows: Ints
    counts: Ints
    picked: Ints

    def by_group(self, group_ends: Ints) -> Iterator[tuple[int, _Pages]]:
        """Those of each row group that has some, and its number."""
        stops = self.starts.searchsorted(group_ends)
        picked_stops = np.append(0, np.cumsum(self.counts))[stops]
        edges = pairwise([(0, 0), *zip(stops.tolist(), picked_stops.tolist(), strict=True)])
        for group, ((first, first_picked), (stop, stop_picked)) in enumerate(edges):
            if first < stop:
                of, picked = slice(first, stop), self.picked[first_picked:stop_picked]
                yield group, _Pages(self.places[of], self.starts[of], self.rows[of], self.counts[of], picked)


class _Wanted(NamedTuple):
    """Rows of a page by their numbers, and their strikes."""

    rows: Ints
    strikes: Doubles

    def only(self, which: NDArray[np.bool_]) -> _Wanted:
        return _Wanted(self.rows[which], self.strikes[which])


def pick_strikes(file: LookupFile, strikes: Doubles, group: int, first: int, stop: int) -> StrikeRows | None:
    """The rows of some strikes in a row group, of the snapshots first … stop - 1; None where there are none.

    Raises `DamagedSessionError` for what cannot be read.
    """
    index, forms = file.index, file.forms(group)
    begin = max(int(index.group_ends[group - 1]) if group else 0, int(file.row_ends[first] - index.rows[first]))
    end = min(int(index.group_ends[group]), int(file.row_ends[stop - 1]))
    with _readable(file):
        if begin >= end or not _may_have(file, strikes, forms[STRIKE], group):
            return None
        pages, found = _find(file, strikes, forms[STRIKE], begin, end)
        if not len(found):
            return None
        cells = np.empty((len(forms), len(found)))
        cells[STRIKE] = found
        for column, form in enumerate(forms[STRIKE + 1 :], STRIKE + 1):
            _pick(file, pages, column, form, cells[column])
    row = np.repeat(pages.starts, pages.counts) + pages.picked
    return StrikeRows(index.timestamps[file.row_ends.searchsorted(row, "right")], cells)


def pick_snapshots(file: LookupFile, snapshots: Ints, columns: Sequence[int]) -> Doubles:
    """The (k, n) cells of some columns of the ladders of snapshots with these numbers, which are in ascending order.

    Raises `DamagedSessionError` for what cannot be read.
    """
    index = file.index
    counts = index.rows[snapshots]
    rows = np.repeat(file.row_ends[snapshots] - np.cumsum(counts), counts)
    rows += np.arange(len(rows))
    cells = np.empty((len(columns), len(rows)))
    if not len(rows):
        return cells
    pages = _pages_of(file, rows)
    done = 0
    with _readable(file):
        for group, part in pages.by_group(index.group_ends):
            forms = file.forms(group)
            span = slice(done, done := done + len(part.picked))
            for column, out in zip(columns, cells, strict=True):
                _pick(file, part, column, forms[column], out[span])
    return cells


@contextmanager
def _readable(file: LookupFile) -> Iterator[None]:
    try:
        yield
    except (BrokenFrameError, ValueError, OSError) as error:
        raise file.damaged(str(error)) from error


def _pages_of(file: LookupFile, rows: Ints) -> _Pages:
    """The pages that have some ladder rows, which are in ascending order."""
    starts, ends, places = _pages_between(file, int(rows[0]), int(rows[-1]) + 1)
    counts = np.diff(rows.searchsorted(ends), prepend=0)
    some = counts > 0
    picked = np.repeat(starts, counts)
    np.subtract(rows, picked, out=picked)
    return _Pages(places[some], starts[some], (ends - starts)[some], counts[some], picked)


def _pages_between(file: LookupFile, begin: int, end: int) -> tuple[Ints, Ints, Numbers]:
    """Of the pages with the ladder rows begin … end - 1: the first row of each, the one behind its last, its places."""
    page_ends = file.index.page_ends
    pages = slice(int(page_ends.searchsorted(begin, "right")), int(page_ends.searchsorted(end, "left")) + 1)
    ends = page_ends[pages]
    starts = np.append(page_ends[pages.start - 1] if pages.start else 0, ends[:-1])
    return starts, ends, file.index.pages[pages]


def _may_have(file: LookupFile, strikes: Doubles, form: Form, group: int) -> bool:
    """Whether one of the strikes is among the different ones of a row group."""
    if form.dictionary is None:
        return True
    # By a call: mapped memory is for C that is ready for a fault of the disk.
    offset, length, *_ = file.index.dictionaries[group, STRIKE].tolist()
    return bool(np.isin(np.frombuffer(unpack_frame(file.read(offset, length))), strikes).any())


def _find(file: LookupFile, strikes: Doubles, form: Form, begin: int, end: int) -> tuple[_Pages, Doubles]:
    """Which of the ladder rows begin … end - 1, of one row group, are of the strikes; and the (n,) strikes of them."""
    starts, ends, places = _pages_between(file, begin, end)
    rows = ends - starts
    found = _find_in_pages(file, strikes, form, places[:, STRIKE], rows)
    found[0] = found[0].only(found[0].rows >= begin - starts[0])
    found[-1] = found[-1].only(found[-1].rows < end - starts[-1])
    counts = np.array([len(one.rows) for one in found])
    some = counts > 0
    picked, picked_strikes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Pages(places[some], starts[some], rows[some], counts[some], picked), picked_strikes


def _find_in_pages(file: LookupFile, strikes: Doubles, form: Form, places: Numbers, rows: Ints) -> list[_Wanted]:
    """What is wanted of each page. Nearly all pages have the same strikes, and then the same bytes."""
    known: dict[tuple[bytes, int], _Wanted] = {}
    found = []
    for key in zip(file.read_all(np.ascontiguousarray(places)), rows.tolist(), strict=True):
        if key not in known:
            page, count = key
            values = np.empty((1, count))
            decode_doubles([page if form.in_lz4 else unpack_frame(page)], [form], count, 0, count, values, 0)
            wanted = np.flatnonzero(np.isin(values[0], strikes))
            known[key] = _Wanted(wanted, values[0, wanted])
        found.append(known[key])
    return found


def _pick(file: LookupFile, pages: _Pages, column: int, form: Form, out: Doubles) -> None:
    """The values of a column: of its pages where they lie if they are blocks of LZ4, else of their contents."""
    places = np.ascontiguousarray(pages.places[:, column])
    source = (file.mapped, places) if form.in_lz4 else list(_iter_unpacked(file.read_all(places)))
    pick_doubles(source, form, pages.rows, pages.counts, pages.picked, out)


def _iter_unpacked(frames: Sequence[bytes]) -> Iterator[bytes]:
    """What is in each; one that is like the one before it, as of strikes nearly all are, is not unpacked again."""
    before: bytes | None = None
    content = b""
    for frame in frames:
        if frame != before:
            before, content = frame, unpack_frame(frame)
        yield content
