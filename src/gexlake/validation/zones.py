"""Time zones by name, and the instants that a clock on the wall means in one. Pure.

A wall clock alone is never an instant: whoever has none but that is asked for the zone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from gexlake.errors import UsageError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_NO_PLACE = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""Files beside the zones: of this machine, or with leap seconds, by which they would be half a minute off."""


def find_zone(zone: str | tzinfo) -> tzinfo:
    """The zone of an IANA name, `UTC` among them; raises `UsageError` where there is none of that name."""
    if isinstance(zone, ZoneInfo | timezone):
        return zone
    return _zone_of(str(zone))  # another library's zones are known by their names: theirs may begin in 1883


@lru_cache(maxsize=256)
def _zone_of(name: str) -> ZoneInfo:
    if len(name) <= 64 and _NAME.fullmatch(name) and not name.startswith(_NO_PLACE):
        with suppress(LookupError, ValueError, OSError):
            return ZoneInfo(name)
    raise UsageError(
        f"There is no time zone {name[:64]!r}.", hint="Write a name of the IANA database, as America/New_York, or UTC."
    )


def in_zone(wall: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks of the zone show `wall`, which has no zone.

    Raises `ValueError`, in words, for a time that a clock change leaves out or brings twice.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None
    assert after is not None
    if before == after:
        return first
    if before < after:
        raise ValueError(f"{wall.isoformat()} does not exist in {zone}, clocks went forward over it")
    raise ValueError(
        f"{wall.isoformat()} comes twice in {zone}, as {first.isoformat()} and, clocks put back, {second.isoformat()}"
    )
