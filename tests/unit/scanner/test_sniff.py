"""What the start of a text shows: form, record type, and what the first record says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.models.source import CONTAINER_KEYS, Form
from gexlake.scanner.sniff import Content, is_blank, sniff

MakeRecord = Callable[..., bytes]

GREEK = b'{"timestamp":1763130602,"ticker":"SPX","spot":1,"mini_contracts":[[1,2,3,4,[5,6,7]]]}'
ORDERFLOW = b'{"timestamp":1763130602,"ticker":"SPX","spot":1,"z_mlgamma":1,"zcvr":2,"agg_dex":3,"dexoflow":4}'
MAJORS = b'{"timestamp":1763130602,"ticker":"SPX","spot":1,"mpos_vol":1,"mpos_oi":2,"zero_gamma":3,"net_gex_vol":4}'
MAXCHANGE = b'{"timestamp":1763130602,"ticker":"SPX","current":[1,2],"one":[1,2],"five":[1,2],"thirty":[1,2]}'


def seen(text: bytes, *, is_whole: bool = True) -> Content:
    return sniff(text, is_whole=is_whole)


def summary(text: bytes, *, is_whole: bool = True) -> tuple[str | None, Form, str | None, str | None]:
    content = seen(text, is_whole=is_whole)
    return content.record_type, content.form, content.ticker, content.timestamp


def gex(form: Form) -> tuple[str, Form, str, str]:
    return "gex", form, "NQ_NDX", "1763130602"


def test_the_vendors_array(make_record: MakeRecord) -> None:
    record = make_record()
    assert summary(b"[" + record + b"," + record + b"]") == gex(Form.ARRAY)


def test_json_lines(make_record: MakeRecord) -> None:
    record = make_record()
    assert summary(record + b"\n" + record + b"\n") == gex(Form.LINES)
    assert summary(record + b"\r\n\r\n" + record) == gex(Form.LINES)
    assert summary(record + record) == gex(Form.LINES)


def test_one_object(make_record: MakeRecord) -> None:
    assert summary(make_record()) == gex(Form.OBJECT)
    assert summary(make_record() + b"\r\n") == gex(Form.OBJECT)


@pytest.mark.parametrize("key", CONTAINER_KEYS)
def test_array_under_a_container_key(make_record: MakeRecord, key: str) -> None:
    record = make_record()
    assert summary(b'{"%b":[%b,%b]}' % (key.encode(), record, record)) == gex(Form.WRAPPED)
    assert summary(b'{"version":1,"meta":{"a":["]"]},"%b" : [\n %b]}' % (key.encode(), record)) == gex(Form.WRAPPED)


@pytest.mark.parametrize("indent", [0, 1, 4])
def test_pretty_printed_json(make_record: MakeRecord, indent: int) -> None:
    record = json.loads(make_record())
    assert summary(json.dumps([record, record], indent=indent).encode()) == gex(Form.ARRAY)
    assert summary(json.dumps(record, indent=indent).encode()) == gex(Form.OBJECT)
    assert summary(json.dumps({"records": [record]}, indent=indent).encode()) == gex(Form.WRAPPED)


def test_byte_order_mark_and_blank_lines(make_record: MakeRecord) -> None:
    record = make_record()
    assert summary(b"\xef\xbb\xbf\r\n\r\n  [" + record + b"]") == gex(Form.ARRAY)
    assert summary(b"\xef\xbb\xbf" + record + b"\n\n" + record) == gex(Form.LINES)


def test_envelopes_say_what_they_wrap(make_record: MakeRecord) -> None:
    labels = b'"ticker":"NQ_NDX","kind":"classic_gex_zero","endpoint":"\\/NQ_NDX\\/classic\\/zero"'
    text = b'{%b,"received_at":"2025-11-14T14:30:03Z","payload":%b}' % (labels, make_record())
    assert summary(text) == gex(Form.OBJECT)
    assert seen(text).labels == ("classic_gex_zero", "/NQ_NDX/classic/zero")
    assert summary(b'{"payloads":[' + text + b"]}") == gex(Form.WRAPPED)
    assert seen(b"[" + text + b"," + text + b"]").labels == ("classic_gex_zero", "/NQ_NDX/classic/zero")


def test_labels_behind_the_payload_are_found(make_record: MakeRecord) -> None:
    text = b'{"payload":%b,"kind":"state_gex_one"}' % make_record()
    assert summary(text) == gex(Form.OBJECT)
    assert seen(text).labels == ("state_gex_one",)


def test_a_ticker_and_time_around_the_record_stand_in_for_its_own(make_record: MakeRecord) -> None:
    bare = make_record(ticker=None, timestamp=None)
    assert summary(b'{"ticker":"ES_SPX","timestamp":5,"payload":%b}' % bare)[2:] == ("ES_SPX", "5")
    assert summary(b'{"ticker":"ES_SPX","timestamp":5,"records":[%b]}' % bare)[2:] == ("ES_SPX", "5")
    assert summary(b'{"ticker":"ES_SPX","timestamp":5,"payload":%b}' % make_record())[2:] == ("NQ_NDX", "1763130602")


def test_order_of_keys_does_not_matter(make_record: MakeRecord) -> None:
    record = json.loads(make_record())
    assert summary(json.dumps(record, sort_keys=True).encode()) == gex(Form.OBJECT)
    backwards = dict(reversed(list(record.items())))
    assert summary(json.dumps([backwards, backwards]).encode()) == gex(Form.ARRAY)


def test_unknown_fields_do_not_confuse(make_record: MakeRecord) -> None:
    odd = {"note": 'quote " brace } [ \\', "nested": {"strikes_like": [["]"]]}, "empty": {}, "none": None, "t": True}
    record = json.dumps({**odd, **json.loads(make_record())}).encode()
    assert summary(b"[" + record + b"]") == gex(Form.ARRAY)


@pytest.mark.parametrize("form", [b"[%b]", b"%b", b"%b\n%b", b'{"data":[%b]}', b'{"kind":"x","payload":%b}'])
@pytest.mark.parametrize(
    ("record", "record_type"),
    [(GREEK, "greeks"), (ORDERFLOW, "orderflow"), (MAJORS, "majors"), (MAXCHANGE, "maxchange")],
)
def test_other_record_types_of_the_vendor(form: bytes, record: bytes, record_type: str) -> None:
    assert seen(form.replace(b"%b", record)).record_type == record_type


def test_a_ladder_makes_it_gex_whatever_else_is_there(make_record: MakeRecord) -> None:
    assert seen(make_record(z_mlgamma=1, zcvr=2, agg_dex=3)).record_type == "gex"


@pytest.mark.parametrize("kept", [20, 60, 200, 260])
def test_a_record_cut_anywhere_is_no_reason_to_give_up(make_record: MakeRecord, kept: int) -> None:
    content = seen(b"[" + make_record()[:kept], is_whole=False)
    assert content.is_json
    assert content.has_record
    assert content.foreign_keys is None


def test_a_damaged_first_record_does_not_hide_the_next(make_record: MakeRecord) -> None:
    record = make_record()
    for damaged in (record[:90], b'{"timestamp":17 63,"ticker":"NQ_NDX"}', b"garbage", b"{]}", b'{"a"}', b"17"):
        assert summary(b"[" + damaged + b"," + record + b"]") == gex(Form.ARRAY), damaged
        assert summary(damaged + b"\n" + record + b"\n")[0] == "gex", damaged
        assert summary(b'{"records":[' + damaged + b"," + record + b"]}")[0] == "gex", damaged


def test_a_header_line_does_not_hide_the_records(make_record: MakeRecord) -> None:
    text = b'{"schema":"gex","version":2}\n' + make_record()
    assert summary(text)[:2] == ("gex", Form.LINES)
    assert seen(text).foreign_keys is None


@pytest.mark.parametrize("text", [b"[]", b" [ \n ] ", b"\xef\xbb\xbf[]", b'{"snapshots":[]}', b'{"a":{},"data":[ ]}'])
def test_an_array_without_records(text: bytes) -> None:
    content = seen(text)
    assert content.is_json
    assert content.has_no_records
    assert content.record_type is None


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (b'{"url":"https://example.invalid/x?sig=secret"}', ("url",)),
        (b'{"timestamp":1,"status":404,"error":"Not Found"}', ("error", "status", "timestamp")),
        (b'[{"time":1,"open":2}]', ("open", "time")),
        (b'{"b":{"c":1},"a":[]}', ("a", "b")),
        (b"{}", ()),
    ],
)
def test_foreign_json_is_told_by_its_keys(text: bytes, keys: tuple[str, ...]) -> None:
    content = seen(text)
    assert content.foreign_keys == keys
    assert not content.has_record


def test_a_gex_record_without_ladder_is_a_damaged_one_not_a_foreign(make_record: MakeRecord) -> None:
    content = seen(make_record(strikes=None))
    assert (content.record_type, content.has_record, content.foreign_keys) == (None, True, None)


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
        (b"\x1f\x8b\x08\x00", "packed twice; unpack it first"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"[\x00{\x00", "UTF-16 text without a byte order mark; convert it to UTF-8 first"),
        (b"\x00[\x00{", "UTF-16 text without a byte order mark; convert it to UTF-8 first"),
        ("[{".encode("utf-32"), "UTF-32 text; convert it to UTF-8 first"),
        (b"\x00" * 100, "binary content"),
        (b"{\x01\x02\x03binary", "binary content"),
        (b"[\x00\x00\x00", "binary content"),
    ],
)
def test_binary_content_is_named(text: bytes, description: str) -> None:
    content = seen(text)
    assert (content.is_json, content.is_other, content.is_text, content.description) == (
        False,
        True,
        False,
        description,
    )


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (b"<!DOCTYPE html><html>", "an HTML page, such as a failed download leaves"),
        (b"<?xml version='1.0'?>\n<html>", "an HTML page, such as a failed download leaves"),
        (b"\n<?xml version='1.0'?><Error/>", "an XML page, such as a failed download leaves"),
        (b"timestamp,spot\n1,2\n", "CSV, a table; import the JSON that it was made from"),
        (b"timestamp;spot\r\n1;2", "CSV, a table; import the JSON that it was made from"),
        (b"null", "a mere value"),
        (b"# notes", "text, but not JSON"),
    ],
)
def test_other_text_is_named(text: bytes, description: str) -> None:
    content = seen(text)
    assert (content.is_json, content.description) == (False, description)


@pytest.mark.parametrize("value", [b"17", b"null", b'"a\\u0062"', b'"' + b"x" * 600 + b'"', b"[1]"])
def test_a_ticker_that_is_no_plain_string_is_none(make_record: MakeRecord, value: bytes) -> None:
    text = make_record(ticker=None).replace(b'{"timestamp"', b'{"ticker":%b,"timestamp"' % value)
    assert seen(text).record_type == "gex"
    assert seen(text).ticker is None


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    for opening in (b'{"payload":', b'{"data":[', b"[", b'{"a":'):
        assert seen(opening * 5_000).record_type is None


@pytest.mark.parametrize("text", [b"", b" ", b"\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_blank_texts(text: bytes) -> None:
    assert is_blank(text)


def test_a_text_is_not_blank_because_it_starts_so() -> None:
    assert not is_blank(b"  x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ticker", "timestamp", "strikes", "payload", "data", "kind", "zcvr"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_sniffed_without_a_crash(text: bytes, is_whole: bool) -> None:
    assert isinstance(sniff(text, is_whole=is_whole), Content)


@settings(max_examples=60)
@given(JSON, st.integers(0, 400), st.booleans(), st.sampled_from([None, 1]))
def test_any_json_cut_anywhere_is_sniffed_without_a_crash(
    value: object, cut: int, is_whole: bool, indent: int | None
) -> None:
    assert isinstance(sniff(json.dumps(value, indent=indent).encode()[:cut], is_whole=is_whole), Content)
