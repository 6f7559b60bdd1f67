"""One record, read carefully: what it denotes, or the rule that it breaks and the words for it."""

from __future__ import annotations

import pytest

from gexlake.importers.snapshots.decoding.careful import (
    RefusedRecordError,
)
from gexlake.importers.snapshots.decoding.json_values import parse
from gexlake.importers.snapshots.decoding.ladder_objects import forms_of
from gexlake.models.block import MISSING_INT
from gexlake.models.record_types import GEX
from gexlake.validation.rules import Rule, Severity
from helpers.columns import NUMBERS
from unit.importers.snapshots.decoding.support import GOOD, NAN, SECOND, read, same, text_of, without

assert GEX.ladder is not None
FORMS = forms_of(GEX.ladder)


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
