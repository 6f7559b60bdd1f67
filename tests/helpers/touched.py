"""What may befall a published file while it is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def link(file: Path) -> None:
    """As a commit, a statement or a copy does."""
    file.with_name("link").unlink(missing_ok=True)
    file.with_name("link").hardlink_to(file)


def touch(file: Path) -> None:
    os.utime(file, ns=(1, 1))


def flip(file: Path) -> None:
    """A bit in the middle; once more, and all is as before."""
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte ^ 1]))


HARMLESS: list[Callable[[Path], None]] = [link, touch]
