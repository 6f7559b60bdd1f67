"""`lake.asof` against the naive loop: the last snapshot at or before each instant, and never a later one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gexlake
from gexlake.errors import UsageError
from gexlake.services.asking.notebook import sparkline
from gexlake.services.importing.import_history import import_history
from gexlake.services.lake import Lake
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array

NEW_YORK = ZoneInfo("America/New_York")
RECORDS = [*records_of(MONDAY, 40), *records_of(TUESDAY, 40)]
FIRST, LAST = RECORDS[0]["timestamp"], RECORDS[-1]["timestamp"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("asof")
    write_array(folder / "source" / vendor_name(MONDAY), RECORDS[:40])
    write_array(folder / "source" / vendor_name(TUESDAY), RECORDS[40:])
    import_history(folder / "source", folder / "data")
    return gexlake.open(folder / "data")


def day_of(seconds: float) -> object:
    return datetime.fromtimestamp(seconds, NEW_YORK).date()


def naive(asked: float, max_age: float | None) -> Record | None:
    """One look at every record."""
    before = [record for record in RECORDS if record["timestamp"] <= asked]
    if not before:
        return None
    last = max(before, key=lambda record: record["timestamp"])
    near = day_of(last["timestamp"]) == day_of(asked) if max_age is None else asked - last["timestamp"] <= max_age
    return last if near else None


def frame_of(seconds: list[float]) -> pl.DataFrame:
    instants = [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(one * 1_000_000)) for one in seconds]
    return pl.DataFrame({"timestamp": instants}, schema={"timestamp": pl.Datetime("us", "UTC")})


AROUND = st.one_of(
    st.integers(FIRST - 90_000, LAST + 90_000),
    st.integers(FIRST - 3, FIRST + 60),
    st.integers(RECORDS[40]["timestamp"] - 3, LAST + 60),
    st.sampled_from([record["timestamp"] + part for record in RECORDS for part in (0, 0.25, 0.5)]),
)


@settings(max_examples=60)
@given(st.lists(AROUND, max_size=30), st.none() | st.integers(0, 100_000))
def test_it_is_what_the_loop_finds(lake: Lake, seconds: list[float], max_age: int | None) -> None:
    found = lake.asof(frame_of(seconds), "NQ_NDX", max_age=max_age, columns=["spot", "zero_gamma"])
    expected = [naive(one, max_age) for one in seconds]
    assert found["timestamp"].to_list() == frame_of(seconds)["timestamp"].to_list()
    assert found["spot"].to_list() == [record and record["spot"] for record in expected]
    assert found["zero_gamma"].to_list() == [record and record["zero_gamma"] for record in expected]
    as_of = [one and one.timestamp() for one in found["as_of"].to_list()]
    assert as_of == [record and record["timestamp"] for record in expected]
    ages = [record and one - record["timestamp"] for one, record in zip(seconds, expected, strict=True)]
    assert found["age_seconds"].to_list() == ages


def test_what_is_made_of_levels_and_ladders(lake: Lake) -> None:
    record = RECORDS[20]
    strike = record["strikes"][3][0]
    found = lake.asof(
        frame_of([record["timestamp"], FIRST - 5]),
        "nq_ndx/CLASSIC/zero",
        columns=[],
        distances=True,
        within=25,
        strikes=[strike, 1.0],
    ).to_dicts()
    sizes = [(abs(row[1]), abs(row[0] - record["spot"]) <= 25) for row in record["strikes"]]
    share = sum(size for size, near in sizes if near) / sum(size for size, _ in sizes)
    assert found[0]["gex_vol_share_within_25"] == pytest.approx(share, rel=1e-12)
    assert found[0][f"gex_vol_{strike:g}"] == record["strikes"][3][1]
    assert found[0]["gex_vol_1"] is None
    assert found[0]["zero_gamma_distance"] == record["spot"] - record["zero_gamma"]
    assert "spot" not in found[0]
    assert {value for name, value in found[1].items() if name != "timestamp"} == {None}


def test_each_row_of_its_own_feed(lake: Lake) -> None:
    frame = frame_of([RECORDS[5]["timestamp"], RECORDS[6]["timestamp"], RECORDS[7]["timestamp"]])
    frame = frame.with_columns(pl.Series("symbol", ["NQ_NDX", None, "nq_ndx/classic/gex_zero"]), spot=pl.lit(1.5))
    found = lake.asof(frame, by="symbol", columns=["spot"])
    assert found["spot"].to_list() == [1.5] * 3
    assert found["spot_gex"].to_list() == [RECORDS[5]["spot"], None, RECORDS[7]["spot"]]
    assert found.columns == ["timestamp", "symbol", "spot", "as_of", "age_seconds", "spot_gex"]


def test_times_without_a_zone_are_read_in_the_one_that_is_named(lake: Lake) -> None:
    moment = datetime.fromtimestamp(RECORDS[9]["timestamp"], NEW_YORK).replace(tzinfo=None)
    frame = pl.DataFrame({"timestamp": [moment]})
    with pytest.raises(UsageError, match="has instants without a zone"):
        lake.asof(frame, "NQ_NDX")
    assert lake.asof(frame, "NQ_NDX", tz="America/New_York")["spot"].to_list() == [RECORDS[9]["spot"]]
    nanoseconds = frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ns")))
    assert lake.asof(nanoseconds, "NQ_NDX", tz="America/New_York")["spot"].to_list() == [RECORDS[9]["spot"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"feed": "NQ_NDX", "on": "time"}, "The frame has no column 'time'"),
        ({"feed": "NQ_NDX", "on": "price"}, "is Float64, not of instants"),
        ({"feed": "NQ_NDX", "columns": ["zero"]}, "has no column 'zero'"),
        ({"feed": "NQ_NDZ"}, "does not hold the feed NQ_NDZ/classic/gex_zero"),
        ({}, "Name the feed of all rows"),
        ({"feed": "NQ_NDX", "by": "price"}, "Name the feed of all rows"),
    ],
)
def test_what_cannot_be_asked_is_said(lake: Lake, arguments: dict[str, Any], words: str) -> None:
    frame = frame_of([FIRST]).with_columns(price=pl.lit(1.0))
    with pytest.raises(UsageError, match=words):
        lake.asof(frame, **arguments)


def test_a_feed_that_was_meant_is_named(lake: Lake) -> None:
    with pytest.raises(UsageError) as caught:
        lake.snapshots("NQ_NDX/classic/gex_zer")
    assert caught.value.hint == "Did you mean NQ_NDX/classic/gex_zero? It holds NQ_NDX/classic/gex_zero."


def test_bars_and_heatmap_are_those_of_the_records(lake: Lake) -> None:
    bars = lake.bars("NQ_NDX", interval="1h", end=MONDAY)
    assert bars["open"][0] == RECORDS[0]["spot"]
    assert bars["close"][-1] == RECORDS[39]["spot"]
    cells = lake.heatmap("NQ_NDX", interval="1h", end=MONDAY).filter(pl.col("timestamp") == bars["timestamp"][-1])
    assert cells["gex_vol"].to_list() == [row[1] for row in RECORDS[39]["strikes"]]
    with pytest.raises(UsageError, match="'1 hour' is no interval"):
        lake.bars("NQ_NDX", interval="1 hour")
    with pytest.raises(UsageError, match="has no value 'spot'"):
        lake.heatmap("NQ_NDX", value="spot")


def test_lazy_frames_and_sessions(lake: Lake) -> None:
    assert lake.scan_snapshots("NQ_NDX").collect().equals(lake.snapshots("NQ_NDX"))
    assert lake.scan_strikes("NQ_NDX", start=TUESDAY).collect().equals(lake.strikes("NQ_NDX", start=TUESDAY))
    sessions = [(day, frame.collect().height) for day, frame in lake.iter_sessions("NQ_NDX")]
    assert sessions == [(MONDAY, 40), (TUESDAY, 40)]
    assert [day for day, _ in lake.iter_sessions("NQ_NDX", start=TUESDAY)] == [TUESDAY]


def test_a_notebook_shows_feeds_and_how_full_they_are(lake: Lake) -> None:
    shown = lake._repr_html_()
    assert "<td>NQ_NDX/classic/gex_zero</td><td>GEX snapshots</td><td>2</td>" in shown
    assert f"<td>{MONDAY}</td><td>{TUESDAY}</td><td>██</td>" in shown
    assert sparkline([0, 1, 50, 100]) == "·▁▅█"
