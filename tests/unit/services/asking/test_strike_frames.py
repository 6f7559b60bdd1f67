"""Some strikes through time are the rows that a filter of all ladders finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.db.published import find_damaged
from gexlake.errors import DamagedSessionError, LakeError
from gexlake.models.feed import Feed
from gexlake.services.asking import strike_frames
from gexlake.services.asking.session_frames import Bounds
from gexlake.services.asking.strike_frames import iter_strikes
from gexlake.services.store.ladder_rows import pick_strikes
from helpers.ages import AGES, lake_of_age
from helpers.damage import flip
from helpers.histories import MONDAY, TUESDAY, Record, records_of
from helpers.touched import HARMLESS

WEDNESDAY = TUESDAY + timedelta(days=1)
STRIKES = [25_000.0, 25_010.0]
CHANGE = partial(flip, at=1000)


def session_records(day: Any, count: int, *, shift: float) -> list[Record]:
    """Ladders around strikes of their own; every third snapshot lacks the lowest."""
    records = records_of(day, count)
    for number, record in enumerate(records):
        for place, row in enumerate(record["strikes"]):
            row[0] = STRIKES[0] + shift + 10 * place
        if number % 3 == 2:
            del record["strikes"][0]
    return records


@pytest.fixture(scope="module", params=AGES)
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions and an empty one; the strikes that are asked for are in two of them."""
    shifts = {MONDAY: 0.0, TUESDAY: 5.0, WEDNESDAY: -10.0}
    sessions = {day: session_records(day, 20, shift=shift) for day, shift in shifts.items()}
    return lake_of_age(tmp_path_factory.mktemp("strikes"), request.param, sessions, indexed=WEDNESDAY)


RANGES: list[dict[str, Any]] = [
    {},
    {"start": MONDAY, "end": MONDAY},
    {"start": TUESDAY},
    {"start": f"{MONDAY}T14:30:03Z", "end": f"{MONDAY}T14:30:07Z"},
    {"start": f"{MONDAY}T14:30:08Z", "end": f"{WEDNESDAY}T14:30:04Z"},
    {"end": f"{MONDAY}T10:00:00Z"},
    {"start": f"{WEDNESDAY}T23:00:00Z"},
    {"start": WEDNESDAY + timedelta(days=1)},
]


WANTED: list[float | list[float]] = [25_000, STRIKES, [25_020.0, 24_990.0, 24_990.0], [1.0], [], [float("nan")]]


@pytest.mark.parametrize("between", RANGES, ids=str)
def test_they_are_the_rows_of_all_ladders(lake: Path, between: dict[str, Any]) -> None:
    opened = gexlake.open(lake)
    rows = opened.strikes("NQ_NDX", **between)
    for strikes in WANTED:
        wanted = strikes if isinstance(strikes, list) else [float(strikes)]
        expected = rows.filter(pl.col("strike").is_in(wanted))
        assert_frame_equal(opened.strikes("NQ_NDX", strike=strikes, **between), expected)


def test_some_are_found(lake: Path) -> None:
    found = gexlake.open(lake).strikes("NQ_NDX", strike=25_000)
    assert found["session_date"].unique().sort().to_list() == [MONDAY, WEDNESDAY]
    assert found.height == 14 + 20


def test_the_last_session_comes_first_where_that_is_asked_for(lake: Path) -> None:
    frames = list(
        iter_strikes(
            LakeLayout(lake), "strikes", Feed("NQ_NDX", "classic", "gex_zero"), Bounds(), STRIKES, descending=True
        )
    )
    days = [frame["session_date"][0] for frame in frames if frame.height]
    assert days == [WEDNESDAY, MONDAY]
    assert all(frame["timestamp"].is_sorted() for frame in frames)


@pytest.mark.parametrize("lake", ["indexed"], indirect=True)
@pytest.mark.parametrize("befall", [*HARMLESS, CHANGE])
def test_only_a_file_whose_bytes_were_changed_while_it_was_read_gives_nothing(
    lake: Path, monkeypatch: pytest.MonkeyPatch, befall: Callable[[Path], None]
) -> None:
    opened = gexlake.open(lake)
    right = opened.strikes("NQ_NDX", strike=25_000, end=MONDAY)
    (file,) = lake.glob(f"versions/gex/strikes/*/*/*/session_date={MONDAY}/*.parquet")

    def pick_and_befall(*arguments: Any) -> Any:
        found = pick_strikes(*arguments)
        befall(file)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(strike_frames, "pick_strikes", pick_and_befall)
        if befall is CHANGE:
            with pytest.raises(DamagedSessionError, match=str(MONDAY)):
                opened.strikes("NQ_NDX", strike=25_000, end=MONDAY)
            CHANGE(file)
        else:
            assert_frame_equal(opened.strikes("NQ_NDX", strike=25_000, end=MONDAY), right)
    assert_frame_equal(opened.strikes("NQ_NDX", strike=25_000, end=MONDAY), right)
    assert find_damaged(LakeLayout(lake)) == []


def test_a_file_that_is_gone_is_an_error(lake: Path, tmp_path: Path) -> None:
    (file,) = lake.glob(f"versions/gex/strikes/*/*/*/session_date={MONDAY}/*.parquet")
    away = file.rename(tmp_path / "away")
    shown = LakeLayout(lake).root.glob(f"gex/strikes/*/*/*/session_date={MONDAY}/*.parquet")
    names = [(name, name.rename(tmp_path / "name")) for name in shown]
    try:
        with pytest.raises(LakeError, match="strikes"):
            gexlake.open(lake).strikes("NQ_NDX", strike=25_000)
    finally:
        away.rename(file)
        for name, kept in names:
            kept.rename(name)
