"""What a contestant has made, in numbers that must be the same for all of them: `python -m bench.products DIR`.

The digests are sums of row hashes, over the bits of every double: they do not depend on the order of rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

LADDER = "strike, gex_vol, gex_oi, prior_1, prior_2, prior_3, prior_4, prior_5"
NUMBERS = (
    "min_dte, sec_min_dte, spot, zero_gamma, major_pos_vol, major_pos_oi, major_neg_vol, major_neg_oi, "
    "sum_gex_vol, sum_gex_oi, delta_risk_reversal"
)


def measure(output: Path) -> dict[str, int | float]:
    """Counts, a sum that a person can read, and a digest of each data set."""
    with duckdb.connect() as connection:
        snapshots = _snapshots(connection, output)
        seconds = _seconds(connection, snapshots)
        count, digest = _one(connection, f"count(*), sum(hash({seconds}, {NUMBERS})::HUGEINT) FROM {snapshots}")
        strikes = f"read_parquet('{output}/**/strikes.parquet', hive_partitioning = false)"
        seconds = _seconds(connection, strikes)
        rows, gex_vol, rows_digest = _one(
            connection,
            f"count(*), sum(gex_vol::DECIMAL(18, 2))::VARCHAR, sum(hash({seconds}, {LADDER})::HUGEINT) FROM {strikes}",
        )
    return {
        "snapshots": count,
        "strike_rows": rows,
        "sum_of_gex_vol": float(gex_vol),
        "snapshots_digest": digest,
        "strikes_digest": rows_digest,
    }


def _snapshots(connection: duckdb.DuckDBPyConnection, output: Path) -> str:
    """The snapshots in a database, where there is one, else in Parquet."""
    for name, table in (("gexlake.duckdb", "gex_snapshots"), ("snapshots.duckdb", "snapshots")):
        if (output / name).exists():
            connection.execute(f"ATTACH '{output / name}' AS made (READ_ONLY)")
            return f"made.{table}"
    return f"read_parquet('{output}/**/snapshots.parquet', hive_partitioning = false)"


def _seconds(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """The timestamp of a relation as Unix seconds: peers leave it as it came."""
    kind = _one(connection, f"any_value(typeof(timestamp)) FROM {relation}")[0]
    return "timestamp" if kind == "BIGINT" else "epoch_us(timestamp) // 1000000"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(f"SELECT {query}").fetchone()
    assert row is not None
    return row


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
