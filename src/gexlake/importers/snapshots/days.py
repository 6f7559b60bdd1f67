"""Snapshots of other days than the one that a source was planned for: few in memory, many on disk, a day at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from gexlake.importers.snapshots.batch import Batch

MEMORY_BYTES = 64 << 20
"""Of all days together; a recorder's file of a year goes through disk."""


class DaySpool:
    """Batches by New York date, in the order added; memory is bounded whatever their number."""

    def __init__(self, workspace: Path | None) -> None:
        self._workspace = workspace
        self._batches: dict[date, list[Batch | Path]] = defaultdict(list)
        self._held_bytes = 0
        self._files = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def add(self, day: date, batch: Batch) -> None:
        """Keep a batch of that day."""
        self._batches[day].append(batch)
        self._held_bytes += batch.size_bytes
        if self._workspace is not None and self._held_bytes > MEMORY_BYTES:
            self._spill(self._workspace)

    def days(self) -> list[date]:
        """The days that have snapshots, ascending."""
        return sorted(self._batches)

    def batches(self, day: date) -> Iterator[Batch]:
        """What was kept of a day."""
        for batch in self._batches[day]:
            yield Batch.load(batch) if isinstance(batch, Path) else batch

    def _spill(self, workspace: Path) -> None:
        for batches in self._batches.values():
            for index, batch in enumerate(batches):
                if not isinstance(batch, Path):
                    path = workspace / f"day-{self._files}.batch"
                    batch.save(path)
                    batches[index] = path
                    self._files += 1
        self._held_bytes = 0
