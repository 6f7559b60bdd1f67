"""Snapshots that are recorded and not yet published: in segments, a line each, read where they stand.

In memory are only their instants and places; the text is read, decoded and rendered when it is asked for, by the very
decoder and renderer of published ones, so that both look the same.
"""

from __future__ import annotations

import io
import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.records import Scratch
from gexlake.importers.snapshots.reader import MIN_US
from gexlake.models.block import Block, Doubles, Int, Ints
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import kind_of
from gexlake.services.store.records import SnapshotRenderer

SNAPSHOTS_AT_ONCE = 256
END_OF_TIME_US = 1 << 62


class Descriptor:
    """A file that is open for as long as anything refers to it, whatever becomes of its name."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.number)


class Place(NamedTuple):
    """Where the text of a record stands, in bytes of its file."""

    file: Descriptor
    start: int
    end: int


class _Scratches(threading.local):
    """Memory of each thread for its decoders: asking for it anew would take longer than decoding a record."""

    def __init__(self) -> None:
        self.of_kind: dict[str, Scratch] = {}


_scratches = _Scratches()


def decode_lines(kind: RecordType, ticker: str, text: bytes) -> Iterator[Block]:
    """What the lines of a feed hold, but for what is refused. Each block is good until the next one is asked for."""
    scratch = _scratches.of_kind.get(kind.name)
    if scratch is None:
        scratch = _scratches.of_kind[kind.name] = Scratch(kind)
    _empty(scratch.block)
    for event in Decoder(io.BytesIO(text), Expectation(kind, ticker, MIN_US, END_OF_TIME_US), scratch).full_blocks():
        if isinstance(event, Block):
            yield event
    if scratch.block.records:
        yield scratch.block


def _empty(block: Block) -> None:
    block.records = block.rows = 0
    block.extra.clear()


@dataclass(frozen=True)
class UnpublishedSession:
    """One state of what is not yet published of a session: it does not change. Safe in threads."""

    key: SessionKey
    instants: Ints
    places: Sequence[Place]
    """One of each instant; of those behind it may have more by and by."""
    kind: RecordType = field(init=False)
    timestamps: memoryview = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", kind_of(self.key.feed))
        object.__setattr__(self, "timestamps", np.ascontiguousarray(self.instants).data)

    def __len__(self) -> int:
        return len(self.instants)

    def without(self, instants: Iterable[int]) -> UnpublishedSession:
        """The same without those that stand at these instants, which are ascending."""
        others = np.asarray(instants, np.int64)
        if not len(others) or not len(self.instants):
            return self
        at = np.minimum(np.searchsorted(others, self.instants), len(others) - 1)
        kept = np.flatnonzero(others[at] != self.instants)
        if len(kept) == len(self.instants):
            return self
        return UnpublishedSession(self.key, self.instants[kept], [self.places[i] for i in kept.tolist()])

    def texts(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in few buffers, a separator behind each."""
        return self.records(first, stop, strikes=strikes)

    def records(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The same, a buffer each."""
        ticker, found = self.key.feed.ticker, list[memoryview]()
        for begin in range(first, stop, SNAPSHOTS_AT_ONCE):
            text = self._text(begin, min(begin + SNAPSHOTS_AT_ONCE, stop))
            for block in decode_lines(self.kind, ticker, text):
                found += render_block(self.kind, ticker, block, strikes=strikes)
        return found

    def tables(self) -> tuple[Doubles, Ints, Doubles]:
        """All of them as numbers: (m, n) as the record type's `numbers`, ladder rows of each, and (k, rows) cells."""
        numbers, rows, ladder = [], [], []
        for begin in range(0, len(self), SNAPSHOTS_AT_ONCE):
            text = self._text(begin, min(begin + SNAPSHOTS_AT_ONCE, len(self)))
            for block in decode_lines(self.kind, self.key.feed.ticker, text):
                numbers.append(block.filled_numbers[: len(self.kind.numbers)].copy())
                rows.append(block.column(Int.ROWS).copy())
                ladder.append(block.filled_ladder.copy())
        return np.concatenate(numbers, axis=1), np.concatenate(rows), np.concatenate(ladder, axis=1)

    def _text(self, first: int, stop: int) -> bytes:
        return b"\n".join(
            os.pread(place.file.number, place.end - place.start, place.start) for place in self.places[first:stop]
        )


def render_block(kind: RecordType, ticker: str, block: Block, *, strikes: bool) -> list[memoryview]:
    """The records of a block, a buffer each, a separator behind each."""
    count = block.records
    extra = [block.extra.get(record) for record in range(count)]
    ints = block.ints[:, :count].copy()
    if kind.ladder is None:
        ints[Int.ROWS] = 0
    renderer = SnapshotRenderer(kind, ticker, ints, block.filled_numbers, extra)
    text, offsets = renderer.render(0, count, block.filled_ladder if strikes and kind.ladder else None)
    return [memoryview(text)[start:end] for start, end in pairwise(offsets.tolist())]
