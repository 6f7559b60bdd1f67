"""What most people would write: FastAPI, and a DuckDB cursor for each request over the lake's own tables.

python -m bench.serving.naive_app LAKE PORT
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import uvicorn
from fastapi import FastAPI

COLUMNS = (
    "epoch(timestamp)::BIGINT AS timestamp, ticker, min_dte, sec_min_dte, spot, zero_gamma, major_pos_vol, "
    "major_pos_oi, major_neg_vol, major_neg_oi, sum_gex_vol, sum_gex_oi, delta_risk_reversal, max_priors"
)
FEED = "ticker = ? AND package = 'classic' AND category = 'gex_zero'"


def make_app(lake: Path) -> FastAPI:
    """The application over one lake."""
    connection = duckdb.connect(str(lake / "gexlake.duckdb"), read_only=True)
    app = FastAPI()

    def select(condition: str, values: list[Any], *, strikes: bool) -> list[dict[str, Any]]:
        cursor = connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(f"SELECT {COLUMNS} FROM gex_snapshots WHERE {FEED} AND {condition}", values)
        names = [column[0] for column in cursor.description or ()]
        snapshots = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if strikes and snapshots:
            first, last = snapshots[0]["timestamp"], snapshots[-1]["timestamp"]
            ladders: dict[int, list[list[Any]]] = {snapshot["timestamp"]: [] for snapshot in snapshots}
            days = (datetime.fromtimestamp(first, UTC).date(), datetime.fromtimestamp(last, UTC).date())
            cursor.execute(
                "SELECT epoch(timestamp)::BIGINT, strike, gex_vol, gex_oi, prior_1, prior_2, prior_3, prior_4, prior_5 "
                f"FROM gex_strikes WHERE {FEED} AND session_date BETWEEN ? AND ? "
                "AND timestamp BETWEEN to_timestamp(?) AND to_timestamp(?) ORDER BY timestamp, strike",
                [values[0], min(days), max(days), min(first, last), max(first, last)],
            )
            for timestamp, strike, vol, oi, *priors in cursor.fetchall():
                ladders[timestamp].append([strike, vol, oi, priors])
            for snapshot in snapshots:
                snapshot["strikes"] = ladders[snapshot["timestamp"]]
        return snapshots

    @app.get("/gex/latest")
    def latest(symbol: str) -> Any:
        return select("true ORDER BY timestamp DESC LIMIT 1", [symbol], strikes=True)[0]

    @app.get("/gex/at")
    def at(symbol: str, timestamp: float) -> Any:
        condition = "timestamp <= to_timestamp(?) ORDER BY timestamp DESC LIMIT 1"
        return select(condition, [symbol, timestamp], strikes=True)[0]

    @app.get("/gex")
    def page(symbol: str, start: float, limit: int, *, strikes: bool = True) -> Any:
        condition = "timestamp >= to_timestamp(?) ORDER BY timestamp LIMIT ?"
        return select(condition, [symbol, start, limit], strikes=strikes)

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning", access_log=False)
