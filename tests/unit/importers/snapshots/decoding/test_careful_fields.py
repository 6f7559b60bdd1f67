"""Ladders, envelopes and fields without a column of a record that is read carefully; and where it was cut."""

from __future__ import annotations

import json
import math

import pytest

from gexlake.importers.snapshots.decoding.careful import (
    MAX_NESTING,
    Expectation,
    RefusedRecordError,
    dump_extra,
    parse_extra,
)
from gexlake.importers.snapshots.decoding.json_values import is_cut_short, parse
from gexlake.models.block import FLAG_EXTRA, FLAG_FIELD_TYPE, FLAG_PRIORS_COUNT, MISSING_INT
from gexlake.models.record_types import GEX
from gexlake.validation.rules import Rule
from helpers.columns import NUMBERS
from unit.importers.snapshots.decoding.support import EXPECT, GOOD, NAN, SECOND, read, read_with, same, text_of, without


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
    assert (snapshot.flags, snapshot.extra) == (FLAG_PRIORS_COUNT, {})


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        ([5, 1, 2, [3, 4, 5, 6, 7, 8]], FLAG_PRIORS_COUNT | FLAG_EXTRA),
        ([5, 1, 2, [3, 4, 5, 6, 7], "late"], FLAG_EXTRA),
        ([5, 1, 2, [], 1, {"a": []}], FLAG_PRIORS_COUNT | FLAG_EXTRA),
    ],
)
def test_a_ladder_with_more_than_the_columns_hold_is_kept_whole_as_well(row: list[object], flags: int) -> None:
    ladder = [[4, 0, 0, [1, 2, 3, 4, 5]], row]
    snapshot = read_with(strikes=ladder)
    assert len(snapshot.ladder) == 2
    assert (snapshot.extra, snapshot.flags) == ({"strikes": ladder}, flags)


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
    lent = Expectation(GEX, EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="nq_ndx")
    assert read(without("ticker"), lent).extra == {}


def test_the_object_around_the_records_lends_its_ticker() -> None:
    lent = Expectation(GEX, EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="NQ_NDX")
    assert read(without("ticker"), lent).extra == {}
    other = Expectation(GEX, EXPECT.ticker, EXPECT.min_us, EXPECT.max_us, container_ticker="NDX")
    with pytest.raises(RefusedRecordError) as caught:
        read(without("ticker"), other)
    assert caught.value.rule is Rule.TICKER_MISMATCH


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
