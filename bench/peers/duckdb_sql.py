"""Plain DuckDB SQL: a folder of history to a snapshots table and a Parquet file of ladders, nothing validated.

A ladder mixes numbers and arrays, which no DuckDB type holds, so the inner array has to pass through JSON.
`FORMS` are the ways to write that which were found to be quick, and the one that most people write. Tried and
slower: VARCHAR[][] instead of JSON[][], json_extract with wildcards, taking the brackets out of the text and
casting it to DOUBLE[], one scan with ignore_errors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

SNAPSHOT_COLUMNS = {
    "timestamp": "BIGINT",
    "ticker": "VARCHAR",
    "min_dte": "INTEGER",
    "sec_min_dte": "INTEGER",
    "spot": "DOUBLE",
    "zero_gamma": "DOUBLE",
    "major_pos_vol": "DOUBLE",
    "major_pos_oi": "DOUBLE",
    "major_neg_vol": "DOUBLE",
    "major_neg_oi": "DOUBLE",
    "sum_gex_vol": "DOUBLE",
    "sum_gex_oi": "DOUBLE",
    "delta_risk_reversal": "DOUBLE",
    "max_priors": "DOUBLE[][]",
}
NAMES = ", ".join(SNAPSHOT_COLUMNS)
PRIORS = ", ".join(f"priors[{i}] AS prior_{i}" for i in range(1, 6))
PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"
LARGEST_OBJECT = 64 << 20


def read_typed(files: str, columns: dict[str, str]) -> str:
    """A scan of all files in which only these columns are read."""
    types = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    return f"read_json('{files}', format='array', columns={{{types}}}, maximum_object_size={LARGEST_OBJECT})"


def run_from_json(connection: duckdb.DuckDBPyConnection, files: str, strikes: Path) -> None:
    """Two scans, each with the columns it needs; priors are parsed by from_json; rows in any order."""
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"CREATE TABLE snapshots AS SELECT {NAMES} FROM {read_typed(files, SNAPSHOT_COLUMNS)}")
    rows = read_typed(files, {"timestamp": "BIGINT", "strikes": "JSON[][]"})
    connection.execute(f"""
        COPY (SELECT timestamp, s[1]::DOUBLE AS strike, s[2]::DOUBLE AS gex_vol, s[3]::DOUBLE AS gex_oi, {PRIORS}
              FROM (SELECT timestamp, s, from_json(s[4], '["DOUBLE"]') AS priors
                    FROM (SELECT timestamp, unnest(strikes) AS s FROM {rows})))
        TO '{strikes}' {PARQUET}""")


def run_one_scan(connection: duckdb.DuckDBPyConnection, files: str, strikes: Path) -> None:
    """One scan that keeps ladders as text; from_json reads them twice, the values that fit a type each time."""
    connection.execute("SET preserve_insertion_order = false")
    rows = read_typed(files, SNAPSHOT_COLUMNS | {"strikes": "JSON"})
    connection.execute(f"CREATE TEMP TABLE records AS SELECT * FROM {rows}")
    connection.execute(f"CREATE TABLE snapshots AS SELECT {NAMES} FROM records")
    connection.execute(f"""
        COPY (SELECT timestamp, s[1] AS strike, s[2] AS gex_vol, s[3] AS gex_oi, {PRIORS}
              FROM (SELECT timestamp, s, p[4] AS priors
                    FROM (SELECT timestamp, unnest(from_json(strikes, '[["DOUBLE"]]')) AS s,
                                 unnest(from_json(strikes, '[[["DOUBLE"]]]')) AS p FROM records)))
        TO '{strikes}' {PARQUET}""")


def run_cast(connection: duckdb.DuckDBPyConnection, files: str, strikes: Path) -> None:
    """Two scans, casts, rows in the order of the source: the careful form without tricks."""
    connection.execute(f"CREATE TABLE snapshots AS SELECT {NAMES} FROM {read_typed(files, SNAPSHOT_COLUMNS)}")
    rows = read_typed(files, {"timestamp": "BIGINT", "strikes": "JSON[][]"})
    copy_cast(connection, f"(SELECT timestamp, unnest(strikes) AS s FROM {rows})", strikes)


def run_auto(connection: duckdb.DuckDBPyConnection, files: str, strikes: Path) -> None:
    """What most people write: types detected, everything into a table, the products out of it."""
    scan = f"read_json_auto('{files}', maximum_object_size={LARGEST_OBJECT})"
    connection.execute(f"CREATE TEMP TABLE records AS SELECT * FROM {scan}")
    connection.execute("CREATE TABLE snapshots AS SELECT * EXCLUDE (strikes) FROM records")
    copy_cast(connection, "(SELECT timestamp, unnest(strikes) AS s FROM records)", strikes)


def copy_cast(connection: duckdb.DuckDBPyConnection, rows: str, strikes: Path) -> None:
    """Write the ladders of `rows` (timestamp, s JSON[]) by casts."""
    connection.execute(f"""
        COPY (SELECT timestamp, s[1]::DOUBLE AS strike, s[2]::DOUBLE AS gex_vol, s[3]::DOUBLE AS gex_oi, {PRIORS}
              FROM (SELECT timestamp, s, s[4]::DOUBLE[] AS priors FROM {rows}))
        TO '{strikes}' {PARQUET}""")


FORMS = {"from_json": run_from_json, "one_scan": run_one_scan, "cast": run_cast, "auto": run_auto}


def main() -> None:
    """FORM SOURCE OUTPUT: leave `snapshots.duckdb` and `strikes.parquet` in OUTPUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(options.output / "snapshots.duckdb") as connection:
        FORMS[options.form](connection, f"{options.source}/*.json", options.output / "strikes.parquet")


if __name__ == "__main__":
    main()
