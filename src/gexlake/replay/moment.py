"""What a feed's newest record is at an instant of the replay."""

from __future__ import annotations

from gexlake.models.feed import Feed, SessionKey
from gexlake.replay.lake_reader import LakeReader, ReplayRecord
from gexlake.replay.schedule import Schedule


def newest(
    reader: LakeReader, schedule: Schedule, feed: Feed, instant_us: int, *, carry_over: bool
) -> ReplayRecord | None:
    """The last record at or before an instant, of the day that the instant is in; None before its first.

    With `carry_over` the last one of an earlier session stands until then.
    """
    day = schedule.window(instant_us).day
    found = reader.last(SessionKey(feed, day), instant_us)
    if found is not None or not carry_over:
        return found
    earlier = [session for session in reader.sessions() if session.feed == feed and session.session_date < day]
    return reader.last(max(earlier, key=lambda session: session.session_date), instant_us) if earlier else None


def due(
    reader: LakeReader, schedule: Schedule, feed: Feed, after_us: int, until_us: int, *, most: int
) -> list[ReplayRecord]:
    """The last `most` records of a feed behind one instant and at or before another, of the days of the replay."""
    records: list[ReplayRecord] = []
    for window in schedule.windows:
        if window.end_us > after_us and window.start_us <= until_us:
            records += reader.between(SessionKey(feed, window.day), after_us, until_us, most)
    return records[-most:]


def next_instant(reader: LakeReader, schedule: Schedule, feed: Feed, after_us: int) -> int | None:
    """The instant of the first record of a feed behind another, on the days of the replay; None where there is none."""
    for window in schedule.windows:
        if window.end_us > after_us:
            found = reader.next_instant(SessionKey(feed, window.day), after_us)
            if found is not None:
                return found
    return None
