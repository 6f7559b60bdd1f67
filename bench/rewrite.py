"""The ladders of a lake written once more at another zstd level: what a level costs and what it saves."""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from gexlake.importers.parquet import write_parquet
from gexlake.models.gex_block import ROW_CAPACITY


def main() -> None:
    """LEVEL LAKE OUTPUT."""
    parser = argparse.ArgumentParser(prog="python -m bench.rewrite")
    parser.add_argument("level", type=int)
    parser.add_argument("lake", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(options.lake.glob("gex/strikes/**/strikes.parquet"))):
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False).lazy()
        target = options.output / f"{number}.parquet"
        write_parquet(frame, target, compression_level=options.level, row_group_size=ROW_CAPACITY)


if __name__ == "__main__":
    main()
