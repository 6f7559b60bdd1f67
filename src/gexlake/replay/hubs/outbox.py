"""What one reader is still to be sent: all of it while it keeps up, else the newest message of each group. Pure."""

from __future__ import annotations

from collections import Counter, deque

from gexlake.vendor.frames import Frame

MOST_OF_GROUP = 16
"""Messages of a group that wait; one more, and only the newest does."""
MOST_ANSWERS = 1000
"""Acks and pongs that wait, which cannot be left out."""


class OverflowingError(Exception):
    """A reader asks and asks, and never takes an answer."""


class Outbox:
    """Frames in order. Those of a group are shared with other readers, so they have no number of this one's yet."""

    def __init__(self) -> None:
        self._frames: deque[tuple[str | None, Frame]] = deque()
        self._waiting: Counter[str | None] = Counter()
        self.left_out = 0
        """Messages that the reader was too slow for."""

    def __len__(self) -> int:
        return len(self._frames)

    def answer(self, frame: Frame) -> None:
        """A frame for this reader alone. Raises `OverflowingError`."""
        if self._waiting[None] >= MOST_ANSWERS:
            raise OverflowingError
        self._put(None, frame)

    def offer(self, group: str, frame: Frame) -> None:
        """News of a group."""
        if self._waiting[group] >= MOST_OF_GROUP:
            self._frames = deque((name, waiting) for name, waiting in self._frames if name != group)
            self.left_out += self._waiting.pop(group)
        self._put(group, frame)

    def take(self) -> tuple[str | None, Frame]:
        """The next frame, and its group; None for an answer."""
        group, frame = self._frames.popleft()
        self._waiting[group] -= 1
        return group, frame

    def _put(self, group: str | None, frame: Frame) -> None:
        self._frames.append((group, frame))
        self._waiting[group] += 1
