"""Which records are new, and into which segment they go; what was missed of each feed, and why.

Pure but for the journal that it appends to. A record is known by its timestamp and its own text: one that comes again,
as REST answers and reconnected sockets give, is no new one; one of the same timestamp with another text is kept, and
the import decides between the two.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

import orjson

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import Interruption, note_interruptions
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import kind_of
from gexlake.services.living.clock import Clock, SystemClock
from gexlake.services.living.journal import Journal
from gexlake.validation.calendar import new_york_day
from gexlake.vendor.sums import correct_sums

log = logging.getLogger(__name__)

KNOWN_RECORDS = 900
"""Of each feed, that a record which comes again is compared with."""
AHEAD_SECONDS = 2.0
"""A record that is this much later than our clock says that one of the two is wrong."""
HOLE_SECONDS = 5.0
"""What is shorter than a hole is no interruption."""


@dataclass(slots=True)
class FeedCounts:
    """What came of a feed. Instants are Unix microseconds of the recorder's clock; 0 is never."""

    records: int = 0
    duplicates: int = 0
    refused: int = 0
    """What is no record, of another ticker, or of another session."""
    last_us: int = 0
    """Timestamp of the last record."""
    received_us: int = 0
    """When it came."""
    first_us: int = 0
    """Timestamp of the first record since this process records."""


@dataclass(slots=True)
class _Feed:
    counts: FeedCounts = field(default_factory=FeedCounts)
    known: OrderedDict[tuple[int, bytes], None] = field(default_factory=OrderedDict)
    reason: str = ""
    """Why nothing comes, from the last record on; none while records come."""


class Recorder:
    """Takes what comes from the vendor. For one event loop."""

    def __init__(self, layout: LakeLayout, journal: Journal, feeds: Iterable[Feed], clock: Clock) -> None:
        self._layout, self._journal, self._clock = layout, journal, clock
        self._feeds = {feed: _Feed() for feed in feeds}
        self._missed: dict[date, list[Interruption]] = {}
        self.reconnects = 0
        self.unknown: Counter[str] = Counter()
        """Messages that are of no known kind or no wanted feed, by what they said of themselves."""
        self.saturated = 0
        self.warn: Callable[[str], None] = log.warning
        self._warned_of_clock = False

    @property
    def counts(self) -> dict[Feed, FeedCounts]:
        """What came of each feed."""
        return {feed: state.counts for feed, state in self._feeds.items()}

    def resume(self) -> None:
        """Go on from what this day's segments hold already: what came meanwhile was missed."""
        for feed, line in self._journal.last_records(self._feeds, self._clock.now_us()).items():
            state = self._feeds[feed]
            instant_us = _instant_of(line)
            if instant_us is not None:
                state.counts.last_us, state.known[_identity(instant_us, line)] = instant_us, None
                state.reason = "gexlake live was not running"

    # ---- what comes ----------------------------------------------------------------------------------------

    def take_text(self, feed: Feed, text: bytes) -> bool:
        """A snapshot as REST answers it; whether it is a new record."""
        instant_us = _instant_of(text, feed)
        if b"\n" in text:
            text = orjson.dumps(orjson.loads(text)) if instant_us is not None else text
        return self._take(feed, instant_us, text)

    def take_document(self, feed: Feed, document: dict[str, object]) -> bool:
        """A snapshot out of a socket's message; whether it is a new record."""
        self.saturated += correct_sums(kind_of(feed), document)
        return self._take(feed, _instant_in(document, feed), orjson.dumps(document))

    def interrupt(self, feeds: Iterable[Feed], reason: str) -> None:
        """Nothing comes of these from their last record on; the first reason stands until something does."""
        for feed in feeds:
            state = self._feeds[feed]
            state.reason = state.reason or reason

    def end(self) -> None:
        """Nothing more will come: what is being missed ends here, as far as it can be told."""
        now_us = self._clock.now_us()
        for feed, state in self._feeds.items():
            if state.counts.last_us:
                self._end_interruption(feed, state, new_york_day(state.counts.last_us), now_us)

    def flush(self) -> None:
        """Write down what was missed."""
        while self._missed:
            note_interruptions(self._layout, *self._missed.popitem())

    def _take(self, feed: Feed, instant_us: int | None, text: bytes) -> bool:
        state, now_us = self._feeds[feed], self._clock.now_us()
        counts = state.counts
        if instant_us is None or (day := new_york_day(instant_us)) != new_york_day(now_us):
            counts.refused += 1
            return False
        identity = _identity(instant_us, text)
        if identity in state.known:
            counts.duplicates += 1
            return False
        self._journal.append(SessionKey(feed, day), text, now_us)
        state.known[identity] = None
        if len(state.known) > KNOWN_RECORDS:
            state.known.popitem(last=False)
        self._check_clock(instant_us, now_us)
        self._end_interruption(feed, state, day, instant_us)
        counts.records += 1
        counts.first_us = counts.first_us or instant_us
        counts.last_us, counts.received_us = max(counts.last_us, instant_us), now_us
        return True

    def _end_interruption(self, feed: Feed, state: _Feed, day: date, instant_us: int) -> None:
        last_us, reason, state.reason = state.counts.last_us, state.reason, ""
        is_hole = reason and last_us and instant_us - last_us > HOLE_SECONDS * 1_000_000
        if is_hole and new_york_day(last_us) == day == new_york_day(instant_us):
            self._missed.setdefault(day, []).append(Interruption(*feed, last_us, instant_us, reason))

    def _check_clock(self, instant_us: int, now_us: int) -> None:
        ahead = (instant_us - now_us) / 1_000_000
        is_own = isinstance(self._clock, SystemClock)  # a replay's may jump
        if is_own and ahead > AHEAD_SECONDS and not self._warned_of_clock:
            self._warned_of_clock = True
            self.warn(f"This machine's clock is wrong: records are {ahead:.0f} s ahead of it. Set it by NTP.")


def _identity(instant_us: int, text: bytes) -> tuple[int, bytes]:
    return instant_us, hashlib.blake2b(text, digest_size=8).digest()


def _instant_of(text: bytes, feed: Feed | None = None) -> int | None:
    """The timestamp of a record in Unix microseconds; None for what is no record, or of another ticker."""
    try:
        return _instant_in(orjson.loads(text), feed)
    except orjson.JSONDecodeError:
        return None


def _instant_in(document: object, feed: Feed | None) -> int | None:
    if not isinstance(document, dict) or (feed is not None and document.get("ticker") != feed.ticker):
        return None
    timestamp = document.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float) or not 0 < timestamp < 1 << 40:
        return None
    return round(timestamp * 1_000_000)
