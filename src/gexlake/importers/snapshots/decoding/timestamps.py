"""What instant a `timestamp` denotes, in any of the forms that archives have; nothing is guessed, nothing rounded."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gexlake.importers.snapshots.decoding.json_values import as_number, short

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


class Instant(NamedTuple):
    """Unix microseconds; `in_zone` says that the zone was not written but given."""

    microseconds: int
    in_zone: bool = False


class WithoutZoneError(ValueError):
    """A date and time that nothing says the zone of, or that the clocks of the zone do not say once."""


def read_instant(value: Any, zone: ZoneInfo | None) -> Instant | None:
    """The instant of a timestamp in any accepted form, or None; raises `WithoutZoneError`.

    Numbers, also as text, go by magnitude: below 10^11 seconds, below 10^14 milli-, below 10^17 micro-, below 10^20
    nanoseconds. Seconds and milliseconds may have a fraction that is whole microseconds: what is finer would have to
    be rounded. Other text is ISO 8601 with date and time; without an offset it is a time in `zone`, if there is one.
    """
    if isinstance(value, bool):
        return None
    number = as_number(value)
    if number is None:
        return _iso_instant(value, zone) if isinstance(value, str) else None
    microseconds = _whole_microseconds(number) if isinstance(number, float) else _microseconds(number)
    return None if microseconds is None else Instant(microseconds)


def _microseconds(value: int) -> int | None:
    if value < 0:
        return value * 1_000_000 if value > -(10**11) else None
    for bound, numerator, denominator in ((11, 1_000_000, 1), (14, 1000, 1), (17, 1, 1), (20, 1, 1000)):
        if value < 10**bound:
            scaled = value * numerator
            return scaled // denominator if scaled % denominator == 0 else None
    return None


def _whole_microseconds(seconds_or_finer: float) -> int | None:
    if not math.isfinite(seconds_or_finer):
        return None
    if seconds_or_finer == int(seconds_or_finer):
        return _microseconds(int(seconds_or_finer))
    if not 0 <= seconds_or_finer < 10**14:
        return None
    per_unit = 1_000_000 if seconds_or_finer < 10**11 else 1000
    # 1763130600.123 has no exact double; its microsecond is the one that reads back as the same double.
    microseconds = round(seconds_or_finer * per_unit)
    return microseconds if microseconds / per_unit == seconds_or_finer else None


def _iso_instant(text: str, zone: ZoneInfo | None) -> Instant | None:
    if ("T" not in text and " " not in text) or _FINER_THAN_MICROSECONDS.search(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    in_zone = moment.tzinfo is None
    try:
        if in_zone:
            moment = _in_zone(moment, text, zone)
        return Instant((moment - EPOCH) // timedelta(microseconds=1), in_zone)
    except OverflowError:
        return None


def _in_zone(moment: datetime, text: str, zone: ZoneInfo | None) -> datetime:
    """The moment by the clocks of the zone, which at a change of theirs show some times twice and others never."""
    if zone is None:
        raise WithoutZoneError(f"timestamp {short(text)} has no zone: is it UTC, or New York?")
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before == after:
        return first
    assert before is not None
    assert after is not None
    if before < after:
        raise WithoutZoneError(f"timestamp {short(text)} does not exist in {zone}: clocks were put forward over it")
    raise WithoutZoneError(f"timestamp {short(text)} stands for two instants in {zone}: clocks were put back over it")
