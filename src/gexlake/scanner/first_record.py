"""Read the first record of a text member by member, until it has said enough of itself. Pure.

Nothing is parsed as a whole: a ladder makes up nearly all of a record, and in the vendor's order all that matters
stands before it. Only a ladder that comes before ticker or time is stepped over. Where a record is damaged, the next
one is tried; whether records are any good is for the importer to say.
"""

from __future__ import annotations

import re

from gexlake.models.record_types import RECORD_TYPES
from gexlake.models.source import CONTAINER_KEYS, PAYLOAD_KEY

LADDER_KEYS: dict[bytes, str] = {kind.ladder.field.encode(): name for name, kind in RECORD_TYPES.items() if kind.ladder}
"""Keys that only one record type has, and which."""

MAX_ATTEMPTS = 8
"""How many objects are tried while they turn out damaged."""

SPACE = re.compile(rb"\s*+")
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN_STRING = rb'"[^"\\]*+"'
_LITERAL = rb'[^\s,:\[\]{}"]++'
_COLON = rb"\s*+:\s*+"

_UP_TO_LADDER = re.compile(
    rb"(?:\s*+%b%b(?:%b|%b)\s*+,)*\s*+(%b)%b\["
    % (_PLAIN_STRING, _COLON, _PLAIN_STRING, _LITERAL, b"|".join(b'"%b"' % key for key in LADDER_KEYS), _COLON)
)
"""Scalars, then a ladder: how the vendor's records begin. No string in it holds a quote.

Its members are not possessive: before Python 3.11.5 a possessive group with a choice in it may find nothing.
"""
_TICKER = re.compile(rb'"ticker"%b(%b)' % (_COLON, _PLAIN_STRING))
_TIMESTAMP = re.compile(rb'"timestamp"%b(%b|%b)' % (_COLON, _PLAIN_STRING, _LITERAL))

_MEMBER = re.compile(rb"\s*+(%b)%b(?:([\[{])|(%b|%b)\s*+([,}]))" % (_STRING, _COLON, _STRING, _LITERAL), re.DOTALL)
"""A key, then an opening bracket, or a scalar and what follows it."""
_AFTER = re.compile(rb"\s*+([,}])")
_BRACKET = re.compile(rb"%b|([\[{])|([\]}])" % _STRING, re.DOTALL)

_CONTAINER_KEYS = frozenset(key.encode() for key in CONTAINER_KEYS)
_PAYLOAD_KEY = PAYLOAD_KEY.encode()
_LABEL_KEYS = (b"endpoint", b"kind", b"group")
MAX_LEVELS = 4
"""Objects looked into, one in the other, for a record or an array of them."""

_DAMAGED = -1
_ENOUGH = -2


class FirstRecord:
    """What the first record of a text says of itself, and the objects around it say of it.

    `at` is where it should start. It may be an object that holds the array of records only if `may_hold_array`.
    Values are JSON tokens, as they stand in the text.
    """

    def __init__(self, text: bytes, at: int, *, may_hold_array: bool) -> None:
        self.keys: set[bytes] = set()
        """Keys read so far: all of them, unless there is a ladder."""
        self.ticker: bytes | None = None
        self.timestamp: bytes | None = None
        self.labels: list[bytes] = []
        """`endpoint`, `kind` and `group` of the objects around the record."""
        self.is_object = text.startswith(b"{", at)
        self.is_complete = False
        """It is an intact object without a ladder."""
        self.is_in_array = False
        """It stands in an array that an object holds."""
        self.is_missing = False
        """That array is empty."""
        self._text = text
        self._at = at
        self._may_hold_array = may_hold_array and self.is_object
        self._in_payload = False
        self._levels = 0
        self._outer_ticker: bytes | None = None
        self._outer_timestamp: bytes | None = None
        self._read(at if self.is_object else text.find(b"{", at))
        self.ticker = self.ticker or self._outer_ticker
        self.timestamp = self.timestamp or self._outer_timestamp

    def _read(self, start: int) -> None:
        for attempt in range(MAX_ATTEMPTS):
            if start < 0:
                return
            end = self._read_object(start + 1)
            if end != _DAMAGED:
                if end > 0 and attempt == 0:
                    self.is_complete = self.is_object
                return
            self._may_hold_array = self._in_payload = False
            start = self._text.find(b"{", self._at)

    def _read_object(self, at: int) -> int:
        """Read an object from behind its brace. Returns the place behind it, `_DAMAGED` or `_ENOUGH`."""
        if self._read_up_to_ladder(at):
            return _ENOUGH
        while member := _MEMBER.match(self._text, at):
            quoted_key, bracket, value, after = member.groups()
            key, at = quoted_key[1:-1], member.end()
            self.keys.add(key)
            if bracket:
                at = self._read_nested(key, bracket, at)
                if at < 0:
                    return at
                end = _AFTER.match(self._text, at)
                if end is None:
                    break
                at, after = end.end(), end[1]
            else:
                self._note(key, value)
            if after == b"}":
                return at
        self._at = at
        end = _AFTER.match(self._text, at)  # an empty object, or a comma too many
        return end.end() if end and end[1] == b"}" else _DAMAGED

    def _read_up_to_ladder(self, at: int) -> bool:
        """The quick way through a record in the vendor's order; False sends it the slow way."""
        lead = _UP_TO_LADDER.match(self._text, at)
        if lead is None:
            return False
        ticker = _TICKER.search(self._text, at, lead.end())
        timestamp = _TIMESTAMP.search(self._text, at, lead.end())
        if ticker is None or timestamp is None:
            return False
        self.keys.add(lead[1][1:-1])
        self.ticker, self.timestamp = self.ticker or ticker[1], self.timestamp or timestamp[1]
        return True

    def _note(self, key: bytes, value: bytes) -> None:
        if key == b"ticker" and value.startswith(b'"'):
            self.ticker = self.ticker or value
        elif key == b"timestamp":
            self.timestamp = self.timestamp or value
        elif key in _LABEL_KEYS:
            self.labels.append(value)

    def _read_nested(self, key: bytes, bracket: bytes, at: int) -> int:
        """Read or step over an array or object from behind its bracket."""
        if key in LADDER_KEYS and self.ticker and self.timestamp:
            return _ENOUGH
        if bracket == b"{" and not self._in_payload:
            if key == _PAYLOAD_KEY or _UP_TO_LADDER.match(self._text, at):
                return self._read_payload(at)
            if self._may_hold_array and self._levels < MAX_LEVELS:
                return self._read_inner(at)
        if bracket == b"[" and self._may_hold_array and (key in _CONTAINER_KEYS or self._begins_with_record(at)):
            return self._read_array(at)
        return self._step_over(at)

    def _begins_with_record(self, at: int) -> bool:
        """Whether an array, from behind its bracket, begins with an object that has a ladder."""
        first = end_of(SPACE, self._text, at)
        return self._text.startswith(b"{", first) and _UP_TO_LADDER.match(self._text, first + 1) is not None

    def _read_inner(self, at: int) -> int:
        """Look into an object under any key: it may hold the array of records, or be a field like others."""
        before = self.keys.copy(), self.ticker, self.timestamp, self._outer_ticker, self._outer_timestamp
        self._levels += 1
        self._set_aside()
        end = self._read_object(at)
        self._levels -= 1
        if end == _ENOUGH or self.is_in_array:
            return end
        self.keys, self.ticker, self.timestamp, self._outer_ticker, self._outer_timestamp = before
        return end if end >= 0 else self._step_over(at)

    def _read_payload(self, at: int) -> int:
        """The record in an envelope, whose labels may follow it."""
        self._in_payload = True
        self._set_aside()
        end = self._read_object(at)
        return self._step_over(at) if end == _ENOUGH and not self.labels else end

    def _read_array(self, at: int) -> int:
        """The first record of an array that an object holds; what follows the array is out of reach."""
        self.is_in_array, self._may_hold_array = True, False
        self._set_aside()
        first = self._at = end_of(SPACE, self._text, at)
        self.is_missing = self._text.startswith(b"]", first)
        self.is_object = self._text.startswith(b"{", first)
        if not self.is_object:
            return _ENOUGH if self.is_missing else _DAMAGED
        end = self._read_object(first + 1)
        self.is_complete = end > 0
        return _DAMAGED if end == _DAMAGED else _ENOUGH

    def _set_aside(self) -> None:
        """What was read so far belongs to an object around the record."""
        self.keys.clear()
        self._outer_ticker, self.ticker = self.ticker or self._outer_ticker, None
        self._outer_timestamp, self.timestamp = self.timestamp or self._outer_timestamp, None

    def _step_over(self, at: int) -> int:
        """The place behind the array or object whose bracket stands before `at`."""
        depth = 1
        for match in _BRACKET.finditer(self._text, at):
            if match[1]:
                depth += 1
            elif match[2]:
                depth -= 1
                if depth == 0:
                    return match.end()
        self._at = at
        return _DAMAGED


def end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    """Where a match at this place ends; the place itself if there is none."""
    match = pattern.match(text, at)
    return match.end() if match else at
