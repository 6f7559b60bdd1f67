"""One irregular record at a time: what `_native.c` does not take is decided here, in plain Python.

This is the reference: on every record that the native decoder takes, both give the same values (a property test
holds them to it). It refuses with a code, and keeps what has no column in `extra`:

- unknown fields, under their own names, and the fields of an envelope or frame under `envelope`;
- known optional fields of an unexpected form, under their own names (`field_type`);
- the ladder whole, where an entry has more than the columns hold (of GEX: a sixth prior, a fifth element); a ladder of
  objects that hold more, as `strikes_objects`.

JSON writers leave NaN where there is no number, and bridges over Redis or CSV leave numbers as text. Both say what
they mean, so they are taken, with a warning; but no NaN stands in a ladder, for `spot` or for `timestamp`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gexlake.importers.snapshots.decoding.entries import OBJECTS_SUFFIX, RefusedRecordError, read_entries
from gexlake.importers.snapshots.decoding.json_values import (
    NAN,
    NotFinite,
    Oddities,
    as_number,
    kind_of,
    parse,
    short,
    without_constants,
)
from gexlake.importers.snapshots.decoding.timestamps import WithoutZoneError, read_instant
from gexlake.models.block import (
    FLAG_EXTRA,
    FLAG_FIELD_TYPE,
    FLAG_NOT_FINITE,
    FLAG_NUMBER_AS_TEXT,
    FLAG_ZONE_GIVEN,
    MISSING_INT,
    Doubles,
)
from gexlake.models.record_type import MAX_PRIORS, MOST_PAIRS, Ladder, RecordType
from gexlake.models.source import FRAME_FIELDS, PAYLOAD_KEY
from gexlake.validation.rules import Rule

ENVELOPE_FIELDS = frozenset({"kind", "endpoint", "received_at", *FRAME_FIELDS})
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
MAX_NESTING = 100
"""Levels of an unknown field. Python and DuckDB give up at about 1,000, and not at the same place every time."""
MAX_ENVELOPES = 3
"""Envelopes and frames around one record, one in the other."""


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
    """What a source file's records must agree with: the record type, the ticker, and the time bounds in Unix
    microseconds.

    `container_ticker` is that of an object around the records; it stands in for one that a record lacks. A time without
    a zone is one of `naive_zone`, which the user names.
    """

    kind: RecordType
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
    kind = expect.kind
    fields, envelope = _unwrap(value, kind.mark)
    snapshot = Snapshot(
        timestamp_us=0,
        min_dte=MISSING_INT,
        sec_min_dte=MISSING_INT,
        numbers=[NAN] * len(kind.numbers),
        max_priors=None,
        ladder=np.empty((0, len(kind.ladder_names))),
        extra={},
        flags=0,
    )
    _read_timestamp(fields.pop("timestamp", None), snapshot, expect)
    _check_ticker(fields.pop("ticker", None), envelope, expect)
    if kind.ladder:
        _read_ladder(fields, snapshot, kind.ladder)
    _read_spot(fields, snapshot)
    _read_optional(fields, snapshot, kind)
    outer = {key: item for key, item in envelope.items() if key != "ticker"}
    if fields.keys() - kind.optional_fields or outer.keys() - ENVELOPE_FIELDS:
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


def _unwrap(value: dict[str, Any], mark: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record's own fields, and those of the envelopes or frames around it: each holds the next one's."""
    layers: list[dict[str, Any]] = []
    while len(layers) < MAX_ENVELOPES and (key := _record_key(value, mark)) is not None:
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


def _record_key(value: dict[str, Any], mark: str) -> str | None:
    """The key under which an envelope or frame holds its record; None where the object is the record itself."""
    if mark in value:
        return None
    if isinstance(value.get(PAYLOAD_KEY), dict):
        return PAYLOAD_KEY
    found = [
        key for key, item in value.items() if isinstance(item, dict) and holds_record(item, mark, MAX_ENVELOPES - 1)
    ]
    return found[0] if len(found) == 1 else None


def holds_record(value: dict[str, Any], mark: str, levels: int = MAX_ENVELOPES) -> bool:
    """Whether an object looks like a record, or like an envelope or frame with one in it, by the type's mark."""
    is_record = mark in value and "timestamp" in value
    if is_record or not levels:
        return is_record
    return any(isinstance(item, dict) and holds_record(item, mark, levels - 1) for item in value.values())


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


def _read_ladder(fields: dict[str, Any], snapshot: Snapshot, ladder: Ladder) -> None:
    value = fields.pop(ladder.field, None)
    entries = read_entries(value, fields, ladder)
    snapshot.ladder = entries.cells
    snapshot.flags |= entries.flags
    if not entries.whole:
        snapshot.extra[ladder.field + (OBJECTS_SUFFIX if isinstance(value[0], dict) else "")] = value
        snapshot.flags |= FLAG_EXTRA


def _read_optional(fields: dict[str, Any], snapshot: Snapshot, kind: RecordType) -> None:
    """Take the optional fields out of `fields`; what is of an unexpected form stays there, and so goes to extra."""
    for position, name in enumerate(kind.numbers[1:], start=1):
        value = fields.get(name)
        number = _optional_number(value)
        if number is None:
            snapshot.flags |= FLAG_FIELD_TYPE
            continue
        _note_text(value, snapshot)
        fields.pop(name, None)
        snapshot.numbers[position] = float(number)
    for name in kind.integers:
        _take_integer(fields, name, snapshot)
    if kind.has_max_priors:
        _take_max_priors(fields, snapshot)


def _optional_number(value: Any) -> int | float | None:
    """The number, NaN for one that is absent or is no number in any case, None for a value of another form."""
    return NAN if value is None or isinstance(value, NotFinite) else as_number(value)


def _take_integer(fields: dict[str, Any], name: str, snapshot: Snapshot) -> None:
    value = fields.get(name)
    number = _optional_number(value)
    if number is not None and math.isnan(number):
        fields.pop(name, None)
    elif number is not None and number == int(number) and INT_MIN <= number <= INT_MAX:
        _note_text(fields.pop(name), snapshot)
        setattr(snapshot, name, int(number))
    else:
        snapshot.flags |= FLAG_FIELD_TYPE


def _take_max_priors(fields: dict[str, Any], snapshot: Snapshot) -> None:
    value = fields.get(MAX_PRIORS)
    pairs = None if value is None else _max_priors(value, snapshot)
    if value is None or pairs is not None:
        fields.pop(MAX_PRIORS, None)
        snapshot.max_priors = pairs
    else:
        snapshot.flags |= FLAG_FIELD_TYPE


def _max_priors(value: Any, snapshot: Snapshot) -> list[tuple[float, float]] | None:
    """The pairs, or None for a value of another form."""
    if not isinstance(value, list) or len(value) > MOST_PAIRS:
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
