from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gexlake
from gexlake.db.schema import TABLES, VIEWS
from gexlake.errors import LakeError, LakeVersionError, NoSnapshotError, UsageError
from gexlake.models.feed import Feed
from helpers.processes import PATIENCE_SECONDS

OPEN = "2025-11-24T14:30:00Z"


@pytest.fixture(scope="module")
def opened(lake: Path) -> gexlake.Lake:
    return gexlake.open(lake)


def test_snapshots_are_those_of_the_table(opened: gexlake.Lake) -> None:
    frame = opened.snapshots("NQ_NDX")
    assert frame.columns == [column.name for column in TABLES["gex_snapshots"]]
    assert_frame_equal(frame, opened.sql("FROM gex_snapshots WHERE ticker = 'NQ_NDX' ORDER BY timestamp"))


def test_strikes_are_those_of_the_view(opened: gexlake.Lake) -> None:
    frame = opened.strikes("SPX", "state", "gex_full")
    assert frame.columns == [column.name for column in VIEWS["gex_strikes"]]
    assert_frame_equal(frame, opened.sql("FROM gex_strikes WHERE ticker = 'SPX' ORDER BY timestamp, strike"))


def test_dates_stand_for_sessions(opened: gexlake.Lake) -> None:
    frame = opened.snapshots("NQ_NDX", start="2025-11-25", end=date(2025, 11, 26))
    assert frame["session_date"].unique().to_list() == [date(2025, 11, 26)]
    assert frame.height == 58


def test_instants_are_included_at_both_ends(opened: gexlake.Lake) -> None:
    times = opened.snapshots("NQ_NDX", end="2025-11-24")["timestamp"]
    frame = opened.snapshots("NQ_NDX", start=times[3], end=times[5])
    assert frame["timestamp"].to_list() == times[3:6].to_list()
    one = opened.strikes("NQ_NDX", start=times[3].timestamp(), end=times[3].timestamp())
    assert (one.height, one["strike"].is_sorted()) == (9, True)


def test_a_date_and_an_instant_can_bound_one_range(opened: gexlake.Lake) -> None:
    frame = opened.snapshots("NQ_NDX", start="2025-11-26", end=datetime(2025, 11, 27, tzinfo=UTC))
    assert frame["session_date"].unique().to_list() == [date(2025, 11, 26)]


NAIVE = datetime(2025, 11, 26, 9, 30, 20)


@pytest.mark.parametrize("moment", [NAIVE, "2025-11-26T09:30:20", "2025-11-26 09:30:20"])
def test_an_instant_without_a_zone_is_refused_or_read_in_the_zone_that_is_named(
    lake: Path, opened: gexlake.Lake, moment: datetime | str
) -> None:
    with pytest.raises(UsageError, match=r"without a zone\. Write 2025-11-19T10:00:00-05:00 or .*Z, .*tz=America/New"):
        opened.snapshots("NQ_NDX", start=moment)
    expected = opened.snapshots("NQ_NDX", start="2025-11-26T14:30:20Z")
    assert 0 < expected.height < opened.snapshots("NQ_NDX", start="2025-11-26").height
    assert_frame_equal(opened.snapshots("NQ_NDX", start=moment, tz="America/New_York"), expected)
    there = gexlake.open(lake, tz="America/New_York")
    assert_frame_equal(there.snapshots("NQ_NDX", start=moment), expected)
    assert there.strikes("NQ_NDX", start=moment, tz="Asia/Tokyo").height > there.strikes("NQ_NDX", start=moment).height
    assert there.at("NQ_NDX", timestamp=moment)["as_of"] == "2025-11-26T14:30:20Z"


def test_at_is_of_the_same_session_unless_an_age_is_said(opened: gexlake.Lake) -> None:
    last = opened.snapshots("NQ_NDX", end="2025-11-26")["timestamp"][-1]
    thursday = "2025-11-27T15:00:00Z"
    with pytest.raises(NoSnapshotError) as caught:
        opened.at("NQ_NDX", timestamp=thursday)
    assert "no snapshot of 2025-11-27 in New York at or before 2025-11-27T15:00:00Z" in caught.value.message
    assert f"{last:%Y-%m-%dT%H:%M:%SZ}, 24 h" in caught.value.message
    found = opened.at("NQ_NDX", timestamp=thursday, max_age="3d", strikes=False)
    assert (found["timestamp"], "strikes" in found) == (last.timestamp(), False)
    assert found["age_seconds"] == (datetime(2025, 11, 27, 15, tzinfo=UTC) - last).total_seconds()
    for us in (-1, 0, 1):
        asked = opened.snapshots("NQ_NDX", end="2025-11-26")["timestamp"][-2] + timedelta(microseconds=us)
        expected = opened.snapshots("NQ_NDX", end=asked)["timestamp"][-1]
        assert opened.at("NQ_NDX", timestamp=asked)["timestamp"] == expected.timestamp()


def test_latest_is_of_the_newest_session_and_its_age_is_bounded_only_where_that_is_said(opened: gexlake.Lake) -> None:
    found = opened.latest("NQ_NDX")
    assert found["timestamp"] == opened.snapshots("NQ_NDX")["timestamp"][-1].timestamp()
    assert len(found["strikes"]) == 9
    with pytest.raises(NoSnapshotError, match="max_age is 60"):
        opened.latest("NQ_NDX", max_age="1m")


def test_strike_picks_rows(opened: gexlake.Lake) -> None:
    ladder = opened.strikes("NQ_NDX", end="2025-11-24")["strike"].unique().sort()
    assert opened.strikes("NQ_NDX", strike=ladder[0])["strike"].unique().to_list() == [ladder[0]]
    assert opened.strikes("NQ_NDX", end="2025-11-24", strike=ladder[:2].to_list())["strike"].n_unique() == 2


@pytest.mark.parametrize("end", ["2025-01-01", OPEN, 0])
def test_a_range_without_rows_has_the_columns_all_the_same(opened: gexlake.Lake, end: str | int) -> None:
    frame = opened.strikes("NQ_NDX", end=end)
    assert frame.is_empty()
    assert frame.schema == opened.strikes("NQ_NDX", end="2025-11-24").schema


def test_short_category_names_are_understood(opened: gexlake.Lake) -> None:
    assert opened.snapshots("SPX", "state", "full").height == 60


def test_a_feed_that_is_not_there_is_an_error(opened: gexlake.Lake) -> None:
    with pytest.raises(UsageError) as caught:
        opened.snapshots("NQ")
    assert str(caught.value) == (
        f"The lake {opened.path} does not hold the feed NQ/classic/gex_zero. "
        "Did you mean NQ_NDX/classic/gex_zero? It holds NQ_NDX/classic/gex_zero, SPX/state/gex_full."
    )


def test_an_empty_lake_holds_no_feed(empty_lake: Path) -> None:
    with pytest.raises(UsageError, match=r"It holds no session yet\.$"):
        gexlake.open(empty_lake).strikes("NQ_NDX")


def test_folders_above_the_lake_may_look_like_partitions(lake: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(lake, tmp_path / "year=2025" / "lake")
    frame = gexlake.open(moved).strikes("NQ_NDX")
    assert frame.columns == [column.name for column in VIEWS["gex_strikes"]]


def test_an_import_shows_at_once(lake: Path, tmp_path: Path) -> None:
    from gexlake.sample import write_sample

    opened = gexlake.open(shutil.copytree(lake, tmp_path / "lake"))
    before = opened.snapshots("NQ_NDX", start=OPEN)
    write_sample(tmp_path / "more", sessions=1, start=date(2025, 11, 25), snapshots=10, strikes=9)
    report = opened.import_history(str(tmp_path / "more"))
    assert report.records_imported == {"gex": 10}
    assert opened.snapshots("NQ_NDX", start=OPEN).height == before.height + 10


def test_the_rest_of_the_door(opened: gexlake.Lake, lake: Path) -> None:
    assert opened.feeds() == [Feed("NQ_NDX", "classic", "gex_zero"), Feed("SPX", "state", "gex_full")]
    assert repr(opened) == f"gexlake.open({str(lake)!r})"
    assert opened.status().sessions == 4
    assert not opened.gaps(tickers=["SPX"]).complete
    assert opened.lineage(statuses=["partial"]).height == 1
    assert opened.quarantine(limit=1).height == 1
    assert opened.sql("SELECT 1 AS one", limit=1).equals(pl.DataFrame({"one": [1]}, schema={"one": pl.Int32}))


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as caught:
        gexlake.open(tmp_path / "nowhere")
    assert caught.value.message == f"There is no lake at {tmp_path / 'nowhere'}."
    assert caught.value.hint == "Make one with `gexlake.import_history(sources, lake)`."


def test_opening_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(LakeError, match=r"is a file, not a directory\."):
        gexlake.open(file)


def test_opening_a_lake_of_a_newer_version(newer_lake: Path) -> None:
    with pytest.raises(LakeVersionError, match="newer gexlake"):
        gexlake.open(newer_lake)


def test_opening_a_lake_that_another_process_writes(lake: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    copy = shutil.copytree(lake, tmp_path / "lake")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb\nwith duckdb.connect({str(copy / 'gexlake.duckdb')!r}): print(1, flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "1\n"
    try:
        assert gexlake.open(copy).snapshots("NQ_NDX").height == 178
    finally:
        holder.communicate("\n", timeout=PATIENCE_SECONDS)
