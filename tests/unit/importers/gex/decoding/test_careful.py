"""One record, read carefully: what it denotes, or the rule that it breaks and the words for it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gexlake.importers.gex.decoding.careful import (
    MAX_NESTING,
    Expectation,
    RefusedRecordError,
    Snapshot,
    dump_extra,
    parse_extra,
    read_snapshot,
)
from gexlake.importers.gex.decoding.json_values import is_cut_short, parse
from gexlake.importers.gex.decoding.ladder_objects import FORMS
from gexlake.models.gex_columns import (
    FLAG_EXTRA,
    FLAG_FIELD_TYPE,
    FLAG_NOT_FINITE,
    FLAG_NUMBER_AS_TEXT,
    FLAG_PRIORS_NOT_FIVE,
    FLAG_ZONE_GIVEN,
    MISSING_INT,
    NUMBERS,
)
from gexlake.validation.rules import Rule, Severity

EXPECT = Expectation("NQ_NDX", min_us=946_684_800_000_000, max_us=1_800_000_000_000_000)
SECOND = 1_763_130_602
GOOD: dict[str, Any] = {
    "timestamp": SECOND,
    "ticker": "NQ_NDX",
    "min_dte": 0,
    "sec_min_dte": 3,
    "spot": 25012.5,
    "zero_gamma": 25000,
    "major_pos_vol": 25100,
    "major_pos_oi": 25200,
    "major_neg_vol": 24900,
    "major_neg_oi": 24800,
    "strikes": [[24990, -1.5, 2, [0, 1, 2, 3, 4]], [25000, 3, -4.25, [5, 6, 7, 8, 9.5]]],
    "sum_gex_vol": 1.5,
    "sum_gex_oi": -2.25,
    "delta_risk_reversal": 0.118,
    "max_priors": [[25000, 1.5], [25010, -2]],
}
NAN = math.nan


def text_of(fields: dict[str, object]) -> str:
    """A record's text; values of type bytes stand in it as they are."""
    members = (
        f"{json.dumps(name)}:{value.decode() if isinstance(value, bytes) else json.dumps(value)}"
        for name, value in fields.items()
    )
    return "{" + ",".join(members) + "}"


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name not in names}


def read(text: str | dict[str, object], expect: Expectation = EXPECT) -> Snapshot:
    value, end, oddities = parse(text := text if isinstance(text, str) else text_of(text))
    assert end == len(text)
    return read_snapshot(value, oddities, expect)


def read_with(expect: Expectation = EXPECT, **fields: object) -> Snapshot:
    return read({**GOOD, **fields}, expect)


def same(left: object, right: object) -> bool:
    """Equal, where NaN equals NaN and the sign of zero counts."""
    return repr(left) == repr(right)


def test_a_good_record_is_taken_value_by_value() -> None:
    snapshot = read(GOOD)
    assert snapshot.timestamp_us == SECOND * 1_000_000
    assert (snapshot.min_dte, snapshot.sec_min_dte) == (0, 3)
    assert same(snapshot.numbers, [float(GOOD[name]) for name in NUMBERS])
    assert snapshot.max_priors == [(25000.0, 1.5), (25010.0, -2.0)]
    assert same(
        snapshot.ladder.tolist(),
        [[24990.0, -1.5, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0], [25000.0, 3.0, -4.25, 5.0, 6.0, 7.0, 8.0, 9.5]],
    )
    assert (snapshot.extra, snapshot.flags) == ({}, 0)


def test_optional_fields_may_be_absent_or_null() -> None:
    required = {"timestamp", "ticker", "spot", "strikes"}
    for optional in (without(*(GOOD.keys() - required)), {key: GOOD[key] if key in required else None for key in GOOD}):
        snapshot = read(optional)
        assert same(snapshot.numbers, [25012.5] + [NAN] * 8)
        assert (snapshot.min_dte, snapshot.sec_min_dte, snapshot.max_priors) == (MISSING_INT, MISSING_INT, None)
        assert (snapshot.extra, snapshot.flags) == ({}, 0)


# --- refused


DEEP = b"[" * 400 + b"]" * 400
REFUSED: list[tuple[Rule, dict[str, object] | str, str]] = [
    (Rule.JSON_INVALID, {**GOOD, "note": DEEP}, '"note" is nested more than 100 levels deep'),
    (Rule.NOT_OBJECT, "NaN", "the record is a number, not an object"),
    (Rule.NOT_OBJECT, "null", "the record is null, not an object"),
    (Rule.NOT_OBJECT, "true", "the record is a boolean, not an object"),
    (Rule.NOT_OBJECT, "42", "the record is a number, not an object"),
    (Rule.NOT_OBJECT, "-1.5", "the record is a number, not an object"),
    (Rule.NOT_OBJECT, '"snapshot"', "the record is a string, not an object"),
    (Rule.NOT_OBJECT, "[1,2]", "the record is an array, not an object"),
    (Rule.DUPLICATE_KEY, text_of(GOOD)[:-1] + ',"spot":1}', 'key "spot" stands twice'),
    (Rule.DUPLICATE_KEY, text_of(GOOD)[:-1] + ',"sp\\u006ft":1}', 'key "spot" stands twice'),
    (Rule.DUPLICATE_KEY, {**GOOD, "note": b'[{"a":1,"b":2,"b":2}]'}, 'key "b" stands twice'),
    (Rule.DUPLICATE_KEY, {**GOOD, "note": b'{"\\ud800":1,"\\ud800":1}'}, 'key "\\ud800" stands twice'),
    (Rule.NUMBER_OVERFLOW, {**GOOD, "zero_gamma": b"1e999"}, '"zero_gamma" holds a number too large for a double'),
    (Rule.NUMBER_OVERFLOW, {**GOOD, "min_dte": b"9" * 400}, '"min_dte" holds a number too large for a double'),
    (Rule.NUMBER_OVERFLOW, {**GOOD, "note": b"[-2e308]"}, '"note" holds a number too large for a double'),
    (
        Rule.NUMBER_OVERFLOW,
        {**GOOD, "max_priors": b"[[1,1e400]]"},
        '"max_priors" holds a number too large for a double',
    ),
    (Rule.TIMESTAMP_MISSING, without("timestamp"), "timestamp is absent or null"),
    (Rule.TIMESTAMP_MISSING, {**GOOD, "timestamp": None}, "timestamp is absent or null"),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": "yesterday"}, 'timestamp is "yesterday"'),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": True}, "timestamp is true"),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": {"$date": 1}}, 'timestamp is {"$date": 1}'),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": b"1e999"}, "timestamp is inf"),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": b"NaN"}, "timestamp is NaN"),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": "1e999"}, 'timestamp is "1e999"'),
    (
        Rule.TIMESTAMP_WITHOUT_ZONE,
        {**GOOD, "timestamp": "2025-11-10 09:30:02"},
        'timestamp "2025-11-10 09:30:02" has no zone: is it UTC, or New York?',
    ),
    (Rule.TIMESTAMP_TOO_OLD, {**GOOD, "timestamp": "20251110"}, 'timestamp "20251110" lies before the year 2000'),
    (
        Rule.TIMESTAMP_FUTURE,
        {**GOOD, "timestamp": "20251110093002"},
        'timestamp "20251110093002" lies in the future',
    ),
    (Rule.TIMESTAMP_INVALID, {**GOOD, "timestamp": "x" * 100}, f'timestamp is "{"x" * 58}…'),
    (Rule.TIMESTAMP_FUTURE, {**GOOD, "timestamp": 1_800_000_001}, "timestamp 1800000001 lies in the future"),
    (
        Rule.TIMESTAMP_FUTURE,
        {**GOOD, "timestamp": "2030-01-01T00:00Z"},
        'timestamp "2030-01-01T00:00Z" lies in the future',
    ),
    (Rule.TIMESTAMP_TOO_OLD, {**GOOD, "timestamp": 946_684_799}, "timestamp 946684799 lies before the year 2000"),
    (Rule.TIMESTAMP_TOO_OLD, {**GOOD, "timestamp": 0}, "timestamp 0 lies before the year 2000"),
    (Rule.TIMESTAMP_TOO_OLD, {**GOOD, "timestamp": -1}, "timestamp -1 lies before the year 2000"),
    (Rule.TICKER_EMPTY, without("ticker"), "ticker is absent, empty or not a string"),
    (Rule.TICKER_EMPTY, {**GOOD, "ticker": ""}, "ticker is absent, empty or not a string"),
    (Rule.TICKER_EMPTY, {**GOOD, "ticker": 7}, "ticker is absent, empty or not a string"),
    (Rule.TICKER_MISMATCH, {**GOOD, "ticker": "NDX"}, "ticker is \"NDX\", the file's is 'NQ_NDX'"),
    (Rule.TICKER_MISMATCH, {"ticker": "NDX", "payload": GOOD}, "ticker is \"NDX\", the file's is 'NQ_NDX'"),
    (Rule.TICKER_MISMATCH, {"payload": {**GOOD, "ticker": "ndx"}}, "ticker is \"ndx\", the file's is 'NQ_NDX'"),
    (Rule.TICKER_MISMATCH, {**GOOD, "ticker": b'"\\ud800"'}, "ticker is \"\\ud800\", the file's is 'NQ_NDX'"),
    (Rule.STRIKES_MISSING, without("strikes"), "strikes is absent or null"),
    (Rule.STRIKES_MISSING, {**GOOD, "strikes": None}, "strikes is absent or null"),
    (Rule.STRIKES_EMPTY, {**GOOD, "strikes": []}, "strikes is an empty array"),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": {}}, "strikes is an object, not an array"),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": [1, 2, 3]}, "strikes[0] is a number of an unknown form"),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": [[1, 2, 3], [1, 2]]}, "strikes[1] is an array of an unknown form"),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": ["abcd"]}, "strikes[0] is a string of an unknown form"),
    (
        Rule.STRIKES_MALFORMED,
        {**GOOD, "strikes": [dict.fromkeys("abcd")]},
        f'strikes[0] is an object with "a", "b", "c", "d"; {FORMS}',
    ),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": [{}]}, f"strikes[0] is an object with nothing in it; {FORMS}"),
    (
        Rule.STRIKES_MALFORMED,
        {**GOOD, "strikes": [{"strike": 1, "gex_vol": 2, "gex_oi": 3}, [1, 2, 3]]},
        f"strikes[1] is of another form; {FORMS}",
    ),
    (
        Rule.STRIKES_MALFORMED,
        {**GOOD, "strikes": [{"strike": 1, "gamma": 2, "oi_gamma": -2.25}]},
        f"strikes holds gamma, and sum_gex_vol does not prove it to be gex_vol; {FORMS}",
    ),
    (
        Rule.STRIKES_MALFORMED,
        {**without("sum_gex_oi"), "strikes": [{"strike": 1, "gamma": 1.5, "oi_gamma": -2.25}]},
        f"strikes holds oi_gamma, and sum_gex_oi does not prove it to be gex_oi; {FORMS}",
    ),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": [[1, 2, 3, 4]]}, "strikes[0][3] is a number, not an array"),
    (Rule.STRIKES_MALFORMED, {**GOOD, "strikes": [[1, 2, 3, "12345"]]}, "strikes[0][3] is a string, not an array"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": [[0, 2, 3]]}, "strikes[0][0] is 0"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": [[-5.5, 2, 3, [1] * 5]]}, "strikes[0][0] is -5.5"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": [["5 ", 2, 3]]}, 'strikes[0][0] is "5 "'),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": [["-5", 2, 3]]}, 'strikes[0][0] is "-5"'),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": b"[[NaN,2,3,[1,2,3,4,5]]]"}, "strikes[0][0] is NaN"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": [[True, 2, 3, [1] * 5]]}, "strikes[0][0] is true"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": b"[[1e999,2,3,[1,2,3,4,5]]]"}, "strikes[0][0] is inf"),
    (Rule.STRIKE_INVALID, {**GOOD, "strikes": b"[[1e-400,2,3]]"}, "strikes[0][0] is 0.0"),
    (Rule.GEX_INVALID, {**GOOD, "strikes": [[5, None, 3]]}, "strikes[0][1] is null"),
    (Rule.GEX_INVALID, {**GOOD, "strikes": [[5, 2, "+3"]]}, 'strikes[0][2] is "+3"'),
    (Rule.GEX_INVALID, {**GOOD, "strikes": b"[[5,NaN,3,[1,2,3,4,5]]]"}, "strikes[0][1] is NaN"),
    (Rule.GEX_INVALID, {**GOOD, "strikes": b"[[5,2,-Infinity]]"}, "strikes[0][2] is -Infinity"),
    (
        Rule.GEX_INVALID,
        {**GOOD, "strikes": b"[[5,2,3,[1,2,NaN,4,5]]]"},
        "strikes[0][3] holds a prior that is not a number",
    ),
    (Rule.GEX_INVALID, {**GOOD, "strikes": b"[[5,2,-1e999,[1,2,3,4,5]]]"}, "strikes[0][2] is -inf"),
    (Rule.GEX_INVALID, {**GOOD, "strikes": [[5, 2, 3, ["1,5"]]]}, "strikes[0][3] holds a prior that is not a number"),
    (Rule.GEX_INVALID, {**GOOD, "strikes": [[5, 2, 3, [[]]]]}, "strikes[0][3] holds a prior that is not a number"),
    (
        Rule.GEX_INVALID,
        {**GOOD, "strikes": b"[[5,2,3,[1,2,3,4,1e999]]]"},
        "strikes[0][3] holds a prior that is not a number",
    ),
    (Rule.SPOT_MISSING, without("spot"), "spot is absent or null"),
    (Rule.SPOT_MISSING, {**GOOD, "spot": None, "spot_price": None}, "spot is absent or null"),
    (Rule.SPOT_INVALID, {**GOOD, "spot": 0}, "spot is 0"),
    (Rule.SPOT_INVALID, {**GOOD, "spot": -0.25}, "spot is -0.25"),
    (Rule.SPOT_INVALID, {**GOOD, "spot": "25,000"}, 'spot is "25,000"'),
    (Rule.SPOT_INVALID, {**GOOD, "spot": b"NaN"}, "spot is NaN"),
    (Rule.SPOT_INVALID, {**GOOD, "spot": b"Infinity"}, "spot is Infinity"),
    (Rule.SPOT_INVALID, {**GOOD, "spot": b"2e308"}, "spot is inf"),
    (Rule.SPOT_INVALID, {**without("spot"), "spot_price": False}, "spot is false"),
]


@pytest.mark.parametrize(("rule", "record", "message"), REFUSED)
def test_a_record_that_breaks_a_rule_is_refused_in_words(
    rule: Rule, record: dict[str, object] | str, message: str
) -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read(record)
    assert (caught.value.rule, caught.value.message) == (rule, message)


def test_every_rule_that_one_record_can_break_is_shown_here() -> None:
    beyond_one_record = {Rule.TRUNCATED, Rule.RECORD_TOO_LARGE, Rule.KEY_CONFLICT}
    refused = {rule for rule in Rule if rule.severity is Severity.REFUSED}
    assert {rule for rule, _, _ in REFUSED} == refused - beyond_one_record


def test_a_key_standing_twice_among_very_many_is_found_quickly() -> None:
    members = ",".join(f'"{number}":0' for number in range(50_000))
    _, _, oddities = parse(f'{{{members},"49999":1}}')
    assert oddities.duplicate == "49999"


# --- timestamps


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        (SECOND, SECOND * 10**6),
        (SECOND * 1000 + 123, SECOND * 10**6 + 123_000),
        (SECOND * 10**6 + 123_456, SECOND * 10**6 + 123_456),
        (SECOND * 10**9 + 123_456_000, SECOND * 10**6 + 123_456),
        (float(SECOND), SECOND * 10**6),
        (SECOND + 0.5, SECOND * 10**6 + 500_000),
        (SECOND + 0.123456, SECOND * 10**6 + 123_456),
        (b"1763130602.123", SECOND * 10**6 + 123_000),
        (b"1.763130602e9", SECOND * 10**6),
        (b"1763130602123.0", SECOND * 10**6 + 123_000),
        (b"1763130602123.5", SECOND * 10**6 + 123_500),
        (b"1763130602123.456", SECOND * 10**6 + 123_456),
        (b"1.763130602123001e12", SECOND * 10**6 + 123_001),
        ("2025-11-14T14:30:02Z", SECOND * 10**6),
        ("2025-11-14 14:30:02Z", SECOND * 10**6),
        ("1763130602", SECOND * 10**6),
        ("1763130602123", SECOND * 10**6 + 123_000),
        ("1763130602.5", SECOND * 10**6 + 500_000),
        ("1.763130602E9", SECOND * 10**6),
        ("2025-11-14T14:30:02.123456+00:00", SECOND * 10**6 + 123_456),
        ("2025-11-14T14:30:02,5Z", SECOND * 10**6 + 500_000),
        ("2025-11-14T14:30:02.123456000Z", SECOND * 10**6 + 123_456),
        ("2025-11-14T09:30:02-05:00", SECOND * 10**6),
        ("2025-11-14T20:00:02+05:30", SECOND * 10**6),
        ("20251114T143002Z", SECOND * 10**6),
        ("2025-11-14T14:30Z", (SECOND - 2) * 10**6),
        (1_800_000_000, 1_800_000_000 * 10**6),
        (946_684_800, 946_684_800 * 10**6),
    ],
)
def test_a_timestamp_goes_by_form_and_magnitude(written: object, microseconds: int) -> None:
    assert read_with(timestamp=written).timestamp_us == microseconds


@pytest.mark.parametrize(
    "written",
    [
        SECOND * 10**9 + 1,
        10**20,
        -(10**11),
        SECOND + 1 / 2**21,
        b"1763130602.1234567",
        b"1763130602123.4565",
        b"1763130602123456.5",
        b"-0.5",
        "",
        " ",
        "2025-11-14",
        "2025-11-14T",
        "14:30:02",
        "2025-11-14T14:30:02.1234567Z",
        "2025-11-14T14:30:02,123456001",
        "2025-11-14T14:30:60Z",
        "2025-02-30T14:30:00Z",
        "2025-11-14T14:30:02Z and more",
        " 1763130602",
        "+1763130602",
        "1_763_130_602",
        "\u0661\u0667\u0666\u0663\u0661\u0663\u0660\u0666\u0660\u0662",
        [SECOND],
        False,
    ],
)
def test_a_timestamp_that_would_have_to_be_guessed_or_rounded_is_refused(written: object) -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(timestamp=written)
    assert caught.value.rule is Rule.TIMESTAMP_INVALID


def test_an_instant_at_the_end_of_the_calendar_is_no_fault() -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(timestamp="0001-01-01T00:00:00+23:59")
    assert caught.value.rule is Rule.TIMESTAMP_TOO_OLD


# --- numbers


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "-0.0", "1", "0.1", "1e5", "1E-5", "5e-324", "1.7976931348623157e308", "9007199254740993", "1e-400"],
)
def test_a_number_is_the_double_that_its_text_denotes(text: str) -> None:
    snapshot = read_with(zero_gamma=text.encode(), max_priors=f"[[{text},{text}]]".encode())
    assert same(snapshot.numbers[1], float(text))
    assert same(snapshot.max_priors, [(float(text), float(text))])


def test_negative_zero_keeps_its_sign_in_the_ladder() -> None:
    for row in (b"[[5,-0,-0.0,[-0,0,-0.0,0,-0]]]", b"[[5,-0,-0.0,[-0,0,-0.0,0,-0],null]]"):
        (cells,) = read_with(strikes=row).ladder.tolist()
        assert same(cells, [5.0, -0.0, -0.0, -0.0, 0.0, -0.0, 0.0, -0.0])


def test_whole_numbers_beyond_2_to_the_53_are_rounded_once() -> None:
    text = "123456789012345678901234567890"
    for priors in ("[]", "[0,0,0,0,0]"):
        ladder = read_with(strikes=f"[[{text},{text},{text},{priors}]]".encode()).ladder
        assert ladder[0, :3].tolist() == [float(text)] * 3


@pytest.mark.parametrize("text", ["9" * 299, "9" * 308 + ".5"])
def test_very_large_numbers_that_fit_are_taken(text: str) -> None:
    assert read_with(zero_gamma=text.encode()).numbers[1] == float(text)


def test_a_sum_of_cells_too_large_for_a_double_does_not_matter() -> None:
    assert read_with(strikes=b"[[1e308,1e308,1e308,[1e308,1,1,1,1]]]").ladder[0, 0] == 1e308


@pytest.mark.parametrize(("written", "days"), [(0, 0), (-1, -1), (b"2.0", 2), (b"-0", 0), (2**31 - 1, 2**31 - 1)])
def test_days_may_be_written_as_floats(written: object, days: int) -> None:
    snapshot = read_with(min_dte=written, sec_min_dte=written)
    assert (snapshot.min_dte, snapshot.sec_min_dte, snapshot.flags) == (days, days, 0)


# --- numbers as text, and words for none


def test_numbers_as_text_are_those_numbers() -> None:
    def spelt(value: Any) -> Any:
        return [spelt(item) for item in value] if isinstance(value, list) else str(value)

    written = {name: value if name == "ticker" else spelt(value) for name, value in GOOD.items()}
    snapshot, plain = read(written), read(GOOD)
    assert snapshot.flags == FLAG_NUMBER_AS_TEXT
    for name in ("timestamp_us", "min_dte", "sec_min_dte", "numbers", "max_priors", "extra"):
        assert same(getattr(snapshot, name), getattr(plain, name))
    assert same(snapshot.ladder.tolist(), plain.ladder.tolist())


@pytest.mark.parametrize("name", ["timestamp", "spot", "zero_gamma", "min_dte"])
def test_one_number_as_text_is_enough_for_the_warning(name: str) -> None:
    assert read_with(**{name: str(GOOD[name])}).flags == FLAG_NUMBER_AS_TEXT


@pytest.mark.parametrize("text", ["-0", "-0.5", "1e-05", "9" * 250, "0.1", "9007199254740993"])
def test_text_denotes_the_double_that_the_bare_number_does(text: str) -> None:
    assert same(read_with(zero_gamma=text).numbers[1], read_with(zero_gamma=text.encode()).numbers[1])


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("name", [*NUMBERS[1:], "min_dte", "sec_min_dte"])
def test_a_word_for_no_number_in_an_optional_scalar_is_null(name: str, word: bytes) -> None:
    snapshot, plain = read_with(**{name: word}), read_with(**{name: None})
    assert snapshot.flags == FLAG_NOT_FINITE
    assert same((snapshot.numbers, snapshot.min_dte), (plain.numbers, plain.min_dte))
    assert snapshot.extra == {}


def test_a_word_for_no_number_elsewhere_is_kept_as_text() -> None:
    snapshot = read_with(note=b'{"a":[-Infinity,NaN,1]}', max_priors=b"[[1,NaN]]")
    assert snapshot.extra == {"note": {"a": ["-Infinity", "NaN", 1]}, "max_priors": [[1, "NaN"]]}
    assert snapshot.flags == FLAG_NOT_FINITE | FLAG_EXTRA | FLAG_FIELD_TYPE
    assert json.loads(dump_extra(snapshot.extra)) == snapshot.extra


# --- times without a zone

NEW_YORK = replace(EXPECT, naive_zone=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2025-11-10 09:30:02", "2025-11-10T14:30:02Z"),
        ("2025-07-10T09:30:02.5", "2025-07-10T13:30:02.5Z"),
        ("2025-11-02 00:59:59", "2025-11-02T04:59:59Z"),
        ("2025-11-02 02:00:00", "2025-11-02T07:00:00Z"),
        ("2025-03-09 03:00:00", "2025-03-09T07:00:00Z"),
    ],
)
def test_a_time_without_a_zone_is_one_of_the_zone_that_is_named(written: str, utc: str) -> None:
    snapshot = read_with(NEW_YORK, timestamp=written)
    assert snapshot.timestamp_us == read_with(timestamp=utc).timestamp_us
    assert snapshot.flags == FLAG_ZONE_GIVEN


def test_a_time_with_a_zone_is_its_own_whatever_zone_is_named() -> None:
    for written in ("2025-11-14T14:30:02Z", "2025-11-14T15:30:02+01:00", SECOND, str(SECOND)):
        snapshot = read_with(NEW_YORK, timestamp=written)
        assert snapshot.timestamp_us == SECOND * 10**6
        assert not snapshot.flags & FLAG_ZONE_GIVEN


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "2025-11-02 01:30:00",
            'timestamp "2025-11-02 01:30:00" stands for two instants in America/New_York: clocks were put back over it',
        ),
        (
            "2025-03-09 02:30:00",
            'timestamp "2025-03-09 02:30:00" does not exist in America/New_York: clocks were put forward over it',
        ),
    ],
)
def test_a_time_that_the_clocks_do_not_show_once_is_refused(written: str, words: str) -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(NEW_YORK, timestamp=written)
    assert (caught.value.rule, caught.value.message) == (Rule.TIMESTAMP_WITHOUT_ZONE, words)


# --- ladders of objects


def as_objects(vol: str, oi: str, **more: object) -> list[dict[str, object]]:
    return [{"strike": a, vol: b, oi: c, "priors": d, **more} for a, b, c, d in GOOD["strikes"]]


@pytest.mark.parametrize("names", [("gex_vol", "gex_oi"), ("gamma", "oi_gamma")])
def test_a_ladder_of_objects_is_read_where_its_names_or_the_sums_say_what_is_what(names: tuple[str, str]) -> None:
    snapshot, plain = read_with(strikes=as_objects(*names)), read(GOOD)
    assert same(snapshot.ladder.tolist(), plain.ladder.tolist())
    assert (snapshot.extra, snapshot.flags) == ({}, 0)


def test_a_ladder_of_objects_that_hold_more_is_kept_whole_as_well() -> None:
    ladder = as_objects("gex_vol", "gex_oi", iv=0.5)
    snapshot = read_with(strikes=ladder)
    assert (snapshot.extra, snapshot.flags) == ({"strikes_objects": ladder}, FLAG_EXTRA)


def test_columns_that_only_the_other_sum_proves_are_not_taken() -> None:
    with pytest.raises(RefusedRecordError, match="sum_gex_vol does not prove it to be gex_vol"):
        read_with(strikes=as_objects("oi_gamma", "gamma"))


# --- envelopes and frames


@pytest.mark.parametrize("key", ["data", "message", "snapshot", "NQ_NDX"])
def test_a_record_is_found_in_a_frame_whatever_its_key(key: str) -> None:
    frame = {"type": "message", "from": "group", "group": "NQ_NDX_classic_gex_zero", "dataType": "json"}
    snapshot = read({**frame, key: GOOD})
    assert (snapshot.extra, snapshot.flags) == ({"envelope": frame}, 0)
    assert same(snapshot.numbers, read(GOOD).numbers)


def test_a_frame_may_hold_an_envelope() -> None:
    snapshot = read({"seq": 7, "ticker": "NQ_NDX", "data": {"kind": "gex", "payload": without("ticker")}})
    assert snapshot.extra == {"envelope": {"seq": 7, "envelope": {"kind": "gex"}}}
    assert snapshot.flags == FLAG_EXTRA


def test_an_object_with_two_records_is_no_frame() -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read({"first": GOOD, "second": GOOD})
    assert caught.value.rule is Rule.TIMESTAMP_MISSING


# --- the ladder


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ([5, 1, 2], (5.0, 1.0, 2.0, NAN, NAN, NAN, NAN, NAN)),
        ([5, 1, 2, None], (5.0, 1.0, 2.0, NAN, NAN, NAN, NAN, NAN)),
        ([5, 1, 2, []], (5.0, 1.0, 2.0, NAN, NAN, NAN, NAN, NAN)),
        ([5, 1, 2, [3, 4]], (5.0, 1.0, 2.0, 3.0, 4.0, NAN, NAN, NAN)),
        ([5, 1, 2, [3, None, 4, 5, 6]], (5.0, 1.0, 2.0, 3.0, NAN, 4.0, 5.0, 6.0)),
    ],
)
def test_priors_may_be_fewer_or_absent(row: list[object], cells: tuple[float, ...]) -> None:
    snapshot = read_with(strikes=[[4, 0, 0, [1, 2, 3, 4, 5]], row])
    assert same(tuple(snapshot.ladder[1].tolist()), cells)
    assert (snapshot.flags, snapshot.extra) == (FLAG_PRIORS_NOT_FIVE, {})


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        ([5, 1, 2, [3, 4, 5, 6, 7, 8]], FLAG_PRIORS_NOT_FIVE | FLAG_EXTRA),
        ([5, 1, 2, [3, 4, 5, 6, 7], "late"], FLAG_EXTRA),
        ([5, 1, 2, [], 1, {"a": []}], FLAG_PRIORS_NOT_FIVE | FLAG_EXTRA),
    ],
)
def test_a_ladder_with_more_than_the_columns_hold_is_kept_whole_as_well(row: list[object], flags: int) -> None:
    ladder = [[4, 0, 0, [1, 2, 3, 4, 5]], row]
    snapshot = read_with(strikes=ladder)
    assert len(snapshot.ladder) == 2
    assert (snapshot.extra, snapshot.flags) == ({"strikes": ladder}, flags)


# --- fields of their own


def test_unknown_fields_are_kept_under_their_names() -> None:
    unknown = {"net": 1.25, "note": {"a": [None, "\u20ac", {}]}, "absent": None, "data": [], "payload": [1], "": 0}
    snapshot = read_with(**unknown)
    assert (snapshot.extra, snapshot.flags) == (unknown, FLAG_EXTRA)
    assert json.loads(dump_extra(snapshot.extra)) == unknown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("zero_gamma", "n/a"),
        ("sum_gex_vol", True),
        ("delta_risk_reversal", [1]),
        ("major_neg_oi", {}),
        ("min_dte", 0.5),
        ("min_dte", 2**31),
        ("sec_min_dte", "one"),
        ("sec_min_dte", "1.5"),
        ("zero_gamma", ""),
        ("zero_gamma", "NaN"),
        ("zero_gamma", "1e999"),
        ("zero_gamma", "0x10"),
        ("sec_min_dte", False),
        ("max_priors", {}),
        ("max_priors", [1, 2]),
        ("max_priors", [[1, 2, 3]]),
        ("max_priors", [[1, None]]),
        ("max_priors", [[1, 2]] * 7),
    ],
)
def test_a_known_optional_field_of_another_form_goes_to_extra(name: str, value: object) -> None:
    snapshot = read_with(**{name: value})
    assert (snapshot.extra, snapshot.flags) == ({name: value}, FLAG_FIELD_TYPE)
    if name in NUMBERS:
        assert math.isnan(snapshot.numbers[NUMBERS.index(name)])
    elif name == "max_priors":
        assert snapshot.max_priors is None
    else:
        assert getattr(snapshot, name) == MISSING_INT


def test_spot_price_stands_in_for_spot() -> None:
    for fields in ({"spot_price": 7.5}, {"spot": None, "spot_price": 7.5}, {"spot": 7.5, "spot_price": 7.5}):
        snapshot = read({**without("spot"), **fields})
        assert (snapshot.numbers[0], snapshot.extra, snapshot.flags) == (7.5, {}, 0)


def test_spot_price_that_differs_from_spot_is_kept() -> None:
    snapshot = read_with(spot_price=1)
    assert (snapshot.numbers[0], snapshot.extra, snapshot.flags) == (25012.5, {"spot_price": 1}, FLAG_EXTRA)


# --- envelopes


USUAL = {"kind": "gex", "endpoint": "classic/gex_zero", "received_at": "2025-11-14T14:30:02.250Z"}


def test_an_envelope_is_kept_and_its_usual_fields_are_no_surprise() -> None:
    snapshot = read({"ticker": "NQ_NDX", **USUAL, "payload": GOOD})
    assert (snapshot.extra, snapshot.flags) == ({"envelope": USUAL}, 0)
    assert snapshot.timestamp_us == SECOND * 10**6


def test_an_envelope_lends_its_ticker() -> None:
    snapshot = read({"payload": without("ticker"), "ticker": "NQ_NDX"})
    assert (snapshot.extra, snapshot.flags) == ({}, 0)


def test_further_fields_of_an_envelope_are_unknown_fields() -> None:
    snapshot = read({"seq": 7, "spot": 1, "payload": {**GOOD, "envelope": "mine", "envelope_": 2}})
    assert snapshot.extra == {"envelope": "mine", "envelope_": 2, "envelope__": {"seq": 7, "spot": 1}}
    assert snapshot.flags == FLAG_EXTRA


def test_a_payload_beside_a_ladder_is_just_another_field() -> None:
    snapshot = read_with(payload={"strikes": []})
    assert (snapshot.extra, snapshot.flags) == ({"payload": {"strikes": []}}, FLAG_EXTRA)


def test_case_is_no_part_of_a_ticker() -> None:
    assert read({**GOOD, "ticker": "nq_Ndx"}).extra == {}
    assert read({"payload": {**GOOD, "ticker": "nq_ndx"}, "ticker": "Nq_Ndx"}).extra == {}
    lent = Expectation(EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="nq_ndx")
    assert read(without("ticker"), lent).extra == {}


def test_the_object_around_the_records_lends_its_ticker() -> None:
    lent = Expectation(EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="NQ_NDX")
    assert read(without("ticker"), lent).extra == {}
    other = Expectation(EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="NDX")
    with pytest.raises(RefusedRecordError) as caught:
        read(without("ticker"), other)
    assert caught.value.rule is Rule.TICKER_MISMATCH


# --- extra as text


def test_extra_is_one_line_of_readable_json() -> None:
    assert dump_extra({"a": "\u20ac\n", "b": [1.5, None]}) == '{"a":"\u20ac\\n","b":[1.5,null]}'


def test_extra_with_half_a_surrogate_pair_can_still_be_stored() -> None:
    text = dump_extra({"a": "\ud800", "b": "\u20ac"})
    assert text.encode() == rb'{"a":"\ud800","b":"\u20ac"}'


def test_a_field_nested_too_deeply_is_refused() -> None:
    assert read_with(a=json.loads("[" * MAX_NESTING + "]" * MAX_NESTING)).extra
    with pytest.raises(RefusedRecordError) as caught:
        read_with(a=json.loads("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1)))
    assert caught.value.rule is Rule.JSON_INVALID
    assert caught.value.message == '"a" is nested more than 100 levels deep'


def test_members_that_only_seem_balanced_are_not_parsed_together() -> None:
    assert parse_extra([b'"a":1', b'"b" : [2]'], [b'"kind":"x"']) == (
        {"a": 1, "b": [2], "envelope": {"kind": "x"}},
        True,
    )
    for members in (
        [b'"a":[}'],
        [b'"a":1,"b":2'],
        [b'"a":tru', b'e":1'],
        [b'"a":"\xff"'],
        [b'"a":1}'],
        [b'"a":1,'],
        [b'"a":NaN'],
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
            parse_extra(members, [])
    for members in ([b'"a":1', b'"a":1'], [b'"a":1e999']):
        with pytest.raises(RefusedRecordError):
            parse_extra(members, [])


# --- damage


def test_every_text_cut_from_a_good_one_is_known_as_cut() -> None:
    text = text_of({"a": [True, False, None, -1.5e-3, 0, {}], "b\\\n": '\u00e9\ud83d\ude00"', "c": {"d": []}})
    for end in range(len(text)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # the one that parse raises
            parse(text[:end])
        assert is_cut_short(caught.value), text[:end]


@pytest.mark.parametrize(
    "text", ["x", "{x", '{"a" 1', '{"a":1 "b"', '{"a":01', "[1}", '{"a":1,]', '["\n', '{"a":"\\x', "[tru,", "nul]"]
)
def test_damage_before_the_end_is_not_taken_for_a_cut(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the one that parse raises
        parse(text)
    assert not is_cut_short(caught.value)
