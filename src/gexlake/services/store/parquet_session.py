"""Records from a session's Parquet files by a library: of sessions without a lookup index."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from gexlake.db.parquet import read_footer
from gexlake.db.published import check_opened, file_key
from gexlake.errors import LakeError
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.snapshots.writing.frames import ladder_schema, ladder_tables, snapshot_schema, snapshot_tables
from gexlake.importers.snapshots.writing.runs import from_runs
from gexlake.models.block import Doubles, Int
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX
from gexlake.services.store.records import Offsets, SnapshotRenderer

SNAPSHOTS_AT_ONCE = 1 << 15
"""Their scalars take 8 MB."""


def warm_up() -> None:
    """Have Polars start its threads and load what it loads late, which would cost the first answer 30 ms."""
    with TemporaryDirectory() as place:
        for schema, tables in ((snapshot_schema(GEX), snapshot_tables), (ladder_schema(GEX), ladder_tables)):
            file = Path(place, "empty.parquet")
            pl.DataFrame(schema=schema).write_parquet(file, metadata={FOOTER_KEY: "{}"})
            read_footer(file)
            tables(GEX, pl.scan_parquet(file).select(schema.names()).slice(0, 1).collect())


class ParquetSession:
    """One version of a session, held open: it can be read to the end even if its files are collected meanwhile.

    Safe in threads. Raises `LakeError` where the files are missing, damaged or of another version.
    """

    def __init__(self, kind: RecordType, files: Mapping[str, Path], session: SessionKey, version: str) -> None:
        self._kind = kind
        self._session = session
        self._columns = [column.name for column in kind.snapshot_columns]
        self._files = {name: _Pinned(path) for name, path in files.items()}
        for file in self._files.values():
            file.check(session, version)
        self._snapshots = self._files["snapshots"]
        self._rows = np.zeros(self._snapshots.footer["summary"]["snapshots"], np.int64)
        if kind.ladder:
            self._rows = from_runs(self._snapshots.footer["strikes_per_snapshot"])
            self._group_ends = np.cumsum(self._files[kind.ladder.dataset].footer["rows_of_groups"])
        self._row_ends = np.cumsum(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def timestamps(self) -> memoryview:
        """Unix microseconds, ascending."""
        column = self._snapshots.read(["timestamp"], 0, len(self))["timestamp"].to_physical()
        return np.ascontiguousarray(column.to_numpy()).data

    def texts(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in few buffers, a separator behind each."""
        return [memoryview(text) for text, _ in self.iter_rendered(first, stop, strikes=strikes)]

    def records(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The same, a buffer each."""
        records = []
        for text, offsets in self.iter_rendered(first, stop, strikes=strikes):
            view, bounds = memoryview(text), offsets.tolist()
            records += [view[start:end] for start, end in pairwise(bounds)]
        return records

    def iter_rendered(self, first: int, stop: int, *, strikes: bool) -> Iterator[tuple[bytes, Offsets]]:
        """The records first … stop - 1 in chunks of bounded size: text and the offsets of its records."""
        for start in range(first, stop, SNAPSHOTS_AT_ONCE):
            end = min(start + SNAPSHOTS_AT_ONCE, stop)
            renderer = self._renderer(start, end)
            if not strikes or self._kind.ladder is None:
                yield renderer.render(0, end - start, None)
                continue
            done = start
            for chunk_stop, ladder in self._iter_ladders(self._files[self._kind.ladder.dataset], start, end):
                yield renderer.render(done - start, chunk_stop - start, ladder)
                done = chunk_stop

    def _renderer(self, first: int, stop: int) -> SnapshotRenderer:
        frame = self._snapshots.read(self._columns, first, stop - first)
        ints, numbers, extra = snapshot_tables(self._kind, frame)
        ints[Int.ROWS] = self._rows[first:stop]
        return SnapshotRenderer(self._kind, self._session.feed.ticker, ints, numbers, extra)

    def _iter_ladders(self, file: _Pinned, first: int, stop: int) -> Iterator[tuple[int, Doubles]]:
        """The (k, n) ladders of consecutive snapshots, each with the number of the first snapshot behind it.

        Reads end where row groups do, so that none is unpacked twice; a snapshot that is cut there waits for its rest.
        """
        done, row, last_row = first, int(self._row_ends[first] - self._rows[first]), int(self._row_ends[stop - 1])
        names = list(self._kind.ladder_names)
        waiting = np.empty((len(names), 0))
        while done < stop:
            end = min(last_row, int(self._group_ends[np.searchsorted(self._group_ends, row, side="right")]))
            ladder = ladder_tables(self._kind, file.read(names, row, end - row))
            ladder = np.concatenate((waiting, ladder), axis=1) if waiting.shape[1] else ladder
            whole = int(np.searchsorted(self._row_ends[:stop], end, side="right"))
            cut = int(self._rows[done:whole].sum())
            if whole > done:
                yield whole, ladder[:, :cut]
            waiting, done, row = ladder[:, cut:], max(whole, done), end


class _Pinned:
    """A Parquet file that is read by descriptor: what becomes of its name does not change what is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checked: object = None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._damaged(error) from error
        weakref.finalize(self, os.close, descriptor)
        self._descriptor = descriptor
        self._open_path = Path(f"/proc/self/fd/{descriptor}")
        self._check_bytes()
        try:
            self.footer = read_footer(self._open_path)
        except LakeError as error:
            raise self._damaged(error) from error

    def check(self, session: SessionKey, version: str) -> None:
        """Raise `LakeError` unless this is the version asked for."""
        found: Any = (self.footer.get("session"), self.footer.get("version"))
        if found != ([*session.feed, session.session_date.isoformat()], version):
            raise self._damaged(ValueError(f"it is of version {found[1]}, not {version}"))

    def _check_bytes(self) -> None:
        """Look at the file from end to end, once for as long as it does not change under the hand."""
        key = file_key(os.fstat(self._descriptor))
        if key != self._checked:
            check_opened(self._path, self._descriptor)
            self._checked = key

    def read(self, columns: list[str], offset: int, count: int) -> pl.DataFrame:
        """Some rows."""
        self._check_bytes()
        try:
            frame = pl.scan_parquet(self._open_path, glob=False, hive_partitioning=False)
            rows = frame.select(columns).slice(offset, count).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from error
        if rows.height != count:
            raise self._damaged(ValueError(f"it has no rows {offset} to {offset + count - 1}"))
        return rows

    def _damaged(self, error: Exception) -> LakeError:
        return LakeError(
            f"{self._path} cannot be read: {str(error).partition(chr(10))[0]}.",
            hint="Run `gexlake verify --repair`.",
        )
