"""The sessions of one run: several at a time, in the order of the plan, and what each refusal means for the rest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gexlake.models.feed import Feed, SessionKey
from gexlake.services.getting.access import Access
from gexlake.services.getting.fetch import FileStates, Line, SessionFetcher
from gexlake.services.getting.manifest import Event, Manifest, Mark
from gexlake.services.getting.plan import package_name
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey

ALLOWANCE = "The allowance of the day, or of the month, may be spent."
MAX_FRUITLESS = 5
"""Sessions throttled or failed one after the other: something is wrong that the next one would meet as well."""


@dataclass(slots=True)
class Downloads:
    """Fetches sessions and writes down why others did not come."""

    line: Line
    directory: Path
    manifest: Manifest
    key: VendorKey
    on_bytes: Callable[[int], None]
    on_done: Callable[[], None]
    """Called behind each session."""
    fetched: set[SessionKey] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    fetcher: SessionFetcher = field(init=False)
    _access: Access = field(init=False)
    _waiting: deque[tuple[SessionKey, FileStates]] = field(default_factory=deque)
    _denied_before: set[str] = field(init=False)
    _fruitless: int = 0
    is_limited: bool = False
    """The vendor answered 429 as often as it is tried."""
    _is_halted: bool = False

    def __post_init__(self) -> None:
        self._access = Access(self.line.locate)
        self.fetcher = SessionFetcher(self.line, self.directory, self.manifest, self.on_bytes, self._give)
        marks = self.manifest.load()
        self._denied_before = {mark.what for mark in marks.values() if mark.event is Event.DENIED}

    async def run(self, sessions: Sequence[SessionKey], *, parallel: int) -> None:
        """Fetch sessions that are missing by what lies there now. Raises `VendorError` and `StorageError`."""
        self._waiting.extend((session, self.fetcher.lying_there(session)) for session in sessions)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(parallel, len(sessions))):
                    group.create_task(self._work())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # one is enough: it has stopped the others
        if self._is_halted and self._waiting:
            self.notes.append(f"{len(self._waiting):,} more were not asked for. Run the same command again later.")

    async def _work(self) -> None:
        while self._waiting and not self._is_halted:
            session, unusable = self._waiting.popleft()
            if not self._access.is_denied(session.feed):
                await self._fetch(session, unusable)
            self.on_done()

    async def _fetch(self, session: SessionKey, unusable: FileStates) -> None:
        try:
            mark = await self.fetcher.fetch(session, unusable)
            self._fruitless = 0
            if mark is not None and mark.event is Event.FETCHED:
                self.fetched.add(session)
        except RefusedError as error:
            await self._judge(session, error)
        except LimitedError as error:
            self._write_down(session, Event.THROTTLED, error)
            self.is_limited = True
            self._halt(f"{error.message} {ALLOWANCE}")
        except TroubleError as error:
            self._give_up(session, Event.FAILED, error)

    async def _judge(self, session: SessionKey, error: RefusedError) -> None:
        feed = session.feed
        if self._access.is_denied(feed):
            return  # said already
        if not await self._access.judge(session):
            self._give_up(session, Event.THROTTLED, error)
            return
        name = package_name(feed)
        note = f"The plan of this key does not have {name}: the vendor refuses all its categories."
        if note not in self.notes:
            self.manifest.add(Mark(what=name, event=Event.DENIED, at=self.manifest.now(), reason=note))
            self.notes.append(note)

    def _give(self, feed: Feed) -> None:
        """The vendor has answered for a feed; a verdict of an earlier run is over."""
        self._access.give(feed)
        name = package_name(feed)
        if name in self._denied_before:
            self._denied_before.discard(name)
            self.manifest.add(Mark(what=name, event=Event.GRANTED, at=self.manifest.now()))

    def _give_up(self, session: SessionKey, event: Event, error: TroubleError) -> None:
        self._write_down(session, event, error)
        self._fruitless += 1
        if self._fruitless >= MAX_FRUITLESS:
            self._halt(f"{self._fruitless} sessions one after the other did not come: {error.message}")

    def _write_down(self, session: SessionKey, event: Event, error: TroubleError) -> None:
        reason = self.key.redact(error.message)
        self.manifest.add(Mark(what=str(session), event=event, at=self.manifest.now(), reason=reason))

    def _halt(self, reason: str) -> None:
        if not self._is_halted:
            self._is_halted = True
            self.notes.append(self.key.redact(reason))
