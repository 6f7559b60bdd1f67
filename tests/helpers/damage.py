"""Bits that are not what was written."""

from __future__ import annotations

import os
from pathlib import Path


def flip(path: Path, at: int, bit: int = 2) -> None:
    """Change one bit of a file where it lies; `at` counts from the end where it is negative."""
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        byte = os.pread(file.fileno(), 1, at % size)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), at % size)


def flipped(content: bytes, at: int, bit: int = 2) -> bytes:
    """The same of bytes."""
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)
