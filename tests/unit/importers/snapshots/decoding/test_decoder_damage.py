"""Damage costs the records that it is in; their neighbours survive, and nothing is passed over in silence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.irregular import NUL_BYTES_KEPT
from gexlake.importers.snapshots.decoding.records import MAX_RECORD_BYTES, Scratch
from gexlake.importers.snapshots.decoding.text import TEXT_BYTES
from gexlake.importers.stream import DamagedStreamError
from gexlake.models.record_types import GEX
from gexlake.validation.rules import Rule

if TYPE_CHECKING:
    from conftest import Decode, MakeRecord

NOT_JSON = "the text up to the next record is not JSON"
REST_NOT_JSON = "the text up to the end of the file is not JSON"
CUT = "the file ends inside this record"
NO_END = {Rule.ARRAY_NOT_CLOSED: "the array of records has no end"}

Wound = Callable[[bytes], bytes]
WOUNDS: dict[str, Wound] = {
    "not a letter of JSON": lambda _: b"no record at all",
    "one byte": lambda _: b"!",
    "a letter too many": lambda record: record.replace(b'"spot":', b'"spot":x', 1),
    "a comma too many": lambda record: record[:-1] + b",}",
    "no comma": lambda record: record.replace(b',"spot"', b'"spot"', 1),
    "no colon": lambda record: record.replace(b'"spot":', b'"spot"', 1),
    "no quote": lambda record: record.replace(b'"spot"', b'"spot', 1),
    "no value": lambda record: record.replace(b'"min_dte":0', b'"min_dte":', 1),
    "a leading zero": lambda record: record.replace(b'"min_dte":0', b'"min_dte":00', 1),
    "a plus": lambda record: record.replace(b'"min_dte":0', b'"min_dte":+0', 1),
    "a bracket of the other kind": lambda record: record.replace(b'"strikes":[', b'"strikes":{', 1),
    "a bracket too few": lambda record: record.replace(b"]]]", b"]]", 1),
    "a bracket too many": lambda record: record.replace(b"]]]", b"]]]]", 1),
    "no closing brace": lambda record: record[:-1],
    "a line break in a string": lambda record: record.replace(b"NQ_", b"NQ\n", 1),
    "a NUL": lambda record: record.replace(b"NQ_", b"NQ\0", 1),
    "zeros for text": lambda record: record[:60] + bytes(300) + record[360:],
    "cut in a number": lambda record: record[: record.index(b'"spot"') + 9],
    "cut in a key": lambda record: record[: record.index(b'"spot"') + 3],
    "cut before a value": lambda record: record[: record.index(b'"spot"') + 7],
    "the front is missing": lambda record: record[record.index(b'"spot"') :],
    "only brackets": lambda _: b"[[[{{{",
    "an open string": lambda _: b'"text',
    "high bytes": lambda _: b"\xff\xfe\x80\x00",
}


@pytest.mark.parametrize("wound", WOUNDS)
@pytest.mark.parametrize("separator", [b",", b"\n", b",\r\n"])
def test_neighbours_of_a_damaged_record_survive(
    decode: Decode, make_record: MakeRecord, wound: str, separator: bytes
) -> None:
    good = [make_record(i) for i in (0, 1, 3, 4)]
    damaged = WOUNDS[wound](make_record(2))
    text = separator.join([*good[:2], damaged, *good[2:]])
    for before, after in ((b"", b""), (b"[", b"]"), (b'{"data":[', b"]}")):
        result = decode(before + text + after)
        assert result.spans == good
        assert set(result.rules) == {Rule.JSON_INVALID}
        assert b"".join(result.raws).translate(None, b",[") == damaged.translate(None, b",[")


@pytest.mark.parametrize("wound", WOUNDS)
def test_damage_at_the_start_costs_nobody_else(decode: Decode, make_record: MakeRecord, wound: str) -> None:
    good = [make_record(i) for i in (1, 2)]
    result = decode(b"\n".join([WOUNDS[wound](make_record(0)), *good]))
    assert result.spans == good


def test_lines_survive_a_damaged_one_whatever_their_first_field(decode: Decode, make_record: MakeRecord) -> None:
    lines = [b'{"_id":%d,' % i + make_record(i)[1:] for i in range(4)]
    for cut in (0, 8, 30, len(lines[1]) // 2, -1):
        damaged = lines[1][:cut] or b"!"
        result = decode(b"\n".join([lines[0], damaged, *lines[2:]]))
        assert result.spans == [lines[0], *lines[2:]]
        assert result.raws == [damaged]


def test_an_unreadable_text_is_refused_up_to_the_next_record(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(2)]
    result = decode(b"[" + records[0] + b", <garbage {]>,\n " + records[1] + b"]")
    (refusal,) = result.refusals
    assert (refusal.record_index, refusal.byte_offset) == (1, 1 + len(records[0]) + 2)
    assert (refusal.rule, refusal.message, refusal.raw) == (Rule.JSON_INVALID, NOT_JSON, b"<garbage {]>")
    assert [place.index for place in result.records] == [0, 2]
    assert result.findings == {}


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (b"null", Rule.NOT_OBJECT),
        (b"[1,2]", Rule.NOT_OBJECT),
        (b"[[1],[2]]", Rule.NOT_OBJECT),
        (b'"{"', Rule.NOT_OBJECT),
        (b"-1.5e3", Rule.NOT_OBJECT),
        (b"{}", Rule.TIMESTAMP_MISSING),
        (b'{"a":NaN}', Rule.TIMESTAMP_MISSING),
        (b"NaN", Rule.NOT_OBJECT),
        (b'{"a":1,"a":2}', Rule.DUPLICATE_KEY),
        (b'{"timestamp":[{"spot":1}]}', Rule.TIMESTAMP_INVALID),
    ],
)
def test_sound_json_that_is_no_record_is_refused_as_one(
    decode: Decode, make_record: MakeRecord, record: bytes, rule: Rule
) -> None:
    good = [make_record(i) for i in range(2)]
    for before, after in ((b"[", b"]"), (b"", b"")):
        result = decode(before + good[0] + b",\n" + record + b",\n" + good[1] + after)
        assert result.spans == good
        assert (result.rules, result.raws) == ([rule], [record])
        assert result.findings == {}


def test_bytes_that_are_not_utf8_cost_their_record_alone(decode: Decode, make_record: MakeRecord) -> None:
    good = [make_record(i) for i in (0, 2)]
    for field in ("note", "zero_gamma"):
        record = make_record(1, **{field: b'"a\xffb"'})
        result = decode(b",".join([good[0], record, good[1]]))
        assert result.spans == good
        (refusal,) = result.refusals
        assert refusal.raw == record
        assert refusal.message == f"byte {record.index(0xFF)} of the record is not UTF-8"


def test_utf8_is_read_as_utf8(decode: Decode, make_record: MakeRecord) -> None:
    for days in ({}, {"min_dte": b"0.0"}):
        result = decode(make_record(note=b'"\xe2\x82\xac \\u20ac \\ud83d\\ude00"', **days))
        assert json.loads(result.values[0].extra or "") == {"note": "\u20ac \u20ac \U0001f600"}


# --- unsound unknown fields, which the native decoder passes over


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (b"[}", Rule.JSON_INVALID),
        (b"tru", Rule.JSON_INVALID),
        (b"{1:2}", Rule.JSON_INVALID),
        (b"[01]", Rule.JSON_INVALID),
        (b"[nan]", Rule.JSON_INVALID),
        (b'"\\x"', Rule.JSON_INVALID),
        (b'"\xff"', Rule.JSON_INVALID),
        (b"[" * 200 + b"]" * 200, Rule.JSON_INVALID),
        (b"[" * 5000 + b"]" * 5000, Rule.JSON_INVALID),
        (b"[1e999]", Rule.NUMBER_OVERFLOW),
        (b'{"a":1,"\\u0061":2}', Rule.DUPLICATE_KEY),
        (b'1,"x":2', Rule.DUPLICATE_KEY),
    ],
)
def test_an_unsound_unknown_field_is_found_behind_a_good_ladder(
    decode: Decode, make_record: MakeRecord, value: bytes, rule: Rule
) -> None:
    good = [make_record(i, y=[i]) for i in range(4)]
    bad = make_record(5, x=value)
    result = decode(b"[" + b",".join([good[0], bad, good[1], bad, bad, *good[2:]]) + b"]")
    assert result.spans == good
    assert result.rules == [rule] * 3
    assert result.raws == [bad] * 3


@pytest.mark.parametrize(
    "field", ["timestamp", "ticker", "spot", "strikes", "min_dte", "zero_gamma", "max_priors", "x"]
)
def test_nesting_of_any_depth_is_survived(decode: Decode, make_record: MakeRecord, field: str) -> None:
    good = make_record(1)
    for depth in (3, 150, *range(975, 1000, 3), 3000, 100_000):
        nested = b"[" * depth + b"]" * depth
        result = decode(b",".join([make_record(0, **{field: nested}, spot_price=nested), good]))
        assert result.spans[-1] == good


# --- the end of the file


def test_a_file_cut_anywhere_keeps_its_whole_records(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i, note="]}") for i in range(3)]
    for before in (b"[", b'{"data":[', b""):
        text = before + b",".join(records)
        ends = [len(before + b",".join(records[: i + 1])) for i in range(3)]
        for cut in range(len(before), len(text), 13):
            result = decode(text[:cut])
            whole = sum(end <= cut for end in ends)
            assert result.spans == records[:whole]
            rest = text[ends[whole - 1] + 1 if whole else len(before) : cut]
            assert (result.rules, result.raws) == (([Rule.TRUNCATED], [rest.rstrip(b",")]) if rest else ([], []))
            if rest:
                assert result.refusals[0].message == CUT
            assert (Rule.ARRAY_NOT_CLOSED in result.findings) == (before != b"")


def test_damage_at_the_end_is_not_called_a_cut(decode: Decode, make_record: MakeRecord) -> None:
    for rest in (b"<html>", b'{"timestamp":1,!', b"!" * 5000, b"]]", b"}"):
        result = decode(make_record() + b"\n" + rest)
        assert (result.rules, result.refusals[0].message) == ([Rule.JSON_INVALID], REST_NOT_JSON)
        assert result.raws == [rest]


def test_the_bracket_behind_damage_at_the_end_still_closes_the_array(decode: Decode, make_record: MakeRecord) -> None:
    result = decode(b"[" + make_record() + b',{"timestamp":1,!}\n]\n')
    assert (result.rules, result.raws) == ([Rule.JSON_INVALID], [b'{"timestamp":1,!}'])
    assert result.findings == {}


def test_an_array_without_end_is_a_finding(decode: Decode, make_record: MakeRecord) -> None:
    assert decode(b"[" + make_record()).findings == NO_END
    assert decode(b'{"data":[' + make_record() + b",").findings == NO_END
    tail = {Rule.ARRAY_NOT_CLOSED: "the object around the records has no proper end"}
    assert decode(b'{"data":[' + make_record() + b"]").findings == tail
    assert decode(b'{"data":[' + make_record() + b"]]").findings == tail


def test_objects_holding_records_survive_one_that_is_cut(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i, drop="ticker") for i in range(6)]
    lines = [b'{"ticker":"NQ_NDX","data":[' + b",".join(records[i : i + 2]) + b"]}" for i in (0, 2, 4)]
    result = decode(b"\n".join([lines[0], lines[1][:-200], lines[2]]))
    assert result.spans == [*records[:3], *records[4:]]
    assert result.rules == [Rule.JSON_INVALID]
    assert result.findings.keys() == {Rule.ARRAY_NOT_CLOSED, Rule.CONTAINER_FIELD}


class Breaking:
    """A source whose packed stream is damaged behind its text."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def readinto(self, target: memoryview) -> int:
        count = min(len(target), len(self.text), 100)
        if not count:
            raise DamagedStreamError(Rule.STREAM_TRUNCATED, "the gzip stream ends early")
        target[:count], self.text = self.text[:count], self.text[count:]
        return count


def test_a_stream_that_breaks_off_keeps_its_whole_records(make_record: MakeRecord, expect: Expectation) -> None:
    decoder = Decoder(Breaking(b"[" + b",".join(make_record(i) for i in range(3)) + b',{"times'), expect)
    refusal, block = decoder.events()
    assert (refusal.rule, block.records, decoder.seen) == (Rule.TRUNCATED, 3, 4)
    assert decoder.findings.findings == [
        (Rule.STREAM_TRUNCATED, "the gzip stream ends early"),
        (Rule.ARRAY_NOT_CLOSED, "the array of records has no end"),
    ]


# --- records too large


@pytest.mark.parametrize("separator", [b",", b"\n", b",\r\n "])
def test_a_record_too_large_is_given_away_in_pieces_and_whole(
    decode: Decode, make_record: MakeRecord, separator: bytes
) -> None:
    huge = make_record(1, note=b'[" , ' + b" , x" * (MAX_RECORD_BYTES // 4 + 9000) + b'"]')
    good = [make_record(0), make_record(2)]
    result = decode(b"[" + separator.join([good[0], huge, good[1]]) + b"]")
    assert result.spans == good
    assert result.rules == [Rule.RECORD_TOO_LARGE]
    assert result.refusals[0].message == "the record is longer than 4,194,304 bytes"
    assert result.raws == [huge]
    assert result.findings == {}


def test_a_record_too_large_at_the_end_leaves_the_array_closed(decode: Decode, make_record: MakeRecord) -> None:
    huge = make_record(1, note="x" * MAX_RECORD_BYTES)
    result = decode(b"[" + make_record(0) + b"," + huge + b"]")
    assert (result.rules, result.raws, result.findings) == ([Rule.RECORD_TOO_LARGE], [huge], {})


@pytest.mark.parametrize("days", [{}, {"min_dte": b"0.0"}])
def test_a_record_just_small_enough_is_taken(decode: Decode, make_record: MakeRecord, days: dict[str, object]) -> None:
    length = MAX_RECORD_BYTES - len(make_record(1, note="", **days)) - 2
    records = [make_record(0), make_record(1, note="x" * length, **days), make_record(2)]
    assert decode(b",".join(records)).spans == records


def test_zeros_where_a_file_was_only_reserved_are_kept_apart(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(2)]
    whole = b"[" + b",".join(records) + b"]\n"
    for count in (1, 2, 4096, NUL_BYTES_KEPT, NUL_BYTES_KEPT + 1, TEXT_BYTES, 2 * MAX_RECORD_BYTES):
        for text in (whole + bytes(count), whole[:-2] + bytes(count) + b"]"):
            result = decode(text)
            assert result.spans == records
            assert (result.rules, result.findings) == ([Rule.JSON_INVALID], {})
            assert result.raws == [bytes(min(count, NUL_BYTES_KEPT))]
            assert result.refusals[0].message.startswith(f"{count:,} NUL byte")


def test_zeros_between_records_cost_nobody(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(3)]
    result = decode((b"," + bytes(70_000)).join(records), buffer=300)
    assert result.spans == records
    assert [refusal.message for refusal in result.refusals] == [
        "70,000 NUL bytes in place of text, of which the first 65,536 are kept"
    ] * 2


def test_a_file_may_be_reserved_far_beyond_its_end(make_record: MakeRecord, expect: Expectation) -> None:
    """A gigabyte of zeros takes neither memory nor room in quarantine."""

    class Source:
        left = 1 << 30
        text = make_record()

        def readinto(self, target: memoryview) -> int:
            data, self.text = self.text[: len(target)], self.text[len(target) :]
            if data:
                target[: len(data)] = data
                return len(data)
            count = min(len(target), self.left)
            self.left -= count
            target[:count] = bytes(count)
            return count

    scratch = Scratch(GEX)
    refusal, block = Decoder(Source(), expect, scratch).events()
    assert (block.records, len(refusal.raw)) == (1, NUL_BYTES_KEPT)
    assert refusal.message.startswith("1,073,741,824 NUL bytes")
    assert len(scratch.text) == TEXT_BYTES + 1


# --- texts made to take long


_MEMBERS = b",".join(b'"%d":1' % i for i in range(31))
HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "braces": lambda _: b"{" * 1_000_000,
    "brackets": lambda _: b"[" * 1_000_000,
    "closing brackets": lambda _: b"]}" * 300_000,
    "separators": lambda _: b",\n" * 3_000_000,
    "an endless key": lambda _: b'{"' + b"a" * 3_000_000,
    "an endless number": lambda record: record.replace(b'"min_dte":0', b'"min_dte":' + b"1" * 2_000_000),
    "openings in openings": lambda _: b'{"timestamp":' * 50_000,
    "openings in arrays": lambda _: b'{"timestamp":1,"strikes":[' * 2_000,
    "records in arrays": lambda record: (b'{"timestamp":1,"x":[1,' + record + b",") * 150,
    "broken records": lambda record: b",".join([record[:100]] * 3_000),
    "members": lambda _: b"{" + b'"a":1,' * 100_000,
    "a record of members": lambda record: record[:-1] + b',"a":1' * 100_000 + b"}",
    "keys, the last one twice": lambda record: (
        record[:-1].replace(b'"min_dte":0', b'"min_dte":0.5')
        + b"".join(b',"k%d":0' % i for i in range(20_000))
        + b',"k19999":1}'
    ),
    "unsound unknown fields": lambda record: b",".join([record[:-1] + b',"a":1,"a":1}'] * 1_500),
    "containers in containers": lambda _: b'{"data":[{' * 20_000,
    "containers cut short": lambda record: (b'{"seq":1,"data":[' + record) * 700,
    "bytes": lambda _: bytes(range(256)) * 10_000,
    "small objects in objects": lambda _: b'{"a":{"b":{"c":{"d":1,"e":2,"f":[1]}}}},' * 10_000,
    "wide objects in objects": lambda _: (b"{%b}," % b",".join(b'"%d":{%b}' % (i, _MEMBERS) for i in range(31))) * 300,
    "arrays that might be of records": lambda _: (
        (b'{"a":[{"timestamp":1,"x":"strikes"}],' + b'"b":[{"y":1}],' * 30) * 1_000
    ),
    "arrays of records without end": lambda _: b'{"a":[{"timestamp":1,"strikes":[],' * 8_000,
    "many arrays of records": lambda _: (
        b'{"a":[{"timestamp":1,"strikes":[]}]' + b',"b":[{"timestamp":1,"strikes":[]}]' * 8_000
    ),
    "frames in frames": lambda _: b'{"a":{"a":{"a":{"a":{"timestamp":1,"strikes":[]}}}}},' * 8_000,
    "runs of zeros": lambda _: (bytes(50) + b'{"timestamp":1},') * 8_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_takes_no_more_time_than_it_is_long(
    make_record: MakeRecord, expect: Expectation, kind: str
) -> None:
    text = HOSTILE[kind](make_record(0))

    class Source:
        at = 0

        def readinto(self, target: memoryview) -> int:
            data = text[self.at : self.at + len(target)]
            target[: len(data)] = data
            self.at += len(data)
            return len(data)

    started = time.process_time()
    decoder = Decoder(Source(), expect)
    assert sum(1 for _ in decoder.events()) <= decoder.seen
    assert time.process_time() - started < 5
