"""Bars and heatmaps: the values that plain Python finds, and never anything that came later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.models.record_types import GEX
from gexlake.services.asking.resample import bars, heatmap, last_of_intervals, matrix
from helpers.columns import NUMBERS

LEVELS = tuple(name for name in GEX.numbers if name != "spot")

SECOND = 1_000_000
START_US = 1_762_785_000 * SECOND
Row = dict[str, Any]
VALUES = st.none() | st.floats(-1e6, 1e6)


@st.composite
def snapshot_rows(draw: st.DrawFn) -> list[Row]:
    """Snapshots at instants of their own, some on the edge of an interval, each with a ladder."""
    offsets = st.integers(0, 400).map(lambda second: second * SECOND) | st.integers(0, 400 * SECOND)
    instants = sorted(draw(st.sets(offsets, min_size=1, max_size=25)))
    return [
        {
            "us": START_US + offset,
            "spot": draw(st.floats(1, 1e6)),
            **{name: draw(VALUES) for name in LEVELS},
            "ladder": draw(st.dictionaries(st.sampled_from([100.0, 105.0, 110.5]), VALUES, min_size=1)),
        }
        for offset in instants
    ]


intervals = st.sampled_from([1, 7, 60, 61, 300, 3600])


def frames(rows: list[Row]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """As they lie in the Parquet files."""
    kind = pl.Datetime("us", "UTC")
    snapshots = pl.DataFrame(
        {
            "timestamp": pl.Series([row["us"] for row in rows], dtype=pl.Int64).cast(kind),
            **{name: pl.Series([row[name] for row in rows], dtype=pl.Float64) for name in NUMBERS},
        }
    )
    cells = [(row["us"], strike, value) for row in rows for strike, value in sorted(row["ladder"].items())]
    strikes = pl.DataFrame(
        {
            "timestamp": pl.Series([us for us, _, _ in cells], dtype=pl.Int64).cast(kind),
            "strike": pl.Series([strike for _, strike, _ in cells], dtype=pl.Float64),
            "gex_vol": pl.Series([value for _, _, value in cells], dtype=pl.Float64),
        }
    )
    return snapshots.lazy(), strikes.lazy()


def found_bars(rows: list[Row], seconds: int) -> list[Row]:
    return bars(GEX, frames(rows)[0], seconds).collect().to_dicts()


def found_cells(rows: list[Row], seconds: int) -> list[Row]:
    snapshots, strikes = frames(rows)
    return heatmap(last_of_intervals(snapshots, seconds).collect(), strikes, "gex_vol").collect().to_dicts()


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


@settings(max_examples=40)
@given(rows=snapshot_rows(), seconds=intervals)
def test_a_heatmap_is_what_plain_python_finds(rows: list[Row], seconds: int) -> None:
    assert found_cells(rows, seconds) == [
        {"timestamp": at(end), "strike": strike, "gex_vol": value}
        for end, members in by_interval(rows, seconds).items()
        for strike, value in sorted(members[-1]["ladder"].items())
    ]


@pytest.mark.parametrize("find", [found_bars, found_cells])
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
    rows = [{"us": us, "spot": float(number), "ladder": {}, **dict.fromkeys(LEVELS)} for number, us in enumerate(edges)]
    found = [(row["timestamp"], row["snapshots"], row["close"]) for row in found_bars(rows, 60)]
    assert found == [
        (at(START_US), 1, 0.0),
        (at(START_US + 60 * SECOND), 2, 2.0),
        (at(START_US + 120 * SECOND), 1, 3.0),
    ]


LADDERS = st.lists(st.lists(st.sampled_from([100.0, 105.0, 110.0]), min_size=1, max_size=4), max_size=6)


@given(st.one_of(LADDERS, st.integers(0, 6).map(lambda count: [[100.0, 105.0]] * count)))
def test_the_matrix_has_every_cell_in_its_place(ladders: list[list[float]]) -> None:
    """Also where ladders differ, are out of order, or have a strike twice: the later row stands."""
    rows = [(number, strike) for number, ladder in enumerate(ladders) for strike in ladder]
    instants = [datetime(2025, 11, 10, 15, number, tzinfo=UTC) for number, _ in rows]
    cells = pl.DataFrame(
        {
            "timestamp": instants,
            "strike": [strike for _, strike in rows],
            "gex_vol": [float(i) for i in range(len(rows))],
        },
        schema={"timestamp": pl.Datetime("us", "UTC"), "strike": pl.Float64, "gex_vol": pl.Float64},
    )
    strikes, columns, values = matrix(cells, "gex_vol")
    assert list(strikes) == sorted({strike for _, strike in rows})
    assert columns.to_list() == sorted(set(instants))
    expected = {(strike, number): float(i) for i, (number, strike) in enumerate(rows)}
    for i, strike in enumerate(strikes):
        for number in range(len(ladders)):
            found = values[i, number]
            assert (None if np.isnan(found) else found) == expected.get((strike, number))
    assert values.flags.c_contiguous
