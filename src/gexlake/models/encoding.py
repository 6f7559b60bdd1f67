"""UTF-16 text, as PowerShell's `>` writes it, turned into UTF-8 while it is read."""

from __future__ import annotations

import codecs
from typing import Self

BYTE_ORDER_MARKS: dict[bytes, str] = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF32_START = codecs.BOM_UTF32_LE
"""Begins like UTF-16, and is none."""
HEAD_BYTES = 4

REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
"""Stands for half a character at the end of a file that was cut short."""


class Utf16:
    """Turns chunks of UTF-16 into UTF-8. Nothing is lost and nothing raised.

    The byte order mark stays one. Half a pair of surrogates becomes three bytes that are not UTF-8, so that only the
    record with them is refused; half a character at the end of the file becomes U+FFFD.
    """

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")

    @classmethod
    def of(cls, head: bytes) -> Self | None:
        """What turns a text that starts so, with four bytes or all there are; None where it is not UTF-16."""
        if head.startswith(UTF32_START):
            return None
        encoding = BYTE_ORDER_MARKS.get(head[:2])
        return cls(encoding) if encoding else None

    def to_utf8(self, chunk: bytes, *, is_end: bool) -> bytes:
        """The chunk as UTF-8, without what only the next chunk completes."""
        text = self._decoder.decode(chunk)
        data = text.encode("utf-8", "surrogatepass")
        if not is_end:
            return data
        pending = self._decoder.getstate()[0]
        whole = pending[: len(pending) & ~1]
        self._decoder.reset()
        last = self._decoder.decode(whole, final=True).encode("utf-8", "surrogatepass")
        return data + last + (REPLACEMENT if len(pending) % 2 else b"")
