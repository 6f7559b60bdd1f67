"""What is sent to groups, and when: every record once the clock has reached it, never before."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from contextlib import suppress

from gexlake.errors import GexlakeError
from gexlake.models.feed import Feed
from gexlake.replay.clock import AtEnd, Clocks, ReplayClock
from gexlake.replay.faults import FaultBox
from gexlake.replay.hubs.connection import Connection
from gexlake.replay.hubs.news import Encoder
from gexlake.replay.lake_reader import LakeReader, ReplayRecord
from gexlake.replay.moment import due, next_instant
from gexlake.vendor.frames import Frame
from gexlake.vendor.groups import Group, group_of

BACKLOG = 64
"""Records of a group that are sent when the clock has run on; of more, which it takes a very fast one for, the last."""
MOST_IN_A_STEP = 10_000
LONGEST_SLEEP_SECONDS = 3600.0

logger = logging.getLogger(__name__)


class Broadcaster:
    """Tells the groups of one clock their news, for as long as somebody is joined to one."""

    def __init__(
        self,
        reader: LakeReader,
        clocks: Clocks,
        clock: ReplayClock,
        *,
        encoder: Encoder,
        faults: FaultBox,
        prefix: str,
        backlog: int,
    ) -> None:
        self._reader, self._clocks, self._clock, self._backlog = reader, clocks, clock, backlog
        self._encoder, self._faults, self._prefix = encoder, faults, prefix
        self._members: dict[Group, set[Connection]] = {}
        self._advancing = asyncio.Lock()
        self._touched = asyncio.Event()
        self._held: dict[Group, bytes] = {}
        """Messages that are late, by a fault."""
        reading = clock.read(clocks.now())
        self._jumps, self._position_us = reading.jumps, reading.instant_us
        self._task = asyncio.create_task(self._run(), name="broadcast")

    # ---- members -------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether nobody is joined to anything."""
        return not self._members

    def join(self, connection: Connection, group: Group) -> None:
        """Tell it the news of the group from now on."""
        self._members.setdefault(group, set()).add(connection)
        self._touched.set()

    def leave(self, connection: Connection, groups: Iterable[Group]) -> None:
        """Tell it no more of these."""
        for group in groups:
            members = self._members.get(group, set())
            members.discard(connection)
            if not members:
                self._members.pop(group, None)

    def close(self) -> None:
        """Tell nobody anything any more."""
        self._task.cancel()

    # ---- time ----------------------------------------------------------------------------------------------

    async def advance(self, most: int = MOST_IN_A_STEP) -> None:
        """Send what has become due, the last `most` records of each group; then wait anew for what comes next."""
        async with self._advancing:
            reading = self._clock.read(self._clocks.now())
            if reading.jumps != self._jumps:
                self._jumps, self._position_us = reading.jumps, reading.origin_us - 1
            after_us, self._position_us = self._position_us, max(self._position_us, reading.instant_us)
            if self._members:
                await self._send(after_us, reading.instant_us, most)
        self._touched.set()

    async def _run(self) -> None:
        while True:
            await self.advance(self._backlog)
            self._touched.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._touched.wait(), self._seconds_to_next())

    def _seconds_to_next(self) -> float | None:
        now, schedule = self._clocks.now(), self._clock.schedule
        feeds = {feed for group in self._members if (feed := self._feed(group, self._position_us)) is not None}
        instants: list[int | None] = []
        for feed in feeds:
            with suppress(GexlakeError):  # was told of when it was to be sent
                instants.append(next_instant(self._reader, schedule, feed, self._position_us))
        shown_us = self._clock.read(now).instant_us
        waits = [
            0.0 if instant <= shown_us else self._clock.seconds_until(now, instant)  # it may have run on meanwhile
            for instant in instants
            if instant is not None
        ]
        if self._members and self._clock.at_end is AtEnd.LOOP:
            waits.append(self._clock.seconds_until(now, schedule.windows[0].start_us) + 0.001)
        soonest = min(waits, default=math.inf)
        return None if math.isinf(soonest) else min(max(soonest, 0.0), LONGEST_SLEEP_SECONDS)

    # ---- messages ------------------------------------------------------------------------------------------

    async def _send(self, after_us: int, until_us: int, most: int) -> None:
        """All records in order of time; other work gets its turn between two of them."""
        schedule = self._clock.schedule
        found: list[tuple[int, Group, ReplayRecord]] = []
        for group in list(self._members):
            feed = self._feed(group, until_us)
            try:
                records = due(self._reader, schedule, feed, after_us, until_us, most=most) if feed is not None else []
            except GexlakeError as error:  # the others are told all the same
                logger.warning("%s", error)
                continue
            found += [(record.timestamp_us, group, record) for record in records]
        for _, group, record in sorted(found, key=lambda one: (one[0], one[1].name)):
            self._tell(group, self._encoder.envelope(record, spot=group.is_spot))
            await asyncio.sleep(0)

    def _feed(self, group: Group, instant_us: int) -> Feed | None:
        """The feed whose records a group is told of; for spot prices the first of the ticker."""
        if not group.is_spot:
            return group.feed
        day = self._clock.schedule.window(instant_us).day
        return next((feed for feed in self._reader.feeds(day) if feed.ticker == group.ticker), None)

    def _tell(self, group: Group, envelope: bytes) -> None:
        if self._faults.take("late_messages"):
            late = self._held.pop(group, None)
            self._held[group] = envelope
            envelopes = [] if late is None else [late]
        else:
            late = self._held.pop(group, None)
            envelopes = [envelope] if late is None else [envelope, late]
        if envelopes and self._faults.take("repeated_messages"):
            envelopes.append(envelopes[0])
        name = f"{self._prefix}_{group.name}"
        for one in envelopes:
            frames: dict[str | None, Frame] = {}
            for connection in list(self._members.get(group, ())):
                if connection.subprotocol not in frames:
                    frames[connection.subprotocol] = connection.codec.shared(name, one)
                connection.offer(group.name, frames[connection.subprotocol])


class Hubs:
    """All broadcasters: one for each clock, made when a socket first joins a group."""

    def __init__(
        self, reader: LakeReader, clocks: Clocks, faults: FaultBox, prefix: str, backlog: int = BACKLOG
    ) -> None:
        self._reader, self._clocks, self._faults, self.prefix = reader, clocks, faults, prefix
        self._backlog = backlog
        self.encoder = Encoder()
        self._broadcasters: dict[str, Broadcaster] = {}

    def join(self, key_id: str, connection: Connection, group: Group) -> None:
        """Tell a socket of a key the news of a group from now on."""
        clock_id = self._clocks.id_of(key_id)
        if clock_id not in self._broadcasters:
            self._broadcasters[clock_id] = Broadcaster(
                self._reader,
                self._clocks,
                self._clocks.of(key_id),
                encoder=self.encoder,
                faults=self._faults,
                prefix=self.prefix,
                backlog=self._backlog,
            )
        self._broadcasters[clock_id].join(connection, group)

    def leave(self, key_id: str, connection: Connection, groups: Iterable[Group]) -> None:
        """Tell it no more of these."""
        clock_id = self._clocks.id_of(key_id)
        broadcaster = self._broadcasters.get(clock_id)
        if broadcaster is None:
            return
        broadcaster.leave(connection, groups)
        if broadcaster.is_idle:
            del self._broadcasters[clock_id]
            broadcaster.close()

    async def catch_up(self, key_id: str) -> None:
        """The clock of a key has been touched: send what is due now, before anything else happens."""
        broadcaster = self._broadcasters.get(self._clocks.id_of(key_id))
        if broadcaster is not None:
            await broadcaster.advance()

    def parse(self, name: str) -> Group | None:
        """The group of a name with the prefix; None where there is none such."""
        start = f"{self.prefix}_"
        return group_of(name.removeprefix(start)) if name.startswith(start) else None
