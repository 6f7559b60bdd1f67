"""Text to blocks: finds the records of a source in whatever form they stand, and hands each to a reader.

Records are JSON objects separated by commas, white space or both, at the top of the file, inside an array, or inside
an array that an object holds, whatever its key. So the vendor's array, JSON Lines, one object per file and
every mixture of them is one grammar. A quick reader takes regular records, of GEX the native one; in front of anything
else it stops, and one record is read carefully: imported, or refused with its own text.
"""

from __future__ import annotations

from collections.abc import Iterator

from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.irregular import IrregularReader
from gexlake.importers.snapshots.decoding.lookahead import WINDOW_BYTES
from gexlake.importers.snapshots.decoding.native import NativeReader
from gexlake.importers.snapshots.decoding.records import Event, Records, Scratch
from gexlake.importers.snapshots.decoding.surroundings import FileFindings, Surroundings
from gexlake.importers.snapshots.decoding.text import ByteSource, Text
from gexlake.importers.snapshots.decoding.typed import TypedReader
from gexlake.models.record_types import GEX
from gexlake.validation.rules import Rule

_ARRAY_OPEN, _ARRAY_CLOSE, _OBJECT_OPEN = b"[]{"


class Decoder:
    """Decodes one source: iterate `events` to its end, then `seen` and `findings` are final.

    Every record of the file has an index, counted from 0; it comes out either in a block or as a refusal.
    """

    def __init__(self, source: ByteSource, expect: Expectation, scratch: Scratch | None = None) -> None:
        scratch = scratch or Scratch(expect.kind)
        self.findings = FileFindings()
        self._text = Text(source, scratch.text, on_damage=self.findings.add)
        self._surroundings = Surroundings(self._text, expect, self.findings)
        self._records = Records(self._text, scratch)
        regular = NativeReader if expect.kind is GEX else TypedReader
        self._regular = regular(self._text, self._surroundings, self._records)
        self._irregular = IrregularReader(self._text, self._surroundings, self._records)

    @property
    def seen(self) -> int:
        """Records found so far."""
        return self._records.seen

    def events(self) -> Iterator[Event]:
        """Blocks and refusals of the whole file, each in the file's order."""
        yield from self.full_blocks()
        if self._records.block.records:
            yield self._records.take_block()

    def full_blocks(self) -> Iterator[Event]:
        """As `events`, but what does not fill a block stays in the scratch's, for the next source to go on."""
        self._text.skip_byte_order_mark()
        while self._text.skip_separators():
            yield from self._step()
        self._surroundings.finish()
        if self.seen == 0:
            self.findings.add(Rule.NO_RECORDS, "the file holds no record")

    def _step(self) -> Iterator[Event]:
        """Take what stands at the cursor: a bracket of the grammar, a run of regular records, or one other."""
        byte = self._text.data[self._text.start]
        if byte == _OBJECT_OPEN:
            progress = yield from self._regular.read()
            if progress:
                return
        self._text.reach(WINDOW_BYTES)
        if byte == _ARRAY_CLOSE and self._surroundings.in_array:
            self._surroundings.leave_array()
        elif not (byte == _OBJECT_OPEN and self._surroundings.enter_container()) and not (
            byte == _ARRAY_OPEN and self._surroundings.enter_array()
        ):
            yield from self._irregular.read()
