"""A heatmap is what all snapshots and all ladders of the range say, however its sessions are read."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
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
from gexlake.errors import DamagedSessionError
from gexlake.importers.snapshots import session
from gexlake.models.feed import Feed
from gexlake.services.asking import heatmap
from gexlake.services.asking.heatmap import Heatmap, iter_heatmap
from gexlake.services.asking.moments import parse_interval
from gexlake.services.asking.session_frames import Bounds
from gexlake.services.importing.import_history import import_history
from gexlake.services.store.ladder_rows import pick_snapshots
from helpers.histories import FEED, MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from helpers.lakes import old_lake

WEDNESDAY = TUESDAY + timedelta(days=1)
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
    return sessions


@pytest.fixture(scope="module", params=["indexed", "of an older gexlake", "both"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions and an empty one."""
    root = tmp_path_factory.mktemp("heatmap")
    for day, records in around_midnight().items():
        write_array(root / "history" / vendor_name(day), records)
        with pytest.MonkeyPatch.context() as patch:
            if request.param != "indexed" and (day, request.param) != (TUESDAY, "both"):
                patch.setattr(session, "iter_blocks", lambda _: iter(()))
            assert import_history(root / "history", root / "lake").acceptable
    write_array(root / "history" / vendor_name(WEDNESDAY + timedelta(days=1)), [])
    import_history(root / "history", root / "lake")
    return root / "lake"


def expected(lake: Path, seconds: int, **between: Any) -> pl.DataFrame:
    """By the tables: the last snapshot of each interval, and the ladder that has its time."""
    opened = gexlake.open(lake)
    length = seconds * 1_000_000
    instant = pl.col("timestamp").dt.epoch("us")
    end = (-((-instant).floordiv(length)) * length).cast(pl.Datetime("us", "UTC")).alias("end")
    lasts = opened.snapshots(FEED.ticker, **between).group_by(end).agg(pl.col("timestamp").max())
    cells = opened.strikes(FEED.ticker, **between).join(lasts, on="timestamp", how="inner", maintain_order="left")
    ordered = cells.sort("timestamp", maintain_order=True)  # where an older lake has records under another's date
    return ordered.select(pl.col("end").alias("timestamp"), "strike", "gex_vol")


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


@pytest.mark.parametrize("lake", ["indexed"], indirect=True)
def test_a_file_that_was_changed_while_it_was_read_gives_nothing(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = gexlake.open(lake)
    right = opened.heatmap(FEED.ticker)
    files = sorted(lake.glob(f"versions/gex/strikes/*/*/*/session_date={MONDAY}/*.parquet"))

    def pick_behind_a_change(*arguments: Any) -> Any:
        os.utime(files[0], ns=(1, 1))
        return pick_snapshots(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(heatmap, "pick_snapshots", pick_behind_a_change)
        with pytest.raises(DamagedSessionError, match="changed while it was read"):
            opened.heatmap(FEED.ticker)
    assert_frame_equal(opened.heatmap(FEED.ticker), right)


def test_sessions_are_given_one_by_one(lake: Path) -> None:
    """So that who has a bound for the number of intervals need not read on behind it."""
    parts = list(
        iter_heatmap(LakeLayout(lake), Feed(FEED.ticker, FEED.package, FEED.category), Bounds(), 60, "gex_vol")
    )
    assert len(parts) == 3
    ends = np.concatenate([part.ends for part in parts])
    assert (np.diff(ends) > 0).all()


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
