"""Which sessions of a feed a range needs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError
from gexlake.models.feed import Feed
from gexlake.services.asking.moments import end_of_day, instant, start_of_day
from gexlake.services.asking.session_frames import Bounds, published_days
from gexlake.services.importing.import_history import import_history
from helpers.histories import FEED, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, old_lake

DAYS = [date(2025, 3, 7) + timedelta(days=number) for number in range(5)]
"""Around the night in which the clocks of New York were put forward."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions with a snapshot in the first second and one in the last of their day."""
    root = tmp_path_factory.mktemp("days")
    for day in DAYS:
        records = records_of(DAYS[0], 2)
        records[0]["timestamp"] = start_of_day(day) // 1_000_000
        records[1]["timestamp"] = end_of_day(day) // 1_000_000
        write_array(root / "history" / vendor_name(day), records)
    import_history(root / "history", root / "lake")
    return root / "lake"


def found(lake: Path, bounds: Bounds) -> list[date]:
    days = published_days(LakeLayout(lake), Feed(FEED.ticker, FEED.package, FEED.category), bounds)
    return [date.fromisoformat(day) for day in days]


@pytest.mark.parametrize("day", DAYS)
def test_a_session_is_needed_from_its_first_snapshot_to_its_last(lake: Path, day: date) -> None:
    first, last = start_of_day(day), end_of_day(day) // 1_000_000 * 1_000_000
    assert found(lake, Bounds(first_us=first, last_us=first)) == [day]
    assert found(lake, Bounds(first_us=last, last_us=last)) == [day]
    assert found(lake, Bounds(first_us=first)) == DAYS[DAYS.index(day) :]
    assert found(lake, Bounds(first_us=last + 1)) == DAYS[DAYS.index(day) + 1 :]
    assert found(lake, Bounds(last_us=last)) == DAYS[: DAYS.index(day) + 1]
    assert found(lake, Bounds(last_us=first - 1)) == DAYS[: DAYS.index(day)]
    assert found(lake, Bounds(first_day=day.isoformat(), last_us=last)) == [day]
    assert found(lake, Bounds(first_us=first, last_day=day.isoformat())) == [day]


FAR: list[dict[str, int]] = [
    {"first_us": 0},
    {"first_us": -(10**18)},
    {"last_us": 10**18},
    {"first_us": 0, "last_us": 253_402_300_800_000_000},
]


@pytest.mark.parametrize("far", FAR, ids=str)
def test_bounds_may_be_as_far_away_as_they_like(lake: Path, far: dict[str, Any]) -> None:
    assert found(lake, Bounds(**far)) == DAYS


@pytest.mark.parametrize("far", [{"first_us": 10**18}, {"last_us": -(10**18)}, {"last_us": 0}], ids=str)
def test_nothing_is_needed_of_a_range_far_away(lake: Path, far: dict[str, Any]) -> None:
    assert found(lake, Bounds(**far)) == []


def test_a_range_of_instants_has_all_its_rows(lake: Path) -> None:
    opened = gexlake.open(lake)
    every = opened.snapshots(FEED.ticker)["timestamp"]
    assert len(every) == 2 * len(DAYS)
    for place, first in enumerate(every):
        assert opened.snapshots(FEED.ticker, start=first)["timestamp"].to_list() == every[place:].to_list()


def test_records_of_an_older_lake_are_found_under_another_date(tmp_path: Path) -> None:
    """It has them under the date in their file's name."""
    opened = gexlake.open(old_lake(1, tmp_path))
    feed = (FEED.ticker, FEED.package, FEED.category)
    every = opened.snapshots(*feed).sort("timestamp")
    own = every["timestamp"].dt.convert_time_zone("America/New_York").dt.date()
    assert (own != every["session_date"]).any()
    for day in own.unique():
        of_day = opened.snapshots(*feed, start=instant(start_of_day(day)), end=instant(end_of_day(day)))
        assert of_day.sort("timestamp").equals(every.filter(own == day))


@pytest.mark.parametrize("place", ["session_date=2025-03-08", "session_date=2025-03-08/snapshots.parquet", "."])
def test_what_the_system_does_not_let_one_look_at_is_an_error(lake: Path, tmp_path: Path, place: str) -> None:
    """Here a link that leads to itself."""
    copy = copy_lake(lake, tmp_path / "lake")
    (feed,) = copy.glob("gex/snapshots/*/*/*")
    looked_at = feed / place
    looked_at.rename(tmp_path / "away")
    looked_at.symlink_to(looked_at)
    with pytest.raises(LakeError, match="cannot be read"):
        gexlake.open(copy).snapshots(FEED.ticker, FEED.package, FEED.category)
