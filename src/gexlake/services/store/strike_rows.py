"""The rows of a few strikes out of the ladders of a session, without taking all others apart.

A library unpacks every page, decodes every value and compares every strike. Here nearly all pages are known by the
bytes of their strikes, and of other columns only the values of the rows that are wanted are decoded (`pick_doubles`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexlake.importers.snapshots.lookup import Numbers
from gexlake.importers.snapshots.writing._pages import MappedFile, decode_doubles, pick_doubles
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
    """Pages of a row group that have rows which are wanted, one behind the other.

    places  (p, k, 3) as in `LookupIndex`
    starts  (p,) first ladder row of each in the session
    rows    (p,) rows of each
    counts  (p,) how many of them are wanted
    picked  (n,) their numbers within their page
    strikes (n,) their strikes
    """

    places: Numbers
    starts: Ints
    rows: Ints
    counts: Ints
    picked: Ints
    strikes: Doubles


class _Wanted(NamedTuple):
    """Rows of a page by their numbers, and their strikes."""

    rows: Ints
    strikes: Doubles

    def only(self, which: NDArray[np.bool_]) -> _Wanted:
        return _Wanted(self.rows[which], self.strikes[which])


def pick_strikes(file: LookupFile, strikes: Doubles, group: int, first: int, stop: int) -> StrikeRows | None:
    """The rows of some strikes in a row group, of the snapshots first … stop - 1; None where there are none.

    Pages are not held to their checksums: who asks has looked at the whole file. Safe in threads. Raises
    `DamagedSessionError` for what cannot be read.
    """
    index, forms = file.index, file.forms(group)
    begin = max(int(index.group_ends[group - 1]) if group else 0, int(file.row_ends[first] - index.rows[first]))
    end = min(int(index.group_ends[group]), int(file.row_ends[stop - 1]))
    try:
        if begin >= end or not _may_have(file, strikes, forms[STRIKE], group):
            return None
        pages = _find(file, strikes, forms[STRIKE], begin, end)
        if not len(pages.picked):
            return None
        cells = np.empty((len(forms), len(pages.picked)))
        cells[STRIKE] = pages.strikes
        for column, form in enumerate(forms[STRIKE + 1 :], STRIKE + 1):
            _pick(file, pages, column, form, cells[column])
    except (BrokenFrameError, ValueError, OSError) as error:
        raise file.damaged(str(error)) from error
    row = np.repeat(pages.starts, pages.counts) + pages.picked
    return StrikeRows(index.timestamps[file.row_ends.searchsorted(row, "right")], cells)


def _may_have(file: LookupFile, strikes: Doubles, form: Form, group: int) -> bool:
    """Whether one of the strikes is among the different ones of a row group."""
    if form.dictionary is None:
        return True
    # By a call: mapped memory is for C that is ready for a fault of the disk.
    offset, length, *_ = file.index.dictionaries[group, STRIKE].tolist()
    return bool(np.isin(np.frombuffer(unpack_frame(file.read(offset, length))), strikes).any())


def _find(file: LookupFile, strikes: Doubles, form: Form, begin: int, end: int) -> _Pages:
    """Which of the ladder rows begin … end - 1, of one row group, are of the strikes."""
    page_ends = file.index.page_ends
    pages = slice(int(page_ends.searchsorted(begin, "right")), int(page_ends.searchsorted(end, "left")) + 1)
    ends, places = page_ends[pages], file.index.pages[pages]
    starts = np.append(page_ends[pages.start - 1] if pages.start else 0, ends[:-1])
    rows = ends - starts
    found = _find_in_pages(file, strikes, form, places[:, STRIKE], rows)
    found[0] = found[0].only(found[0].rows >= begin - starts[0])
    found[-1] = found[-1].only(found[-1].rows < end - starts[-1])
    counts = np.array([len(one.rows) for one in found])
    some = counts > 0
    picked, picked_strikes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Pages(places[some], starts[some], rows[some], counts[some], picked, picked_strikes)


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
    source: MappedFile | bytes = file.mapped
    if not form.in_lz4:
        contents = [unpack_frame(frame) for frame in file.read_all(places)]
        lengths = np.array([len(content) for content in contents], np.uint64)
        source, places = b"".join(contents), np.stack((np.cumsum(lengths) - lengths, lengths, lengths), axis=1)
    pick_doubles(source, places, form, pages.rows, pages.counts, pages.picked, out)
