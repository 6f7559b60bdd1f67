"""Sources that change while an import reads them, at a chosen moment of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def next_of(path: Path) -> Path:
    """What a file is replaced by, or grows by: a hidden one, that is no source."""
    return path.with_name(f".{path.name}.next")


def arrange(*, name: str, how: str, when: str, first_bytes: int = 0) -> None:
    """The source whose name ends so changes once: `HOW` says how.

    `when` is "reading", after so many first bytes, or "fetching", before refused conflicts are fetched from it again.
    """
    moments: dict[str, Callable[..., None]] = {
        "reading": partial(_while_reading, first_bytes=first_bytes),
        "fetching": _before_fetching,
    }
    moments[when](name, HOW[how])


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(next_of(path).read_bytes())


def _rewrite(path: Path) -> None:
    """In its place, so that who has it open sees it."""
    with path.open("r+b") as file:
        file.write(next_of(path).read_bytes())
        file.truncate()


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _replace(path: Path) -> None:
    next_of(path).replace(path)


HOW: dict[str, Callable[[Path], None]] = {
    "grows": _grow,
    "shrinks": _shrink,
    "is rewritten": _rewrite,
    "is replaced": _replace,
    "vanishes": Path.unlink,
}


def _while_reading(name: str, change: Callable[[Path], None], *, first_bytes: int) -> None:
    from gexlake.importers import stream

    plain = stream._HashedFile.readinto
    changed = set[Path]()

    def readinto(self: Any, target: Any) -> int:
        path = self._place.path
        if not path.name.endswith(name) or path in changed:
            return plain(self, target)
        left = first_bytes - self.read_bytes
        if left > 0:
            return plain(self, memoryview(target).cast("B")[:left])
        changed.add(path)
        change(path)
        return plain(self, target)

    stream._HashedFile.readinto = readinto  # type: ignore[method-assign]


def _before_fetching(name: str, change: Callable[[Path], None]) -> None:
    from gexlake.services.importing import stage

    plain = stage._Staging._quarantine_conflicts
    changed = set[Path]()

    def quarantine_conflicts(self: Any, conflicts: Any) -> None:
        for reading in self._wanted:
            path = reading.source.path
            if path.name.endswith(name) and path not in changed:
                changed.add(path)
                change(path)
        plain(self, conflicts)

    stage._Staging._quarantine_conflicts = quarantine_conflicts  # type: ignore[method-assign]
