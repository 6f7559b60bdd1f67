"""chdb (ClickHouse in the process): a folder of history to two Parquet files, nothing validated.

ClickHouse reads a ladder as an array of tuples, so one parse gives everything: the rows go into a table that
keeps nothing and two views that write. Tried and slower: a query per product (two parses), a table in memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from chdb.session import Session

SNAPSHOT_COLUMNS = (
    "timestamp Int64, ticker String, min_dte Int32, sec_min_dte Int32, spot Float64, zero_gamma Float64, "
    "major_pos_vol Float64, major_pos_oi Float64, major_neg_vol Float64, major_neg_oi Float64, "
    "sum_gex_vol Float64, sum_gex_oi Float64, delta_risk_reversal Float64, max_priors Array(Tuple(Float64, Float64))"
)
SOURCE_COLUMNS = f"{SNAPSHOT_COLUMNS}, strikes Array(Tuple(Float64, Float64, Float64, Array(Float64)))"
PRIORS = [f"prior_{i}" for i in range(1, 6)]
STRIKE_COLUMNS = ", ".join(f"{name} Float64" for name in ("strike", "gex_vol", "gex_oi", *PRIORS))
STRIKES = ", ".join(["s.1 AS strike, s.2 AS gex_vol, s.3 AS gex_oi", *(f"s.4[{p[-1]}] AS {p}" for p in PRIORS)])
SETTINGS = (
    "parallel_view_processing = 1, "
    "output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1"
)


def run(source: Path, output: Path) -> None:
    """Leave `snapshots.parquet` and `strikes.parquet` in `output`."""
    session = Session()
    for statement in (
        f"CREATE TABLE records ({SOURCE_COLUMNS}) ENGINE = Null",
        f"CREATE TABLE snapshots ({SNAPSHOT_COLUMNS}) ENGINE = File(Parquet, '{output}/snapshots.parquet')",
        f"CREATE TABLE ladders (timestamp Int64, {STRIKE_COLUMNS}) ENGINE = File(Parquet, '{output}/strikes.parquet')",
        "CREATE MATERIALIZED VIEW to_snapshots TO snapshots AS SELECT * EXCEPT strikes FROM records",
        "CREATE MATERIALIZED VIEW to_ladders TO ladders AS "
        f"SELECT timestamp, {STRIKES} FROM records ARRAY JOIN strikes AS s",
        f"INSERT INTO records SELECT * FROM file('{source}/*.json', JSONEachRow, '{SOURCE_COLUMNS}') "
        f"SETTINGS {SETTINGS}",
    ):
        session.query(statement)
    session.close()


def main() -> None:
    """SOURCE OUTPUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    run(options.source, options.output)


if __name__ == "__main__":
    main()
