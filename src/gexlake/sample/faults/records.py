"""Ordinary files with unusual records: repeated, contradicting, damaged, or odd and yet to be kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gexlake.sample.faults.damage import (
    LADDER_REASONS,
    WOUND_REASONS,
    Wound,
    edited,
    record_text,
    token,
    wounded,
    wounds_for,
)
from gexlake.sample.faults.material import (
    ARRAY,
    JSONL,
    Case,
    FaultFile,
    Material,
    all_good,
    named,
    some_refused,
)
from gexlake.sample.faults.shapes import Record, Shape
from gexlake.sample.report import Expectation
from gexlake.sample.sessions import session_on
from gexlake.sample.writer import Form, form_bytes

NEW_YORK = ZoneInfo("America/New_York")
GREEK_PRIORS = 4
"""Where an entry of the greeks has its prior values."""


def _duplicates_in_file(material: Material) -> list[FaultFile]:
    """One record at once again, and the first ten again at the end."""
    records = material.records()
    repeated = [*records[:5], records[4], *records[5:], *records[:10]]
    expected = Expectation("success", len(repeated), len(records), 11)
    return [material.file(f"{material.stem}.json", form_bytes(repeated, ARRAY), expected)]


def _duplicates_between_files(material: Material) -> list[FaultFile]:
    """The second half of one file is the first half of another."""
    half = material.count // 2
    records = material.records(3 * half)
    first, second = records[: 2 * half], records[half:]
    return [
        material.file(f"{material.stem}.json", form_bytes(first, ARRAY), all_good(2 * half)),
        material.file(_second_name(material), form_bytes(second, JSONL), Expectation("success", 2 * half, half, half)),
    ]


def _conflict_in_file(material: Material) -> list[FaultFile]:
    records = material.records()
    contradicting = [*records, _other_spot(records[3]), _other_value(material.shape, records[7])]
    expected = some_refused(len(contradicting), {"key_conflict": 2})
    return [material.file(f"{material.stem}.json", form_bytes(contradicting, ARRAY), expected)]


def _conflict_between_files(material: Material) -> list[FaultFile]:
    """Another file repeats ten records, one of them with other content."""
    records = material.records()
    again = [*records[:9], _other_value(material.shape, records[9])]
    expected = some_refused(10, {"key_conflict": 1}, duplicate=9)
    return [
        material.file(f"{material.stem}.json", form_bytes(records, ARRAY), all_good(len(records))),
        material.file(_second_name(material), form_bytes(again, JSONL), expected),
    ]


def _second_name(material: Material) -> str:
    """Sorts after the plain name of the same session."""
    return named("{ticker}/{category}/{stem}.jsonl", material)


def _other_spot(record: bytes) -> bytes:
    return edited(record, lambda parsed: parsed.update(spot=parsed["spot"] + 0.25))


def _other_value(shape: Shape, record: bytes) -> bytes:
    def change(parsed: Record) -> None:
        if shape.ladder:
            parsed[shape.ladder][0][shape.cells[0]] += 1
        else:
            parsed[shape.scalars[0]] += 1

    return edited(record, change)


def _wounds(reason: str) -> Case:
    """An array with every wound of that reason."""

    def case(material: Material) -> list[FaultFile]:
        wounds = wounds_for(material.shape, material.feed.ticker)[reason]
        return [_wounded_file(material, {reason: wounds}, ARRAY)]

    return case


def _wounds_of_all_kinds(form: Form) -> Case:
    def case(material: Material) -> list[FaultFile]:
        return [_wounded_file(material, wounds_for(material.shape, material.feed.ticker), form)]

    return case


def _broken_lines(material: Material) -> list[FaultFile]:
    """Lines which are no JSON, one of them a record cut off; in JSON Lines they cost nobody else."""
    wounds: tuple[Wound, ...] = (
        lambda _: b"no record at all",
        lambda record: record[: len(record) // 3],
        lambda _: b"]",
    )
    return [_wounded_file(material, {"json_invalid": wounds}, JSONL)]


def _wounded_file(material: Material, wounds: dict[str, tuple[Wound, ...]], form: Form) -> FaultFile:
    dealt = [wound for several in wounds.values() for wound in several]
    records = wounded(material.records(max(material.count, 2 * len(dealt) + 2)), dealt)
    expected = some_refused(len(records), {reason: len(several) for reason, several in wounds.items()})
    return material.file(material.stem + form.suffix, form_bytes(records, form), expected)


def _kept(change: Callable[[Record, int, Shape], object]) -> Case:
    """Every record changed in a way that is accepted; `change` gets the record, its index and its shape."""

    def case(material: Material) -> list[FaultFile]:
        records = [json.loads(record) for record in material.records()]
        for index, record in enumerate(records):
            change(record, index, material.shape)
        data = form_bytes(map(record_text, records), ARRAY)
        return [material.file(f"{material.stem}.json", data, all_good(len(records)))]

    return case


def _other_timestamp_form(record: Record, index: int, _: Shape) -> None:
    """The same instant in milliseconds, ISO 8601 UTC, ISO 8601 with New York's offset, or as it was."""
    seconds = record["timestamp"]
    utc = datetime.fromtimestamp(seconds, UTC)
    forms = (
        seconds * 1000,
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        utc.astimezone(NEW_YORK).isoformat(),
        seconds,
    )
    record["timestamp"] = forms[index % len(forms)]


def _fewer_priors(record: Record, index: int, _: Shape) -> None:
    """Per record: two priors, none in the list, or no list."""
    for row in record["strikes"]:
        row[3:] = ([row[3][:2]], [[]], [])[index % 3]


def _other_prior_counts(record: Record, index: int, shape: Shape) -> None:
    """Per record: two priors, none in the list, or four."""
    for entry in shape.entries(record):
        priors = entry[GREEK_PRIORS]
        entry[GREEK_PRIORS] = (priors[:2], [], [*priors, priors[0]])[index % 3]


def _unknown_elements(record: Record, index: int, shape: Shape) -> None:
    for entry in shape.entries(record):
        entry.append(index / 4)


def _numbers_as_text(record: Record, _: int, shape: Shape) -> None:
    for field in ("spot", *shape.scalars):
        record[field] = str(record[field])


def _not_finite(record: Record, index: int, shape: Shape) -> None:
    for number, field in enumerate(shape.scalars):
        record[field] = token(("NaN", "Infinity", "-Infinity")[(index + number) % 3])


def _field_types(record: Record, index: int, shape: Shape) -> None:
    record[shape.scalars[0]] = (True, [1.5], {"value": 1.5}, "none")[index % 4]


def _unknown_fields(record: Record, index: int, _: Shape) -> None:
    record["net_gex_change"] = index / 4
    record["source"] = {"bridge": "synthetic", "notes": ["kept", None, "\u20ac"]}


def _spot_price(record: Record, _index: int, _: Shape) -> None:
    record["spot_price"] = record.pop("spot")


def _sums_disagree(record: Record, _index: int, _: Shape) -> None:
    record["sum_gex_vol"] = round(record["sum_gex_vol"] + 1000, 3)


def _majors_off_ladder(record: Record, _index: int, _: Shape) -> None:
    record["major_pos_vol"] = record["strikes"][-1][0] * 2


def _out_of_order(material: Material) -> list[FaultFile]:
    records = material.records()
    shuffled = records[10:] + records[9::-1]
    return [material.file(f"{material.stem}.json", form_bytes(shuffled, ARRAY), all_good(len(records)))]


def _record_before_the_open(material: Material) -> list[FaultFile]:
    records = material.records()
    early = session_on(material.session_date).open_utc_seconds - 2
    records[0] = edited(records[0], lambda parsed: parsed.update(timestamp=early))
    return [material.file(f"{material.stem}.json", form_bytes(records, ARRAY), all_good(len(records)))]


RECORD_CASES: dict[str, Case] = {
    "duplicates_in_file": _duplicates_in_file,
    "duplicates_between_files": _duplicates_between_files,
    "conflict_in_file": _conflict_in_file,
    "conflict_between_files": _conflict_between_files,
    **{f"wounds_{reason}": _wounds(reason) for reason in WOUND_REASONS},
    "wounds_of_all_kinds_array": _wounds_of_all_kinds(ARRAY),
    "wounds_of_all_kinds_jsonl": _wounds_of_all_kinds(JSONL),
    "broken_lines": _broken_lines,
    "kept_timestamp_forms": _kept(_other_timestamp_form),
    "kept_fewer_priors": _kept(_fewer_priors),
    "kept_unknown_fields": _kept(_unknown_fields),
    "kept_spot_price": _kept(_spot_price),
    "kept_sums_disagree": _kept(_sums_disagree),
    "kept_majors_off_ladder": _kept(_majors_off_ladder),
    "kept_out_of_order": _out_of_order,
    "kept_before_the_open": _record_before_the_open,
}

VALUE_CASES: dict[str, Case] = {
    "kept_numbers_as_text": _kept(_numbers_as_text),
    "kept_not_finite": _kept(_not_finite),
    "kept_field_types": _kept(_field_types),
    "kept_other_prior_counts": _kept(_other_prior_counts),
    "kept_unknown_elements": _kept(_unknown_elements),
}

GEX_RECORD_CASES = frozenset({"kept_fewer_priors", "kept_sums_disagree", "kept_majors_off_ladder"})
GREEK_RECORD_CASES = frozenset({"kept_other_prior_counts", "kept_unknown_elements"})
LADDER_CASES = frozenset(f"wounds_{reason}" for reason in LADDER_REASONS)
