"""Regular GEX records, by the native decoder: many at a time, straight from text into the block."""

from __future__ import annotations

from collections.abc import Generator
from itertools import groupby
from operator import itemgetter

from gexlake.importers.snapshots.decoding import _native
from gexlake.importers.snapshots.decoding.careful import dump_extra, parse_extra, same_ticker
from gexlake.importers.snapshots.decoding.entries import RefusedRecordError
from gexlake.importers.snapshots.decoding.records import Event, Records
from gexlake.importers.snapshots.decoding.surroundings import Surroundings
from gexlake.importers.snapshots.decoding.text import TEXT_BYTES, Text
from gexlake.models.block import FLAG_EXTRA, Int

SHORT_STRIDE_BYTES = 1 << 13


class NativeReader:
    """Reads runs of regular records at the cursor."""

    def __init__(self, text: Text, surroundings: Surroundings, records: Records) -> None:
        self._text = text
        self._surroundings = surroundings
        self._records = records
        self._stride = TEXT_BYTES

    def read(self) -> Generator[Event, None, bool]:
        """Run the native decoder; False where the record at the cursor is not for it."""
        text, block, expect = self._text, self._records.block, self._surroundings.expect
        start, before = text.start, block.records
        stop = min(start + self._stride, text.end)
        after, text.data[stop] = text.data[stop], 0
        records, rows, extras, text.start, why = _native.decode(
            text.data,
            start,
            stop,
            expect.ticker.encode(),
            same_ticker(expect.container_ticker, expect.ticker),
            expect.min_us,
            expect.max_us,
            block.ints,
            block.numbers,
            block.ladder,
            self._records.scratch.extras,
            before,
            block.rows,
        )
        text.data[stop] = after
        block.records, block.rows = records, rows
        sound = self._parse_extras(extras)
        self._records.number(before)
        # What was decoded behind an unsound record is decoded again: where there may be more of them, go less far.
        self._stride = min(2 * self._stride, len(text.data)) if sound else SHORT_STRIDE_BYTES
        if not sound:
            return False
        if why == _native.STOP_FULL and text.start == start and block.records:
            yield self._records.take_block()
            return True
        if why == _native.STOP_INCOMPLETE and (stop < text.end or self._records.may_fill):
            if stop == text.end:
                text.fill()
            return True
        return text.start > start

    def _parse_extras(self, count: int) -> bool:
        """Parse the unknown members; the first unsound record goes back to the text, to be read carefully."""
        block = self._records.block
        spans = self._records.scratch.extras[:, :count].T.tolist()
        for record, spans_of_record in groupby(spans, itemgetter(0)):
            members: tuple[list[bytes], list[bytes]] = ([], [])
            for _, start, end, envelope in spans_of_record:
                members[envelope].append(bytes(self._text.data[start:end]))
            try:
                extra, unknown = parse_extra(*members)
                block.extra[record] = dump_extra(extra)
            except (ValueError, RecursionError, RefusedRecordError):
                self._give_back(record)
                return False
            if not unknown:
                block.ints[Int.FLAGS, record] &= ~FLAG_EXTRA
        return True

    def _give_back(self, record: int) -> None:
        block = self._records.block
        self._text.start = int(block.ints[Int.START, record])
        block.rows -= int(block.ints[Int.ROWS, record : block.records].sum())
        block.records = record
