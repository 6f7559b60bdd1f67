"""Snapshots as the vendor's sockets carry them, and back: protobuf in fixed point, packed, in an envelope. Pure.

A snapshot is the vendor's JSON object. Numbers go out as whole multiples of 1/100 or 1/1000, rounded, never truncated.
One of so many decimals comes back as it was: the quotient of two whole numbers is the double that its text denotes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.any_pb2 import Any as Envelope
from google.protobuf.message import DecodeError

from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX, GREEKS, ORDERFLOW_TYPE
from gexlake.vendor.wire.gexbot_pb2 import Gex, MiniContract, OptionProfile, Orderflow, SpotPrice, Strike
from gexlake.zstd import ZstdError, pack_sizeless, unpack_bounded

CENTS, MILLS = 100, 1000
MOST_BYTES = 16 << 20
"""Of an unpacked message."""
MISSING_SEC_MIN_DTE = 1
"""What the vendor's own decoder says where it is absent."""
_INT32, _UINT32 = (-(1 << 31), (1 << 31) - 1), (0, (1 << 32) - 1)

Document = dict[str, Any]
Number = int | float


class BrokenMessageError(ValueError):
    """Bytes are not a message of the vendor's, or are damaged."""


class UnknownMessageError(BrokenMessageError):
    """A message says that it is of a kind that is not known."""


class Message(NamedTuple):
    """What came: its kind (None for a spot price), and the snapshot as the vendor's JSON has it."""

    kind: RecordType | None
    document: Document


@dataclass
class Clamped:
    """Fields whose value does not fit, and how often each was cut to what does."""

    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """One more."""
        self.counts[name] = self.counts.get(name, 0) + 1


# ---- numbers -------------------------------------------------------------------------------------------------------


class _Scaler:
    """Numbers of one message as whole ones within bounds."""

    def __init__(self, clamped: Clamped) -> None:
        self._clamped = clamped

    def signed(self, name: str, value: Number | None, scale: int) -> int:
        """A sint32; 0 for None."""
        return self._within(name, value, scale, *_INT32)

    def unsigned(self, name: str, value: Number | None, scale: int) -> int:
        """A uint32; 0 for None."""
        return self._within(name, value, scale, *_UINT32)

    def all_signed(self, document: Mapping[str, Any], names: Sequence[str], scale: int) -> Document:
        """Fields of a document as sint32."""
        return {name: self.signed(name, document.get(name), scale) for name in names}

    def all_unsigned(self, document: Mapping[str, Any], names: Sequence[str], scale: int) -> Document:
        """Fields of a document as uint32."""
        return {name: self.unsigned(name, document.get(name), scale) for name in names}

    def _within(self, name: str, value: Number | None, scale: int, least: int, most: int) -> int:
        if value is None:
            return 0
        whole = round(value * scale)
        if least <= whole <= most:
            return whole
        self._clamped.count(name)
        return least if whole < least else most


def _number(whole: int, scale: int) -> Number:
    """The number of so many parts, an int where it is whole: as the vendor's JSON has it."""
    return whole / scale if whole % scale else whole // scale


def _of_cents(wholes: Iterable[int]) -> list[Number]:
    """The same of many hundredths: there are some 800 in a message, and a call for each would double the time."""
    return [whole / CENTS if whole % CENTS else whole // CENTS for whole in wholes]


# ---- out -----------------------------------------------------------------------------------------------------------


def encode(kind: RecordType, document: Mapping[str, Any], clamped: Clamped) -> bytes:
    """A snapshot as its serialised envelope, which is what a socket carries."""
    type_url, to_message = _OUT[kind.name]
    return _enveloped(type_url, to_message(document, _Scaler(clamped)).SerializeToString())


def encode_spot(timestamp: int, ticker: str, spot: Number, clamped: Clamped) -> bytes:
    """A spot price of a Unix second as its serialised envelope."""
    message = SpotPrice(timestamp=timestamp, ticker=ticker, spot=_Scaler(clamped).unsigned("spot", spot, CENTS))
    return _enveloped("proto.spot", message.SerializeToString())


def _enveloped(type_url: str, message: bytes) -> bytes:
    return Envelope(type_url=type_url, value=pack_sizeless(message)).SerializeToString()


def _to_gex(document: Mapping[str, Any], scale: _Scaler) -> Gex:
    message = Gex(
        timestamp=int(document["timestamp"]),
        ticker=document["ticker"],
        min_dte=document.get("min_dte"),
        sec_min_dte=document.get("sec_min_dte"),
        **scale.all_unsigned(document, _GEX_LEVELS, CENTS),
        **scale.all_signed(document, _GEX_SUMS, MILLS),
    )
    add = message.strikes.add
    for entry in document["strikes"]:
        _fill_strike(add(), entry, scale)
    if (pairs := document.get("max_priors")) is not None:
        message.max_priors.SetInParent()
        for strike, change in pairs:
            message.max_priors.pairs.add(
                strike=scale.signed("max_priors", strike, CENTS), change=scale.signed("max_priors", change, MILLS)
            )
    return message


def _fill_strike(message: Strike, entry: Sequence[Any], scale: _Scaler) -> None:
    message.strike = scale.unsigned("strikes", entry[0], CENTS)
    message.gex_vol = scale.signed("strikes", entry[1], CENTS)
    message.gex_oi = scale.signed("strikes", entry[2], CENTS)
    if len(entry) > 3 and entry[3] is not None:
        message.priors.SetInParent()
        message.priors.values.extend([scale.signed("strikes", value, CENTS) for value in entry[3]])


def _to_profile(document: Mapping[str, Any], scale: _Scaler) -> OptionProfile:
    message = OptionProfile(
        timestamp=int(document["timestamp"]),
        ticker=document["ticker"],
        min_dte=document.get("min_dte"),
        sec_min_dte=document.get("sec_min_dte"),
        **scale.all_unsigned(document, _PROFILE_LEVELS, CENTS),
    )
    for entry in document["mini_contracts"]:
        _fill_contract(message.mini_contracts.add(), entry, scale)
    return message


def _fill_contract(message: MiniContract, entry: Sequence[Any], scale: _Scaler) -> None:
    padded: list[Any] = [*entry, *[None] * (7 - len(entry))]
    strike, call, put, value, priors, sixth, seventh = padded[:7]
    message.strike = scale.unsigned("mini_contracts", strike, CENTS)
    message.call_ivol = scale.unsigned("mini_contracts", call, MILLS)
    message.put_ivol = scale.unsigned("mini_contracts", put, MILLS)
    message.value = scale.signed("mini_contracts", value, CENTS)
    message.priors.extend([scale.signed("mini_contracts", prior, CENTS) for prior in priors or ()])
    if sixth is not None:
        message.field_6 = scale.signed("mini_contracts", sixth, 1)
    if seventh is not None:
        message.field_7.SetInParent()
        message.field_7.values.extend([scale.signed("mini_contracts", one, 1) for one in seventh])


def _to_orderflow(document: Mapping[str, Any], scale: _Scaler) -> Orderflow:
    return Orderflow(
        timestamp=int(document["timestamp"]),
        ticker=document["ticker"],
        **scale.all_unsigned(document, _ORDERFLOW_LEVELS, CENTS),
        **scale.all_signed(document, _ORDERFLOW_NUMBERS, CENTS),
    )


# ---- in ------------------------------------------------------------------------------------------------------------


def decode(envelope: bytes) -> Message:
    """What a serialised envelope carries. Raises `UnknownMessageError`, `BrokenMessageError` for any other bytes."""
    try:
        opened = Envelope.FromString(envelope)
        for mark, (kind, of_bytes) in _IN.items():
            if mark in opened.type_url:
                return Message(kind, of_bytes(unpack_bounded(opened.value, MOST_BYTES)))
    except (DecodeError, ZstdError) as error:
        raise BrokenMessageError(f"The message is damaged: {error}.") from error
    raise UnknownMessageError(f"The message is of a kind that is not known: {opened.type_url[:100]!r}.")


def _of_gex(data: bytes) -> Document:
    message = Gex.FromString(data)
    document = _identity(message)
    document |= {name: _number(getattr(message, name), CENTS) for name in _GEX_LEVELS}
    document["strikes"] = [_strike_entry(strike) for strike in message.strikes]
    document |= {name: _number(getattr(message, name), MILLS) for name in _GEX_SUMS}
    if message.HasField("max_priors"):
        pairs = message.max_priors.pairs
        document["max_priors"] = [[_number(pair.strike, CENTS), _number(pair.change, MILLS)] for pair in pairs]
    return _in_order(document, GEX)


def _strike_entry(message: Strike) -> list[Any]:
    entry: list[Any] = _of_cents((message.strike, message.gex_vol, message.gex_oi))
    if message.HasField("priors"):
        entry.append(_of_cents(message.priors.values))
    return entry


def _of_profile(data: bytes) -> Document:
    message = OptionProfile.FromString(data)
    document = _identity(message)
    document |= {name: _number(getattr(message, name), CENTS) for name in _PROFILE_LEVELS}
    document["mini_contracts"] = [_contract_entry(contract) for contract in message.mini_contracts]
    return _in_order(document, GREEKS)


def _contract_entry(message: MiniContract) -> list[Any]:
    call, put = message.call_ivol, message.put_ivol
    strike, value = _of_cents((message.strike, message.value))
    return [
        strike,
        call / MILLS if call % MILLS else call // MILLS,
        put / MILLS if put % MILLS else put // MILLS,
        value,
        _of_cents(message.priors),
        message.field_6 if message.HasField("field_6") else None,
        list(message.field_7.values) if message.HasField("field_7") else None,
    ]


def _identity(message: Gex | OptionProfile) -> Document:
    days = message.sec_min_dte if message.HasField("sec_min_dte") else MISSING_SEC_MIN_DTE
    return {
        "timestamp": message.timestamp,
        "ticker": message.ticker,
        "min_dte": message.min_dte,
        "sec_min_dte": days,
    }


def _of_orderflow(data: bytes) -> Document:
    message = Orderflow.FromString(data)
    document = {"timestamp": message.timestamp, "ticker": message.ticker}
    return document | {
        name: _number(getattr(message, name), CENTS) for name in (*_ORDERFLOW_LEVELS, *_ORDERFLOW_NUMBERS)
    }


def _of_spot(data: bytes) -> Document:
    message = SpotPrice.FromString(data)
    document: Document = {
        "timestamp": message.timestamp,
        "ticker": message.ticker,
        "spot": _number(message.spot, CENTS),
    }
    if message.HasField("source_timestamp_ms"):
        document["source_timestamp_ms"] = message.source_timestamp_ms
    return document


def _in_order(document: Document, kind: RecordType) -> Document:
    """With its fields in the vendor's order."""
    return {name: document[name] for name in kind.fields if name in document}


# ---- what there is -------------------------------------------------------------------------------------------------

_GEX_LEVELS = ("spot", "zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi")
_GEX_SUMS = ("sum_gex_vol", "sum_gex_oi", "delta_risk_reversal")
_PROFILE_LEVELS = ("spot", "major_positive", "major_negative", "major_long_gamma", "major_short_gamma")
_ORDERFLOW_LEVELS, _ORDERFLOW_NUMBERS = ORDERFLOW_TYPE.numbers[:9], ORDERFLOW_TYPE.numbers[9:]
"""The first nine are prices and strikes, unsigned on the wire."""

_OUT: dict[str, tuple[str, Callable[[Mapping[str, Any], _Scaler], Gex | OptionProfile | Orderflow]]] = {
    GEX.name: ("proto.gex", _to_gex),
    GREEKS.name: ("proto.greek", _to_profile),
    ORDERFLOW_TYPE.name: ("proto.orderflow", _to_orderflow),
}
"""Record type -> the name of its messages, and what makes one of a snapshot."""

_IN: dict[str, tuple[RecordType | None, Callable[[bytes], Document]]] = {
    "proto.gex": (GEX, _of_gex),
    "proto.greek": (GREEKS, _of_profile),
    "proto.orderflow": (ORDERFLOW_TYPE, _of_orderflow),
    "proto.spot": (None, _of_spot),
}
"""What the name of a message contains -> its record type, and what makes a snapshot of it."""
