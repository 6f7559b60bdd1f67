"""One irregular record at a time: what `_native.c` does not take is decided here, in plain Python.

This is the reference: on every record that the native decoder takes, both give the same values (a property test
holds them to it). It refuses with a code, and keeps what has no column in `extra`:

- unknown fields, under their own names, and the fields of an envelope or frame under `envelope`;
- known optional fields of an unexpected form, under their own names (`field_type`);
- `strikes` whole, where a row has more than the columns hold (a sixth prior, a fifth element); a ladder of objects
  that hold more, as `strikes_objects`.

JSON writers leave NaN where there is no number, and bridges over Redis or CSV leave numbers as text. Both say what
they mean, so they are taken, with a warning; but no NaN stands in a ladder, for `spot` or for `timestamp`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gexlake.importers.gex.decoding.json_values import (
    NAN,
    NotFinite,
    Oddities,
    as_number,
    kind_of,
    parse,
    short,
    without_constants,
)
from gexlake.importers.gex.decoding.ladder_objects import UnknownLadderError, rows_of_objects
from gexlake.importers.gex.decoding.timestamps import WithoutZoneError, read_instant
from gexlake.models.gex_block import Doubles
from gexlake.models.gex_columns import (
    FLAG_EXTRA,
    FLAG_FIELD_TYPE,
    FLAG_NOT_FINITE,
    FLAG_NUMBER_AS_TEXT,
    FLAG_PRIORS_NOT_FIVE,
    FLAG_ZONE_GIVEN,
    LADDER,
    MAX_PRIORS,
    MISSING_INT,
    NUMBERS,
    PRIORS,
)
from gexlake.models.source import FRAME_FIELDS, PAYLOAD_KEY
from gexlake.validation.rules import Rule

ENVELOPE_FIELDS = frozenset({"kind", "endpoint", "received_at", *FRAME_FIELDS})
OPTIONAL_FIELDS = frozenset({*NUMBERS[1:], "min_dte", "sec_min_dte", "max_priors"})
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
NO_LADDER: Doubles = np.empty((0, len(LADDER)))
MAX_NESTING = 100
"""Levels of an unknown field. Python and DuckDB give up at about 1,000, and not at the same place every time."""
LADDER_OBJECTS = "strikes_objects"
"""Not `strikes`: what is served under that name has the vendor's rows."""
MAX_ENVELOPES = 3
"""Envelopes and frames around one record, one in the other."""

_NUMBER_TYPES = frozenset((int, float))
_RECORD_FIELDS = frozenset({"timestamp", "strikes"})


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

    `container_ticker` is that of an object around the records; it stands in for one that a record lacks. A time without
    a zone is one of `naive_zone`, which the user names.
    """

    ticker: str
    min_us: int
    max_us: int
    container_ticker: str | None = None
    naive_zone: ZoneInfo | None = None


def read_snapshot(value: Any, oddities: Oddities, expect: Expectation) -> Snapshot:
    """The snapshot that a parsed record denotes; raises `RefusedRecordError` with the first rule it breaks."""
    _check_grammar(oddities)
    if not isinstance(value, dict):
        raise RefusedRecordError(Rule.NOT_OBJECT, f"the record is {kind_of(value)}, not an object")
    fields, envelope = _unwrap(value)
    snapshot = Snapshot(
        timestamp_us=0,
        min_dte=MISSING_INT,
        sec_min_dte=MISSING_INT,
        numbers=[NAN] * len(NUMBERS),
        max_priors=None,
        ladder=NO_LADDER,
        extra={},
        flags=0,
    )
    _read_timestamp(fields.pop("timestamp", None), snapshot, expect)
    _check_ticker(fields.pop("ticker", None), envelope, expect)
    _read_strikes(fields, snapshot)
    _read_spot(fields, snapshot)
    _read_optional(fields, snapshot)
    outer = {key: item for key, item in envelope.items() if key != "ticker"}
    if fields.keys() - OPTIONAL_FIELDS or outer.keys() - ENVELOPE_FIELDS:
        snapshot.flags |= FLAG_EXTRA
    snapshot.extra.update(fields)
    if outer:
        snapshot.extra[_envelope_name(snapshot.extra)] = outer
    _check_extra(snapshot.extra)
    if oddities.constant is not None:
        snapshot.flags |= FLAG_NOT_FINITE
        snapshot.extra = without_constants(snapshot.extra)
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
            raise RefusedRecordError(Rule.JSON_INVALID, f"{short(name)} is nested more than {MAX_NESTING} levels deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check_kept(name, item, levels - 1)
    elif isinstance(value, float) and math.isinf(value) and not isinstance(value, NotFinite):
        raise RefusedRecordError(Rule.NUMBER_OVERFLOW, f"{short(name)} holds a number too large for a double")


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
    if end != len(text) or len(value) != len(members) or oddities.constant is not None:
        raise ValueError("unbalanced members, or a word that is no JSON")
    return value  # type: ignore[no-any-return]


def _check_grammar(oddities: Oddities) -> None:
    if oddities.duplicate is not None:
        raise RefusedRecordError(Rule.DUPLICATE_KEY, f"key {short(oddities.duplicate)} stands twice")


def _unwrap(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record's own fields, and those of the envelopes or frames around it: each holds the next one's."""
    layers: list[dict[str, Any]] = []
    while len(layers) < MAX_ENVELOPES and (key := _record_key(value)) is not None:
        layers.append({name: item for name, item in value.items() if name != key})
        value = value[key]
    envelope: dict[str, Any] = {}
    for layer in reversed(layers):
        ticker = envelope.pop("ticker", None)
        if ticker is not None and layer.setdefault("ticker", ticker) != ticker:
            envelope["ticker"] = ticker
        if envelope:
            layer[_envelope_name(layer)] = envelope
        envelope = layer
    return dict(value), envelope


def _record_key(value: dict[str, Any]) -> str | None:
    """The key under which an envelope or frame holds its record; None where the object is the record itself."""
    if "strikes" in value:
        return None
    if isinstance(value.get(PAYLOAD_KEY), dict):
        return PAYLOAD_KEY
    found = [key for key, item in value.items() if isinstance(item, dict) and holds_record(item, MAX_ENVELOPES - 1)]
    return found[0] if len(found) == 1 else None


def holds_record(value: dict[str, Any], levels: int = MAX_ENVELOPES) -> bool:
    """Whether an object looks like a record, or like an envelope or frame with one in it."""
    if value.keys() >= _RECORD_FIELDS or not levels:
        return value.keys() >= _RECORD_FIELDS
    return any(isinstance(item, dict) and holds_record(item, levels - 1) for item in value.values())


def _read_timestamp(value: Any, snapshot: Snapshot, expect: Expectation) -> None:
    if value is None:
        raise RefusedRecordError(Rule.TIMESTAMP_MISSING, "timestamp is absent or null")
    try:
        instant = read_instant(value, expect.naive_zone)
    except WithoutZoneError as error:
        raise RefusedRecordError(Rule.TIMESTAMP_WITHOUT_ZONE, str(error)) from error
    if instant is None:
        raise RefusedRecordError(Rule.TIMESTAMP_INVALID, f"timestamp is {short(value)}")
    if instant.microseconds > expect.max_us:
        raise RefusedRecordError(Rule.TIMESTAMP_FUTURE, f"timestamp {short(value)} lies in the future")
    if instant.microseconds < expect.min_us:
        raise RefusedRecordError(Rule.TIMESTAMP_TOO_OLD, f"timestamp {short(value)} lies before the year 2000")
    snapshot.timestamp_us = instant.microseconds
    if instant.in_zone:
        snapshot.flags |= FLAG_ZONE_GIVEN
    elif as_number(value) is not None:
        _note_text(value, snapshot)


def same_ticker(ticker: object, expected: str) -> bool:
    """Whether it names the feed's underlying, in capitals or not."""
    return isinstance(ticker, str) and (ticker == expected or ticker.upper() == expected.upper())


def _check_ticker(value: Any, envelope: dict[str, Any], expect: Expectation) -> None:
    outer = envelope.get("ticker")
    if value is None:
        value = outer if outer is not None else expect.container_ticker
    if not isinstance(value, str) or not value:
        raise RefusedRecordError(Rule.TICKER_EMPTY, "ticker is absent, empty or not a string")
    for ticker in (value, outer):
        if ticker is not None and not same_ticker(ticker, expect.ticker):
            raise RefusedRecordError(
                Rule.TICKER_MISMATCH, f"ticker is {short(ticker)}, the file's is {expect.ticker!r}"
            )


def _read_spot(fields: dict[str, Any], snapshot: Snapshot) -> None:
    value = fields.pop("spot", None)
    if value is None:
        value = fields.pop("spot_price", None)
    elif fields.get("spot_price") == value:
        del fields["spot_price"]
    if value is None:
        raise RefusedRecordError(Rule.SPOT_MISSING, "spot is absent or null")
    number = as_number(value)
    if number is None or not number > 0:
        raise RefusedRecordError(Rule.SPOT_INVALID, f"spot is {short(value)}")
    _note_text(value, snapshot)
    snapshot.numbers[0] = float(number)


def _note_text(value: Any, snapshot: Snapshot) -> None:
    """Say so where a number that was taken is written as text."""
    if isinstance(value, str):
        snapshot.flags |= FLAG_NUMBER_AS_TEXT


def _read_strikes(fields: dict[str, Any], snapshot: Snapshot) -> None:
    value = fields.pop("strikes", None)
    if value is None:
        raise RefusedRecordError(Rule.STRIKES_MISSING, "strikes is absent or null")
    if not isinstance(value, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes is {kind_of(value)}, not an array")
    if not value:
        raise RefusedRecordError(Rule.STRIKES_EMPTY, "strikes is an empty array")
    rows, whole = value, True
    name = "strikes"
    if isinstance(value[0], dict):
        name = LADDER_OBJECTS
        try:
            rows, whole = rows_of_objects(value, fields)
        except UnknownLadderError as error:
            raise RefusedRecordError(Rule.STRIKES_MALFORMED, str(error)) from error
    snapshot.ladder = _usual_ladder(rows)
    if not len(snapshot.ladder):
        snapshot.ladder, all_kept = _unusual_ladder(rows, snapshot)
        whole &= all_kept
    if not whole:
        snapshot.extra[name] = value
        snapshot.flags |= FLAG_EXTRA


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


def _unusual_ladder(rows: list[Any], snapshot: Snapshot) -> tuple[Doubles, bool]:
    """The cells, and whether they hold all of the rows."""
    ladder, lossless = [], True
    for index, row in enumerate(rows):
        cells, whole = _strike_row(row, index, snapshot)
        ladder.append(cells)
        lossless &= whole
    return np.array(ladder), lossless


def _strike_row(row: Any, index: int, snapshot: Snapshot) -> tuple[tuple[float, ...], bool]:
    """Eight cells, and whether they hold all of the row."""
    if not isinstance(row, list) or len(row) < 3:
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes[{index}] is {kind_of(row)} of an unknown form")
    cells = [as_number(value) for value in row[:3]]
    if cells[0] is None or not cells[0] > 0:
        raise RefusedRecordError(Rule.STRIKE_INVALID, f"strikes[{index}][0] is {short(row[0])}")
    for position in (1, 2):
        if cells[position] is None:
            raise RefusedRecordError(Rule.GEX_INVALID, f"strikes[{index}][{position}] is {short(row[position])}")
    priors = row[3] if len(row) > 3 else []
    if priors is None:
        priors = []
    if not isinstance(priors, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"strikes[{index}][3] is {kind_of(priors)}, not an array")
    earlier = [NAN if value is None else as_number(value) for value in priors]
    if None in earlier:
        raise RefusedRecordError(Rule.GEX_INVALID, f"strikes[{index}][3] holds a prior that is not a number")
    for value in (*row[:3], *priors[:PRIORS]):
        _note_text(value, snapshot)
    if len(priors) != PRIORS or None in priors:
        snapshot.flags |= FLAG_PRIORS_NOT_FIVE
    cells += earlier[:PRIORS] + [NAN] * (PRIORS - len(earlier))
    return tuple(float(cell) for cell in cells if cell is not None), len(row) <= 4 and len(priors) <= PRIORS


def _read_optional(fields: dict[str, Any], snapshot: Snapshot) -> None:
    """Take the optional fields out of `fields`; what is of an unexpected form stays there, and so goes to extra."""
    for position, name in enumerate(NUMBERS[1:], start=1):
        value = fields.get(name)
        number = _optional_number(value)
        if number is None:
            snapshot.flags |= FLAG_FIELD_TYPE
            continue
        _note_text(value, snapshot)
        fields.pop(name, None)
        snapshot.numbers[position] = float(number)
    snapshot.min_dte = _optional_integer(fields, "min_dte", snapshot)
    snapshot.sec_min_dte = _optional_integer(fields, "sec_min_dte", snapshot)
    value = fields.get("max_priors")
    pairs = None if value is None else _max_priors(value, snapshot)
    if value is None or pairs is not None:
        fields.pop("max_priors", None)
        snapshot.max_priors = pairs
    else:
        snapshot.flags |= FLAG_FIELD_TYPE


def _optional_number(value: Any) -> int | float | None:
    """The number, NaN for one that is absent or is no number in any case, None for a value of another form."""
    return NAN if value is None or isinstance(value, NotFinite) else as_number(value)


def _optional_integer(fields: dict[str, Any], name: str, snapshot: Snapshot) -> int:
    value = fields.get(name)
    number = _optional_number(value)
    if number is not None and math.isnan(number):
        fields.pop(name, None)
        return MISSING_INT
    if number is not None and number == int(number) and INT_MIN <= number <= INT_MAX:
        _note_text(fields.pop(name), snapshot)
        return int(number)
    snapshot.flags |= FLAG_FIELD_TYPE
    return MISSING_INT


def _max_priors(value: Any, snapshot: Snapshot) -> list[tuple[float, float]] | None:
    """The pairs, or None for a value of another form."""
    if not isinstance(value, list) or len(value) > MAX_PRIORS:
        return None
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        return None
    flat = [as_number(item) for pair in value for item in pair]
    numbers = [float(number) for number in flat if number is not None]
    if len(numbers) < len(flat):
        return None
    for pair in value:
        for item in pair:
            _note_text(item, snapshot)
    return list(zip(numbers[::2], numbers[1::2], strict=True))
