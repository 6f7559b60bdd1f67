"""What stands at a place of the text, told without moving there: a JSON value, or the beginning of a record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gexlake.importers.snapshots.decoding.careful import Expectation, read_snapshot
from gexlake.importers.snapshots.decoding.entries import RefusedRecordError
from gexlake.importers.snapshots.decoding.json_values import Oddities, is_cut_short, parse
from gexlake.importers.snapshots.decoding.text import Text
from gexlake.models.record_types import RECORD_TYPES

WINDOW_BYTES = 1 << 16
"""So much text, where there is as much, is looked at first to tell what stands at the cursor."""

_FIELDS = {"payload", "kind", "endpoint", "received_at", "spot_price"}.union(
    *(kind.fields for kind in RECORD_TYPES.values())
)
_OPENING = re.compile(rb'\{(?:(?<=\n\{)\s*"|\s*"(?:major_[a-z_]+|%b)"\s*:)' % "|".join(sorted(_FIELDS)).encode())
"""How a record begins, as far as damage around it lets one tell: a brace and a field of the vendor's, or a line with a
brace and any field."""
_NOT_BEHIND_SCALAR = re.compile(rb"[^\s,\]}]|\s+:")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A JSON value that ends in front of `end`."""

    value: Any
    end: int
    oddities: Oddities


@dataclass(frozen=True, slots=True)
class Unparsed:
    """No JSON value: damage after `length` bytes, or (`is_cut`) only the end is missing."""

    is_cut: bool
    length: int


def parse_value(text: Text, start: int, window: int) -> Parsed | Unparsed:
    """The JSON value at `start`, if one ends within the window.

    Latin-1 maps bytes to characters one to one, so that positions are bytes; structure is ASCII in any case.
    """
    stop = min(start + window, text.end)
    letters = text.data[start:stop].decode("latin-1")
    try:
        value, end, oddities = parse(letters)
    except ValueError as error:
        return Unparsed(is_cut_short(error), getattr(error, "pos", 0))
    except RecursionError:
        return Unparsed(is_cut=False, length=len(letters))
    if letters[0] not in "[{":
        if end == len(letters) and (stop < text.end or not text.final) and letters[0] != '"':
            return Unparsed(is_cut=True, length=end)  # a number may go on behind the window
        if _NOT_BEHIND_SCALAR.match(text.data, start + end, text.end):
            return Unparsed(is_cut=False, length=end)  # a piece of a record, such as a key without its brace
    return Parsed(value, start + end, oddities)


def next_opening(text: Text, start: int, window: int) -> int | None:
    """Where the next record begins, as far as that can be told; never a value behind a colon in the same line."""
    for match in _OPENING.finditer(text.data, start, min(start + window, text.end)):
        if not _is_behind_colon(text, match.start(), b" \t"):
            return match.start()
    return None


def opens_record(text: Text, at: int) -> bool:
    """Whether a record begins here, by its first field."""
    return _OPENING.match(text.data, at, text.end) is not None


def record_within(text: Text, start: int, end: int, expect: Expectation) -> int | None:
    """Where a whole record stands in a value that is sound JSON only because something before it lost its end."""
    opening, trials_bytes = next_opening(text, start, end - start), 2 * (end - start)
    while opening is not None and trials_bytes > 0:
        parsed = parse_value(text, opening, end - opening)
        if isinstance(parsed, Unparsed):
            trials_bytes -= parsed.length
        elif not _is_behind_colon(text, opening, b" \t\r\n") and _is_record(parsed, expect):
            return opening
        else:
            trials_bytes -= parsed.end - opening
        opening = next_opening(text, opening + 1, end - opening - 1)
    return None


def _is_behind_colon(text: Text, at: int, space: bytes) -> bool:
    return text.data[max(0, at - 64) : at].rstrip(space).endswith(b":")


def _is_record(parsed: Parsed, expect: Expectation) -> bool:
    try:
        read_snapshot(parsed.value, parsed.oddities, expect)
    except (RefusedRecordError, RecursionError):
        return False
    return True
