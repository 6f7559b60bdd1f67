"""Text to blocks: finds the records of a source in whatever form they stand, and hands each to a decoder.

Records are JSON objects separated by commas, white space or both, at the top of the file, inside an array, or inside
an array that an object holds under one of `CONTAINER_KEYS`. So the vendor's array, JSON Lines, one object per file and
every mixture of them is one grammar. The native decoder takes regular records; in front of anything else it
stops, and one record is read carefully: imported, or refused with its own text. After damage, reading goes on at
the next text that opens a record, so that good neighbours survive.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
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
    is_cut_short,
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
WINDOWS_BYTES = (1 << 16, 1 << 19, MAX_RECORD_BYTES)
"""How much text is looked at to read one irregular record: as little as will do."""
WINDOW_BYTES = WINDOWS_BYTES[0]
PATIENCE_BYTES = 16 << 20
"""Text that may be parsed in vain, over and over, behind records that were cut off within an array.

Once it is used up, the next text that opens a record ends the one before without further trial.
"""
SHORT_STRIDE_BYTES = 1 << 13
CONTAINER_FIELDS = 32
"""Fields in front of the array of records: an object with more of them is taken for a record."""
CONTAINER_BYTES = 1 << 16
"""So much of the objects around the records is kept."""
EXTRA_CAPACITY = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_ARRAY_OPEN, _ARRAY_CLOSE, _OBJECT_OPEN = b"[]{"

_SEPARATOR_BYTES = b" \t\n\r\v\f,"
_SEPARATORS = re.compile(rb"[\s,]*")
_COMMA = re.compile(rb"\s*,")
_OPENING = re.compile(
    rb'\{(?:(?<=\n\{)\s*"|\s*"(?:timestamp|ticker|payload|kind|endpoint|received_at|spot|spot_price|min_dte|sec_min_dte|'
    rb'strikes|zero_gamma|sum_gex_vol|sum_gex_oi|delta_risk_reversal|max_priors|major_[a-z_]+)"\s*:)'
)
"""How a record begins, as far as damage around it lets one tell: a brace and a field of the vendor's, or a line with a
brace and any field."""
_CONTAINER = re.compile(
    rb'\s*"(?:' + b"|".join(key.encode() for key in CONTAINER_KEYS) + rb')"\s*:\s*\[(?=\s*(?:[{\]]|\Z))'
)
_ARRAY_START = re.compile(rb"\[\s*([{\]])")
_RECORD_KEYS = frozenset(f'"{key}"'.encode() for key in ("timestamp", "strikes", PAYLOAD_KEY))
_NOT_BEHIND_SCALAR = re.compile(rb"[^\s,\]}]|\s+:")
_MEMBER = re.compile(rb'\s*("[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+")\s*:\s*')


class ByteSource(Protocol):
    """Where text comes from: `SourceStream`, or anything that fills a buffer and returns 0 at the end."""

    def readinto(self, target: memoryview) -> int: ...


Event = Block | Refusal | OversizedPiece


@dataclass(slots=True)
class FileFindings:
    """What is to be said of the file as a whole: rules of severity `file` with a message each."""

    findings: list[tuple[Rule, str]] = field(default_factory=list)
    container: str | None = None
    """The members of the objects around the records, without the records; at most `CONTAINER_BYTES` of them."""

    def add(self, rule: Rule, message: str) -> None:
        """Record one finding, once."""
        if (rule, message) not in self.findings:
            self.findings.append((rule, message))


@dataclass(frozen=True, slots=True)
class _Array:
    """An array of records that the cursor stands in, and what was expected of records before it."""

    in_object: bool
    before: Expectation


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
        self._stride = TEXT_BYTES
        self._patience = PATIENCE_BYTES
        self._container_fields: dict[str, None] = {}
        self._container_texts: dict[str, None] = {}
        self._container_room = CONTAINER_BYTES
        self._arrays: list[_Array] = []

    def events(self) -> Iterator[Event]:
        """Blocks and refusals of the whole file, each in the file's order."""
        yield from self.full_blocks()
        if self._block.records:
            yield self._take_block()

    def full_blocks(self) -> Iterator[Event]:
        """As `events`, but what does not fill a block stays in the scratch's, for the next source to go on."""
        self._reach(len(BYTE_ORDER_MARK))
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
        if byte == _OBJECT_OPEN:
            progress = yield from self._read_regular()
            if progress:
                return
        self._reach(WINDOW_BYTES)
        if byte == _ARRAY_CLOSE and self._arrays:
            self._leave_array()
        elif not (byte == _OBJECT_OPEN and self._enter_container()) and not (
            byte == _ARRAY_OPEN and self._enter_array()
        ):
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

    def _reach(self, count: int) -> None:
        """Have that much text at the cursor, if there is as much: decisions must not hang on where buffers end."""
        while self._end - self._start < count and not self._final:
            self._fill()

    def _read(self, target: memoryview) -> int:
        count = 0
        try:
            count = self._source.readinto(target)
        except DamagedStreamError as damage:
            self.findings.add(damage.rule, damage.message)
        self._final = count == 0
        return count

    # ---- the grammar around records ------------------------------------------------------------------------

    def _enter_array(self) -> bool:
        """Whether the bracket at the cursor opens an array of records, not one that stands in a record's place."""
        first = _ARRAY_START.match(self._text, self._start, self._end)
        opens = bool(first and first[1] == b"{") if self._arrays else bool(first) or not self._is_plain_array()
        if opens:
            self._arrays.append(_Array(in_object=False, before=self._expect))
            self._start += 1
        return opens

    def _is_plain_array(self) -> bool:
        parsed = self._parse(self._start, WINDOW_BYTES)
        return isinstance(parsed, _Parsed) and self._text.find(b"{", self._start, parsed.end) < 0

    def _enter_container(self) -> bool:
        """Whether an object that holds the array of records begins here; if so, the cursor moves into it."""
        first = at = self._start + 1
        stop = min(self._start + WINDOW_BYTES, self._end)
        for _ in range(CONTAINER_FIELDS):
            array = _CONTAINER.match(self._text, at, stop)
            if array:
                before = self._expect
                if self._record_within(first, at) or not self._keep_container(bytes(self._text[first:at])):
                    return False
                self._arrays.append(_Array(in_object=True, before=before))
                self._start = array.end()
                return True
            member = _MEMBER.match(self._text, at, stop)
            if not member or member[1] in _RECORD_KEYS:
                return False
            parsed = self._parse(member.end(), stop - member.end())
            comma = isinstance(parsed, _Parsed) and _COMMA.match(self._text, parsed.end, stop)
            if not comma:
                return False
            at = comma.end()
        return False

    def _keep_container(self, members: bytes) -> bool:
        """Keep fields of the object around the records; False where they are not sound JSON."""
        text = members.decode("utf-8", "replace").strip().strip(",").strip()
        try:
            fields, _, _ = parse(f"{{{text}}}")
        except (ValueError, RecursionError):
            return False
        ticker = fields.get("ticker")
        if isinstance(ticker, str):
            self._expect = replace(self._expect, container_ticker=ticker)
        if fields:
            if len(self._container_fields) < CONTAINER_FIELDS:
                self._container_fields |= dict.fromkeys(fields)
            if text not in self._container_texts and len(text) <= self._container_room:
                self._container_texts[text] = None
                self._container_room -= len(text)
        return True

    def _leave_array(self) -> None:
        """Past the bracket that closes the records and, in a container, past the members behind it."""
        self._start += 1
        array = self._arrays.pop()
        if array.in_object and not self._leave_container():
            self.findings.add(Rule.ARRAY_NOT_CLOSED, "the object around the records has no proper end")
        self._expect = array.before

    def _leave_container(self) -> bool:
        self._reach(WINDOW_BYTES)
        trailer = bytes(self._text[self._start : min(self._end, self._start + WINDOW_BYTES)])
        before = '{"":0'
        try:
            _, end, _ = parse(before + trailer.decode("latin-1"))
        except (ValueError, RecursionError):
            return False
        length = end - len(before)
        if self._record_within(self._start, self._start + length) or not self._keep_container(trailer[: length - 1]):
            return False
        self._start += length
        return True

    def _check_end(self) -> None:
        if self._container_fields:
            self.findings.container = ",".join(self._container_texts) or None
            names = ", ".join(self._container_fields).encode(errors="backslashreplace").decode()
            self.findings.add(Rule.CONTAINER_FIELD, f"fields around the records: {names}")
        if self._arrays:
            self.findings.add(Rule.ARRAY_NOT_CLOSED, "the array of records has no end")
        if self.seen == 0:
            self.findings.add(Rule.NO_RECORDS, "the file holds no record")

    # ---- regular records -----------------------------------------------------------------------------------

    def _read_regular(self) -> Generator[Event, None, bool]:
        """Run the native decoder; False where the record at the cursor is not for it."""
        block, start, before = self._block, self._start, self._block.records
        stop = min(start + self._stride, self._end)
        after, self._text[stop] = self._text[stop], 0
        records, rows, extras, self._start, why = _native.decode(
            self._text,
            start,
            stop,
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
        self._text[stop] = after
        block.records, block.rows = records, rows
        sound = self._parse_extras(extras)
        self._number_records(before)
        # What was decoded behind an unsound record is decoded again: where there may be more of them, go less far.
        self._stride = min(2 * self._stride, len(self._text)) if sound else SHORT_STRIDE_BYTES
        if not sound:
            return False
        if why == _native.STOP_FULL and self._start == start and block.records:
            yield self._take_block()
            return True
        if why == _native.STOP_INCOMPLETE and (stop < self._end or self._may_fill()):
            if stop == self._end:
                self._fill()
            return True
        return self._start > start

    def _parse_extras(self, count: int) -> bool:
        """Parse the unknown members; the first unsound record goes back to the text, to be read carefully."""
        spans = self._scratch.extras[:, :count].T.tolist()
        for record, spans_of_record in groupby(spans, itemgetter(0)):
            members: tuple[list[bytes], list[bytes]] = ([], [])
            for _, start, end, envelope in spans_of_record:
                members[envelope].append(bytes(self._text[start:end]))
            try:
                extra, unknown = parse_extra(*members)
                self._block.extra[record] = dump_extra(extra)
            except (ValueError, RecursionError, RefusedRecordError):
                self._give_back(record)
                return False
            if not unknown:
                self._block.ints[Int.FLAGS, record] &= ~FLAG_EXTRA
        return True

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
        for window in WINDOWS_BYTES:
            self._reach(window)
            is_rest = self._final and self._start + window >= self._end
            opening = None if self._patience > 0 else self._next_opening(self._start + 1, window)
            parsed = self._parse(self._start, window if opening is None else opening - self._start)
            if isinstance(parsed, _Parsed):
                yield from self._take_parsed(parsed)
                return
            if parsed.is_cut and opening is None and not is_rest and window < MAX_RECORD_BYTES:
                continue
            opening = self._next_opening(self._start + 1, window)
            if opening is not None:
                self._patience -= max(0, parsed.length - (opening - self._start))
                yield self._refuse(opening, Rule.JSON_INVALID, "the text up to the next record is not JSON")
                return
            if is_rest:
                yield self._refuse_rest(is_cut=parsed.is_cut)
                return
        yield from self._refuse_oversized()

    def _parse(self, start: int, window: int) -> _Parsed | _Unparsed:
        """The JSON value at `start`, if one ends within the window.

        Latin-1 maps bytes to characters one to one, so that positions are bytes; structure is ASCII in any case.
        """
        stop = min(start + window, self._end)
        text = self._text[start:stop].decode("latin-1")
        try:
            value, end, oddities = parse(text)
        except ValueError as error:
            return _Unparsed(is_cut_short(error), getattr(error, "pos", 0))
        except RecursionError:
            return _Unparsed(is_cut=False, length=len(text))
        if text[0] not in "[{":
            if end == len(text) and (stop < self._end or not self._final) and text[0] != '"':
                return _Unparsed(is_cut=True, length=end)  # a number may go on behind the window
            if _NOT_BEHIND_SCALAR.match(self._text, start + end, self._end):
                return _Unparsed(is_cut=False, length=end)  # a piece of a record, such as a key without its brace
        return _Parsed(value, start + end, oddities)

    def _take_parsed(self, parsed: _Parsed) -> Iterator[Event]:
        inner = self._record_within(self._start + 1, parsed.end)
        if inner:
            yield self._refuse(inner, Rule.JSON_INVALID, "the record is not closed before the next one begins")
            return
        raw = bytes(self._text[self._start : parsed.end])
        value, oddities = parsed.value, parsed.oddities
        try:
            if not raw.isascii():
                value, _, oddities = parse(_utf8(raw))
            snapshot = read_snapshot(value, oddities, self._expect)
            extra = dump_extra(snapshot.extra) if snapshot.extra else None
        except RefusedRecordError as refused:
            yield self._refuse(parsed.end, refused.rule, refused.message)
            return
        except RecursionError:
            yield self._refuse(parsed.end, Rule.JSON_INVALID, "the record is nested too deeply")
            return
        if not self._block.has_room(rows=len(snapshot.ladder)):
            if self._block.records:
                yield self._take_block()
            self._scratch.block = Block.empty(rows=max(ROW_CAPACITY, len(snapshot.ladder)))
        self._append(snapshot, extra, len(raw))

    def _record_within(self, start: int, end: int) -> int | None:
        """Where a whole record stands in a value that is sound JSON only because something before it lost its end."""
        opening, trials_bytes = self._next_opening(start, end - start), 2 * (end - start)
        while opening is not None and trials_bytes > 0:
            parsed = self._parse(opening, end - opening)
            if isinstance(parsed, _Unparsed):
                trials_bytes -= parsed.length
            elif not self._is_behind_colon(opening, b" \t\r\n") and _is_record(parsed, self._expect):
                return opening
            else:
                trials_bytes -= parsed.end - opening
            opening = self._next_opening(opening + 1, end - opening - 1)
        return None

    def _append(self, snapshot: Snapshot, extra: str | None, length: int) -> None:
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
        block.ladder[:, block.rows : block.rows + rows] = snapshot.ladder.T
        if extra is not None:
            block.extra[record] = extra
        block.records += 1
        block.rows += rows
        self.seen += 1
        self._start += length

    def _refuse(self, end: int, rule: Rule, message: str) -> Refusal:
        """Refuse the text from the cursor to `end`, without the separators at its end, and move there."""
        raw = bytes(self._text[self._start : end]).rstrip(_SEPARATOR_BYTES)
        refusal = Refusal(self.seen, self._base + self._start, rule, message, raw)
        self.seen += 1
        self._start = end
        return refusal

    def _refuse_rest(self, *, is_cut: bool) -> Refusal:
        """Nothing behind the cursor opens a record and the file ends: it was cut short, or is damaged here."""
        if is_cut:
            return self._refuse(self._end, Rule.TRUNCATED, "the file ends inside this record")
        end = self._before_last_bracket() or self._end
        return self._refuse(end, Rule.JSON_INVALID, "the text up to the end of the file is not JSON")

    def _before_last_bracket(self) -> int | None:
        """Where the bracket stands that closes the records at the end of the file, behind some text."""
        rest = self._text[self._start : self._end].rstrip()
        at = self._start + len(rest) - 1
        in_array = bool(self._arrays) and not self._arrays[-1].in_object
        return at if in_array and at > self._start and self._text[at] == _ARRAY_CLOSE else None

    def _refuse_oversized(self) -> Iterator[Event]:
        """Give away text as it comes until a record opens, keeping enough to recognise an opening by."""
        keep = 4096
        stop = self._end - keep
        message = f"the record is longer than {MAX_RECORD_BYTES:,} bytes"
        raw = bytes(self._text[self._start : stop])
        yield Refusal(self.seen, self._base + self._start, Rule.RECORD_TOO_LARGE, message, raw)
        self.seen += 1
        self._start = stop
        while True:
            opening = self._next_opening(self._start, self._end - self._start)
            if opening is not None:
                stop = opening
            elif self._final:
                stop = self._before_last_bracket() or self._end
            else:
                stop = self._end - keep
            piece = bytes(self._text[self._start : stop])
            is_end = opening is not None or self._final
            if piece:
                yield OversizedPiece(piece.rstrip(_SEPARATOR_BYTES) if is_end else piece)
            self._start = stop
            if is_end:
                return
            self._fill()

    def _next_opening(self, start: int, window: int) -> int | None:
        """Where the next record begins, as far as that can be told; never a value behind a colon in the same line."""
        for match in _OPENING.finditer(self._text, start, min(start + window, self._end)):
            if not self._is_behind_colon(match.start(), b" \t"):
                return match.start()
        return None

    def _is_behind_colon(self, at: int, space: bytes) -> bool:
        return self._text[max(0, at - 64) : at].rstrip(space).endswith(b":")


@dataclass(frozen=True, slots=True)
class _Parsed:
    value: Any
    end: int
    oddities: Oddities


@dataclass(frozen=True, slots=True)
class _Unparsed:
    """No JSON value: damage after `length` bytes, or (`is_cut`) only the end is missing."""

    is_cut: bool
    length: int


def _is_record(parsed: _Parsed, expect: Expectation) -> bool:
    try:
        read_snapshot(parsed.value, parsed.oddities, expect)
    except (RefusedRecordError, RecursionError):
        return False
    return True


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RefusedRecordError(Rule.JSON_INVALID, f"byte {error.start} of the record is not UTF-8") from error
