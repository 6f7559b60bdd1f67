"""Snapshots over the wire: what the history holds comes back, number by number."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Envelope
from hypothesis import given
from hypothesis import strategies as st

from gexlake.models.feed import FEED_CATEGORIES
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX, GREEKS, ORDERFLOW_TYPE, record_type_of
from gexlake.sample import sample_records
from gexlake.sample.feeds import SampleFeed
from gexlake.vendor.messages import (
    MOST_BYTES,
    BrokenMessageError,
    Clamped,
    UnknownMessageError,
    decode,
    encode,
    encode_spot,
)
from gexlake.vendor.wire.gexbot_pb2 import Gex, OptionProfile
from gexlake.zstd import pack_sizeless, unpack_bounded

DAY = date(2025, 11, 14)


def decimals(places: int, least: int, most: int) -> st.SearchStrategy[float | int]:
    """Numbers as the vendor's JSON has them: of so many decimals, whole ones without a point."""
    scale = 10**places
    return st.integers(least, most).map(lambda whole: whole / scale if whole % scale else whole // scale)


INT32, UINT32 = (-(2**31), 2**31 - 1), (0, 2**32 - 1)
cents, unsigned_cents = decimals(2, *INT32), decimals(2, *UINT32)
mills, unsigned_mills = decimals(3, *INT32), decimals(3, *UINT32)
days = st.integers(*INT32)
timestamps = st.integers(0, 2**40)
tickers = st.sampled_from(["SPX", "NQ_NDX", "^SPX"])

strikes = st.tuples(unsigned_cents, cents, cents).flatmap(
    lambda own: st.one_of(st.just([*own]), st.lists(cents, max_size=5).map(lambda priors: [*own, priors]))
)
pairs = st.lists(st.tuples(cents, mills).map(list), max_size=6)
gex = st.fixed_dictionaries(
    {
        "timestamp": timestamps,
        "ticker": tickers,
        "min_dte": days,
        "sec_min_dte": days,
        **dict.fromkeys(GEX.fields[4:10], unsigned_cents),
        "strikes": st.lists(strikes, max_size=5),
        **dict.fromkeys(GEX.fields[11:14], mills),
    },
    optional={"max_priors": pairs},
)
contracts = st.tuples(
    unsigned_cents, unsigned_mills, unsigned_mills, cents, st.lists(cents, max_size=3),
    st.none() | days, st.none() | st.lists(days, max_size=3),
).map(list)  # fmt: skip
profiles = st.fixed_dictionaries(
    {
        "timestamp": timestamps,
        "ticker": tickers,
        "spot": unsigned_cents,
        "min_dte": days,
        "sec_min_dte": days,
        **dict.fromkeys(GREEKS.fields[5:9], unsigned_cents),
        "mini_contracts": st.lists(contracts, max_size=5),
    }
)
orderflow = st.fixed_dictionaries(
    {
        "timestamp": timestamps,
        "ticker": tickers,
        **dict.fromkeys(ORDERFLOW_TYPE.numbers[:9], unsigned_cents),
        **dict.fromkeys(ORDERFLOW_TYPE.numbers[9:], cents),
    }
)


def there_and_back(kind: RecordType, document: dict[str, Any]) -> dict[str, Any]:
    clamped = Clamped()
    message = decode(encode(kind, document, clamped))
    assert message.kind is kind
    assert not clamped.counts
    return message.document


@given(
    st.one_of(
        st.tuples(st.just(GEX), gex),
        st.tuples(st.just(GREEKS), profiles),
        st.tuples(st.just(ORDERFLOW_TYPE), orderflow),
    )
)
def test_every_snapshot_of_so_many_decimals_comes_back_as_text(case: tuple[RecordType, dict[str, Any]]) -> None:
    kind, document = case
    found = there_and_back(kind, document)
    assert json.dumps(found, sort_keys=True) == json.dumps(document, sort_keys=True)
    assert list(found) == [name for name in kind.fields if name in document]


@pytest.mark.parametrize(
    ("package", "category"), [(package, name) for package, names in FEED_CATEGORIES.items() for name in names]
)
def test_a_whole_session_of_every_feed_comes_back(package: str, category: str) -> None:
    kind = record_type_of(category)
    assert kind is not None
    for record in sample_records(20, SampleFeed("NQ_NDX", package, category), DAY, strikes=9):
        found = there_and_back(kind, record)
        assert list(found) == list(record)
        assert not [name for name in record if found[name] != record[name]]


def test_the_published_prices_that_truncation_breaks_do_not() -> None:
    """5,000.01 … 9,000.00: every 24th would be a hundredth less."""
    broken = 0
    for whole in range(500_001, 900_001):
        broken += int(whole / 100 * 100) != whole
        assert round(whole / 100 * 100) == whole
    assert broken > 10_000


def test_a_sum_that_does_not_fit_is_cut_to_what_does_and_counted() -> None:
    (record,) = sample_records(1, SampleFeed("SPX", "classic", "gex_full"), DAY, strikes=9)
    clamped = Clamped()
    record |= {"sum_gex_vol": 3_000_000.5, "sum_gex_oi": -3_000_000.5, "zero_gamma": -1}
    found = decode(encode(GEX, record, clamped)).document
    assert (found["sum_gex_vol"], found["sum_gex_oi"], found["zero_gamma"]) == (2147483.647, -2147483.648, 0)
    assert clamped.counts == {"sum_gex_vol": 1, "sum_gex_oi": 1, "zero_gamma": 1}


def test_days_are_always_sent_and_a_missing_second_one_is_read_as_the_vendor_does() -> None:
    (record,) = sample_records(1, SampleFeed("SPX", "classic", "gex_full"), DAY, strikes=9)
    record["min_dte"] = 0
    opened = Envelope.FromString(encode(GEX, record, Clamped()))
    assert opened.type_url == "proto.gex"
    message = Gex.FromString(unpack_bounded(opened.value, MOST_BYTES))
    assert (message.HasField("min_dte"), message.HasField("sec_min_dte")) == (True, True)
    message.ClearField("sec_min_dte")
    packed = Envelope(type_url="type.googleapis.com/proto.gex", value=pack_sizeless(message.SerializeToString()))
    assert decode(packed.SerializeToString()).document["sec_min_dte"] == 1


def test_negative_numbers_are_zigzag_on_the_wire() -> None:
    """-13.72 is 2743 as a plain varint; `sec_min_dte` 1 is 2."""
    (record,) = sample_records(1, SampleFeed("SPX", "state", "gamma_zero"), DAY, strikes=9)
    record |= {"sec_min_dte": 1, "mini_contracts": [[100, 0.1, 0.2, -13.72, [], None, None]]}
    opened = Envelope.FromString(encode(GREEKS, record, Clamped()))
    data = unpack_bounded(opened.value, MOST_BYTES)
    assert b"\x28\x02" in data
    assert b"\x20\xb7\x15" in data
    assert OptionProfile.FromString(data).mini_contracts[0].value == -1372


def test_a_spot_price_is_a_message_of_its_own() -> None:
    message = decode(encode_spot(1763130600, "SPX", 7138.55, Clamped()))
    assert (message.kind, message.document) == (None, {"timestamp": 1763130600, "ticker": "SPX", "spot": 7138.55})


def test_frames_do_not_say_how_large_their_content_is() -> None:
    frame = pack_sizeless(b"x" * 1000)
    assert frame[4] >> 6 == 0, "frame content size flag"
    assert not frame[4] & 0x20, "single segment"


def test_a_kind_that_is_not_known_is_named() -> None:
    with pytest.raises(UnknownMessageError, match=r"'proto\.option'"):
        decode(Envelope(type_url="proto.option", value=b"").SerializeToString())


def test_content_without_end_is_refused() -> None:
    bomb = Envelope(type_url="proto.gex", value=pack_sizeless(bytes(MOST_BYTES + 1)))
    with pytest.raises(BrokenMessageError, match="more than"):
        decode(bomb.SerializeToString())


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    for envelope in (data, Envelope(type_url="proto.gex", value=data).SerializeToString()):
        with suppress(BrokenMessageError):
            decode(envelope)


@given(st.data())
def test_a_message_that_is_cut_short_is_refused(data: st.DataObject) -> None:
    (record,) = sample_records(1, SampleFeed("SPX", "classic", "gex_full"), DAY, strikes=9)
    opened = Envelope.FromString(encode(GEX, record, Clamped()))
    cut = opened.value[: data.draw(st.integers(0, len(opened.value) - 1))]
    with pytest.raises(BrokenMessageError):
        decode(Envelope(type_url="proto.gex", value=cut).SerializeToString())
