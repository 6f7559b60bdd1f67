"""A window of text that moves over a source: as much in memory as it takes to decide, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from gexlake.importers.stream import DamagedStreamError
from gexlake.validation.rules import Rule

TEXT_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SEPARATOR_BYTES = b" \t\n\r\v\f,"
_SEPARATORS = re.compile(rb"[\s,]*")


class ByteSource(Protocol):
    """Where text comes from: `SourceStream`, or anything that fills a buffer and returns 0 at the end."""

    def readinto(self, target: memoryview, /) -> int: ...


class Text:
    """The text of a source from the cursor, `start`, to `end`, in `data`; one byte behind it is free for a NUL.

    `base` is the offset in the file of the first byte of `data`, `final` says that the file ends at `end`. Damage of
    a packed stream ends the text, and `on_damage` is told of it.
    """

    def __init__(self, source: ByteSource, data: bytearray, *, on_damage: Callable[[Rule, str], None]) -> None:
        self.data = data
        self.start = 0
        self.end = 0
        self.base = 0
        self.final = False
        self._source = source
        self._on_damage = on_damage

    def skip_byte_order_mark(self) -> None:
        """At the beginning, move past the mark, if there is one."""
        self.reach(len(BYTE_ORDER_MARK))
        if self.data.startswith(BYTE_ORDER_MARK):
            self.start = len(BYTE_ORDER_MARK)

    def skip_separators(self) -> bool:
        """Move past separators, reading on where the text ends in them; False at the end of the file."""
        while True:
            self.start = self.end_of_separators(self.start)
            if self.start < self.end:
                return True
            if self.final:
                return False
            self.fill()

    def end_of_separators(self, at: int) -> int:
        """Where the separators end that stand at a place, as far as the text is there."""
        match = _SEPARATORS.match(self.data, at, self.end)
        return match.end() if match else at

    def reach(self, count: int) -> None:
        """Have that much text at the cursor, if there is as much: decisions must not hang on where buffers end."""
        while self.end - self.start < count and not self.final:
            self.fill()

    def fill(self) -> None:
        """Move what is left to the front and read on behind it, into a larger buffer where it is full."""
        left = self.end - self.start
        if self.start:
            self.data[:left] = self.data[self.start : self.end]
            self.base += self.start
        elif left == len(self.data) - 1:
            self.data.extend(bytes(left))
        self.start, self.end = 0, left
        capacity = len(self.data) - 1
        with memoryview(self.data) as view:
            while self.end < capacity and not self.final:
                self.end += self._read(view[self.end : capacity])
        self.data[self.end] = 0

    def _read(self, target: memoryview) -> int:
        count = 0
        try:
            count = self._source.readinto(target)
        except DamagedStreamError as damage:
            self._on_damage(damage.rule, damage.message)
        self.final = count == 0
        return count
