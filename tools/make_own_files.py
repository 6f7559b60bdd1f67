"""Write web/tests/own/files.json: the same three bars, as Polars, pyarrow and DuckDB write them.

    python tools/make_own_files.py

Each is a Parquet file in base64. They are kept, because tests of the front-end run without Python; run it again where
one of the three changes what it writes.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

KEPT = Path(__file__).parents[1] / "web" / "tests" / "own" / "files.json"
OPEN = datetime(2025, 11, 14, 14, 30, tzinfo=UTC)
INSTANTS = [OPEN, OPEN + timedelta(seconds=60), OPEN + timedelta(seconds=120.25)]
NEW_YORK = [instant.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None) for instant in INSTANTS]
PRICES = {"open": [1.0, 2.0, 3.0], "high": [3.0, 4.0, 5.5], "low": [0.5, 1.0, 2.25], "close": [2.0, 3.0, 4.0]}


def nanoseconds(instant: datetime) -> int:
    """Since 1970."""
    return int(instant.timestamp() * 1e6) * 1000


def by_polars(folder: Path) -> None:
    """Datetimes of each unit, with a zone and without, and text."""
    for name, times, kind, codec in (
        ("polars-utc-ns", INSTANTS, pl.Datetime("ns", "UTC"), "zstd"),
        ("polars-newyork-us", INSTANTS, pl.Datetime("us", "America/New_York"), "snappy"),
        ("polars-naive-ms", NEW_YORK, pl.Datetime("ms"), "zstd"),
    ):
        frame = pl.DataFrame({"time": pl.Series(times).cast(kind), **PRICES})
        frame.write_parquet(folder / f"{name}.parquet", compression=codec)  # type: ignore[arg-type]
    texts = [moment.isoformat(sep=" ") for moment in NEW_YORK]
    pl.DataFrame({"time": texts, **PRICES}).write_parquet(folder / "polars-text.parquet", row_group_size=2)


def by_pyarrow(folder: Path) -> None:
    """The older forms as well, what Databento has, and what is refused."""

    def write(name: str, columns: dict[str, Any], **options: Any) -> None:
        pq.write_table(pa.table(columns), folder / f"{name}.parquet", **options)

    utc, naive = pa.array(INSTANTS, pa.timestamp("ns", "UTC")), pa.array(NEW_YORK, pa.timestamp("us"))
    write("pyarrow-utc-ns", {"time": utc, **PRICES}, compression="snappy")
    write("pyarrow-naive-us", {"time": naive, **PRICES}, compression="zstd", data_page_version="2.0", row_group_size=2)
    write(
        "pyarrow-int96",
        {"time": pa.array(NEW_YORK, pa.timestamp("ns")), **PRICES},
        use_deprecated_int96_timestamps=True,
    )
    apart = {"day": pa.array([date(2025, 11, 14)] * 3), "time": pa.array([moment.time() for moment in NEW_YORK])}
    write("pyarrow-date-time", {**apart, **PRICES})
    fixed = {name: pa.array([round(price * 1e9) for price in prices], pa.int64()) for name, prices in PRICES.items()}
    stamps = pa.array([nanoseconds(instant) for instant in INSTANTS], pa.uint64())
    # As Databento's own columns are: nanoseconds, prices in billionths, and things that are neither.
    write(
        "databento",
        {"time": stamps, **fixed, "side": ["B", "A", "N"], "is_last": [True, False, True]},
        compression="zstd",
    )
    write("gzip", {"time": utc, **PRICES}, compression="gzip")
    write("null", {"time": pa.array([INSTANTS[0], None, INSTANTS[2]], pa.timestamp("ns", "UTC")), **PRICES})
    write("nested", {"legs": [[1], [2], [3]]})


def by_duckdb(folder: Path) -> None:
    """Its two timestamps, a date beside a time, and decimals."""
    connection = duckdb.connect()
    connection.register("bars", pl.DataFrame({"instant": INSTANTS, "wall": NEW_YORK, **PRICES}).to_arrow())
    prices = ", ".join(PRICES)
    decimals = ", ".join(f"{name}::decimal(18, 4) as {name}" for name in PRICES)
    for name, columns, codec in (
        ("duckdb-timestamptz", f"instant as time, {prices}", "snappy"),
        ("duckdb-timestamp", f"wall as time, {prices}", "zstd"),
        ("duckdb-date-time", f"wall::date as day, wall::time as time, {prices}", "snappy"),
        (
            "duckdb-decimal",
            f"instant as time, {decimals}",
            "zstd",
        ),
    ):
        target = folder / f"{name}.parquet"
        connection.execute(f"copy (select {columns} from bars) to '{target}' (format parquet, compression {codec})")


def main() -> None:
    """Write all of them."""
    with TemporaryDirectory() as kept:
        folder = Path(kept)
        by_polars(folder)
        by_pyarrow(folder)
        by_duckdb(folder)
        files = {path.stem: b64encode(path.read_bytes()).decode() for path in sorted(folder.glob("*.parquet"))}
    KEPT.write_text(json.dumps(files, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
