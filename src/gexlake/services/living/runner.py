"""Recording, session after session: connect, write down, make durable, import what is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from gexlake.db.database import open_database, prepare_lake
from gexlake.db.faults import storage_error
from gexlake.db.layout import LakeLayout
from gexlake.db.segments import slot_of
from gexlake.errors import GexlakeError
from gexlake.models.feed import Feed
from gexlake.services.importing.jobs import ImportJobs
from gexlake.services.living.clock import SECOND_US, Clock, clock_of, followed
from gexlake.services.living.imports import SegmentImports
from gexlake.services.living.journal import Journal
from gexlake.services.living.lock import recording_lock
from gexlake.services.living.order import LiveOrder, Method
from gexlake.services.living.poll import Poller
from gexlake.services.living.recorder import FeedCounts, Recorder
from gexlake.services.living.sockets import Sockets
from gexlake.services.processes.interrupts import end_task
from gexlake.validation.calendar import CashHours, cash_hours, new_york_day
from gexlake.vendor.live import LiveClient
from gexlake.vendor.trouble import RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey

log = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
EARLY_SECONDS = 30
"""Before the open, when it connects."""
LATE_SECONDS = 60
"""After the close: the last records are those of the close itself."""
CLOCK_OFF_SECONDS = 3.0
RETRY_SECONDS = 60.0
"""After which a vendor that did not take the key is asked again, in a service."""


@dataclass
class LiveState:
    """How recording goes, for whoever shows it."""

    feeds: tuple[Feed, ...]
    doing: str = "starting"
    """In words: waiting, polling, listening."""
    recorder: Recorder | None = None
    problem_us: int = 0
    _problem: str = ""

    @property
    def problem(self) -> str:
        """What went wrong last, where no record has come since."""
        came_since = any(counts.received_us > self.problem_us for counts in self.counts.values())
        return "" if came_since else self._problem

    def note_problem(self, words: str, now_us: int) -> None:
        """Something goes wrong at this moment."""
        self._problem, self.problem_us = words, now_us

    @property
    def counts(self) -> dict[Feed, FeedCounts]:
        """What came of each feed."""
        return self.recorder.counts if self.recorder else {feed: FeedCounts() for feed in self.feeds}

    @property
    def records(self) -> int:
        """All records."""
        return sum(counts.records for counts in self.counts.values())

    def ages(self, now_us: int) -> dict[Feed, float]:
        """Seconds since the last record of each feed that has one."""
        return {feed: (now_us - counts.last_us) / SECOND_US for feed, counts in self.counts.items() if counts.last_us}

    @property
    def capture_rate(self) -> float | None:
        """Records for each second between the first one and the last, all feeds together."""
        spans = [(c.last_us - c.first_us) / SECOND_US + 1 for c in self.counts.values() if c.records]
        return sum(c.records for c in self.counts.values()) / sum(spans) if spans else None


@dataclass
class LiveRunner:
    """Records what an order asks for into a lake, until it is cancelled; then what was recorded is durable.

    `jobs` run the imports. Entering `run` raises what `load_key` and the vendor raise where nothing can come of it.
    """

    layout: LakeLayout
    order: LiveOrder
    key: VendorKey
    jobs: ImportJobs
    say: Callable[[str], None] = log.info
    warn: Callable[[str], None] = log.warning
    imports: bool = True
    """Whether what is recorded is imported."""
    imports_at_end: bool = False
    """Whether what is still open then is too; else the next start does it."""
    state: LiveState = field(init=False)
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        for name in ("aiohttp", "websockets"):
            # A line for every request, and at their finest the addresses of sockets with their tokens.
            logging.getLogger(name).setLevel(logging.WARNING)
        self.state = LiveState(self.order.feeds)
        self.clock = clock_of(self.order.clock_from)

    async def run(self) -> None:
        """Wait for the lock, then record. Raises a group with what went wrong; of the disk it is a `StorageError`."""
        try:
            await self._run()
        except* OSError as errors:
            error = first_of(errors)
            assert isinstance(error, OSError)
            raise storage_error(self.layout, error) from error

    async def _run(self) -> None:
        prepare_lake(self.layout)
        if not self.layout.database.exists():
            with open_database(self.layout, write=True):
                pass
        self.state.doing = "waiting for another process"
        async with recording_lock(self.layout, self.say), followed(self.clock), asyncio.TaskGroup() as group:
            await self._record(group)

    async def _record(self, group: asyncio.TaskGroup) -> None:
        journal = Journal(self.layout)
        if journal.cut_bytes:
            self.say(f"{journal.cut_bytes} bytes of torn lines were cut off.")
        recorder = self.state.recorder = Recorder(self.layout, journal, self.order.feeds, self.clock)
        recorder.warn = self._note_problem
        recorder.resume()
        imports = SegmentImports(self.layout, self.jobs, warn=self._note_problem)
        keeping = [group.create_task(self._keep_durable(journal, recorder))]
        if self.imports:
            keeping.append(group.create_task(self._keep_imported(journal, imports)))
        try:
            async with LiveClient(self.key, self.order.base_url) as client:
                keeping.append(group.create_task(self._keep_watching_clock(client)))
                await self._record_sessions(client, recorder)
        finally:
            for task in keeping:
                task.cancel()
            self.state.doing = "ending"
            journal.close()
            recorder.end()
            recorder.flush()
            await self._leave(journal, imports)

    async def _leave(self, journal: Journal, imports: SegmentImports) -> None:
        """Import what is left, or say that it is."""
        waiting = journal.closed()
        count = sum(map(len, waiting.values()))
        if not count:
            return
        if self.imports and self.imports_at_end:
            self.say(f"Importing the last {count} segments. Ctrl-C leaves them to the next start.")
            if await imports.take(waiting):
                return
        self.say(f"{count} segments are not imported: the next start does it, or `gexlake import {self.layout.live}`.")

    # ---- beside it -----------------------------------------------------------------------------------------

    async def _keep_durable(self, journal: Journal, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            await asyncio.to_thread(journal.sync)
            recorder.flush()

    async def _keep_imported(self, journal: Journal, imports: SegmentImports) -> None:
        """Import what earlier processes left, and what closes from now on."""
        seen = None
        while True:
            now_us = self.clock.now_us()
            is_session = self._is_session(now_us)
            if seen != (seen := (slot_of(now_us), is_session)):
                await imports.take(journal.closed(now_us if is_session else None))
            await asyncio.sleep(SYNC_SECONDS)

    async def _keep_watching_clock(self, client: LiveClient) -> None:
        """Say when this machine's clock begins to differ from the vendor's."""
        was_off = False
        while True:
            off = client.clock_off_seconds or 0.0
            if was_off != (was_off := abs(off) > CLOCK_OFF_SECONDS) and was_off:
                where = "ahead of" if off > 0 else "behind"
                self._note_problem(f"This machine's clock is {abs(off):.0f} s {where} the vendor's. Set it by NTP.")
            await asyncio.sleep(SYNC_SECONDS)

    def _is_session(self, now_us: int) -> bool:
        hours = cash_hours(new_york_day(now_us))
        return hours is not None and now_us < hours.close_us + LATE_SECONDS * SECOND_US

    # ---- sessions ------------------------------------------------------------------------------------------

    async def _record_sessions(self, client: LiveClient, recorder: Recorder) -> None:
        while True:
            hours = next_hours(self.clock.now_us())
            if self.clock.now_us() < (opens_us := hours.open_us - EARLY_SECONDS * SECOND_US):
                self.state.doing = "waiting for the open"
                self.say("The exchange is closed: waiting for the open.")
                await self.clock.sleep_until(opens_us)
            source = asyncio.create_task(self._source(client, recorder))
            ending = asyncio.create_task(self.clock.sleep_until(hours.close_us + LATE_SECONDS * SECOND_US))
            try:
                await asyncio.wait([source, ending], return_when=asyncio.FIRST_COMPLETED)
                if source.done():
                    source.result()
            finally:
                ending.cancel()
                await end_task(source)

    async def _source(self, client: LiveClient, recorder: Recorder) -> None:
        """Record by the method that was asked for, or that the key admits."""
        feeds = self.order.feeds
        if self.order.method is not Method.POLL:
            sockets = Sockets(client, feeds, recorder, self.clock, say=self.say)
            urls, may = None, True
            try:
                urls = await sockets.negotiate()
            except RefusedError as error:
                if self.order.method is Method.SOCKET:
                    raise
                self.say(f"No sockets for this key ({error.message})")
                may = False
            except TroubleError as error:  # asked for again below
                recorder.interrupt(feeds, error.message)
                self.warn(error.message)
            self.state.doing = "listening"
            if may:
                await sockets.run(urls)
        self.state.doing = "polling"
        self.say(f"Polling {len(feeds)} feeds.")
        await Poller(client, feeds, recorder, self.clock).run()

    def _note_problem(self, words: str) -> None:
        self.state.note_problem(words, self.clock.now_us())
        self.warn(words)


async def run_in_service(runner: LiveRunner) -> None:
    """Run beside a service: what goes wrong for good is said, and tried again later."""
    while True:
        try:
            await runner.run()
        except* GexlakeError as errors:
            error = first_of(errors)
            runner.state.note_problem(str(error), runner.clock.now_us())
            runner.warn(f"Live recording stands still: {error}")
        await asyncio.sleep(RETRY_SECONDS)


def first_of(error: BaseException) -> BaseException:
    """The first error of a group, of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def next_hours(now_us: int) -> CashHours:
    """The cash hours of the session that runs, or of the next one."""
    day: date = new_york_day(now_us)
    while True:
        hours = cash_hours(day)
        if hours is not None and now_us < hours.close_us + LATE_SECONDS * SECOND_US:
            return hours
        day += timedelta(days=1)
