"""The ladders of a lake written once more, by the import's own writer or by a library."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from gexlake.models.block import ROW_CAPACITY
from gexlake.models.record_types import GEX

ROWS = {"row_group_size": ROW_CAPACITY}


def write_own(frame: pl.DataFrame, target: Path) -> None:
    """The import's: numbers of values, then zstd."""
    from gexlake.importers.snapshots.writing.ladder_file import LadderFile

    timestamps = frame["timestamp"].to_physical().to_numpy()
    cells = np.array([column.to_numpy() for column in frame.drop("timestamp")])
    firsts = np.flatnonzero(np.diff(timestamps, prepend=timestamps[0] - 1))
    ends = np.append(firsts[1:], len(timestamps))
    file, start = LadderFile(target, GEX), 0
    while start < len(firsts):
        stop = max(int(np.searchsorted(ends, firsts[start] + ROW_CAPACITY, side="right")), start + 1)
        here = slice(start, stop)
        file.add(timestamps[firsts[here]], ends[here] - firsts[here], cells[:, firsts[start] : ends[stop - 1]])
        start = stop
    file.complete({})
    file.close()


def write_polars(frame: pl.DataFrame, target: Path) -> None:
    """Plain values, zstd 1."""
    frame.lazy().sink_parquet(target, compression="zstd", compression_level=1, **ROWS)  # type: ignore[arg-type]


def write_pyarrow(frame: pl.DataFrame, target: Path) -> None:
    """Numbers of values, lz4: its fastest that comes out as small."""
    from pyarrow import parquet

    parquet.write_table(frame.to_arrow(), target, compression="lz4", **ROWS)


def write_duckdb(frame: pl.DataFrame, target: Path) -> None:
    """Numbers of values where it finds them worth it, zstd 1."""
    import duckdb

    form = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_CAPACITY}"
    duckdb.register("frame", frame)
    duckdb.execute(f"COPY frame TO '{target}' ({form})")


WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    "gexlake": write_own,
    "polars": write_polars,
    "pyarrow": write_pyarrow,
    "duckdb": write_duckdb,
}


def main() -> None:
    """WRITER LAKE OUTPUT."""
    parser = argparse.ArgumentParser(prog="python -m bench.ladder_writers")
    parser.add_argument("writer", choices=(*WRITERS, "none"))
    parser.add_argument("lake", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(options.lake.glob("gex/strikes/**/strikes.parquet"))):
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
        if options.writer in WRITERS:
            WRITERS[options.writer](frame, options.output / f"{number}.parquet")


if __name__ == "__main__":
    main()
