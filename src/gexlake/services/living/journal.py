"""The journal of a session: records are appended to segments, and made durable once a second.

What `sync` has returned for is acknowledged: no kill and no power cut takes it away. A line that was torn by one is cut
off when the journal is opened again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gexlake.db.layout import LakeLayout, make_directories, sync_directory
from gexlake.db.segments import (
    recorded_days,
    segment_file,
    segments_of,
    session_of_segment,
    slot_of,
    waiting_segments,
)
from gexlake.models.feed import Feed, SessionKey
from gexlake.validation.calendar import new_york_day

CHUNK_BYTES = 64 << 10


@dataclass(slots=True)
class _Open:
    """A segment that is written to."""

    path: Path
    descriptor: int
    slot: str
    dirty: bool = False


class Journal:
    """The segments of one lake, for the one process that records; closed by `close`.

    Opening it cuts torn lines off. Raises `OSError` where the disk does not take what is written.
    """

    def __init__(self, layout: LakeLayout) -> None:
        self._layout = layout
        self._open: dict[SessionKey, _Open] = {}
        self._left: list[_Open] = []
        """Not written to any more, and not yet durable."""
        self._new_folders: set[Path] = set()
        self._syncing = threading.Lock()
        self.cut_bytes = 0
        """Of torn lines, in opening."""
        for day in recorded_days(layout):
            for path in waiting_segments(layout, day):
                self.cut_bytes += cut_torn_line(path)

    def append(self, session: SessionKey, record: bytes, now_us: int) -> None:
        """Append a record, JSON without a line break, to the segment of this moment."""
        segment = self._open.get(session)
        slot = slot_of(now_us)
        if segment is None or segment.slot != slot:
            segment = self._begin(session, slot)
        # One call, so that a reader sees a line whole or not yet; a full disk may still tear it.
        line = record + b"\n"
        written = os.write(segment.descriptor, line)
        segment.dirty = True
        while written < len(line):
            written += os.write(segment.descriptor, line[written:])

    def sync(self) -> None:
        """Make durable what was appended. May run in a thread."""
        with self._syncing:
            for segment in list(self._open.values()):
                if segment.dirty:
                    segment.dirty = False
                    os.fdatasync(segment.descriptor)
            while self._left:
                segment = self._left.pop()
                os.fdatasync(segment.descriptor)
                os.close(segment.descriptor)
            while self._new_folders:
                sync_directory(self._new_folders.pop())

    def closed(self, now_us: int | None = None) -> dict[date, dict[Path, int]]:
        """The segments that wait to be imported, and their sizes, by session date: all that are not open at a moment.

        Without a moment all are closed first.
        """
        self._finish(now_us)
        open_ones = {segment.path for segment in self._open.values()}
        found = {}
        for day in recorded_days(self._layout):
            waiting = waiting_segments(self._layout, day)
            if waiting := {path: size for path, size in waiting.items() if path not in open_ones}:
                found[day] = waiting
        return found

    def last_records(self, feeds: Iterable[Feed], now_us: int) -> dict[Feed, bytes]:
        """The last record of each feed of this day, as far as there is one."""
        wanted, found = set(feeds), dict[Feed, bytes]()
        for path in segments_of(self._layout, new_york_day(now_us)):  # in order of time within a feed
            session = session_of_segment(path)
            if session and session.feed in wanted and (line := last_line(path)):
                found[session.feed] = line
        return found

    def close(self) -> None:
        """Make durable and let go."""
        self._finish(None)

    def _begin(self, session: SessionKey, slot: str) -> _Open:
        old = self._open.pop(session, None)
        if old is not None:
            self._left.append(old)
        path = segment_file(self._layout, session, slot)
        if not path.parent.is_dir():
            make_directories(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._new_folders.add(path.parent)
        segment = self._open[session] = _Open(path, descriptor, slot)
        return segment

    def _finish(self, now_us: int | None) -> None:
        slot = None if now_us is None else slot_of(now_us)
        for session, segment in list(self._open.items()):
            if segment.slot != slot:
                self._left.append(self._open.pop(session))
        self.sync()


def cut_torn_line(path: Path) -> int:
    """Cut off what stands behind the last line break of a file; how many bytes that was."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        end = _end_of_lines(descriptor, size)
        if end < size:
            os.ftruncate(descriptor, end)
            os.fsync(descriptor)
        return size - end
    finally:
        os.close(descriptor)


def last_line(path: Path) -> bytes:
    """The last whole line of a file, without its break; nothing where it has none."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        end = _end_of_lines(file.fileno(), size)
        if not end:
            return b""
        start = _end_of_lines(file.fileno(), end - 1)
        file.seek(start)
        return file.read(end - 1 - start)


def _end_of_lines(descriptor: int, size: int) -> int:
    """Where the last line break ends among the first `size` bytes; 0 where there is none."""
    end = size
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
