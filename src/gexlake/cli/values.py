"""Numbers and times as people read them. Pure."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

NOTHING = "–"
"""Stands where there is no value."""

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def count(number: int | None) -> str:
    """1234567 -> 1,234,567"""
    return NOTHING if number is None else f"{number:,}"


def size(size_bytes: float) -> str:
    """1234567 -> 1.2 MB (a megabyte is a million bytes)"""
    exponent = min(int(math.log10(size_bytes) / 3), len(_SIZE_UNITS) - 1) if size_bytes >= 1 else 0
    number = size_bytes / 1000**exponent
    return f"{number:.0f} {_SIZE_UNITS[exponent]}" if exponent == 0 else f"{number:.1f} {_SIZE_UNITS[exponent]}"


def share(part: float | None, *, decimals: int = 2) -> str:
    """0.99996 -> 99.99 %; it is cut, not rounded, because 100 % has to mean all of it."""
    if part is None:
        return NOTHING
    scale = 10**decimals
    percent = math.floor(part * 100 * scale + 1e-9) / scale
    return f"{percent:.0f} %" if percent == round(percent) else f"{percent:.{decimals}f} %"


def rate_of_errors(rate: float) -> str:
    """0.00012 -> 0.012 %; rounded up, because 0 % has to mean none."""
    percent = math.ceil(rate * 100 * 1000 - 1e-9) / 1000
    return f"{percent:g} %"


def seconds(duration: float) -> str:
    """4.21 -> 4.2 s, 75 -> 1 min 15 s, 3700 -> 1 h 01 min"""
    if duration < 60:
        return f"{duration:.1f} s" if duration != int(duration) else f"{int(duration)} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def instant(moment: datetime | None) -> str:
    """The moment in UTC, to the second."""
    return NOTHING if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def days(first: date, last: date) -> str:
    """A range of dates, both included."""
    return f"{first}" if first == last else f"{first} – {last}"


def plural(number: int, word: str) -> str:
    """1 -> 1 file, 1200 -> 1,200 files"""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
