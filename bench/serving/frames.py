"""Ranges read from Python, beside what they took in the version that rendered sessions ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

import gexlake
from bench.report import Findings, Table

T = TypeVar("T")
RUNS = 5
SESSIONS, MONTH = 50, 21
RECORDED_MS: dict[tuple[str, str], str] = {
    ("one strike, 8 sessions", "NQ_NDX"): "103",
    ("one strike, 50 sessions", "NQ_NDX"): "568",
    ("all strikes of a session", "NQ_NDX"): "30",
    ("snapshots of a month", "NQ_NDX"): "104",
    ("one strike, 8 sessions", "SPX"): "569",
    ("one strike, 50 sessions", "SPX"): "2,885",
    ("all strikes of a session", "SPX"): "81",
    ("snapshots of a month", "SPX"): "102",
}
"""In pairs with this version on two cores of an AMD EPYC, over the same 51 sessions of each feed."""


def measure_frames(lake: Path, tickers: tuple[str, ...]) -> Findings:
    """Every question to every feed: the best of some runs, all of it in the page cache, by Python."""
    opened = gexlake.open(lake)
    rows = [
        [what, ticker, RECORDED_MS.get((what, ticker), ""), f"{milliseconds:,.0f}", f"{frame.height:,}"]
        for ticker in tickers
        for what, (milliseconds, frame) in _measure(opened, ticker).items()
    ]
    header = ["frame", "feed", "rendered ahead (recorded) ms", "ms", "rows"]
    return Findings([], [Table("Ranges, as frames in Python", header, rows)])


def _measure(lake: gexlake.Lake, ticker: str) -> dict[str, tuple[float, pl.DataFrame]]:
    days = lake.snapshots(ticker)["session_date"].unique().sort()
    first = days[0]
    ladder = lake.strikes(ticker, start=first, end=first)["strike"].unique().sort()
    strike = ladder[len(ladder) // 2]
    last = min(SESSIONS, len(days)) - 1
    questions: dict[str, Callable[[], pl.DataFrame]] = {
        "one strike, 8 sessions": lambda: lake.strikes(ticker, end=days[min(7, last)], strike=strike),
        f"one strike, {last + 1} sessions": lambda: lake.strikes(ticker, end=days[last], strike=strike),
        "all strikes of a session": lambda: lake.strikes(ticker, start=first, end=first),
        "heatmap of a session, 1 minute": lambda: lake.heatmap(ticker, start=first, end=first, interval="1m"),
        "snapshots of a month": lambda: lake.snapshots(ticker, end=days[min(MONTH, last + 1) - 1]),
    }
    return {what: min((timed(ask) for _ in range(RUNS)), key=lambda one: one[0]) for what, ask in questions.items()}


def timed(ask: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds that an answer took, and the answer."""
    before = time.perf_counter()
    answer = ask()
    return (time.perf_counter() - before) * 1000, answer
