"""Greeks and orderflow: what the typed reader takes has the values that careful reading gives, bit for bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gexlake.importers.base import Refusal
from gexlake.importers.snapshots.decoding import typed
from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.records import Scratch
from gexlake.models.block import Block, Int
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GREEKS, ORDERFLOW_TYPE

SECOND = 1_763_130_600
KINDS = [GREEKS, ORDERFLOW_TYPE]

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**6), 10**6, places=2).map(str),
    st.sampled_from(
        ["-0", "-0.0", "0", "1e400", "1E5", "-1e-400", "0.1e1", "12345678901234567890.5", "01", "+1", ".5"]
    ),
)
ODD = st.sampled_from(["null", '"1.5"', "NaN", "[]", "true", "{}", '""'])


def plain(kind: RecordType, second: int = 0) -> dict[str, str]:
    """A regular record: the text of each value by field."""
    fields = dict.fromkeys(kind.fields, "1.25")
    fields |= {"timestamp": str(SECOND + second), "ticker": '"NQ_NDX"'}
    fields |= dict.fromkeys(kind.integers, "1")
    if kind.ladder:
        fields[kind.ladder.field] = "[[25000,0.1,0.2,-3.5,[1,2,3],null,null],[25025,0,0.25,4,[1.5,-0.0,3],null,null]]"
    return fields


def text_of(fields: dict[str, str] | list[tuple[str, str]]) -> bytes:
    pairs = fields.items() if isinstance(fields, dict) else fields
    return ("{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}").encode()


class Source:
    """Text as a source of bytes."""

    def __init__(self, text: bytes) -> None:
        self._text = memoryview(text)

    def readinto(self, target: memoryview) -> int:
        part, self._text = self._text[: len(target)], self._text[len(target) :]
        target[: len(part)] = part
        return len(part)


def decode(kind: RecordType, text: bytes, *, buffer: int = 1 << 16, records: int = 4096) -> list[Any]:
    """All that comes of a text, as values that can be compared: bits of columns, refusals whole."""
    scratch = Scratch(kind)
    scratch.text = bytearray(buffer + 1)
    scratch.block = Block.empty(kind, records=records, rows=max(8, records))
    decoder = Decoder(Source(text), Expectation(kind, "NQ_NDX", 0, 2 * 10**15), scratch)
    ints, numbers, ladder, extra, refusals = [], [], [], [], []
    for event in decoder.events():
        if isinstance(event, Block):
            ints.append(event.ints[:, : event.records].copy())
            numbers.append(event.filled_numbers.copy())
            ladder.append(event.filled_ladder.copy())
            extra += [event.extra.get(i) for i in range(event.records)]
        else:
            assert isinstance(event, Refusal)
            refusals.append((event.record_index, event.byte_offset, event.rule, event.raw))
    tables = [np.concatenate(parts, axis=1).tobytes() if parts else b"" for parts in (ints, numbers, ladder)]
    return [*tables, extra, refusals, decoder.seen, decoder.findings.findings]


def carefully(kind: RecordType, text: bytes, patch: pytest.MonkeyPatch) -> list[Any]:
    with patch.context() as within:
        within.setattr(typed.RecordDecoder, "__call__", lambda *_: None)
        return decode(kind, text)


@st.composite
def any_records(draw: st.DrawFn, kind: RecordType) -> bytes:
    """A few records, most of them regular but for a value or two."""
    texts = []
    for second in range(draw(st.integers(1, 4))):
        fields = plain(kind, second)
        for name in draw(st.lists(st.sampled_from(kind.fields), max_size=3, unique=True)):
            fields[name] = draw(NUMBERS | ODD)
        if kind.ladder and draw(st.booleans()):
            cells = draw(st.lists(NUMBERS, min_size=7, max_size=7))
            rest = draw(st.sampled_from(["", ",null", ",null,null", ",1,null", ",null,[1]", ",null,null,null"]))
            own, priors = ",".join(cells[:4]), ",".join(cells[4:])
            fields[kind.ladder.field] = f"[[{own},[{priors}]{rest}]]"
        pairs = list(fields.items())
        if draw(st.booleans()):
            pairs = draw(st.permutations(pairs))
        if draw(st.integers(0, 9)) == 0:
            pairs.append(draw(st.sampled_from([("ticker", '"NQ_NDX"'), ("new", "1"), ("spot", "2"), ("note", '"}"')])))
        texts.append(text_of(pairs))
    separator = draw(st.sampled_from([b",", b"\n", b",\r\n", b""]))
    return draw(st.sampled_from([b"[%b]", b"%b", b'{"data":[%b]}'])) % separator.join(texts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=150)
@given(data=st.data())
def test_typed_and_careful_reading_agree_to_the_bit(kind: RecordType, data: st.DataObject) -> None:
    text = data.draw(any_records(kind))
    assert decode(kind, text) == carefully(kind, text, pytest.MonkeyPatch())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "number", ["-0", "-0.0", "0", "9007199254740993", "18446744073709551617", "5e-324", "0.30000000000000004"]
)
def test_a_number_is_the_same_double_either_way(kind: RecordType, number: str) -> None:
    fields = plain(kind)
    for name in kind.numbers[1:]:
        fields[name] = number
    text = text_of(fields)
    assert decode(kind, text) == carefully(kind, text, pytest.MonkeyPatch())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=30)
@given(buffer=st.integers(1, 3000), records=st.integers(1, 5), separator=st.sampled_from([b",", b"\n", b", \n"]))
@example(buffer=1, records=1, separator=b",")
def test_it_does_not_matter_where_buffers_and_blocks_end(
    kind: RecordType, buffer: int, records: int, separator: bytes
) -> None:
    text = b"[" + separator.join(text_of(plain(kind, second)) for second in range(7)) + b"]"
    assert decode(kind, text, buffer=buffer, records=records) == decode(kind, text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_regular_records_are_not_read_carefully(kind: RecordType, monkeypatch: pytest.MonkeyPatch) -> None:
    def irregular(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("gexlake.importers.snapshots.decoding.irregular.read_snapshot", irregular)
    records = [plain(kind, second) for second in range(50)]
    if kind.ladder:
        for fields in records[25:]:
            fields[kind.ladder.field] = "[[25000,0.1,null,-3.5,[1,2,3]]]"  # nothing behind the priors, and a null
    *_, refusals, seen, findings = decode(kind, b"[" + b",\n".join(map(text_of, records)) + b"]")
    assert (refusals, seen, findings) == ([], 50, [])


def test_an_entry_keeps_all_that_it_has() -> None:
    fields = plain(GREEKS)
    fields["mini_contracts"] = "[[25000,0.1,0.2,-3.5,[1,2],7.5,null],[25025,null,0.2,1,[],null,[1,2]]]"
    text = text_of(fields)
    scratch = Scratch(GREEKS)
    decoder = Decoder(Source(text), Expectation(GREEKS, "NQ_NDX", 0, 2 * 10**15), scratch)
    (block,) = decoder.events()
    assert isinstance(block, Block)
    first, second = block.filled_ladder.T.tolist()
    assert str(first) == "[25000.0, 0.1, 0.2, -3.5, 1.0, 2.0, nan, 7.5]"
    assert str(second) == "[25025.0, nan, 0.2, 1.0, nan, nan, nan, nan]"
    assert json.loads(block.extra[0]) == {"mini_contracts": json.loads(fields["mini_contracts"])}
    assert block.column(Int.ROWS).tolist() == [2]
