"""Records are found in whatever form they stand, and never looked at twice because of where a buffer ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gexlake.importers.snapshots.decoding import irregular
from gexlake.importers.snapshots.decoding.lookahead import WINDOW_BYTES
from gexlake.importers.snapshots.decoding.text import TEXT_BYTES
from gexlake.models.block import RECORD_CAPACITY
from gexlake.models.source import CONTAINER_KEYS
from gexlake.validation.rules import Rule

if TYPE_CHECKING:
    from conftest import Decode, Decoded, MakeRecord

BOM = b"\xef\xbb\xbf"


def assert_whole(result: Decoded, records: list[bytes]) -> None:
    assert result.spans == records
    assert result.refusals == []
    assert result.findings == {}


FORMS = {
    "array": (b"[", b",", b"]"),
    "array, spread out": (b" [\n", b" ,\n", b"\n]\n"),
    "array after a mark": (BOM + b"[", b",", b"]"),
    "lines": (b"", b"\n", b"\n"),
    "lines, the last one open": (b"", b"\n", b""),
    "lines ended by CRLF after a mark": (BOM, b"\r\n", b"\r\n"),
    "lines with blank ones between": (b"\n\r\n", b"\n\n \t\r\n", b"\n\n"),
    "lines ended by commas": (b"", b",\n", b",\n"),
    "objects without anything between": (b"", b"", b""),
    "arrays one behind the other": (b"[", b"]\n[", b"]"),
    "arrays in an array": (b"[[", b"],[", b"]]"),
    "empty arrays as well": (b"[]\n[]", b"\n", b"[]"),
    **{f"object holding {key}": (b'{"' + key.encode() + b'":[', b",", b"]}") for key in CONTAINER_KEYS},
    "object, spread out, after a mark": (BOM + b'\n{ "data" :\r\n[ ', b" , ", b"\n] \n} \n"),
    "objects holding one each": (b'{"records":[', b']}\n{"records":[', b"]}"),
    "objects holding one each, in an array": (b'[{"records":[', b']},{"records":[', b"]}]"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("regular", [True, False])
def test_records_are_found_in_every_form(decode: Decode, make_record: MakeRecord, form: str, regular: bool) -> None:
    before, between, after = FORMS[form]
    days = {} if regular else {"min_dte": b"0.0"}
    records = [make_record(i, **days) for i in range(12)]
    assert_whole(decode(before + between.join(records) + after), records)


@pytest.mark.parametrize("regular", [True, False])
def test_pretty_printed_records_are_found(decode: Decode, make_record: MakeRecord, regular: bool) -> None:
    records = [json.loads(make_record(i, **({} if regular else {"min_dte": b"0.0"}))) for i in range(5)]
    result = decode(json.dumps(records, indent=2).encode())
    assert [json.loads(span) for span in result.spans] == records
    assert result.findings == {}


def test_one_record_is_a_file(decode: Decode, make_record: MakeRecord) -> None:
    assert_whole(decode(make_record()), [make_record()])


def test_enveloped_records_are_unwrapped(decode: Decode, make_record: MakeRecord) -> None:
    head = (
        b'{"ticker":"NQ_NDX","kind":"gex","endpoint":"classic/gex_zero","received_at":"2025-11-10T14:30:02Z","payload":'
    )
    records = [head + make_record(i) + b"}" for i in range(5)]
    result = decode(b"[" + b",".join(records) + b"]")
    assert_whole(result, records)
    plain = decode(b"\n".join(make_record(i) for i in range(5)))
    assert [values._replace(extra=None) for values in result.values] == plain.values
    assert json.loads(result.values[0].extra or "") == {
        "envelope": {"kind": "gex", "endpoint": "classic/gex_zero", "received_at": "2025-11-10T14:30:02Z"}
    }


@pytest.mark.parametrize("text", [b"", b"\n", BOM, b"[]", b" [ ] ", b'{"data":[]}', b",,,\n\n", BOM + b"[]\r\n"])
def test_a_file_without_records_is_a_finding(decode: Decode, text: bytes) -> None:
    result = decode(text)
    assert result.seen == 0
    assert result.findings == {Rule.NO_RECORDS: "the file holds no record"}


# --- objects around the records


def test_fields_around_the_records_are_kept_as_they_are(decode: Decode, make_record: MakeRecord) -> None:
    head, tail = b'"day" : "2025-11-10", "n":[1,{"b":"]}"}], ', b' ,"count":2,"note":"\xe2\x82\xac"'
    result = decode(b"{" + head + b'"snapshots":[' + make_record(0) + b"," + make_record(1) + b"]" + tail + b"}\n")
    assert len(result.records) == 2
    assert result.container == '"day" : "2025-11-10", "n":[1,{"b":"]}"}],"count":2,"note":"\u20ac"'
    assert result.findings == {Rule.CONTAINER_FIELD: "fields around the records: day, n, count, note"}


def test_the_ticker_of_the_object_around_them_holds_for_its_records_alone(
    decode: Decode, make_record: MakeRecord
) -> None:
    bare = [make_record(i, drop="ticker") for i in range(3)]
    result = decode(b'{"ticker":"NQ_NDX","data":[' + bare[0] + b'],"x":1}' + b'{"data":[' + bare[1] + b"]}" + bare[2])
    assert result.spans == [bare[0]]
    assert result.rules == [Rule.TICKER_EMPTY, Rule.TICKER_EMPTY]


def test_records_of_another_ticker_around_them_are_refused(decode: Decode, make_record: MakeRecord) -> None:
    result = decode(b'{"ticker":"NDX","data":[' + make_record(0, drop="ticker") + b"," + make_record(1) + b"]}")
    assert result.rules == [Rule.TICKER_MISMATCH]
    assert result.spans == [make_record(1)]


def test_a_field_named_like_a_container_is_a_field_where_the_record_is_regular(
    decode: Decode, make_record: MakeRecord
) -> None:
    for value in ([], [1, 2], [{"a": 1}], {"a": []}, "x"):
        records = [b'{"data":' + json.dumps(value).encode() + b"," + make_record(i)[1:] for i in range(3)]
        result = decode(b"\n".join(records))
        assert_whole(result, records)
        assert json.loads(result.values[0].extra or "") == {"data": value}


def test_a_field_named_like_a_container_holding_no_objects_is_a_field(decode: Decode, make_record: MakeRecord) -> None:
    records = [b'{"data":[1,[2]],' + make_record(i, min_dte=b"0.0")[1:] for i in range(3)]
    assert_whole(decode(b"\n".join(records)), records)


def test_many_objects_around_records_are_one_finding(decode: Decode, make_record: MakeRecord) -> None:
    lines = [b'{"seq":%d,"host":"a","data":[%b]}' % (i, make_record(i % 40)) for i in range(200)]
    result = decode(b"\n".join(lines))
    assert result.seen == 200
    assert result.findings == {Rule.CONTAINER_FIELD: "fields around the records: seq, host"}
    assert result.container is not None
    assert result.container.startswith('"seq":0,"host":"a","seq":1,')


@pytest.mark.parametrize(
    ("head", "names", "kept"),
    [
        (b'"x":"\xff",', "x", '"x":"\ufffd"'),
        (b'"x":NaN,', "x", '"x":NaN'),
        (b'"x":' + b"9" * 5000 + b",", "x", '"x":' + "9" * 5000),
        (b'"\\ud800":1,', "\\ud800", '"\\ud800":1'),
    ],
)
def test_odd_fields_around_the_records_harm_nobody(
    decode: Decode, make_record: MakeRecord, head: bytes, names: str, kept: str
) -> None:
    for text in (
        b"{" + head + b'"data":[' + make_record() + b"]}",
        b'{"data":[' + make_record() + b"]," + head[:-1] + b"}",
    ):
        result = decode(text)
        assert result.spans == [make_record()]
        assert result.findings == {Rule.CONTAINER_FIELD: f"fields around the records: {names}"}
        assert result.container == kept


def test_deep_nesting_around_the_records_harms_nobody(decode: Decode, make_record: MakeRecord) -> None:
    for depth in (50, 500, *range(980, 996, 2), 5000):
        nested = b"[" * depth + b"]" * depth
        result = decode(b'{"data":[' + make_record() + b'],"x":' + nested + b"}")
        assert result.spans == [make_record()]
        assert decode(b'{"x":' + nested + b',"data":[' + make_record() + b"]}").spans == [make_record()]


# --- blocks and buffers


def test_blocks_are_filled_one_after_the_other(decode: Decode, make_record: MakeRecord) -> None:
    text = b"\n".join([make_record()] * (RECORD_CAPACITY + 10))
    result = decode(text)
    assert result.blocks == [RECORD_CAPACITY, 10]
    assert len(set(result.values)) == 1


def test_many_unknown_fields_do_not_make_small_blocks(decode: Decode, make_record: MakeRecord) -> None:
    result = decode(b"\n".join([make_record(0, **{f"f{i}": i for i in range(30)})] * 1000))
    assert result.blocks == [1000]
    assert all(values.extra == result.values[0].extra for values in result.values)


def test_a_record_with_more_unknown_fields_than_there_is_room_for_is_taken(
    decode: Decode, make_record: MakeRecord
) -> None:
    unknown = {f"f{i}": i for i in range(5000)}
    result = decode(b"\n".join([make_record(0), make_record(1, **unknown), make_record(2)]))
    assert [json.loads(values.extra or "null") for values in result.values] == [None, unknown, None]


def test_a_ladder_longer_than_a_block_gets_a_block_of_its_size(
    decode: Decode, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(irregular, "ROW_CAPACITY", 100)
    records = [make_record(1, strikes=[[5, 1, 2, []]] * 101), make_record(2)]
    result = decode(b",".join(records), rows=100)
    assert result.spans == records
    assert result.blocks == [1, 1]


def test_blocks_with_little_room_hold_what_fits(decode: Decode, make_record: MakeRecord) -> None:
    for days in ({}, {"min_dte": b"0.0"}):
        records = [make_record(i, **days) for i in range(8)]
        assert decode(b"\n".join(records), rows=5).blocks == [1, 7]
        assert decode(b"\n".join(records), rows=2).spans == records


MIXED = ("good", "odd", "unknown", "broken", "twice", "cut")


def mixed_text(make_record: MakeRecord) -> bytes:
    """Every way through the decoder, several times over."""
    pieces = {
        "good": make_record(0),
        "odd": make_record(1, min_dte=b"0.5", legs=[{"spot": 1, "ticker": "x"}, {"timestamp": 2}]),
        "unknown": make_record(2, note={"a": ["]", None]}),
        "broken": make_record(3)[:-4] + b"!}",
        "twice": make_record(4)[:-1] + b',"a":1,"a":1}',
        "cut": make_record(5)[:200],
        "envelope": b'{"kind":"x","payload":' + make_record(6) + b"}",
        "number": b"12345",
        "text": b'"some \xe2\x82\xac text"',
        "missing": make_record(7, drop="spot"),
        "accents": make_record(8, note=b'"\xe2\x82\xac"'),
    }
    return b"[" + b",\n".join([*pieces.values()] * 3) + b"]"


@pytest.mark.parametrize("step", [1, 7, 997])
def test_the_size_of_reads_changes_nothing(decode: Decode, make_record: MakeRecord, step: int) -> None:
    text = mixed_text(make_record)
    assert decode(text, step=step) == decode(text)


@pytest.mark.parametrize("buffer", [1, 2, 63, 64, 65, 300, 700, 4096])
def test_the_size_of_the_buffer_changes_nothing(decode: Decode, make_record: MakeRecord, buffer: int) -> None:
    text = BOM + mixed_text(make_record)
    assert decode(text, buffer=buffer) == decode(text)


def test_the_size_of_the_block_changes_nothing_but_the_blocks(decode: Decode, make_record: MakeRecord) -> None:
    text = mixed_text(make_record)
    small, large = decode(text, rows=10), decode(text)
    assert (small.records, small.refusals) == (large.records, large.refusals)


@pytest.mark.parametrize("regular", [True, False])
def test_where_the_buffer_ends_within_a_record_changes_nothing(
    decode: Decode, make_record: MakeRecord, regular: bool
) -> None:
    legs = [{"spot": number, "strikes": []} for number in range(40)]
    record = make_record(1, legs=legs, **({} if regular else {"min_dte": b"0.0"}))
    rest = make_record(2) + b"]"
    for before in range(0, len(record) + 80, 131):
        text = b"[" + b" " * (TEXT_BYTES - 1 - before) + record + b"," + rest
        assert decode(text).spans == [record, make_record(2)]


def test_a_long_file_is_read_to_its_end(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i % 40, note="x" * (i % 2003)) for i in range(2000)]
    text = b"[" + b",".join(records) + b"]"
    assert len(text) > 2 * TEXT_BYTES
    assert_whole(decode(text, step=4099), records)


def test_long_irregular_records_are_taken_whole(decode: Decode, make_record: MakeRecord) -> None:
    legs = [{"spot": number, "note": "x" * 50} for number in range(3000)]
    long = make_record(1, min_dte=b"0.5", legs=legs)
    assert len(long) > 2 * WINDOW_BYTES
    records = [make_record(0), long, make_record(2)]
    assert_whole(decode(b",".join(records)), records)


# --- arrays under other keys, one or several


OTHER_FORMS = {
    "items": (b'{"items":[', b",", b"]}", "items"),
    "a ticker": (b'{"NQ_NDX" : [ ', b" , ", b" ] }\n", "NQ_NDX"),
    "an escaped key": (b'{"a\\u0062":[', b",", b"]}", "a\\u0062"),
    "objects in objects": (b'{"response":{"body":{"list":[', b",", b"]}}}", "response.body.list"),
    "a usual key in an object": (b'{"data":{"snapshots":[', b",", b"]}}", "data.snapshots"),
    "pages in an array": (b'[{"page":[', b']},{"page":[', b"]}]", "page"),
    "lines of pages": (b'{"page":[', b']}\n{"page":[', b"]}\n", "page"),
    "several arrays": (b'{"a":[', b'],"b":[', b"]}", "a, b, b, b, b, b, b, b, b, b, b, b"),
    "arrays of several objects": (b'{"a":{"x":[', b']},"b":{"x":[', b"]}}", "a.x, b.x"),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
@pytest.mark.parametrize("regular", [True, False])
def test_records_are_found_under_any_key(decode: Decode, make_record: MakeRecord, form: str, regular: bool) -> None:
    before, between, after, names = OTHER_FORMS[form]
    records = [make_record(i, **({} if regular else {"min_dte": b"0.0"})) for i in range(12)]
    result = decode(before + between.join(records) + after)
    assert (result.spans, result.refusals) == (records, [])
    names = ", ".join(dict.fromkeys(names.split(", ")))
    assert result.findings == {Rule.CONTAINER_FIELD: f"the records stand under {names}"}


def test_fields_around_and_between_arrays_under_any_key_are_kept(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(4)]
    text = (
        b'{"timestamp":1762785002,"ok":true,"a":[%b],"n":{"x":[1]},'
        b'"b":{"m":[{"y":1}],"c":[%b,%b],"t":"]"},"d":[%b],"z":0}'
    )
    result = decode(text % tuple(records))
    assert (result.spans, result.refusals) == (records, [])
    assert result.container == ('"timestamp":1762785002,"ok":true,"n":{"x":[1]},"m":[{"y":1}],"t":"]","z":0')
    assert result.findings == {
        Rule.CONTAINER_FIELD: "fields around the records: timestamp, ok, n, m, t, z; the records stand under a, b.c, d"
    }


def test_an_array_under_any_key_may_be_longer_than_any_window(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i % 40, note="x" * 3000) for i in range(100)]
    halves = b",".join(records[:50]), b",".join(records[50:])
    result = decode(b'{"meta":{"n":100},"first":[%b],"second":[%b],"more":{"a":1}}' % halves)
    assert len(halves[0]) > 2 * WINDOW_BYTES
    assert (result.spans, result.refusals) == (records, [])


def test_envelopes_and_frames_under_any_key_are_opened(decode: Decode, make_record: MakeRecord) -> None:
    frames = [b'{"seq":1,"data":%b}' % make_record(i) for i in range(3)]
    envelopes = [b'{"kind":"gex","payload":%b}' % make_record(i) for i in range(3)]
    for texts in (frames, envelopes):
        result = decode(b'{"n":3,"results":[' + b",".join(texts) + b"]}")
        assert (result.spans, result.refusals) == (texts, [])


def test_an_array_that_only_looks_like_one_of_records_stays_a_field(decode: Decode, make_record: MakeRecord) -> None:
    legs = [{"spot": 1, "ticker": "x"}, {"timestamp": 2}]
    for name in ("legs", "data"):
        record = make_record(0, min_dte=b"0.5")
        text = record.replace(b'"ticker"', b'"%b":%b,"ticker"' % (name.encode(), json.dumps(legs).encode()), 1)
        result = decode(text)
        assert result.spans == [text]
        assert json.loads(result.values[0].extra or "")[name] == legs


def test_a_record_that_holds_others_is_not_lost_in_silence(decode: Decode, make_record: MakeRecord) -> None:
    """Whatever is taken for what is around records, and turns out to be one, is named."""
    inner = [make_record(i) for i in range(2)]
    outer = b'{"timestamp":1762785050,"history":[%b,%b],"ticker":"NQ_NDX","spot":1,"min_dte":0.5,"strikes":[[1,2,3]]}'
    result = decode(outer % tuple(inner))
    assert result.spans == inner
    assert result.rules == [Rule.JSON_INVALID]
    assert result.raws == [b'"ticker":"NQ_NDX","spot":1,"min_dte":0.5,"strikes":[[1,2,3]]}']
    assert result.findings[Rule.ARRAY_NOT_CLOSED] == "the object around the records has no proper end"


def test_an_array_under_any_key_without_its_end_is_a_finding(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(3)]
    for end, words in ((b"", "array of records has no end"), (b"]", "object around the records has no proper end")):
        result = decode(b'{"a":1,"items":[' + b",".join(records) + end)
        assert (result.spans, result.refusals) == (records, [])
        assert result.findings[Rule.ARRAY_NOT_CLOSED] == f"the {words}"
