"""What holds for every text: `decode` itself asserts that no record is lost, invented or misplaced (see conftest)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gexlake.validation.rules import Rule

if TYPE_CHECKING:
    from conftest import Decode, MakeRecord

PIECES = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"\n",
        b" ",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"0",
        b"-",
        b"null",
    ),
    *(b'{"timestamp":', b'{"data":[', b'"payload":{', b'"strikes":[[1,2,3]]', b'{"a":[', b"]}", b"{}", b"[]", b'"a"'),
    *(b"[" * 200, b'{"timestamp":1,"x":[', b"NaN", b"tru", b"1e999", b'"\\ud800"', b'"a":1,"a":1'),
]
LITERALS = st.sampled_from(PIECES) | st.binary(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["data", "records", "timestamp", "payload", "spot", "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)
FORMS = [(b"[", b",", b"]"), (b"", b"\n", b"\n"), (b'{"data":[', b", ", b'],"n":1}'), (b"[\r\n", b",\r\n", b"\r\n]")]


@settings(max_examples=80)
@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_to_their_end(decode: Decode, text: bytes) -> None:
    decode(text)


@settings(max_examples=70)
@given(st.lists(JSON, max_size=3), st.sampled_from(FORMS))
def test_any_json_is_decoded_to_its_end(decode: Decode, values: list[object], form: tuple[bytes, bytes, bytes]) -> None:
    before, between, after = form
    decode(before + between.join(json.dumps(value).encode() for value in values) + after)


@settings(max_examples=80)
@given(st.lists(LITERALS | st.integers(0, 5), max_size=14), st.sampled_from([1, 30, 500]))
def test_any_rubble_is_decoded_to_its_end_wherever_buffers_end(
    decode: Decode, make_record: MakeRecord, pieces: list[bytes | int], buffer: int
) -> None:
    text = b"".join(make_record(piece) if isinstance(piece, int) else piece for piece in pieces)
    result = decode(text)
    assert decode(text, buffer=buffer, step=buffer) == result
    split = decode(text, rows=4)
    assert (split.records, split.refusals) == (result.records, result.refusals)


class Damage(NamedTuple):
    """One contiguous change: `length` bytes at `at` (as a share of the text) give way to others."""

    at: float
    length: int
    material: bytes | float

    def apply(self, text: bytes) -> tuple[bytes, int, int]:
        """The changed text, and the span of the old one that it touches."""
        start = int(self.at * len(text))
        end = min(len(text), start + self.length)
        if isinstance(self.material, float):  # a copy of what stands elsewhere
            source = int(self.material * len(text))
            new = text[source : source + 40]
        else:
            new = self.material
        return text[:start] + new + text[end:], start, end


DAMAGES = st.builds(
    Damage,
    st.floats(0, 1),
    st.just(0) | st.integers(0, 3) | st.integers(0, 1500),
    st.just(b"") | st.binary(max_size=5) | st.sampled_from([b'"', b"{", b"}", b"[", b"]", b"\\", b",", b":", b"\0"])
    | st.floats(0, 1),
)  # fmt: skip


@settings(max_examples=150)
@given(DAMAGES, st.sampled_from(FORMS), st.booleans())
@example(Damage(0.5, 700, b""), FORMS[2], False)
def test_one_damaged_place_costs_only_the_records_that_it_touches(
    decode: Decode, make_record: MakeRecord, damage: Damage, form: tuple[bytes, bytes, bytes], odd: bool
) -> None:
    """A record survives, with its values, if neither its bytes nor the separator before it are touched."""
    before, between, after = form
    records = [make_record(i, **({"min_dte": b"0.0"} if odd and i % 2 else {})) for i in range(6)]
    text = before + between.join(records) + after
    changed, start, end = damage.apply(text)
    result = decode(changed)
    survivors = dict(zip(result.spans, result.values, strict=True))
    whole = dict(zip(records, decode(text).values, strict=True))
    at = len(before)
    for record in records:
        if at + len(record) <= start or at - len(between) >= end + (start == end):
            assert survivors.get(record) == whole[record]
        at += len(record) + len(between)


@settings(max_examples=80)
@given(st.lists(DAMAGES, max_size=5), st.sampled_from(FORMS))
def test_any_damage_is_survived(
    decode: Decode, make_record: MakeRecord, damages: list[Damage], form: tuple[bytes, bytes, bytes]
) -> None:
    before, between, after = form
    text = before + between.join(make_record(i, note={"a": "]}"}) for i in range(5)) + after
    for damage in damages:
        text, _, _ = damage.apply(text)
    result = decode(text)
    assert decode(text, buffer=300) == result


@pytest.mark.parametrize("field", ["strikes", "max_priors", "note"])
def test_a_record_cut_within_an_array_does_not_swallow_the_others(
    decode: Decode, make_record: MakeRecord, field: str
) -> None:
    """With the end of the object around the records, what is left of it and all behind it would be sound JSON."""
    cut = make_record(1, min_dte=b"0.0", **{field: [[1, 2, 3]]})
    cut = cut[: cut.index(b"]", cut.index(b"[[1,2,3")) + 1]
    good = [make_record(i) for i in (0, 2, 3)]
    result = decode(b'{"data":[' + b",".join([good[0], cut, *good[1:]]) + b"]}")
    assert result.spans == good
    assert result.raws == [cut]
    assert [refusal.message for refusal in result.refusals] == ["the record is not closed before the next one begins"]


def test_records_under_keys_that_nobody_knows_are_found_all_the_same(decode: Decode, make_record: MakeRecord) -> None:
    records = [make_record(i) for i in range(4)]
    pages = b'{"n":2,"items":[%b,%b]}\n{"data":[%b],"more":[%b]}' % tuple(records)
    result = decode(pages)
    assert result.spans == records
    assert result.refusals == []
    assert result.findings == {
        Rule.CONTAINER_FIELD: "fields around the records: n; the records stand under items, more"
    }
