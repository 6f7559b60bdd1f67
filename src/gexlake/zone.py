"""The time zone that a user names for times that have none."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

_NOTE = re.compile(r"times without a zone were read in ([^\s;]+)")


def zone_name(text: str) -> str:
    """The name of a zone of the IANA database, as it is spelt; raises `ValueError` in words."""
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, a folder of them
        raise ValueError(f"{text[:100]!r} is no time zone; write it as America/New_York or UTC.") from None


def zone_note(zone: ZoneInfo) -> str:
    """What the lineage of a source says where the zone was named; `noted_zone` reads it."""
    return f"times without a zone were read in {zone.key}"


def noted_zone(message: str | None) -> str | None:
    """The zone that a source's times were read in, by its lineage: to read it again, it takes the same one."""
    found = _NOTE.search(message or "")
    return found[1] if found else None
