"""The records of a source as they are found: each has an index, and goes into a block or is refused."""

from __future__ import annotations

import numpy as np

from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.snapshots.decoding.careful import Snapshot
from gexlake.importers.snapshots.decoding.text import SEPARATOR_BYTES, TEXT_BYTES, Text
from gexlake.models.block import NO_PAIRS, Block, Int
from gexlake.models.record_type import RecordType
from gexlake.validation.rules import Rule

MAX_RECORD_BYTES = 4 << 20
"""A record longer than this is refused unread: real ones have 5 to 50 KB, and memory must stay bounded."""
EXTRA_CAPACITY = 4096

Event = Block | Refusal | OversizedChunk


class Scratch:
    """Memory that the decoders of a session's sources hand on: thousands of small files would else pay for it each."""

    def __init__(self, kind: RecordType) -> None:
        self.kind = kind
        self.text = bytearray(TEXT_BYTES + 1)
        self.extras = np.empty((4, EXTRA_CAPACITY), np.int64)
        self.block = Block.empty(kind)
        """The block being filled, perhaps with records of sources before."""


class Records:
    """Counts the records of one source as `seen`, fills the scratch's block, and makes refusals."""

    def __init__(self, text: Text, scratch: Scratch) -> None:
        self.seen = 0
        self.scratch = scratch
        self._text = text

    @property
    def block(self) -> Block:
        """The block being filled."""
        return self.scratch.block

    @property
    def may_fill(self) -> bool:
        """Whether more of the record at the cursor may be read: the file goes on, and it is not too large yet."""
        return not self._text.final and self._text.end - self._text.start < MAX_RECORD_BYTES

    def take_block(self, *, next_rows: int | None = None) -> Block:
        """The block as it is; the next one is empty, with room for that many ladder rows or as many as usual."""
        block = self.block
        kind = self.scratch.kind
        self.scratch.block = Block.empty(kind) if next_rows is None else Block.empty(kind, rows=next_rows)
        return block

    def number(self, before: int) -> None:
        """Number the records of the block behind the first `before`, and make their offsets those of the file."""
        ints, records = self.block.ints, self.block.records
        ints[Int.START : Int.END + 1, before:records] += self._text.base
        ints[Int.INDEX, before:records] = np.arange(self.seen, self.seen + records - before)
        self.seen += records - before

    def append(self, snapshot: Snapshot, extra: str | None, length: int) -> None:
        """Put the record at the cursor, `length` bytes of text, into the block, which has room; and move past it."""
        block, record, rows = self.block, self.block.records, len(snapshot.ladder)
        offset = self._text.base + self._text.start
        pairs, scalars = snapshot.max_priors, len(snapshot.numbers)
        block.ints[:, record] = (
            snapshot.timestamp_us,
            snapshot.min_dte,
            snapshot.sec_min_dte,
            offset,
            offset + length,
            rows,
            NO_PAIRS if pairs is None else len(pairs),
            snapshot.flags,
            self.seen,
        )
        block.numbers[:scalars, record] = snapshot.numbers
        block.numbers[scalars:, record] = np.nan
        if pairs:
            flat = [value for pair in pairs for value in pair]
            block.numbers[scalars : scalars + len(flat), record] = flat
        block.ladder[:, block.rows : block.rows + rows] = snapshot.ladder.T
        if extra is not None:
            block.extra[record] = extra
        block.records += 1
        block.rows += rows
        self.seen += 1
        self._text.start += length

    def refuse(self, end: int, rule: Rule, message: str, *, is_whole: bool = True) -> Refusal:
        """Refuse the text from the cursor to `end`, without separators behind it where it is whole, and move there."""
        text = self._text
        raw = bytes(text.data[text.start : end])
        if is_whole:
            raw = raw.rstrip(SEPARATOR_BYTES)
        refusal = Refusal(self.seen, text.base + text.start, rule, message, raw)
        self.seen += 1
        text.start = end
        return refusal

    def refuse_text(self, offset: int, raw: bytes, message: str) -> Refusal:
        """Refuse what is no JSON and has been passed already; `offset` is its place in the file."""
        self.seen += 1
        return Refusal(self.seen - 1, offset, Rule.JSON_INVALID, message, raw)
