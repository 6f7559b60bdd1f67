"""Bars, and the last snapshots of intervals: what plain Python finds, and never anything that came later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.models.record_types import GEX
from gexlake.services.asking.resample import bars, last_of_intervals
from helpers.columns import NUMBERS

LEVELS = tuple(name for name in GEX.numbers if name != "spot")

SECOND = 1_000_000
START_US = 1_762_785_000 * SECOND
Row = dict[str, Any]
VALUES = st.none() | st.floats(-1e6, 1e6)


@st.composite
def snapshot_rows(draw: st.DrawFn) -> list[Row]:
    """Snapshots at instants of their own, some on the edge of an interval."""
    offsets = st.integers(0, 400).map(lambda second: second * SECOND) | st.integers(0, 400 * SECOND)
    instants = sorted(draw(st.sets(offsets, min_size=1, max_size=25)))
    return [
        {
            "us": START_US + offset,
            "spot": draw(st.floats(1, 1e6)),
            **{name: draw(VALUES) for name in LEVELS},
        }
        for offset in instants
    ]


intervals = st.sampled_from([1, 7, 60, 61, 300, 3600])


def found_bars(rows: list[Row], seconds: int) -> list[Row]:
    snapshots = pl.DataFrame(
        {
            "timestamp": pl.Series([row["us"] for row in rows], dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            **{name: pl.Series([row[name] for row in rows], dtype=pl.Float64) for name in NUMBERS},
        }
    )
    return bars(GEX, snapshots.lazy(), seconds).collect().to_dicts()


def found_lasts(rows: list[Row], seconds: int) -> list[Row]:
    timestamps = np.array([row["us"] for row in rows], np.int64)
    return [
        {"timestamp": at(end), "last_timestamp": at(rows[number]["us"])}
        for number, end in zip(*(found.tolist() for found in last_of_intervals(timestamps, seconds)), strict=True)
    ]


def by_interval(rows: list[Row], seconds: int) -> dict[int, list[Row]]:
    """The rule in plain Python: an interval ends at a multiple of its length, and that instant belongs to it."""
    length = seconds * SECOND
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(-(-row["us"] // length) * length, []).append(row)
    return found


def at(us: int) -> datetime:
    return datetime.fromtimestamp(us // SECOND, UTC).replace(microsecond=us % SECOND)


@settings(max_examples=40)
@given(rows=snapshot_rows(), seconds=intervals)
def test_bars_are_what_plain_python_finds(rows: list[Row], seconds: int) -> None:
    expected = [
        {
            "timestamp": at(end),
            "last_timestamp": at(members[-1]["us"]),
            "snapshots": len(members),
            "open": members[0]["spot"],
            "high": max(row["spot"] for row in members),
            "low": min(row["spot"] for row in members),
            "close": members[-1]["spot"],
            **{name: members[-1][name] for name in LEVELS},
        }
        for end, members in by_interval(rows, seconds).items()
    ]
    assert found_bars(rows, seconds) == expected


@given(rows=snapshot_rows(), seconds=intervals)
def test_the_last_snapshots_are_what_plain_python_finds(rows: list[Row], seconds: int) -> None:
    assert found_lasts(rows, seconds) == [
        {"timestamp": at(end), "last_timestamp": at(members[-1]["us"])}
        for end, members in by_interval(rows, seconds).items()
    ]


def test_no_snapshot_is_the_last_one_of_none() -> None:
    assert found_lasts([], 60) == []


@pytest.mark.parametrize("find", [found_bars, found_lasts])
@settings(max_examples=40)
@given(data=st.data(), rows=snapshot_rows(), seconds=intervals)
def test_whatever_comes_after_an_instant_changes_nothing_at_or_before_it(
    find: Any, data: st.DataObject, rows: list[Row], seconds: int
) -> None:
    moment = data.draw(st.sampled_from([row["us"] for row in rows]) | st.integers(START_US, START_US + 400 * SECOND))
    past = [row for row in rows if row["us"] <= moment]
    others = [row for row in data.draw(snapshot_rows()) if row["us"] > moment]

    def known(found: list[Row]) -> list[Row]:
        return [row for row in found if row["timestamp"] <= at(moment)]

    assert known(find(past + others, seconds)) == known(find(rows, seconds)) == known(find(past, seconds))


def test_an_instant_on_the_edge_belongs_to_the_interval_that_it_ends() -> None:
    edges = [START_US, START_US + 1, START_US + 60 * SECOND, START_US + 60 * SECOND + 1]
    rows = [{"us": us, "spot": float(number), **dict.fromkeys(LEVELS)} for number, us in enumerate(edges)]
    found = [(row["timestamp"], row["snapshots"], row["close"]) for row in found_bars(rows, 60)]
    assert found == [
        (at(START_US), 1, 0.0),
        (at(START_US + 60 * SECOND), 2, 2.0),
        (at(START_US + 120 * SECOND), 1, 3.0),
    ]
