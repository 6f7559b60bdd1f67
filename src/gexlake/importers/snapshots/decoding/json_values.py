"""JSON text to Python values, and what was odd about it; pure, and the same for every record type."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

NAN = math.nan

_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_CUT_NUMBER_OR_ESCAPE = re.compile(r"\.|[eE][+-]?|u[0-9a-fA-F]{0,4}")
_NUMBER_TEXT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""What JSON takes for a number."""
_EXACT_DIGITS = 300
"""Python refuses to convert thousands of digits; as a double such a number overflows anyway."""


class NotFinite(float):
    """NaN, Infinity or -Infinity as a bare word: no JSON, but what several writers of it leave."""

    word: str

    def __new__(cls, word: str) -> NotFinite:
        value = super().__new__(cls, word)
        value.word = word
        return value


class Oddities:
    """What JSON's grammar lets through and the rules do not; collected while a text is parsed."""

    duplicate: str | None = None
    constant: str | None = None

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs) and self.duplicate is None:
            self.duplicate = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return result

    def note_constant(self, text: str) -> float:
        self.constant = text
        return NotFinite(text)


def parse(text: str, start: int = 0) -> tuple[Any, int, Oddities]:
    """The JSON value at `text[start]`, where it ends, and what was odd about it.

    Raises `ValueError` (not JSON here) or `RecursionError` (nested too deeply).
    """
    oddities = Oddities()
    decoder = json.JSONDecoder(
        object_pairs_hook=oddities.pairs, parse_int=_integer, parse_constant=oddities.note_constant
    )
    value, end = decoder.raw_decode(text, start)
    return value, end, oddities


def _integer(text: str) -> int | float:
    # Python's integers have no negative zero, which doubles and JSON have.
    return int(text) if len(text) < _EXACT_DIGITS and text != "-0" else float(text)


def is_cut_short(error: ValueError) -> bool:
    """Whether a text that `parse` raised this for is sound as far as it goes, and only its end is missing."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    if error.msg.startswith("Unterminated string"):
        return True
    rest = error.doc[error.pos : error.pos + 10]
    return any(literal.startswith(rest) for literal in _LITERALS) or bool(_CUT_NUMBER_OR_ESCAPE.fullmatch(rest))


def is_number(value: Any) -> bool:
    """A JSON number that a double can hold; one that is too large has been parsed to infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def as_number(value: Any) -> int | float | None:
    """The number that a value denotes, also as text in JSON's own spelling; None where it denotes none."""
    if isinstance(value, str):
        if not _NUMBER_TEXT.fullmatch(value):
            return None
        value = float(value) if any(letter in value for letter in ".eE") else _integer(value)
    return value if is_number(value) else None


def without_constants(value: Any) -> Any:
    """The same value with the word as text where NaN or an infinity stands bare."""
    if isinstance(value, NotFinite):
        return value.word
    if isinstance(value, dict):
        return {key: without_constants(item) for key, item in value.items()}
    return [without_constants(item) for item in value] if isinstance(value, list) else value


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def short(value: Any, limit: int = 60) -> str:
    """A value as it may stand in a message."""
    if isinstance(value, NotFinite):
        return value.word
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else repr(value)
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
