"""The native decoder beside the careful reader: the same values or no value, and no call that it cannot survive."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gexlake.importers.snapshots.decoding import _native
from gexlake.importers.snapshots.decoding.careful import RefusedRecordError
from gexlake.models.block import FLAG_EXTRA, FLAG_PRIORS_COUNT, Block, Int
from gexlake.models.record_types import GEX
from helpers.columns import NUMBERS

if TYPE_CHECKING:
    from conftest import Decode, MakeRecord, ReadCarefully

SECOND = 1_763_130_602
WHY = {
    _native.STOP_END: "end",
    _native.STOP_INCOMPLETE: "incomplete",
    _native.STOP_IRREGULAR: "irregular",
    _native.STOP_FULL: "full",
}


class Call:
    """Arguments of one call of `decode`, and what came back."""

    def __init__(self, text: bytes, *, records: int = 4, rows: int = 40, extras: int = 8) -> None:
        self.text: Any = bytearray(text + b"\0")
        self.start, self.stop = 0, len(text)
        self.ticker: Any = b"NQ_NDX"
        self.ticker_optional: Any = False
        self.block = Block.empty(GEX, records=records, rows=rows)
        self.ints: Any = self.block.ints
        self.numbers: Any = self.block.numbers
        self.ladder: Any = self.block.ladder
        self.extras: Any = np.zeros((4, extras), np.int64)
        self.records = self.rows = 0

    def run(self) -> Call:
        self.records, self.rows, self.spans, self.position, why = _native.decode(
            self.text,
            self.start,
            self.stop,
            self.ticker,
            self.ticker_optional,
            946_684_800_000_000,
            1_800_000_000_000_000,
            self.ints,
            self.numbers,
            self.ladder,
            self.extras,
            self.records,
            self.rows,
        )
        self.why = WHY[why]
        return self

    @property
    def outcome(self) -> tuple[int, int, str]:
        return self.records, self.rows, self.why


def takes(text: bytes) -> bool:
    """Whether the native decoder takes the text as one record; what it skips is not checked by it."""
    return Call(text).run().outcome[::2] == (1, "end")


# --- the same values


SPELLINGS = """
    0 -0 0.0 -0.0 0e0 1e22 1e23 1E+5 1e-22 5e-324 4.9e-324 2.4703282292062328e-324 2.2250738585072011e-308
    1.7976931348623157e308 9007199254740991 9007199254740992 9007199254740993 9007199254740993.0
    0.1234567890123456789 1234567890123456789 12345678901234567890 18446744073709551616 0.00000000000000000000000001
    100000000000000000000000.0 7205759403792793200001e-20 1.00000000000000011102230246251565 1e-400
"""
NUMBER_TEXTS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e7, 1e7).map("{:.2f}".format),
    st.integers(-(10**25), 10**25).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(SPELLINGS.split()),
)


@settings(max_examples=200)
@given(NUMBER_TEXTS)
@example("0." + "0" * 400 + "1")
@example("1" + "0" * 400)
@example("1" * 30 + "." + "1" * 500)
@example("00")
@example("01.5")
def test_a_number_is_read_as_python_reads_it_or_not_at_all(text: str) -> None:
    call = Call(f'{{"timestamp":{SECOND},"ticker":"NQ_NDX","spot":1,"strikes":[[1,{text},0]]}}'.encode()).run()
    try:
        expected = json.loads(text, parse_int=float)
    except ValueError:
        expected = float("inf")
    if np.isfinite(expected):
        assert call.outcome == (1, 1, "end")
        assert struct.pack("d", call.ladder[1, 0]) == struct.pack("d", float(text))
    else:
        assert call.records == 0


KNOWN = {*NUMBERS, "timestamp", "ticker", "min_dte", "sec_min_dte", "strikes", "max_priors", "spot_price", "payload"}
KEYS = st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda key: key not in KNOWN
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


class Writer:
    """Writes records that the native decoder is meant to take, in any of the ways in which they can be written."""

    def __init__(self, chance: random.Random, numbers: list[str], unknown: dict[str, Any]) -> None:
        self.chance = chance
        self.finite = ["1.5", "0"] + [number for number in numbers if abs(float(number)) < float("inf")]
        self.positive = ["1.5"] + [number for number in self.finite if float(number) > 0]
        self.unknown = unknown

    def joined(self, brackets: str, items: list[str]) -> str:
        space = ["", "", " ", "\n", "\r\n\t"]
        glue = self.chance.choice(space) + "," + self.chance.choice(space)
        return brackets[0] + self.chance.choice(space) + glue.join(items) + self.chance.choice(space) + brackets[1]

    def array(self, least: int, most: int, item: Callable[[], str]) -> str:
        return self.joined("[]", [item() for _ in range(self.chance.randint(least, most))])

    def object(self, members: dict[str, str]) -> str:
        colon = self.chance.choice([":", " :", ": ", "\n:\t"])
        texts = [json.dumps(key, ensure_ascii=False) + colon + value for key, value in members.items()]
        return self.joined("{}", self.chance.sample(texts, len(texts)))

    def number(self) -> str:
        return self.chance.choice(self.finite)

    def row(self) -> str:
        cells = [self.chance.choice(self.positive), self.number(), self.number()]
        if self.chance.random() < 0.7:
            cells.append(self.array(self.chance.choice([0, 5]), 5, self.number))
        return self.joined("[]", cells)

    def optional(self, name: str) -> str:
        if self.chance.random() < 0.2:
            return "null"
        if name == "max_priors":
            return self.array(0, 6, lambda: self.joined("[]", [self.number(), self.number()]))
        if name in ("min_dte", "sec_min_dte"):
            return self.chance.choice(["0", "-0", "7", "-1", "2147483647", "-2147483648"])
        return self.number()

    def record(self) -> str:
        second = self.chance.randint(946_684_800, 1_799_999_999)
        members = {
            "timestamp": str(second * self.chance.choice([1, 1000, 10**6])),
            "ticker": '"NQ_NDX"',
            self.chance.choice(["spot", "spot_price"]): self.chance.choice(self.positive),
            "strikes": self.array(1, 4, self.row),
        }
        names = sorted({*NUMBERS[1:], "min_dte", "sec_min_dte", "max_priors"})
        members |= {name: self.optional(name) for name in names if self.chance.random() < 0.7}
        inner, outer = {}, {}
        for key, value in self.unknown.items():
            self.chance.choice([inner, outer])[key] = json.dumps(value, ensure_ascii=self.chance.random() < 0.5)
        if self.chance.random() < 0.5:
            return self.object(members | inner | outer)
        if self.chance.random() < 0.5:
            outer["ticker"] = members["ticker"]
            if self.chance.random() < 0.5:
                del members["ticker"]
        if self.chance.random() < 0.5:
            outer |= {"kind": '"gex"', "received_at": "null"}
        return self.object({"payload": self.object(members | inner), **outer})


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.lists(NUMBER_TEXTS, max_size=12), st.dictionaries(KEYS, JSON, max_size=3))
def test_regular_records_have_the_same_values_both_ways(
    decode: Decode, read_carefully: ReadCarefully, seed: int, numbers: list[str], unknown: dict[str, Any]
) -> None:
    writer = Writer(random.Random(seed), numbers, unknown)
    texts = [writer.record().encode() for _ in range(4)]
    assert all(map(takes, texts)), "regular records are what it is for"
    assert decode(b"\n".join(texts)).values == [read_carefully(text) for text in texts]


ODD_VALUES = [b"01", b"+1", b".5", b"1.", b"NaN", b"1e999", b"1e-999", b"-0", b'"\\u0041"', b"[[1,2,3]]", b"tru"]
CHANGES = st.tuples(
    st.sampled_from(["drop", "set", "twice"]),
    st.sampled_from([*sorted(KNOWN), "x"]),
    JSON | st.sampled_from(ODD_VALUES),
)


@settings(max_examples=100)
@given(st.lists(CHANGES, max_size=3))
def test_what_the_careful_reader_refuses_the_native_decoder_never_takes(
    make_record: MakeRecord, decode: Decode, read_carefully: ReadCarefully, changes: list[tuple[str, str, Any]]
) -> None:
    fields = json.loads(make_record())
    members = [f"{json.dumps(name)}:{json.dumps(value)}".encode() for name, value in fields.items()]
    for change, name, value in changes:
        key = f'"{name}":'.encode()
        text = key + (value if isinstance(value, bytes) else json.dumps(value).encode())
        if change == "drop":
            members = [member for member in members if not member.startswith(key)]
        elif change == "set":
            members = [text if member.startswith(key) else member for member in members]
        else:
            members.append(text)
    record = b"{" + b",".join(members) + b"}"
    try:
        expected = read_carefully(record)
    except (ValueError, RefusedRecordError):
        expected = None
    result = decode(record)
    assert result.values == ([] if expected is None else [expected])


# --- what it takes, and what it leaves


@pytest.mark.parametrize("spelling", ["NQ_NDX", "nq_ndx", "Nq_nDX"])
@pytest.mark.parametrize("expected", [b"NQ_NDX", b"nq_ndx"])
def test_a_ticker_is_taken_in_capitals_or_not(spelling: str, expected: bytes) -> None:
    call = Call(f'{{"timestamp":{SECOND},"ticker":"{spelling}","spot":1,"strikes":[[1,2,3]]}}'.encode())
    call.ticker = expected
    assert call.run().outcome == (1, 1, "end")


@pytest.mark.parametrize("spelling", ["nq?ndx", "NQ\x7fNDX", "NQ@NDX", "nq_nd", "nq_ndxx"])
def test_only_letters_have_a_case(spelling: str) -> None:
    """A code apart by 32 is not the same: `_` and DEL, `@` and a backquote."""
    assert (
        Call(f'{{"timestamp":{SECOND},"ticker":"{spelling}","spot":1,"strikes":[[1,2,3]]}}'.encode()).run().records == 0
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": 1e9},
        {"timestamp": -1},
        {"timestamp": b"-0"},
        {"timestamp": b"01763130602"},
        {"timestamp": "2025-11-14T14:30:02Z"},
        {"timestamp": SECOND * 10**9},
        {"timestamp": 1_800_000_001},
        {"timestamp": 946_684_799},
        {"ticker": "NDX"},
        {"ticker": "NQ_NDXX"},
        {"ticker": None},
        {"ticker": b'"NQ_\\u004eDX"'},
        {"spot": 0},
        {"spot": -1},
        {"spot": None},
        {"spot_price": 1},
        {"min_dte": 1.0},
        {"min_dte": 2**31},
        {"sec_min_dte": -(2**31) - 1},
        {"strikes": []},
        {"strikes": [[]]},
        {"strikes": [[1, 2]]},
        {"strikes": [[0, 2, 3]]},
        {"strikes": [[1, 2, 3, None]]},
        {"strikes": [[1, 2, 3, [1, 2, 3, 4, 5, 6]]]},
        {"strikes": [[1, 2, 3, [], 4]]},
        {"strikes": b"[[1,2,3],]"},
        {"max_priors": [[1, 2]] * 7},
        {"max_priors": [[1, 2, 3]]},
        {"zero_gamma": "0"},
        {"zero_gamma": b"nul"},
        {"payload": {}},
        {"x": b"{]"[:1]},
        {"x": b'"\x01"'},
        {"x": b""},
    ],
)
def test_irregular_records_are_left_to_the_careful_reader(make_record: MakeRecord, fields: dict[str, object]) -> None:
    good, text = make_record(1), make_record(0, **fields)
    call = Call(good + b"," + text + b"," + good).run()
    assert call.outcome == (1, 3, "irregular")
    assert call.position == len(good) + 1


def test_it_stops_where_text_may_go_on(make_record: MakeRecord) -> None:
    text = make_record() + b"\n"
    for end in range(1, len(text) - 1):
        call = Call(text[:end]).run()
        assert call.outcome[0] == 0
        assert call.position == 0
        assert call.why in ("incomplete", "irregular")
    assert Call(text[:-1]).run().outcome == (1, 3, "end")


def test_it_stops_at_a_nul_that_is_not_the_end(make_record: MakeRecord) -> None:
    call = Call(make_record() + b"\0" * 100 + make_record()).run()
    assert call.outcome == (1, 3, "irregular")


def test_it_stops_where_a_table_is_full(make_record: MakeRecord) -> None:
    text = b"\n".join(make_record(i) for i in range(5))
    assert Call(text, records=2).run().outcome == (2, 6, "full")
    assert Call(text, rows=8).run().outcome == (2, 6, "full")
    assert Call(text, rows=2).run().outcome == (0, 0, "full")
    unknown = b"\n".join(make_record(i, x=1, y=2) for i in range(3))
    assert Call(unknown, extras=5).run().outcome == (2, 6, "full")
    assert Call(unknown, extras=1).run().outcome == (0, 0, "full")


def test_it_goes_on_behind_what_the_tables_hold(make_record: MakeRecord) -> None:
    texts = [make_record(i, x=i) for i in range(3)]
    call = Call(b",".join(texts))
    call.stop = len(texts[0])
    call.text[call.stop] = 0
    assert call.run().outcome == (1, 3, "end")
    call.text[call.stop] = ord(",")
    call.start, call.stop = call.stop, len(call.text) - 1
    assert call.run().outcome == (3, 9, "end")
    assert call.ints[Int.FLAGS, :3].tolist() == [FLAG_EXTRA] * 3
    assert call.extras[0, : call.spans].tolist() == [1, 2]
    assert [float(spot) for spot in call.numbers[0, :3]] == [json.loads(text)["spot"] for text in texts]


def test_a_record_may_lack_its_ticker_only_where_that_is_said(make_record: MakeRecord) -> None:
    call = Call(make_record(drop="ticker"))
    assert call.run().records == 0
    call.ticker_optional = True
    assert call.run().records == 1


def test_few_priors_are_flagged(make_record: MakeRecord) -> None:
    call = Call(make_record(strikes=[[1, 2, 3, [1, 2, 3, 4, 5]], [1, 2, 3, [4]], [1, 2, 3]])).run()
    assert call.ints[Int.FLAGS, 0] == FLAG_PRIORS_COUNT
    assert np.isnan(call.ladder[3:, :3]).sum(axis=0).tolist() == [0, 4, 5]


# --- calls that make no sense


def refuse(call: Call, kind: type[Exception] = ValueError, match: str | None = None) -> None:
    with pytest.raises(kind, match=match):
        call.run()


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (6, 5), (0, 10**9), (0, -1), (-5, -1), (0, 2**62), (-(2**62), 5)])
def test_a_span_outside_the_text_is_refused(make_record: MakeRecord, start: int, stop: int) -> None:
    call = Call(make_record())
    call.text[5] = 0
    call.start, call.stop = start, stop
    refuse(call, match=r"text\[start:stop\] must be followed by a NUL byte")


def test_text_without_its_nul_is_refused(make_record: MakeRecord) -> None:
    call = Call(make_record())
    call.stop -= 1
    refuse(call, match="NUL")
    call.text = bytes(call.text[:-1])
    call.stop += 1
    refuse(call, match="NUL")
    call.text, call.stop = b"", 0
    refuse(call, match="NUL")


@pytest.mark.parametrize("table", ["ints", "numbers", "ladder", "extras"])
@pytest.mark.parametrize("shape", [0, 1, 7, 8, 1000])
def test_a_table_of_the_wrong_size_is_refused(make_record: MakeRecord, table: str, shape: int) -> None:
    call = Call(make_record())
    setattr(call, table, np.zeros(shape * getattr(call, table).shape[0] + (shape > 0)))
    refuse(call, match="an output table has the wrong size or is not aligned")


def test_tables_of_different_lengths_are_refused(make_record: MakeRecord) -> None:
    call = Call(make_record())
    call.numbers = np.zeros((call.numbers.shape[0], 5))
    refuse(call, match="the output tables do not fit together")


@pytest.mark.parametrize(("records", "rows"), [(-1, 0), (0, -1), (5, 0), (0, 41), (2**62, 0)])
def test_counts_outside_the_tables_are_refused(make_record: MakeRecord, records: int, rows: int) -> None:
    call = Call(make_record())
    call.records, call.rows = records, rows
    refuse(call, match="the output tables do not fit together")


def test_tables_that_cannot_be_written_in_one_piece_are_refused(make_record: MakeRecord) -> None:
    call = Call(make_record())
    call.ladder = np.zeros((8, 80))[:, ::2]
    refuse(call)
    call.ladder = np.zeros((8, 40))
    call.ladder.flags.writeable = False
    refuse(call)
    call.ladder = bytes(8 * 8 * 40)
    refuse(call, kind=BufferError)
    call.ladder = memoryview(bytearray(8 * 8 * 40 + 8))[1:-7]
    refuse(call, match="not aligned")


@pytest.mark.parametrize("name", ["text", "ticker", "ints"])
def test_arguments_of_other_types_are_refused(make_record: MakeRecord, name: str) -> None:
    call = Call(make_record())
    setattr(call, name, 7)
    refuse(call, TypeError)
