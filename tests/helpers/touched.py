"""What may befall a published file while it is read, and changes none of its bytes."""

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


HARMLESS: list[Callable[[Path], None]] = [link, touch]
