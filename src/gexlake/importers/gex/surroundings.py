"""What stands around records: arrays, and objects that hold an array of records beside fields of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from gexlake.importers.gex.careful import Expectation, parse
from gexlake.importers.gex.lookahead import WINDOW_BYTES, Parsed, parse_value, record_within
from gexlake.importers.gex.text import Text
from gexlake.models.source import CONTAINER_KEYS, PAYLOAD_KEY
from gexlake.validation.rules import Rule

CONTAINER_FIELDS = 32
"""Fields in front of the array of records: an object with more of them is taken for a record."""
CONTAINER_BYTES = 1 << 16
"""So much of the objects around the records is kept."""

ARRAY_CLOSE = ord("]")

_COMMA = re.compile(rb"\s*,")
_CONTAINER = re.compile(
    rb'\s*"(?:' + b"|".join(key.encode() for key in CONTAINER_KEYS) + rb')"\s*:\s*\[(?=\s*(?:[{\]]|\Z))'
)
_ARRAY_START = re.compile(rb"\[\s*([{\]])")
_RECORD_KEYS = frozenset(f'"{key}"'.encode() for key in ("timestamp", "strikes", PAYLOAD_KEY))
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
class _Array:
    """An array of records that the cursor stands in, and what was expected of records before it."""

    in_object: bool
    before: Expectation


class Surroundings:
    """Where among arrays and objects the cursor stands, and what `expect`s records there."""

    def __init__(self, text: Text, expect: Expectation, findings: FileFindings) -> None:
        self.expect = expect
        self._text = text
        self._findings = findings
        self._arrays: list[_Array] = []
        self._fields: dict[str, None] = {}
        self._texts: dict[str, None] = {}
        self._room = CONTAINER_BYTES

    @property
    def in_array(self) -> bool:
        """Whether an array of records is open."""
        return bool(self._arrays)

    def enter_array(self) -> bool:
        """Whether the bracket at the cursor opens an array of records, not one that stands in a record's place."""
        text = self._text
        first = _ARRAY_START.match(text.data, text.start, text.end)
        opens = bool(first and first[1] == b"{") if self._arrays else bool(first) or not self._is_plain_array()
        if opens:
            self._arrays.append(_Array(in_object=False, before=self.expect))
            text.start += 1
        return opens

    def _is_plain_array(self) -> bool:
        text = self._text
        parsed = parse_value(text, text.start, WINDOW_BYTES)
        return isinstance(parsed, Parsed) and text.data.find(b"{", text.start, parsed.end) < 0

    def enter_container(self) -> bool:
        """Whether an object that holds the array of records begins here; if so, the cursor moves into it."""
        text = self._text
        first = at = text.start + 1
        stop = min(text.start + WINDOW_BYTES, text.end)
        for _ in range(CONTAINER_FIELDS):
            array = _CONTAINER.match(text.data, at, stop)
            if array:
                before = self.expect
                if record_within(text, first, at, before) or not self._keep_fields(bytes(text.data[first:at])):
                    return False
                self._arrays.append(_Array(in_object=True, before=before))
                text.start = array.end()
                return True
            member = _MEMBER.match(text.data, at, stop)
            if not member or member[1] in _RECORD_KEYS:
                return False
            parsed = parse_value(text, member.end(), stop - member.end())
            comma = isinstance(parsed, Parsed) and _COMMA.match(text.data, parsed.end, stop)
            if not comma:
                return False
            at = comma.end()
        return False

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
        """Past the bracket that closes the records and, in a container, past the members behind it."""
        self._text.start += 1
        array = self._arrays.pop()
        if array.in_object and not self._leave_container():
            self._findings.add(Rule.ARRAY_NOT_CLOSED, "the object around the records has no proper end")
        self.expect = array.before

    def _leave_container(self) -> bool:
        text = self._text
        text.reach(WINDOW_BYTES)
        trailer = bytes(text.data[text.start : min(text.end, text.start + WINDOW_BYTES)])
        before = '{"":0'
        try:
            _, end, _ = parse(before + trailer.decode("latin-1"))
        except (ValueError, RecursionError):
            return False
        length = end - len(before)
        is_open = record_within(text, text.start, text.start + length, self.expect)
        if is_open or not self._keep_fields(trailer[: length - 1]):
            return False
        text.start += length
        return True

    def last_bracket(self) -> int | None:
        """Where the bracket stands that closes the records at the end of the file, behind some text."""
        text = self._text
        rest = text.data[text.start : text.end].rstrip()
        at = text.start + len(rest) - 1
        in_array = bool(self._arrays) and not self._arrays[-1].in_object
        return at if in_array and at > text.start and text.data[at] == ARRAY_CLOSE else None

    def finish(self) -> None:
        """At the end of the file: say what stood around the records, and what was not closed."""
        if self._fields:
            self._findings.container = ",".join(self._texts) or None
            names = ", ".join(self._fields).encode(errors="backslashreplace").decode()
            self._findings.add(Rule.CONTAINER_FIELD, f"fields around the records: {names}")
        if self._arrays:
            self._findings.add(Rule.ARRAY_NOT_CLOSED, "the array of records has no end")
