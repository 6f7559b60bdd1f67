"""One session from the vendor to its file, tried as often as it is worth."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type

from gexlake.models.feed import Feed, SessionKey
from gexlake.services.getting.manifest import Event, Manifest, Mark
from gexlake.services.getting.places import held_part, part_path, place_part, session_path, session_paths
from gexlake.vendor.body import Body, inspect_array
from gexlake.vendor.download import GZIP, IDENTITY, StoreClient, Version
from gexlake.vendor.history import HistoryClient
from gexlake.vendor.pace import Pace, boot_id
from gexlake.vendor.trouble import NotHistoryError, Patience, TroubleError

FileStates = dict[Path, tuple[int, ...]]
"""Files, and what tells each from another that has its name later."""

NO_FILE_REASON = "The vendor has no file for that day."


@dataclass(frozen=True, slots=True)
class Line:
    """What leads to the vendor: the two clients, the pace, and how long to wait when something went wrong."""

    history: HistoryClient
    store: StoreClient
    pace: Pace
    patience_seconds: float

    def retrying(self) -> AsyncRetrying:
        """Tries again what may go right, and raises what did not."""
        patience = Patience(self.patience_seconds)
        return AsyncRetrying(
            after=patience.count,
            stop=patience.stop,
            wait=patience.wait,
            retry=retry_if_exception_type(TroubleError),
            reraise=True,
        )

    async def wait_for_turn(self, metric: str) -> None:
        """Wait until this metric may be asked for."""
        await asyncio.sleep(self.pace.take_turn(self.history.host, metric))

    async def locate(self, session: SessionKey) -> str | None:
        """Ask where a session is, once, when it is its turn."""
        await self.wait_for_turn(str(session.feed))
        return await self.history.locate(session)


@dataclass(frozen=True, slots=True)
class SessionFetcher:
    """Fetches sessions into a directory."""

    line: Line
    directory: Path
    manifest: Manifest
    on_bytes: Callable[[int], None]
    on_given: Callable[[Feed], None]
    """Called when the vendor has answered for a feed."""

    def lying_there(self, session: SessionKey) -> FileStates:
        """What lies where the file of a session belongs."""
        states = {path: _state(path) for path in session_paths(self.directory, session)}
        return {path: state for path, state in states.items() if state is not None}

    async def fetch(self, session: SessionKey, unusable: FileStates) -> Mark | None:
        """The mark of what came of it: fetched, or no file; None where another process has just fetched it.

        `unusable` lay there when the session was found to be missing, and is replaced. Raises `TroubleError` when it
        was tried often enough, `VendorError`, `StorageError`.
        """
        part = part_path(self.directory, session)

        def is_done() -> bool:
            return bool(self.lying_there(session).items() - unusable.items())

        async with held_part(part, is_done) as descriptor:
            if descriptor is None:
                return None
            tries = _Tries(os.fstat(descriptor).st_size)
            came: _Came | None = await self.line.retrying()(self._try, session, descriptor, part, tries)
            if came is None:
                mark = Mark(what=str(session), event=Event.NO_FILE, at=self.manifest.now(), reason=NO_FILE_REASON)
                self.manifest.add(mark)
                return mark
            await asyncio.to_thread(os.fsync, descriptor)
            return self._keep(session, part, came, unusable)

    async def _try(self, session: SessionKey, descriptor: int, part: Path, tries: _Tries) -> _Came | None:
        """The whole body, there and inspected; None where the vendor has none."""
        url = await self.line.locate(session)
        self.on_given(session.feed)
        if url is None:
            return None

        def begin(version: Version) -> None:
            mark = self._mark(session, Event.PENDING, part, version)
            self.manifest.add(mark.model_copy(update={"boot": boot_id()}))

        had = self._version(session, descriptor)
        try:
            version = await self.line.store.fetch(
                url, descriptor, had=had, accept=tries.accept, on_version=begin, on_bytes=self.on_bytes
            )
        except TroubleError as error:
            error.gained_bytes = tries.gain(os.fstat(descriptor).st_size)
            raise
        try:
            return _Came(await asyncio.to_thread(inspect_array, part), version.etag)
        except NotHistoryError:
            os.ftruncate(descriptor, 0)
            tries.accept = IDENTITY  # perhaps it is the packing that is wrong
            raise

    def _version(self, session: SessionKey, descriptor: int) -> Version:
        """What the bytes are of that lie there already."""
        mark = self.manifest.last(str(session)) if os.fstat(descriptor).st_size else None
        if mark is None or (mark.event, mark.boot) not in ((Event.PENDING, boot_id()), (Event.FETCHED, None)):
            return Version()
        return Version(mark.etag, mark.size_bytes)  # of a fetched one, whose rename did not come to pass, all is there

    def _keep(self, session: SessionKey, part: Path, came: _Came, unusable: FileStates) -> Mark:
        """The line of the manifest first: a file is there only with its length and hash."""
        body = came.body
        target = session_path(self.directory, session, body.compression)
        mark = self._mark(session, Event.FETCHED, target, Version(came.etag, body.size_bytes))
        mark = mark.model_copy(update={"sha256": body.sha256})
        self.manifest.add(mark)
        place_part(part, target)
        for path in unusable.keys() - {target}:
            path.unlink(missing_ok=True)
        return mark

    def _mark(self, session: SessionKey, event: Event, path: Path, version: Version) -> Mark:
        return Mark(
            what=str(session),
            event=event,
            at=self.manifest.now(),
            path=str(path.relative_to(self.directory)),
            size_bytes=version.total_bytes,
            etag=version.etag,
        )


@dataclass(slots=True)
class _Tries:
    """What one try leaves for the next."""

    most_bytes: int
    """That ever lay there: a store that knows no ranges begins anew each time."""
    accept: str = GZIP

    def gain(self, size_bytes: int) -> int:
        """By how much there is more than ever."""
        gained = max(size_bytes - self.most_bytes, 0)
        self.most_bytes += gained
        return gained


@dataclass(frozen=True, slots=True)
class _Came:
    """A whole body, and which version of its object it is."""

    body: Body
    etag: str | None


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
