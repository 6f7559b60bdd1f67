"""One irregular record at a time: what `_native.c` does not take is decided here, in plain Python.

This is the reference: on every record that the native decoder takes, both give the same values (a property test
holds them to it). It refuses with a code, and keeps what has no column in `extra`:

- unknown fields, under their own names, and the fields of an envelope under `envelope`;
- known optional fields of an unexpected form, under their own names (`field_type`);
- `strikes` whole, where a row has more than the columns hold (a sixth prior, a fifth element).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np

from gexlake.models.gex_block import Doubles
from gexlake.models.gex_columns import (
    FLAG_EXTRA,
    FLAG_FIELD_TYPE,
    FLAG_PRIORS_NOT_FIVE,
    LADDER,
    MAX_PRIORS,
    MISSING_INT,
    NUMBERS,
    PRIORS,
)
from gexlake.models.source import PAYLOAD_KEY
from gexlake.validation.rules import Rule

ENVELOPE_FIELDS = frozenset({"kind", "endpoint", "received_at"})
OPTIONAL_FIELDS = frozenset({*NUMBERS[1:], "min_dte", "sec_min_dte", "max_priors"})
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAN = math.nan
NO_LADDER: Doubles = np.empty((0, len(LADDER)))
MAX_NESTING = 100
"""Levels of an unknown field. Python and DuckDB give up at about 1,000, and not at the same place every time."""

_NUMBER_TYPES = frozenset((int, float))
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_CUT_NUMBER_OR_ESCAPE = re.compile(r"\.|[eE][+-]?|u[0-9a-fA-F]{0,4}")
_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


class RefusedRecordError(Exception):
    """The record breaks a rule of severity `refused`."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


@dataclass(slots=True)
class Snapshot:
    """One record's values, ready for the columns of a block."""

    timestamp_us: int
    min_dte: int
    sec_min_dte: int
    numbers: list[float]
    max_priors: list[tuple[float, float]] | None
    ladder: Doubles
    """A row per strike."""
    extra: dict[str, Any]
    flags: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a source file's records must agree with: the ticker, and the time bounds in Unix microseconds.

    `container_ticker` is that of an object around the records; it stands in for one that a record lacks.
    """

    ticker: str
    min_us: int
    max_us: int
    container_ticker: str | None = None


class Oddities:
    """What JSON's grammar lets through and the rules do not; collected while a text is parsed."""

    duplicate: str | None = None
    constant: str | None = None

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs) and self.duplicate is None:
            self.duplicate = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return result

    def integer(self, text: str) -> int | float:
        # Python refuses to convert thousands of digits; as a double such a number overflows anyway.
        # And its integers have no negative zero, which doubles and JSON have.
        return int(text) if len(text) < 300 and text != "-0" else float(text)

    def reject_constant(self, text: str) -> float:
        self.constant = text
        return NAN


def parse(text: str, start: int = 0) -> tuple[Any, int, Oddities]:
    """The JSON value at `text[start]`, where it ends, and what was odd about it.

    Raises `ValueError` (not JSON here) or `RecursionError` (nested too deeply).
    """
    oddities = Oddities()
    decoder = json.JSONDecoder(
        object_pairs_hook=oddities.pairs,
        parse_int=oddities.integer,
        parse_constant=oddities.reject_constant,
    )
    value, end = decoder.raw_decode(text, start)
    return value, end, oddities


def is_cut_short(error: ValueError) -> bool:
    """Whether a text that `parse` raised this for is sound as far as it goes, and only its end is missing."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    if error.msg.startswith("Unterminated string"):
        return True
    rest = error.doc[error.pos : error.pos + 10]
    return any(literal.startswith(rest) for literal in _LITERALS) or bool(_CUT_NUMBER_OR_ESCAPE.fullmatch(rest))


def read_snapshot(value: Any, oddities: Oddities, expect: Expectation) -> Snapshot:
    """The snapshot that a parsed record denotes; raises `RefusedRecordError` with the first rule it breaks."""
    _check_grammar(oddities)
    if not isinstance(value, dict):
        raise RefusedRecordError(Rule.NOT_OBJECT, f"the record is {_kind(value)}, not an object")
    fields, envelope = _unwrap(value)
    snapshot = Snapshot(
        timestamp_us=_timestamp(fields.pop("timestamp", None), expect),
        min_dte=MISSING_INT,
        sec_min_dte=MISSING_INT,
        numbers=[NAN] * len(NUMBERS),
        max_priors=None,
        ladder=NO_LADDER,
        extra={},
        flags=0,
    )
    _check_ticker(fields.pop("ticker", None), envelope, expect)
    _read_strikes(fields.pop("strikes", None), snapshot)
    snapshot.numbers[0] = _spot(fields)
    _read_optional(fields, snapshot)
    outer = {key: item for key, item in (envelope or {}).items() if key not in (PAYLOAD_KEY, "ticker")}
    if fields.keys() - OPTIONAL_FIELDS or outer.keys() - ENVELOPE_FIELDS:
        snapshot.flags |= FLAG_EXTRA
    snapshot.extra.update(fields)
    if outer:
        snapshot.extra[_envelope_name(snapshot.extra)] = outer
    _check_extra(snapshot.extra)
    return snapshot


def dump_extra(extra: dict[str, Any]) -> str:
    """`extra` as one line of JSON."""
    text = json.dumps(extra, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can escape and UTF-8 cannot hold
        return json.dumps(extra, allow_nan=False, separators=(",", ":"))
    return text


def parse_extra(members: list[bytes], envelope_members: list[bytes]) -> tuple[dict[str, Any], bool]:
    """Unknown members that the native decoder skipped, and whether any is more than an envelope's usual ones.

    Raises `ValueError` or `RefusedRecordError` when they are not sound JSON: the record is then read carefully.
    """
    extra = _parse_members(members)
    unknown = bool(extra)
    if envelope_members:
        outer = _parse_members(envelope_members)
        unknown = unknown or bool(outer.keys() - ENVELOPE_FIELDS)
        extra[_envelope_name(extra)] = outer
    _check_extra(extra)
    return extra, unknown


def _check_extra(extra: dict[str, Any]) -> None:
    for name, value in extra.items():
        _check_kept(name, value, MAX_NESTING)


def _check_kept(name: str, value: Any, levels: int) -> None:
    """Refuse what cannot be written as JSON again, wherever in a field it stands."""
    if isinstance(value, (dict, list)):
        if not levels:
            raise RefusedRecordError(Rule.JSON_INVALID, f"{_short(name)} is nested more than {MAX_NESTING} levels deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check_kept(name, item, levels - 1)
    elif isinstance(value, float) and math.isinf(value):
        raise RefusedRecordError(Rule.NUMBER_OVERFLOW, f"{_short(name)} holds a number too large for a double")


def _envelope_name(extra: dict[str, Any]) -> str:
    """`envelope`, or with underscores behind it where the record has a field of that name."""
    name = "envelope"
    while name in extra:
        name += "_"
    return name


def _parse_members(members: list[bytes]) -> dict[str, Any]:
    text = (b"{" + b",".join(members) + b"}").decode()
    value, end, oddities = parse(text)
    _check_grammar(oddities)
    if end != len(text) or len(value) != len(members):
        raise ValueError("unbalanced members")
    return value  # type: ignore[no-any-return]


def _check_grammar(oddities: Oddities) -> None:
    if oddities.constant is not None:
        raise RefusedRecordError(Rule.JSON_INVALID, f"{oddities.constant} is not JSON")
    if oddities.duplicate is not None:
        raise RefusedRecordError(Rule.DUPLICATE_KEY, f"key {_short(oddities.duplicate)} stands twice")


def _unwrap(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    payload = value.get(PAYLOAD_KEY)
    if isinstance(payload, dict) and "strikes" not in value:
        return dict(payload), value
    return dict(value), None


def _timestamp(value: Any, expect: Expectation) -> int:
    if value is None:
        raise RefusedRecordError(Rule.TIMESTAMP_MISSING, "timestamp is absent or null")
    microseconds = _microseconds(value)
    if microseconds is None:
        raise RefusedRecordError(Rule.TIMESTAMP_INVALID, f"timestamp is {_short(value)}")
    if microseconds > expect.max_us:
        raise RefusedRecordError(Rule.TIMESTAMP_FUTURE, f"timestamp {_short(value)} lies in the future")
    if microseconds < expect.min_us:
        raise RefusedRecordError(Rule.TIMESTAMP_TOO_OLD, f"timestamp {_short(value)} lies before the year 2000")
    return microseconds


def _microseconds(value: Any) -> int | None:
    """Unix microseconds of a timestamp in any accepted form, or None.

    Numbers go by magnitude: below 10^11 seconds, below 10^14 milli-, below 10^17 micro-, below 10^20 nanoseconds.
    Seconds and milliseconds may have a fraction that is whole microseconds: what is finer would have to be rounded.
    Text is ISO 8601 with date and time; without an offset it is UTC.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _iso_microseconds(value)
    if isinstance(value, float):
        return _whole_microseconds(value) if math.isfinite(value) else None
    if not isinstance(value, int):
        return None
    if value < 0:
        return value * 1_000_000 if value > -(10**11) else None
    for bound, numerator, denominator in ((11, 1_000_000, 1), (14, 1000, 1), (17, 1, 1), (20, 1, 1000)):
        if value < 10**bound:
            scaled = value * numerator
            return scaled // denominator if scaled % denominator == 0 else None
    return None


def _whole_microseconds(seconds_or_finer: float) -> int | None:
    if seconds_or_finer == int(seconds_or_finer):
        return _microseconds(int(seconds_or_finer))
    if not 0 <= seconds_or_finer < 10**14:
        return None
    per_unit = 1_000_000 if seconds_or_finer < 10**11 else 1000
    # 1763130600.123 has no exact double; its microsecond is the one that reads back as the same double.
    microseconds = round(seconds_or_finer * per_unit)
    return microseconds if microseconds / per_unit == seconds_or_finer else None


def _iso_microseconds(text: str) -> int | None:
    if ("T" not in text and " " not in text) or _FINER_THAN_MICROSECONDS.search(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return (moment - EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        return None


def same_ticker(ticker: object, expected: str) -> bool:
    """Whether it names the feed's underlying, in capitals or not."""
    return isinstance(ticker, str) and (ticker == expected or ticker.upper() == expected.upper())


def _check_ticker(value: Any, envelope: dict[str, Any] | None, expect: Expectation) -> None:
    outer = envelope.get("ticker") if envelope is not None else None
    if value is None:
        value = outer if outer is not None else expect.container_ticker
    if not isinstance(value, str) or not value:
        raise RefusedRecordError(Rule.TICKER_EMPTY, "ticker is absent, empty or not a string")
    for ticker in (value, outer):
        if ticker is not None and not same_ticker(ticker, expect.ticker):
            raise RefusedRecordError(
                Rule.TICKER_MISMATCH, f"ticker is {_short(ticker)}, the file's is {expect.ticker!r}"
            )


def _spot(fields: dict[str, Any]) -> float:
    value = fields.pop("spot", None)
    if value is None:
        value = fields.pop("spot_price", None)
    elif fields.get("spot_price") == value:
        del fields["spot_price"]
    if value is None:
        raise RefusedRecordError(Rule.SPOT_MISSING, "spot is absent or null")
    if not _is_number(value) or not value > 0:
        raise RefusedRecordError(Rule.SPOT_INVALID, f"spot is {_short(value)}")
    return float(value)


def _read_strikes(value: Any, snapshot: Snapshot) -> None:
    if value is None:
        raise RefusedRecordError(Rule.STRIKES_MISSING, "strikes is absent or null")
    if not isinstance(value, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes is {_kind(value)}, not an array")
    if not value:
        raise RefusedRecordError(Rule.STRIKES_EMPTY, "strikes is an empty array")
    snapshot.ladder = _usual_ladder(value)
    if not len(snapshot.ladder):
        snapshot.ladder = _unusual_ladder(value, snapshot)


def _usual_ladder(rows: list[Any]) -> Doubles:
    """The cells of a ladder of rows with five priors that breaks no rule, or none: the fast way for most of them."""
    try:
        flat = [(strike, gex_vol, gex_oi, *priors) for strike, gex_vol, gex_oi, priors in rows]
    except (TypeError, ValueError):
        return NO_LADDER
    if {len(row) for row in flat} != {len(LADDER)} or not _NUMBER_TYPES.issuperset(
        map(type, chain.from_iterable(flat))
    ):
        return NO_LADDER
    cells = np.array(flat, np.float64)
    return cells if np.isfinite(cells).all() and (cells[:, 0] > 0).all() else NO_LADDER


def _unusual_ladder(rows: list[Any], snapshot: Snapshot) -> Doubles:
    ladder, lossless = [], True
    for index, row in enumerate(rows):
        cells, whole, five = _strike_row(row, index)
        ladder.append(cells)
        lossless &= whole
        if not five:
            snapshot.flags |= FLAG_PRIORS_NOT_FIVE
    if not lossless:
        snapshot.extra["strikes"] = rows
        snapshot.flags |= FLAG_EXTRA
    return np.array(ladder)


def _strike_row(row: Any, index: int) -> tuple[tuple[float, ...], bool, bool]:
    """Eight cells; whether they hold all of the row; whether it had five priors."""
    if not isinstance(row, list) or len(row) < 3:
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes[{index}] is {_kind(row)} of an unknown form")
    strike, gex_vol, gex_oi, *rest = row
    if not _is_number(strike) or not strike > 0:
        raise RefusedRecordError(Rule.STRIKE_INVALID, f"strikes[{index}][0] is {_short(strike)}")
    for position, value in ((1, gex_vol), (2, gex_oi)):
        if not _is_number(value):
            raise RefusedRecordError(Rule.GEX_INVALID, f"strikes[{index}][{position}] is {_short(value)}")
    priors = rest[0] if rest else []
    if priors is None:
        priors = []
    if not isinstance(priors, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes[{index}][3] is {_kind(priors)}, not an array")
    if not all(value is None or _is_number(value) for value in priors):
        raise RefusedRecordError(Rule.GEX_INVALID, f"strikes[{index}][3] holds a prior that is not a number")
    cells = [NAN if value is None else float(value) for value in priors[:PRIORS]]
    cells += [NAN] * (PRIORS - len(cells))
    whole = len(rest) <= 1 and len(priors) <= PRIORS
    five = len(priors) == PRIORS and None not in priors
    return (float(strike), float(gex_vol), float(gex_oi), *cells), whole, five


def _read_optional(fields: dict[str, Any], snapshot: Snapshot) -> None:
    """Take the optional fields out of `fields`; what is of an unexpected form stays there, and so goes to extra."""
    for position, name in enumerate(NUMBERS[1:], start=1):
        value = fields.get(name)
        if value is None or _is_number(value):
            fields.pop(name, None)
            snapshot.numbers[position] = NAN if value is None else float(value)
        else:
            snapshot.flags |= FLAG_FIELD_TYPE
    snapshot.min_dte = _optional_integer(fields, "min_dte", snapshot)
    snapshot.sec_min_dte = _optional_integer(fields, "sec_min_dte", snapshot)
    pairs = fields.get("max_priors")
    if pairs is None or _is_max_priors(pairs):
        fields.pop("max_priors", None)
        snapshot.max_priors = None if pairs is None else [(float(a), float(b)) for a, b in pairs]
    else:
        snapshot.flags |= FLAG_FIELD_TYPE


def _optional_integer(fields: dict[str, Any], name: str, snapshot: Snapshot) -> int:
    value = fields.get(name)
    if value is None:
        fields.pop(name, None)
        return MISSING_INT
    if _is_number(value) and value == int(value) and INT_MIN <= value <= INT_MAX:
        del fields[name]
        return int(value)
    snapshot.flags |= FLAG_FIELD_TYPE
    return MISSING_INT


def _is_max_priors(value: Any) -> bool:
    if not isinstance(value, list) or len(value) > MAX_PRIORS:
        return False
    return all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) for pair in value)


def _is_number(value: Any) -> bool:
    """A JSON number that a double can hold; one that is too large has been parsed to infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _short(value: Any, limit: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else repr(value)
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
