"""Everything that is no regular record, one at a time: imported after a careful look, or refused with its own text.

After damage, reading goes on at the next text that opens a record, so that good neighbours survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.snapshots.decoding.careful import dump_extra, read_snapshot
from gexlake.importers.snapshots.decoding.entries import RefusedRecordError
from gexlake.importers.snapshots.decoding.json_values import parse
from gexlake.importers.snapshots.decoding.lookahead import (
    WINDOW_BYTES,
    Parsed,
    next_opening,
    parse_value,
    record_within,
)
from gexlake.importers.snapshots.decoding.records import MAX_RECORD_BYTES, Event, Records
from gexlake.importers.snapshots.decoding.surroundings import Surroundings
from gexlake.importers.snapshots.decoding.text import SEPARATOR_BYTES, Text
from gexlake.models.block import FLAG_ZONE_GIVEN, ROW_CAPACITY
from gexlake.validation.rules import Rule
from gexlake.zone import zone_note

WINDOWS_BYTES = (WINDOW_BYTES, 1 << 19, MAX_RECORD_BYTES)
"""How much text is looked at to read one irregular record: as little as will do."""
PATIENCE_BYTES = 16 << 20
"""Text that may be parsed in vain, over and over, behind records that were cut off within an array.

Once it is used up, the next text that opens a record ends the one before without further trial.
"""
NUL_BYTES_KEPT = 1 << 16
"""Of a run of NUL bytes, which may be gigabytes long: how many there are says all of the others."""
OPENING_BYTES = 4096
"""Kept of a record that is too large, so that an opening across the end of the text is recognised."""

NUL = 0
_NULS = re.compile(rb"\0*+")


class IrregularReader:
    """Reads the one record at the cursor, whatever it is."""

    def __init__(self, text: Text, surroundings: Surroundings, records: Records) -> None:
        self._text = text
        self._surroundings = surroundings
        self._records = records
        self._patience = PATIENCE_BYTES

    def read(self) -> Iterator[Event]:
        """Put the record at the cursor into the block, or refuse it."""
        text = self._text
        if text.data[text.start] == NUL:
            yield self._refuse_nuls()
            return
        for window in WINDOWS_BYTES:
            text.reach(window)
            is_rest = text.final and text.start + window >= text.end
            opening = None if self._patience > 0 else next_opening(text, text.start + 1, window)
            parsed = parse_value(text, text.start, window if opening is None else opening - text.start)
            if isinstance(parsed, Parsed):
                yield from self._take_parsed(parsed)
                return
            if parsed.is_cut and opening is None and not is_rest and window < MAX_RECORD_BYTES:
                continue
            opening = next_opening(text, text.start + 1, window)
            if opening is not None:
                self._patience -= max(0, parsed.length - (opening - text.start))
                yield self._refuse(opening, Rule.JSON_INVALID, "the text up to the next record is not JSON")
                return
            if is_rest:
                yield self._refuse_rest(is_cut=parsed.is_cut)
                return
        yield from self._refuse_oversized()

    def _take_parsed(self, parsed: Parsed) -> Iterator[Event]:
        text, records, expect = self._text, self._records, self._surroundings.expect
        inner = record_within(text, text.start + 1, parsed.end, expect)
        if inner:
            yield self._refuse(inner, Rule.JSON_INVALID, "the record is not closed before the next one begins")
            return
        raw = bytes(text.data[text.start : parsed.end])
        value, oddities = parsed.value, parsed.oddities
        try:
            if not raw.isascii():
                value, _, oddities = parse(_utf8(raw))
            snapshot = read_snapshot(value, oddities, expect)
            extra = dump_extra(snapshot.extra) if snapshot.extra else None
        except RefusedRecordError as refused:
            self._note_zone(refused.rule)
            yield self._refuse(parsed.end, refused.rule, refused.message)
            return
        except RecursionError:
            yield self._refuse(parsed.end, Rule.JSON_INVALID, "the record is nested too deeply")
            return
        if snapshot.flags & FLAG_ZONE_GIVEN:
            self._note_zone(Rule.ZONE_GIVEN)
        rows = len(snapshot.ladder)
        if not records.block.has_room(rows=rows):
            filled = records.take_block(next_rows=max(ROW_CAPACITY, rows))
            if filled.records:
                yield filled
        records.append(snapshot, extra, len(raw))

    def _note_zone(self, rule: Rule) -> None:
        """Say once of the file what its times without a zone came to."""
        zone, findings = self._surroundings.expect.naive_zone, self._surroundings.findings
        if rule is Rule.ZONE_GIVEN and zone is not None:
            findings.add(rule, zone_note(zone))
        elif rule is Rule.TIMESTAMP_WITHOUT_ZONE and zone is not None:
            findings.add(rule, f"times at a change of the clocks of {zone.key} stand for two instants, or for none")
        elif rule is Rule.TIMESTAMP_WITHOUT_ZONE:
            findings.add(
                rule,
                "its times have no zone, which is never guessed: name it with --naive-zone "
                "America/New_York (naive_zone over HTTP and in Python)",
            )

    def _refuse(self, end: int, rule: Rule, message: str) -> Refusal:
        return self._records.refuse(end, rule, message)

    def _refuse_nuls(self) -> Refusal:
        """All NUL bytes that stand here are one refusal: room that was reserved, and that a crash left empty."""
        text = self._text
        offset, count, raw = text.base + text.start, 0, b""
        while True:
            nuls = _NULS.match(text.data, text.start, text.end)
            end = nuls.end() if nuls else text.start
            raw += bytes(text.data[text.start : min(end, text.start + NUL_BYTES_KEPT - len(raw))])
            count, text.start = count + end - text.start, end
            if text.start < text.end or text.final:
                break
            text.fill()
        words = "1 NUL byte" if count == 1 else f"{count:,} NUL bytes"
        more = "" if len(raw) == count else f", of which the first {len(raw):,} are kept"
        return self._records.refuse_text(offset, raw, f"{words} in place of text{more}")

    def _refuse_rest(self, *, is_cut: bool) -> Refusal:
        """Nothing behind the cursor opens a record and the file ends: it was cut short, or is damaged here."""
        if is_cut:
            return self._refuse(self._text.end, Rule.TRUNCATED, "the file ends inside this record")
        end = self._surroundings.last_bracket() or self._text.end
        return self._refuse(end, Rule.JSON_INVALID, "the text up to the end of the file is not JSON")

    def _refuse_oversized(self) -> Iterator[Event]:
        """Give away text as it comes until a record opens, keeping enough to recognise an opening by."""
        text = self._text
        message = f"the record is longer than {MAX_RECORD_BYTES:,} bytes"
        yield self._records.refuse(text.end - OPENING_BYTES, Rule.RECORD_TOO_LARGE, message, is_whole=False)
        while True:
            opening = next_opening(text, text.start, text.end - text.start)
            if opening is not None:
                stop = opening
            elif text.final:
                stop = self._surroundings.last_bracket() or text.end
            else:
                stop = text.end - OPENING_BYTES
            chunk = bytes(text.data[text.start : stop])
            is_end = opening is not None or text.final
            if chunk:
                yield OversizedChunk(chunk.rstrip(SEPARATOR_BYTES) if is_end else chunk)
            text.start = stop
            if is_end:
                return
            text.fill()


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RefusedRecordError(Rule.JSON_INVALID, f"byte {error.start} of the record is not UTF-8") from error
