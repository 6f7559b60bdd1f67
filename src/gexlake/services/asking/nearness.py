"""Which snapshot is near enough to the instant that it was asked for. Pure.

Without `max_age` it is one of the same session: of the same date in New York. With `max_age` it is one that is no older
than that, of whichever session. A later one than was asked for it never is.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from gexlake.errors import NoSnapshotError
from gexlake.models.feed import Feed
from gexlake.services.asking.moments import SECOND_US, in_words, iso, new_york_day


def age_of(timestamp_us: int, asked_us: int) -> float:
    """How many seconds a snapshot is older than what was asked for, exact to the microsecond, also after years."""
    return max(0, asked_us - timestamp_us) / SECOND_US


def check_near(feed: Feed, timestamp_us: int, asked_us: int, max_age: float | None) -> None:
    """Raise `NoSnapshotError` where the last snapshot at or before an instant is too far from it."""
    age = age_of(timestamp_us, asked_us)
    if max_age is not None:
        if age > max_age:
            raise NoSnapshotError(
                f"The last snapshot of {feed} at or before {iso(asked_us)} is of {iso(timestamp_us)}, {age} seconds "
                f"older; max_age is {max_age}."
            )
        return
    day, first_us = new_york_day(asked_us)
    if timestamp_us < first_us:
        raise NoSnapshotError(
            f"{feed} has no snapshot of {day} in New York at or before {iso(asked_us)}. The last one before is of "
            f"{iso(timestamp_us)}, {in_words(age)} ({age} seconds) older.",
            hint=f"To have it all the same, say max_age={math.ceil(age)} or more; 3d is understood as well.",
        )


def what_it_holds(feed: Feed, feeds: Sequence[Feed]) -> str:
    """A hint for who asks for a feed that the lake lacks: the nearest by name, then all."""
    held = {str(one): one for one in feeds}
    near = difflib.get_close_matches(str(feed), held, n=1, cutoff=0.6)
    meant = f"Did you mean {near[0]}? " if near else ""
    return f"{meant}It holds {', '.join(held) or 'no session yet'}."


def no_snapshot(feed: Feed) -> NoSnapshotError:
    """For a feed that begins later."""
    return NoSnapshotError(f"{feed} has no snapshot at or before that time.")
