"""The ladders of a session while it is put together: in memory, or in scratch files where they are many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gexlake.models.block import ROW_CAPACITY, Doubles, Ints

MEMORY_BYTES = 160 << 20
"""A usual session (2.3 million rows) takes 150 MB and stays in memory; larger ones go to disk whole."""


class LadderStore:
    """Ladder tables in the order added, read back by snapshot; bounded memory whatever their number."""

    def __init__(self, columns: int, workspace: Path | None) -> None:
        self._columns = columns
        self._workspace = workspace
        self._tables: list[Doubles | Path] = []
        self._held_bytes = 0
        self._table_of: list[Ints] = []
        self._start_of: list[Ints] = []
        self._rows_of: list[Ints] = []

    def add(self, ladder: Doubles, starts: Ints, rows: Ints) -> None:
        """Add the (k, n) ladder of a block whose snapshots begin at `starts` and have `rows` rows each."""
        self._table_of.append(np.full(len(starts), len(self._tables), np.int64))
        self._start_of.append(starts)
        self._rows_of.append(rows)
        self._tables.append(ladder)
        self._held_bytes += ladder.nbytes
        if self._workspace is not None and self._held_bytes > MEMORY_BYTES:
            self._spill(self._workspace)

    def rewind(self, tables: int) -> None:
        """Let go of all but the first `tables` that were added."""
        for values in (self._tables, self._table_of, self._start_of, self._rows_of):
            del values[tables:]

    def _spill(self, workspace: Path) -> None:
        for index, table in enumerate(self._tables):
            if not isinstance(table, Path):
                path = workspace / f"ladder-{index}.npy"
                np.save(path, table)
                self._tables[index] = path

    def seal(self) -> None:
        """No more will be added; from here on snapshots are known by their number over all blocks."""
        self.table_of = _joined(self._table_of)
        self.start_of = _joined(self._start_of)
        self.rows_of = _joined(self._rows_of)

    def batches(self, order: Ints, *, max_rows: int = ROW_CAPACITY) -> Iterator[Ints]:
        """Cut `order` into runs of snapshots that together have at most `max_rows` rows.

        A run ends with its table where it can, so that a session in order goes through without a copy.
        """
        rows, tables = self.rows_of[order], self.table_of[order]
        ends = np.cumsum(rows)
        start = 0
        while start < len(order):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + max_rows, side="right")), start + 1)
            change = np.flatnonzero(tables[start:stop] != tables[start])
            if len(change) and change[0] > (stop - start) // 2:
                stop = start + int(change[0])
            yield order[start:stop]
            start = stop

    def gather(self, snapshots: Ints) -> Doubles:
        """The (k, n) ladder rows of these snapshots, in this order; a view where they stand side by side."""
        tables = self.table_of[snapshots]
        if (tables == tables[0]).all() and (np.diff(snapshots) == 1).all():
            first, last = snapshots[0], snapshots[-1]
            return self._table(int(tables[0]))[:, self.start_of[first] : self.start_of[last] + self.rows_of[last]]
        rows = self.rows_of[snapshots]
        target_start = np.cumsum(rows) - rows
        out = np.empty((self._columns, int(rows.sum())), np.float64)
        for table in np.unique(tables):
            mine = tables == table
            source = _ranges(self.start_of[snapshots[mine]], rows[mine])
            out[:, _ranges(target_start[mine], rows[mine])] = self._table(int(table))[:, source]
        return out

    def _table(self, index: int) -> Doubles:
        table = self._tables[index]
        if isinstance(table, Path):
            mapped: Doubles = np.load(table, mmap_mode="r")
            return mapped
        return table


def _ranges(starts: Ints, lengths: Ints) -> Ints:
    """The numbers starts[i] … starts[i] + lengths[i] - 1, one range after the other."""
    ends = np.cumsum(lengths)
    ranges: Ints = np.arange(int(ends[-1])) + np.repeat(starts - (ends - lengths), lengths)
    return ranges


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
