"""Text to blocks: finds the records of a source in whatever form they stand, and hands each to a decoder.

Records are JSON objects separated by commas, white space or both, at the top of the file, inside an array, or inside
an array that an object holds under one of `CONTAINER_KEYS`. So the vendor's array, JSON Lines, one object per file and
every mixture of them is one grammar. The native decoder takes regular records; in front of anything else it
stops, and one record is read carefully: imported, or refused with its own text. After damage, reading goes on at
the next text that opens a record, so that good neighbours survive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Protocol

import numpy as np

from gexlake.importers.base import OversizedPiece, Refusal
from gexlake.importers.gex import _native
from gexlake.importers.gex.careful import (
    Expectation,
    Oddities,
    RefusedRecordError,
    Snapshot,
    dump_extra,
    parse,
    parse_extra,
    read_snapshot,
)
from gexlake.importers.stream import DamagedStreamError
from gexlake.models.gex_block import ROW_CAPACITY, Block
from gexlake.models.gex_columns import FLAG_EXTRA, NUMBERS, Int
from gexlake.models.source import CONTAINER_KEYS, PAYLOAD_KEY
from gexlake.validation.rules import Rule

TEXT_BYTES = 1 << 20
MAX_RECORD_BYTES = 4 << 20
"""A record longer than this is refused unread: real ones have 5 to 50 KB, and memory must stay bounded."""
FIRST_WINDOW_BYTES = 1 << 16
EXTRA_CAPACITY = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_ARRAY_OPEN, _ARRAY_CLOSE, _OBJECT_OPEN = b"[]{"

_SEPARATORS = re.compile(rb"[\s,]*")
_COMMA = re.compile(rb"\s*,")
_OPENING = re.compile(
    rb'\{\s*"(?:timestamp|ticker|payload|kind|endpoint|received_at|spot|spot_price|min_dte|sec_min_dte|strikes|'
    rb'zero_gamma|sum_gex_vol|sum_gex_oi|delta_risk_reversal|max_priors|major_[a-z_]+)"\s*:'
)
"""How a record begins, as far as damage around it lets one tell: a brace and a field of the vendor's."""
_CONTAINER = re.compile(rb'\s*"(?:' + b"|".join(key.encode() for key in CONTAINER_KEYS) + rb')"\s*:\s*\[')
_RECORD_KEYS = frozenset(f'"{key}"'.encode() for key in ("timestamp", "strikes", PAYLOAD_KEY))
_MEMBER = re.compile(rb'\s*("(?:[^"\\\x00-\x1f]|\\.)*")\s*:\s*')


class ByteSource(Protocol):
    """Where text comes from: `SourceStream`, or anything that fills a buffer and returns 0 at the end."""

    def readinto(self, target: memoryview) -> int: ...


Event = Block | Refusal | OversizedPiece


@dataclass(slots=True)
class FileFindings:
    """What is to be said of the file as a whole: rules of severity `file` with a message each."""

    findings: list[tuple[Rule, str]] = field(default_factory=list)
    container: str | None = None
    """The members of the object around the records, without the records."""

    def add(self, rule: Rule, message: str) -> None:
        """Record one finding."""
        self.findings.append((rule, message))


class _Place(Enum):
    """Where in the file's grammar the cursor stands."""

    TOP = auto()
    ARRAY = auto()
    CONTAINER = auto()


class Scratch:
    """Memory that the decoders of a session's sources hand on: thousands of small files would else pay for it each."""

    def __init__(self) -> None:
        self.text = bytearray(TEXT_BYTES + 1)
        self.extras = np.empty((4, EXTRA_CAPACITY), np.int64)
        self.block = Block.empty()
        """The block being filled, perhaps with records of sources before."""


class GexDecoder:
    """Decodes one source: iterate `events` to its end, then `seen` and `findings` are final.

    Every record of the file has an index, counted from 0; it comes out either in a block or as a refusal.
    """

    def __init__(self, source: ByteSource, expect: Expectation, scratch: Scratch | None = None) -> None:
        self.seen = 0
        self.findings = FileFindings()
        self._scratch = scratch or Scratch()
        self._source = source
        self._expect = expect
        self._text = self._scratch.text
        self._start = 0
        self._end = 0
        self._base = 0
        """Offset in the file of the first byte of `_text`."""
        self._final = False
        self._place = _Place.TOP

    def events(self) -> Iterator[Event]:
        """Blocks and refusals of the whole file, each in the file's order."""
        yield from self.full_blocks()
        if self._block.records:
            yield self._take_block()

    def full_blocks(self) -> Iterator[Event]:
        """As `events`, but what does not fill a block stays in the scratch's, for the next source to go on."""
        self._fill()
        if self._text.startswith(BYTE_ORDER_MARK):
            self._start = len(BYTE_ORDER_MARK)
        while self._to_next_text():
            yield from self._step()
        self._check_end()

    @property
    def _block(self) -> Block:
        return self._scratch.block

    def _step(self) -> Iterator[Event]:
        """Take what stands at the cursor: a bracket of the grammar, a run of regular records, or one other."""
        byte = self._text[self._start]
        if self._place is _Place.TOP:
            if byte == _ARRAY_OPEN:
                self._place = _Place.ARRAY
                self._start += 1
                return
            if byte == _OBJECT_OPEN and self._enter_container():
                return
        elif byte == _ARRAY_CLOSE:
            self._leave_array()
            return
        if byte == _OBJECT_OPEN:
            progress = yield from self._read_regular()
            if progress:
                return
        yield from self._read_carefully()

    # ---- text ----------------------------------------------------------------------------------------------

    def _to_next_text(self) -> bool:
        """Move past separators, reading on where the text ends in them; False at the end of the file."""
        while True:
            match = _SEPARATORS.match(self._text, self._start, self._end)
            self._start = match.end() if match else self._end
            if self._start < self._end:
                return True
            if self._final:
                return False
            self._fill()

    def _fill(self) -> None:
        """Move what is left to the front and read on behind it, into a larger buffer where it is full."""
        left = self._end - self._start
        if self._start:
            self._text[:left] = self._text[self._start : self._end]
            self._base += self._start
        elif left == len(self._text) - 1:
            self._text.extend(bytes(left))
        self._start, self._end = 0, left
        capacity = len(self._text) - 1
        with memoryview(self._text) as view:
            while self._end < capacity and not self._final:
                self._end += self._read(view[self._end : capacity])
        self._text[self._end] = 0

    def _read(self, target: memoryview) -> int:
        count = 0
        try:
            count = self._source.readinto(target)
        except DamagedStreamError as damage:
            self.findings.add(damage.rule, damage.message)
        self._final = count == 0
        return count

    # ---- the grammar around records ------------------------------------------------------------------------

    def _enter_container(self) -> bool:
        """Whether an object that holds the array of records begins here; if so, the cursor moves into it."""
        first = at = self._start + 1
        while True:
            array = _CONTAINER.match(self._text, at, self._end)
            if array:
                self._keep_container(bytes(self._text[first:at]))
                self._start = array.end()
                self._place = _Place.CONTAINER
                return True
            member = _MEMBER.match(self._text, at, self._end)
            if not member or member[1] in _RECORD_KEYS:
                return False
            parsed = self._parse(member.end(), FIRST_WINDOW_BYTES)
            comma = parsed and _COMMA.match(self._text, parsed.end, self._end)
            if not comma:
                return False
            at = comma.end()

    def _keep_container(self, members: bytes) -> None:
        text = members.decode("utf-8", "backslashreplace").strip().strip(",").strip()
        if not text:
            return
        container = json.loads(f"{{{text}}}")
        self.findings.container = f"{self.findings.container},{text}" if self.findings.container else text
        self.findings.add(Rule.CONTAINER_FIELD, f"fields around the records: {', '.join(container)}")
        ticker = container.get("ticker")
        if isinstance(ticker, str):
            self._expect = replace(self._expect, container_ticker=ticker)

    def _leave_array(self) -> None:
        """Past the bracket that closes the records and, in a container, past the members behind it."""
        self._start += 1
        if self._place is _Place.CONTAINER:
            if self._end - self._start < FIRST_WINDOW_BYTES and not self._final:
                self._fill()
            trailer = bytes(self._text[self._start : min(self._end, self._start + FIRST_WINDOW_BYTES)])
            before = '{"":0'
            try:
                _, end, _ = parse(before + trailer.decode("latin-1"))
            except (ValueError, RecursionError):
                self.findings.add(Rule.ARRAY_NOT_CLOSED, "the object around the records has no proper end")
            else:
                length = end - len(before)
                self._keep_container(trailer[: length - 1])
                self._start += length
        self._place = _Place.TOP

    def _check_end(self) -> None:
        if self._place is not _Place.TOP:
            self.findings.add(Rule.ARRAY_NOT_CLOSED, "the array of records has no end")
        if self.seen == 0:
            self.findings.add(Rule.NO_RECORDS, "the file holds no record")

    # ---- regular records -----------------------------------------------------------------------------------

    def _read_regular(self) -> Generator[Event, None, bool]:
        """Run the native decoder; False where the record at the cursor is not for it."""
        block, start, before = self._block, self._start, self._block.records
        records, rows, extras, self._start, why = _native.decode(
            self._text,
            start,
            self._end,
            self._expect.ticker.encode(),
            self._expect.container_ticker == self._expect.ticker,
            self._expect.min_us,
            self._expect.max_us,
            block.ints,
            block.numbers,
            block.ladder,
            self._scratch.extras,
            before,
            block.rows,
        )
        block.records, block.rows = records, rows
        self._parse_extras(extras)
        self._number_records(before)
        if why == _native.STOP_FULL and block.records:
            yield self._take_block()
            return True
        if why == _native.STOP_INCOMPLETE and self._may_fill():
            self._fill()
            return True
        return self._start > start

    def _parse_extras(self, count: int) -> None:
        """Parse the unknown members; the first unsound record goes back to the text, to be read carefully."""
        record_of = self._scratch.extras[0, :count]
        for record in dict.fromkeys(record_of.tolist()):
            members: tuple[list[bytes], list[bytes]] = ([], [])
            for column in np.flatnonzero(record_of == record):
                _, start, end, envelope = self._scratch.extras[:, column].tolist()
                members[envelope].append(bytes(self._text[start:end]))
            try:
                extra, unknown = parse_extra(*members)
                self._block.extra[record] = dump_extra(extra)
            except (ValueError, RecursionError, RefusedRecordError):
                self._give_back(record)
                return
            if not unknown:
                self._block.ints[Int.FLAGS, record] &= ~FLAG_EXTRA

    def _give_back(self, record: int) -> None:
        block = self._block
        self._start = int(block.ints[Int.START, record])
        block.rows -= int(block.ints[Int.ROWS, record : block.records].sum())
        block.records = record

    def _number_records(self, before: int) -> None:
        ints, records = self._block.ints, self._block.records
        ints[Int.START : Int.END + 1, before:records] += self._base
        ints[Int.INDEX, before:records] = np.arange(self.seen, self.seen + records - before)
        self.seen += records - before

    def _take_block(self) -> Block:
        block, self._scratch.block = self._block, Block.empty()
        return block

    # ---- everything else -----------------------------------------------------------------------------------

    def _may_fill(self) -> bool:
        return not self._final and self._end - self._start < MAX_RECORD_BYTES

    def _read_carefully(self) -> Iterator[Event]:
        """One record at the cursor that is not regular: into the block, or refused."""
        window = FIRST_WINDOW_BYTES
        while True:
            parsed = self._parse(self._start, window)
            if parsed:
                yield from self._take_parsed(parsed)
                return
            opening = self._next_opening(self._start + 1, window)
            if opening is not None:
                yield self._refuse(opening, Rule.JSON_INVALID, "the text up to the next record is not JSON")
                return
            if self._start + window < self._end:
                window *= 8
            elif self._may_fill():
                self._fill()
            elif self._final:
                yield self._refuse_rest()
                return
            else:
                yield from self._refuse_oversized()
                return

    def _parse(self, start: int, window: int) -> _Parsed | None:
        """The JSON value at `start`, or None where none ends within the window.

        Latin-1 maps bytes to characters one to one, so that positions are bytes; structure is ASCII in any case.
        """
        stop = min(start + window, self._end)
        text = self._text[start:stop].decode("latin-1")
        try:
            value, end, oddities = parse(text)
        except (ValueError, RecursionError):
            return None
        if end == len(text) and (stop < self._end or not self._final) and text[0] not in '[{"':
            return None  # a number may go on behind the window
        return _Parsed(value, start + end, oddities)

    def _take_parsed(self, parsed: _Parsed) -> Iterator[Event]:
        raw = bytes(self._text[self._start : parsed.end])
        value, oddities = parsed.value, parsed.oddities
        try:
            if not raw.isascii():
                value, _, oddities = parse(_utf8(raw))
            snapshot = read_snapshot(value, oddities, self._expect)
        except RefusedRecordError as refused:
            yield self._refuse(parsed.end, refused.rule, refused.message)
            return
        if not self._block.has_room(rows=len(snapshot.ladder)):
            yield self._take_block()
            self._scratch.block = Block.empty(rows=max(ROW_CAPACITY, len(snapshot.ladder)))
        self._append(snapshot, len(raw))

    def _append(self, snapshot: Snapshot, length: int) -> None:
        block, record, rows = self._block, self._block.records, len(snapshot.ladder)
        offset = self._base + self._start
        pairs = snapshot.max_priors
        block.ints[:, record] = (
            snapshot.timestamp_us,
            snapshot.min_dte,
            snapshot.sec_min_dte,
            offset,
            offset + length,
            rows,
            -1 if pairs is None else len(pairs),
            snapshot.flags,
            self.seen,
        )
        block.numbers[: len(NUMBERS), record] = snapshot.numbers
        block.numbers[len(NUMBERS) :, record] = np.nan
        if pairs:
            flat = [value for pair in pairs for value in pair]
            block.numbers[len(NUMBERS) : len(NUMBERS) + len(flat), record] = flat
        block.ladder[:, block.rows : block.rows + rows] = np.array(snapshot.ladder).T
        if snapshot.extra:
            block.extra[record] = dump_extra(snapshot.extra)
        block.records += 1
        block.rows += rows
        self.seen += 1
        self._start += length

    def _refuse(self, end: int, rule: Rule, message: str) -> Refusal:
        """Refuse the text from the cursor to `end`, without the separators at its end, and move there."""
        raw = bytes(self._text[self._start : end]).rstrip(b" \t\r\n,")
        refusal = Refusal(self.seen, self._base + self._start, rule, message, raw)
        self.seen += 1
        self._start = end
        return refusal

    def _refuse_rest(self) -> Refusal:
        """Nothing behind the cursor opens a record and the file ends: it was cut short, or is damaged here."""
        rest = self._text[self._start : self._end].rstrip()
        if not rest.endswith((b"}", b"]")):
            return self._refuse(self._end, Rule.TRUNCATED, "the file ends inside this record")
        end = self._end
        if self._place is _Place.ARRAY and len(rest) > 1 and rest.endswith(b"]"):
            end = self._start + len(rest) - 1
        return self._refuse(end, Rule.JSON_INVALID, "the text up to the end of the file is not JSON")

    def _refuse_oversized(self) -> Iterator[Event]:
        """Give away text as it comes until a record opens, keeping enough to recognise an opening by."""
        keep = 4096
        message = f"the record is longer than {MAX_RECORD_BYTES:,} bytes"
        yield self._refuse(self._end - keep, Rule.RECORD_TOO_LARGE, message)
        while True:
            opening = self._next_opening(self._start, self._end - self._start)
            stop = opening if opening is not None else self._end - (0 if self._final else keep)
            if stop > self._start:
                yield OversizedPiece(bytes(self._text[self._start : stop]))
                self._start = stop
            if opening is not None or self._final:
                return
            self._fill()

    def _next_opening(self, start: int, window: int) -> int | None:
        """Where the next record begins, as far as that can be told; never a value behind a colon."""
        for match in _OPENING.finditer(self._text, start, min(start + window, self._end)):
            before = bytes(self._text[max(0, match.start() - 64) : match.start()]).rstrip()
            if not before.endswith(b":"):
                return match.start()
        return None


@dataclass(frozen=True, slots=True)
class _Parsed:
    value: Any
    end: int
    oddities: Oddities


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RefusedRecordError(Rule.JSON_INVALID, f"byte {error.start} of the record is not UTF-8") from error
