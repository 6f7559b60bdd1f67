"""What stands around records: arrays, and objects that hold an array of records beside fields of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gexlake.importers.snapshots.decoding.careful import Expectation, holds_record
from gexlake.importers.snapshots.decoding.json_values import parse
from gexlake.importers.snapshots.decoding.lookahead import (
    WINDOW_BYTES,
    Parsed,
    opens_record,
    parse_value,
    record_within,
)
from gexlake.importers.snapshots.decoding.text import Text
from gexlake.models.record_types import RECORD_TYPES
from gexlake.models.source import CONTAINER_KEYS, PAYLOAD_KEY
from gexlake.validation.rules import Rule

CONTAINER_FIELDS = 32
"""Fields in front of the array of records: an object with more of them is taken for a record."""
CONTAINER_LEVELS = 4
"""Objects around the array of records, one in the other."""
CONTAINER_BYTES = 1 << 16
"""So much of the objects around the records is kept."""

OBJECT_OPEN, ARRAY_CLOSE = b"{]"

_COMMA = re.compile(rb"\s*,")
_ARRAY_OPEN = re.compile(rb"\[(?=\s*(?:[{\]]|\Z))")
_ARRAY_START = re.compile(rb"\[\s*([{\]])")
_CONTAINER_KEYS = frozenset(f'"{key}"'.encode() for key in CONTAINER_KEYS)
_RECORD_KEYS = frozenset(
    f'"{key}"'.encode()
    for key in {"spot_price", PAYLOAD_KEY}.union(*(kind.fields for kind in RECORD_TYPES.values()))
    if key not in ("timestamp", "ticker")
)
"""An object with one of these in front of an array is a record, not something around records."""
_MEMBER = re.compile(rb'\s*("[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+")\s*:\s*')


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
class _Level:
    """An array of records, or an object around one, that the cursor stands in; what was expected before it."""

    is_object: bool
    before: Expectation


class _Step(NamedTuple):
    """One object on the way to an array of records: its fields in front of the key that leads on, and that key."""

    first: int
    stop: int
    key: bytes
    end: int
    """Behind the bracket or brace that the key leads to."""


class _Window:
    """The text from the cursor on, as far as is looked, decoded once for all values in it."""

    def __init__(self, text: Text) -> None:
        self.data = text.data
        self.stop = min(text.start + WINDOW_BYTES, text.end)
        self._start = text.start
        self._letters = text.data[text.start : self.stop].decode("latin-1")

    def value(self, at: int) -> tuple[Any, int] | None:
        """The JSON value that begins there and where it ends; None where there is none, or not all of one."""
        try:
            value, end, _ = parse(self._letters, at - self._start)
        except (ValueError, RecursionError):
            return None
        return value, self._start + end


class Surroundings:
    """Where among arrays and objects the cursor stands, and what `expect`s records there."""

    def __init__(self, text: Text, expect: Expectation, findings: FileFindings) -> None:
        self.expect = expect
        self._mark = f'"{expect.kind.mark}"'.encode()
        self._text = text
        self.findings = findings
        self._levels: list[_Level] = []
        self._fields: dict[str, None] = {}
        self._texts: dict[str, None] = {}
        self._names: dict[str, None] = {}
        self._room = CONTAINER_BYTES
        self._next_array = self._searched = 0
        """Where the next array begins that may hold records, and up to where that is known; offsets in the file."""

    @property
    def in_array(self) -> bool:
        """Whether an array of records is open."""
        return bool(self._levels)

    def enter_array(self) -> bool:
        """Whether the bracket at the cursor opens an array of records, not one that stands in a record's place."""
        text = self._text
        first = _ARRAY_START.match(text.data, text.start, text.end)
        opens = bool(first and first[1] == b"{") if self._levels else bool(first) or not self._is_plain_array()
        if opens:
            self._levels.append(_Level(is_object=False, before=self.expect))
            text.start += 1
        return opens

    def _is_plain_array(self) -> bool:
        text = self._text
        parsed = parse_value(text, text.start, WINDOW_BYTES)
        return isinstance(parsed, Parsed) and text.data.find(b"{", text.start, parsed.end) < 0

    def enter_container(self) -> bool:
        """Whether an object that holds an array of records begins here; if so, the cursor moves into that array."""
        text = self._text
        way = self._way_in(_Window(text), text.start + 1, CONTAINER_LEVELS) if self._has_array_ahead() else None
        if way is None or any(record_within(text, step.first, step.stop, self.expect) for step in way):
            return False
        before = len(self._levels), self.expect
        for step in way:
            self._levels.append(_Level(is_object=True, before=self.expect))
            if not self._keep_fields(bytes(text.data[step.first : step.stop])):
                del self._levels[before[0] :]
                self.expect = before[1]
                return False
        self._enter(way)
        return True

    def _has_array_ahead(self) -> bool:
        """Whether an array that may hold records begins within reach; no text is searched twice for one."""
        text = self._text
        here, stop = text.base + text.start, min(text.start + WINDOW_BYTES, text.end)
        if not here <= self._next_array < self._searched:
            found = _ARRAY_OPEN.search(text.data, max(text.start, self._searched - text.base), stop)
            self._next_array = text.base + (found.start() if found else stop)
            self._searched = text.base + (found.end() if found else stop)
        return self._next_array < text.base + stop

    def _enter(self, way: list[_Step]) -> None:
        """Move the cursor into the array at the end of the way; the objects on it are entered already."""
        self._levels.append(_Level(is_object=False, before=self.expect))
        self._text.start = way[-1].end
        if (len(way) > 1 or way[-1].key not in _CONTAINER_KEYS) and len(self._names) < CONTAINER_FIELDS:
            names = (step.key[1:-1].decode("utf-8", "replace") for step in way)
            self._names[".".join(names)] = None

    def _way_in(self, window: _Window, at: int, levels: int) -> list[_Step] | None:
        """The way to an array of records from a member of an object on, None where there is none within reach."""
        first, has_time = at, False
        for _ in range(CONTAINER_FIELDS):
            member = _MEMBER.match(window.data, at, window.stop)
            if not member or member[1] in _RECORD_KEYS:
                return None
            has_time |= member[1] == b'"timestamp"'
            value = member.end()
            if array := self._array_of_records(window, member[1], value, is_certain=has_time):
                return [_Step(first, at, member[1], array)]
            if levels > 1 and window.data[value] == OBJECT_OPEN:
                inner = self._way_in(window, value + 1, levels - 1)
                if inner is not None:
                    return [_Step(first, at, member[1], value + 1), *inner]
            found = window.value(value)
            comma = _COMMA.match(window.data, found[1], window.stop) if found else None
            if not comma:
                return None
            at = comma.end()
        return None

    def _array_of_records(self, window: _Window, key: bytes, at: int, *, is_certain: bool) -> int | None:
        """The place behind its bracket, if one begins here; under a key that bridges use, by the key alone."""
        if key in _CONTAINER_KEYS and not is_certain:
            opened = _ARRAY_OPEN.match(window.data, at, window.stop)
            return opened.end() if opened else None
        start = _ARRAY_START.match(window.data, at, window.stop)
        if not start or start[1] != b"{":
            return None
        record = start.end() - 1
        found = window.value(record)
        if found:
            return at + 1 if isinstance(found[0], dict) and holds_record(found[0], self.expect.kind.mark) else None
        looks_so = opens_record(self._text, record) and window.data.find(self._mark, record, window.stop) >= 0
        return at + 1 if looks_so else None

    def _keep_fields(self, members: bytes) -> bool:
        """Keep fields of the object around the records; False where they are not sound JSON."""
        text = members.decode("utf-8", "replace").strip().strip(",").strip()
        try:
            fields, _, _ = parse(f"{{{text}}}")
        except (ValueError, RecursionError):
            return False
        ticker = fields.get("ticker")
        if isinstance(ticker, str):
            self.expect = replace(self.expect, container_ticker=ticker)
        if fields:
            if len(self._fields) < CONTAINER_FIELDS:
                self._fields |= dict.fromkeys(fields)
            if text not in self._texts and len(text) <= self._room:
                self._texts[text] = None
                self._room -= len(text)
        return True

    def leave_array(self) -> None:
        """Past the bracket that closes the records, past what ends with them, or into the next array of an object."""
        self._text.start += 1
        self.expect = self._levels.pop().before
        while self._levels and self._levels[-1].is_object:
            if self._enter_next():
                return
            if not self._leave_object():
                self.findings.add(Rule.ARRAY_NOT_CLOSED, "the object around the records has no proper end")
                while self._levels and self._levels[-1].is_object:
                    self.expect = self._levels.pop().before

    def _enter_next(self) -> bool:
        """Whether another member of the object holds an array of records; if so, the cursor moves into it."""
        text = self._text
        text.reach(WINDOW_BYTES)
        comma = _COMMA.match(text.data, text.start, text.end)
        way = self._way_in(_Window(text), comma.end(), CONTAINER_LEVELS) if comma and self._has_array_ahead() else None
        if way is None or any(record_within(text, step.first, step.stop, self.expect) for step in way):
            return False
        if not all(self._keep_fields(bytes(text.data[step.first : step.stop])) for step in way):
            return False
        self._levels += [_Level(is_object=True, before=self.expect) for _ in way[1:]]
        self._enter(way)
        return True

    def _leave_object(self) -> bool:
        """Past the end of the object, whose other members are kept; False where it has no proper end."""
        text = self._text
        text.reach(WINDOW_BYTES)
        trailer = bytes(text.data[text.start : min(text.end, text.start + WINDOW_BYTES)])
        before = '{"":0'
        try:
            value, end, _ = parse(before + trailer.decode("latin-1"))
        except (ValueError, RecursionError):
            return False
        length = end - len(before)
        is_open = self.expect.kind.mark in value or record_within(text, text.start, text.start + length, self.expect)
        if is_open or not self._keep_fields(trailer[: length - 1]):
            return False
        text.start += length
        self.expect = self._levels.pop().before
        return True

    def last_bracket(self) -> int | None:
        """Where the bracket stands that closes the records at the end of the file, behind some text."""
        text = self._text
        rest = text.data[text.start : text.end].rstrip()
        at = text.start + len(rest) - 1
        in_object = len(self._levels) > 1 and self._levels[-2].is_object
        return at if self._levels and not in_object and at > text.start and text.data[at] == ARRAY_CLOSE else None

    def finish(self) -> None:
        """At the end of the file: say what stood around the records, and what was not closed."""
        words = []
        if self._fields:
            self.findings.container = ",".join(self._texts) or None
            words.append(f"fields around the records: {_listed(self._fields)}")
        if self._names:
            words.append(f"the records stand under {_listed(self._names)}")
        if words:
            self.findings.add(Rule.CONTAINER_FIELD, "; ".join(words))
        if self._levels:
            self.findings.add(Rule.ARRAY_NOT_CLOSED, "the array of records has no end")


def _listed(names: dict[str, None]) -> str:
    return ", ".join(names).encode(errors="backslashreplace").decode()
