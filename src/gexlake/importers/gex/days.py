"""Snapshots of other days than the one that a source was planned for: few in memory, many on disk, a day at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from gexlake.importers.gex.part import Part

MEMORY_BYTES = 64 << 20
"""Of all days together; a recorder's file of a year goes through disk."""


class DaySpool:
    """Parts by New York date, in the order added; memory is bounded whatever their number."""

    def __init__(self, workspace: Path | None) -> None:
        self._workspace = workspace
        self._parts: dict[date, list[Part | Path]] = defaultdict(list)
        self._held_bytes = 0
        self._files = 0

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, day: date, part: Part) -> None:
        """Keep a part of that day."""
        self._parts[day].append(part)
        self._held_bytes += part.size_bytes
        if self._workspace is not None and self._held_bytes > MEMORY_BYTES:
            self._spill(self._workspace)

    def days(self) -> list[date]:
        """The days that have snapshots, ascending."""
        return sorted(self._parts)

    def parts(self, day: date) -> Iterator[Part]:
        """What was kept of a day."""
        for part in self._parts[day]:
            yield Part.load(part) if isinstance(part, Path) else part

    def _spill(self, workspace: Path) -> None:
        for parts in self._parts.values():
            for index, part in enumerate(parts):
                if not isinstance(part, Path):
                    path = workspace / f"day-{self._files}.part"
                    part.save(path)
                    parts[index] = path
                    self._files += 1
        self._held_bytes = 0
