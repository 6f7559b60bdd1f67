"""A published session that answers with any of its snapshots by what its lookup index says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash

from gexlake.db.published import FileKey
from gexlake.importers.snapshots.lookup import BLOCK_SNAPSHOTS, INTS, Scalars, checksum_of, read_block
from gexlake.importers.snapshots.writing._pages import decode_doubles
from gexlake.models.block import Doubles, Int
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType
from gexlake.services.store.lookup_file import Form, LookupFile
from gexlake.services.store.records import Offsets, SnapshotRenderer
from gexlake.zstd import unpack_frame

SNAPSHOTS_AT_ONCE = 256
"""Their ladders take 1.6 MB."""


class _Checked(NamedTuple):
    """Row groups whose dictionaries have been held to their checksums, and which state of the file that was."""

    key: FileKey
    groups: dict[int, list[Form]]


class LookupSession:
    """One version of a session, held open: it can be read to the end even if its files are collected meanwhile.

    Every byte that is read is held to a checksum: the table's when it is opened, a block's or a page's whenever it is
    read, a dictionary's the first time, and again when the file has changed. Dictionaries are not copied: a ladder has
    use for a hundredth of their values, so they are read where they lie in memory. Safe in threads. Raises
    `DamagedSessionError` where the files are missing, damaged or of another version, `NoLookupError` in opening.
    """

    def __init__(self, kind: RecordType, files: Mapping[str, Path], session: SessionKey, version: str) -> None:
        self._kind, self._session = kind, session
        self._file = LookupFile(files[kind.indexed_dataset], len(kind.ladder_names))
        self._index = self._file.index
        self._checked = self._nothing_checked()
        found: Any = (self._file.footer.get("session"), self._file.footer.get("version"))
        if found != ([*session.feed, session.session_date.isoformat()], version):
            raise self._file.damaged(f"it is of version {found[1]}, not {version}")
        self.timestamps = np.ascontiguousarray(self._index.timestamps).data

    def __len__(self) -> int:
        return len(self._file)

    def texts(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in few buffers, a separator behind each."""
        return [memoryview(text) for text, _ in self._iter_rendered(first, stop, strikes=strikes)]

    def records(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The same, a buffer each."""
        return [
            memoryview(text)[start:end]
            for text, offsets in self._iter_rendered(first, stop, strikes=strikes)
            for start, end in pairwise(offsets.tolist())
        ]

    # ---- scalars -------------------------------------------------------------------------------------------

    def _iter_rendered(self, first: int, stop: int, *, strikes: bool) -> Iterator[tuple[bytes, Offsets]]:
        """The records first … stop - 1 in chunks of bounded size: text and the offsets of its records."""
        for begin in range(first, stop, SNAPSHOTS_AT_ONCE):
            end = min(begin + SNAPSHOTS_AT_ONCE, stop)
            scalars = self._read_scalars(begin, end)
            ints = np.zeros((len(Int), end - begin), np.int64)
            for row, values in zip(INTS, scalars.ints, strict=True):
                ints[row] = values
            ints[Int.TIMESTAMP], ints[Int.ROWS] = self._index.timestamps[begin:end], self._index.rows[begin:end]
            renderer = SnapshotRenderer(self._kind, self._session.feed.ticker, ints, scalars.numbers, scalars.extra)
            yield renderer.render(
                0, end - begin, self._read_ladder(begin, end) if strikes and self._kind.ladder else None
            )

    def _read_scalars(self, first: int, stop: int) -> Scalars:
        start = first // BLOCK_SNAPSHOTS
        blocks = [self._read_block(number) for number in range(start, -(-stop // BLOCK_SNAPSHOTS))]
        return Scalars.join(blocks).cut(first - start * BLOCK_SNAPSHOTS, stop - start * BLOCK_SNAPSHOTS)

    def _read_block(self, number: int) -> Scalars:
        place = self._index.blocks[number]
        (data,) = self._file.read_all(place)
        if xxhash.xxh3_64_intdigest(data) != int(place[2]):
            raise self._file.damaged("the scalars of its snapshots are not what was written")
        count = min(BLOCK_SNAPSHOTS, len(self) - number * BLOCK_SNAPSHOTS)
        return read_block(data, count, self._kind.number_rows)

    # ---- ladders -------------------------------------------------------------------------------------------

    def _read_ladder(self, first: int, stop: int) -> Doubles:
        """The (k, n) cells of the snapshots first … stop - 1; NaN for NULL."""
        while True:
            checked = self._checked  # of this thread to the end, whatever others find out meanwhile
            cells = self._decode_ladder(first, stop, checked.groups)
            now = self._nothing_checked()
            if now.key == checked.key:
                return cells
            self._checked = now

    def _nothing_checked(self) -> _Checked:
        return _Checked(self._file.key, {})

    def _decode_ladder(self, first: int, stop: int, checked: dict[int, list[Form]]) -> Doubles:
        index = self._index
        begin, end = int(self._file.row_ends[first] - index.rows[first]), int(self._file.row_ends[stop - 1])
        cells = np.empty((len(self._kind.ladder_names), end - begin))
        page = int(index.page_ends.searchsorted(begin, "right"))
        row = begin
        while row < end:
            page_first = int(index.page_ends[page - 1]) if page else 0
            page_end = int(index.page_ends[page])
            until = min(end, page_end)
            span = page_end - page_first, row - page_first, until - page_first
            number = int(index.group_ends.searchsorted(row, "right"))
            forms = checked.get(number)
            if forms is None:
                forms = checked[number] = self._check_group(number)
            pages = self._read_pages(page, forms)
            try:
                decode_doubles(pages, forms, *span, cells, row - begin)
            except (ValueError, OSError) as error:
                raise self._file.damaged(str(error)) from error
            row, page = until, page + 1
        return cells

    def _check_group(self, group: int) -> list[Form]:
        for name, place in zip(self._kind.ladder_names, self._index.dictionaries[group].tolist(), strict=True):
            offset, length, unique, checksum = place
            if unique and checksum_of(self._file.read(offset, length)) != checksum:
                raise self._file.damaged(f"a dictionary of {name} is not what was written")
        return self._file.forms(group)

    def _read_pages(self, page: int, forms: list[Form]) -> list[bytes]:
        """A page of each of the ladder's columns: blocks of LZ4 as they are, frames of zstd unpacked."""
        places = self._index.pages[page]
        pages = self._file.read_all(places)
        for name, content, checksum in zip(self._kind.ladder_names, pages, places[:, 2].tolist(), strict=True):
            if checksum_of(content) != checksum:
                raise self._file.damaged(f"a page of {name} is not what was written")
        return [page if form.in_lz4 else unpack_frame(page) for page, form in zip(pages, forms, strict=True)]
