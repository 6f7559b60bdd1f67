"""A heatmap is what all snapshots and all ladders of the range say, however its sessions are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.db.published import find_damaged
from gexlake.errors import DamagedSessionError
from gexlake.models.feed import Feed
from gexlake.services.asking import heatmap
from gexlake.services.asking.heatmap import Heatmap, iter_heatmap
from gexlake.services.asking.moments import parse_interval
from gexlake.services.asking.session_frames import Bounds
from gexlake.services.store.ladder_rows import pick_snapshots
from helpers.ages import AGES, lake_of_age
from helpers.damage import flip
from helpers.histories import FEED, MONDAY, TUESDAY, Record, records_of
from helpers.lakes import old_lake
from helpers.touched import HARMLESS

WEDNESDAY = TUESDAY + timedelta(days=1)
PLACE = 1000
"""Of a byte that is changed."""
MIDNIGHT = int(datetime(TUESDAY.year, TUESDAY.month, TUESDAY.day, 5, tzinfo=UTC).timestamp())
"""The first instant of Tuesday in New York; intervals of which the length divides it end there."""


def around_midnight() -> dict[Any, list[Record]]:
    """Sessions of which one begins in the interval in which the one before it ends, with ladders that change."""
    sessions = {day: records_of(day, 30) for day in (MONDAY, TUESDAY, WEDNESDAY)}
    for number, record in enumerate(sessions[MONDAY]):
        record["timestamp"] = MIDNIGHT - 30 + number
    sessions[TUESDAY][0]["timestamp"] = MIDNIGHT
    for records in sessions.values():
        for record in records[::3]:
            del record["strikes"][:2]
            record["strikes"][0][3] = []
    return sessions


@pytest.fixture(scope="module", params=AGES)
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions and an empty one."""
    return lake_of_age(tmp_path_factory.mktemp("heatmap"), request.param, around_midnight(), indexed=TUESDAY)


def expected(lake: Path, seconds: int, *, value: str = "gex_vol", **between: Any) -> pl.DataFrame:
    """By the tables: the last snapshot of each interval, and the ladder that has its time."""
    opened = gexlake.open(lake)
    length = seconds * 1_000_000
    instant = pl.col("timestamp").dt.epoch("us")
    end = (-((-instant).floordiv(length)) * length).cast(pl.Datetime("us", "UTC")).alias("end")
    lasts = opened.snapshots(FEED.ticker, **between).group_by(end).agg(pl.col("timestamp").max())
    cells = opened.strikes(FEED.ticker, **between).join(lasts, on="timestamp", how="inner", maintain_order="left")
    ordered = cells.sort("timestamp", maintain_order=True)  # where an older lake has records under another's date
    return ordered.select(pl.col("end").alias("timestamp"), "strike", value)


RANGES: list[dict[str, Any]] = [
    {},
    {"start": MONDAY, "end": MONDAY},
    {"start": TUESDAY},
    {"end": f"{MONDAY}T10:00:00Z"},
    {"start": f"{TUESDAY}T04:59:40Z", "end": f"{TUESDAY}T05:00:00Z"},
    {"start": f"{TUESDAY}T05:00:00Z", "end": f"{WEDNESDAY}T14:30:07Z"},
    {"start": WEDNESDAY + timedelta(days=1)},
]


@pytest.mark.parametrize("interval", ["1s", "7s", "1m", "1h", "24h", "168h"])
@pytest.mark.parametrize("between", RANGES, ids=str)
def test_it_is_what_the_tables_say(lake: Path, between: dict[str, Any], interval: str) -> None:
    found = gexlake.open(lake).heatmap(FEED.ticker, interval=interval, **between)
    assert_frame_equal(found, expected(lake, parse_interval(interval), **between))


def test_what_a_ladder_does_not_have_is_null(lake: Path) -> None:
    found = gexlake.open(lake).heatmap(FEED.ticker, value="prior_5", interval="1s")
    assert_frame_equal(found, expected(lake, 1, value="prior_5"))
    assert found["prior_5"].null_count() > 0
    assert found["prior_5"].is_nan().sum() == 0


@pytest.fixture(scope="module")
def misfiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of schema version 1: sessions have records of other days."""
    return old_lake(1, tmp_path_factory.mktemp("misfiled"))


EARLY = {"start": "2025-11-10T14:00:00Z", "end": "2025-11-11T14:30:03Z"}


@pytest.mark.parametrize("interval", ["1s", "1m", "24h"])
@pytest.mark.parametrize("between", [{}, EARLY, {"start": "2025-11-12T00:00:00Z"}], ids=str)
def test_sessions_of_an_older_lake_may_be_out_of_order(misfiled: Path, between: dict[str, Any], interval: str) -> None:
    found = gexlake.open(misfiled).heatmap(FEED.ticker, interval=interval, **between)
    assert found.height
    assert found["timestamp"].is_sorted()
    assert_frame_equal(found, expected(misfiled, parse_interval(interval), **between))


def test_an_interval_with_two_sessions_has_the_later_ladder(lake: Path) -> None:
    whole = gexlake.open(lake).heatmap(FEED.ticker, interval="1h")
    first = whole.filter(pl.col("timestamp") == datetime.fromtimestamp(MIDNIGHT, UTC))
    ladder = gexlake.open(lake).strikes(FEED.ticker, start=TUESDAY, end=f"{TUESDAY}T05:00:00Z")
    assert_frame_equal(first.select("strike", "gex_vol"), ladder.select("strike", "gex_vol"))
    of_monday = gexlake.open(lake).heatmap(FEED.ticker, interval="1h", end=MONDAY)
    assert of_monday["timestamp"].unique().to_list() == [datetime.fromtimestamp(MIDNIGHT, UTC)]


@pytest.fixture
def while_read(lake: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], None]], None]:
    """Have something befall Monday's ladders each time that they are read."""
    (file,) = lake.glob(f"versions/gex/strikes/*/*/*/session_date={MONDAY}/*.parquet")

    def patch(befall: Callable[[Path], None]) -> None:
        def pick_and_befall(*arguments: Any) -> Any:
            found = pick_snapshots(*arguments)
            befall(file)
            return found

        monkeypatch.setattr(heatmap, "pick_snapshots", pick_and_befall)

    return patch


WhileRead = Callable[[Callable[[Path], None]], None]


@pytest.mark.parametrize("lake", ["indexed"], indirect=True)
@pytest.mark.parametrize("befall", HARMLESS)
def test_a_file_is_no_other_for_a_link_more(lake: Path, while_read: WhileRead, befall: Callable[[Path], None]) -> None:
    right = gexlake.open(lake).heatmap(FEED.ticker)
    while_read(befall)
    assert_frame_equal(gexlake.open(lake).heatmap(FEED.ticker), right)
    assert find_damaged(LakeLayout(lake)) == []


@pytest.mark.parametrize("lake", ["indexed"], indirect=True)
def test_a_file_that_was_changed_while_it_was_read_gives_nothing(lake: Path, while_read: WhileRead) -> None:
    while_read(partial(flip, at=PLACE))
    try:
        with pytest.raises(DamagedSessionError, match=str(MONDAY)):
            gexlake.open(lake).heatmap(FEED.ticker, end=MONDAY)
    finally:
        (file,) = lake.glob(f"versions/gex/strikes/*/*/*/session_date={MONDAY}/*.parquet")
        flip(file, PLACE)


class TooManyError(Exception):
    """What a caller makes of it."""


def test_who_has_a_bound_for_intervals_says_so_before_ladders_are_read(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where sessions are read otherwise: as often as an interval has been counted, and no oftener."""
    reads = []

    def counted(*arguments: Any) -> Heatmap:
        reads.append(arguments)
        return read(*arguments)

    def bounded(count: int) -> None:
        counts.append(count)
        if count > 2:
            raise TooManyError

    read, counts = heatmap._read, list[int]()
    monkeypatch.setattr(heatmap, "_read", counted)
    feed = Feed(FEED.ticker, FEED.package, FEED.category)
    with pytest.raises(TooManyError):
        list(iter_heatmap(LakeLayout(lake), feed, Bounds(), 3600, "gex_vol", on_intervals=bounded))
    assert (counts, len(reads)) == ([0, 2, 3], 2)


@pytest.mark.parametrize("lake", ["of an older gexlake"], indirect=True)
def test_an_old_session_is_read_by_the_name_for_globs_where_it_has_no_other(lake: Path) -> None:
    right = gexlake.open(lake).heatmap(FEED.ticker)
    (file,) = lake.glob(f"versions/gex/snapshots/*/*/*/session_date={MONDAY}/*.parquet")
    away = file.rename(file.with_suffix(".away"))
    try:
        assert_frame_equal(gexlake.open(lake).heatmap(FEED.ticker), right)
    finally:
        away.rename(file)


# ---- as a matrix -----------------------------------------------------------------------------------------------------

LADDERS = st.lists(st.lists(st.sampled_from([100.0, 105.0, 110.0]), max_size=4), max_size=6)


@given(st.one_of(LADDERS, st.integers(0, 6).map(lambda count: [[100.0, 105.0]] * count)))
def test_the_matrix_has_every_cell_in_its_place(ladders: list[list[float]]) -> None:
    """Also where ladders differ, are empty or out of order, or have a strike twice: the later row stands."""
    strikes = np.array([strike for ladder in ladders for strike in ladder])
    rows = np.array([len(ladder) for ladder in ladders], np.int64)
    of_rows = np.repeat(np.arange(len(ladders)), rows).tolist()
    shown = Heatmap(np.arange(len(ladders)) * 60, rows, strikes, np.arange(float(len(strikes))))
    found_strikes, ends, values = shown.matrix()
    assert found_strikes.tolist() == sorted(set(strikes.tolist()))
    assert ends.tolist() == [60 * number for number, ladder in enumerate(ladders) if ladder]
    cells = {(strike, 60 * number): float(i) for i, (number, strike) in enumerate(zip(of_rows, strikes, strict=True))}
    for i, strike in enumerate(found_strikes):
        for j, end in enumerate(ends.tolist()):
            found = values[i, j]
            assert (None if np.isnan(found) else found) == cells.get((strike, end))
    assert values.flags.c_contiguous
