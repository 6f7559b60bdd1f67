"""Ways to harm one record, by the reason code a correct import gives for refusing it.

A wound takes the text of a good record and returns the text of a bad one. Brackets and quotes stay balanced,
so that the neighbours in a file are intact.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from gexlake.sample.faults.shapes import SHAPES, Record, Shape
from gexlake.sample.feeds import RecordType

Wound = Callable[[bytes], bytes]

STRIKE = 0
NOT_FINITE = "1e999"
"""Valid JSON, but beyond the range of a double."""


def edited(record: bytes, change: Callable[[Record], object]) -> bytes:
    """The record with `change` made to its parsed form; everything else keeps its text."""
    parsed = json.loads(record)
    change(parsed)
    return record_text(parsed)


def record_text(record: object) -> bytes:
    """Compact JSON, in which a `token` stands bare."""
    return json.dumps(record, separators=(",", ":")).replace('"@@', "").replace('@@"', "").encode()


def token(text: str) -> str:
    """A value that `record_text` writes without quotes: NaN, a number Python cannot hold, nothing at all."""
    return f"@@{text}@@"


def wounded(records: Sequence[bytes], wounds: Sequence[Wound]) -> list[bytes]:
    """The records with each wound dealt once, evenly spread; there must be more records than wounds."""
    if len(records) <= len(wounds):
        raise ValueError(f"{len(wounds)} wounds need more than {len(records)} records")
    result = list(records)
    for number, wound in enumerate(wounds, start=1):
        position = number * len(records) // (len(wounds) + 1)
        result[position] = wound(result[position])
    return result


def wounds_for(shape: Shape, ticker: str) -> dict[str, tuple[Wound, ...]]:
    """Reason code -> wounds, for records of that shape and ticker; key_conflict takes two records and is not here."""
    underlying = ticker.rpartition("_")[2]
    others = [other for other in (underlying, "QQQ", "ES_SPX") if other != ticker]
    return {
        **_text_wounds(shape),
        **TIMESTAMP_WOUNDS,
        **(_ladder_wounds(shape, shape.ladder) if shape.ladder else {}),
        **HEAD_WOUNDS,
        "ticker_mismatch": tuple(_set("ticker", other) for other in others),
    }


def _set(field: str, value: object) -> Wound:
    return lambda record: edited(record, lambda parsed: parsed.update({field: value}))


def _drop(field: str) -> Wound:
    return lambda record: edited(record, lambda parsed: parsed.pop(field))


def _set_cell(ladder: str, column: int, value: object) -> Wound:
    """One cell of the middle strike."""

    def change(parsed: Record) -> None:
        rows = parsed[ladder]
        rows[len(rows) // 2][column] = value

    return lambda record: edited(record, change)


def _set_row(ladder: str, row: object) -> Wound:
    def change(parsed: Record) -> None:
        rows = parsed[ladder]
        rows[len(rows) // 2] = row

    return lambda record: edited(record, change)


def _replace(text: bytes) -> Wound:
    return lambda _: text


def _end_with(ending: bytes) -> Wound:
    """Other text in place of the closing brace."""
    return lambda record: record[:-1] + ending


def _text_wounds(shape: Shape) -> dict[str, tuple[Wound, ...]]:
    one, other = shape.scalars
    return {
        "json_invalid": (
            _set(one, token("")),
            _set(other, token("012.5")),
            _end_with(b",}"),
            _end_with(b',"note":"\xff"}'),
        ),
        "not_object": tuple(map(_replace, (b"null", b"42", b'"snapshot"', b"[1,2]", b"true"))),
    }


def _ladder_wounds(shape: Shape, ladder: str) -> dict[str, tuple[Wound, ...]]:
    one, other = shape.cells
    nothing: list[object] | None = [] if shape.nullable else None
    return {
        "strikes_missing": (_drop(ladder),),
        "strikes_empty": (_set(ladder, []),),
        "strikes_malformed": (
            _set(ladder, "none"),
            _set(ladder, {}),
            _set_row(ladder, 25_000),
            _set_row(ladder, []),
            _set_row(ladder, [25_000, 1.5]),
        ),
        "strike_invalid": (
            _set_cell(ladder, STRIKE, -25_000),
            _set_cell(ladder, STRIKE, 0),
            _set_cell(ladder, STRIKE, "25,000"),
            _set_cell(ladder, STRIKE, None),
            _set_cell(ladder, STRIKE, token(NOT_FINITE)),
        ),
        "gex_invalid": (
            _set_cell(ladder, one, nothing),
            _set_cell(ladder, other, nothing),
            _set_cell(ladder, one, "12,5"),
            _set_cell(ladder, one, token("NaN")),
            _set_cell(ladder, other, token(NOT_FINITE)),
        ),
    }


TIMESTAMP_WOUNDS: dict[str, tuple[Wound, ...]] = {
    "timestamp_missing": (_drop("timestamp"),),
    "timestamp_invalid": (_set("timestamp", "yesterday"), _set("timestamp", {}), _set("timestamp", True)),
    "timestamp_future": (
        _set("timestamp", 4102498800),
        _set("timestamp", 4102498800000),
        _set("timestamp", "2100-01-01T15:00:00Z"),
    ),
    "timestamp_too_old": (
        _set("timestamp", 0),
        _set("timestamp", 915202800),
        _set("timestamp", "1999-01-01T15:00:00Z"),
    ),
}

HEAD_WOUNDS: dict[str, tuple[Wound, ...]] = {
    "spot_missing": (_drop("spot"),),
    "spot_invalid": (
        _set("spot", 0),
        _set("spot", -25_000.5),
        _set("spot", "n/a"),
        _set("spot", token("Infinity")),
        _set("spot", token(NOT_FINITE)),
    ),
    "ticker_empty": (_set("ticker", ""),),
}

LADDER_REASONS = tuple(_ladder_wounds(SHAPES[RecordType.GEX], "strikes"))
"""Of records that have a ladder."""

WOUND_REASONS = tuple(wounds_for(SHAPES[RecordType.GEX], ""))
