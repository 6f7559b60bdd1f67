"""`gexlake.connect`: the methods, frames and faults of `gexlake.open`, from a service in another process."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gexlake
from e2e.test_serve_process import Service
from gexlake.errors import LakeError, LakeLockedError, NoSnapshotError, QueryError, SourceError, UsageError
from gexlake.services.owner.keys import Scope, create_key
from helpers.histories import MONDAY, records_of, vendor_name, write_array


class Doors(NamedTuple):
    url: str
    key: str
    root: Path
    here: Any
    there: Any


@pytest.fixture(scope="module")
def doors(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A lake that is open here, and a copy of it behind a service."""
    folder = tmp_path_factory.mktemp("remote")
    copy = shutil.copytree(lake, folder / "data")
    write_array(folder / "root" / vendor_name(MONDAY), records_of(MONDAY, 30))
    _, key = create_key(copy, name="all", scopes=list(Scope))
    service = Service("--lake", copy, "--port", "0", "--import-root", folder / "root", access_log="false")
    try:
        url = service.url()
        with gexlake.connect(url, api_key=key) as there:
            yield Doors(url, key, folder / "root", gexlake.open(lake), there)
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        service.process.kill()


NEW_YORK = ZoneInfo("America/New_York")
MOMENT = datetime(2025, 11, 26, 14, 30, 20, 500_000, UTC)
TICKS = pl.DataFrame(
    {
        "timestamp": pl.datetime_range(MOMENT - timedelta(days=3), MOMENT, "7h1s3us", eager=True, time_zone="UTC"),
        "price": 1.5,
    }
).with_columns(
    symbol=pl.when(pl.col("timestamp").dt.hour() > 12).then(pl.lit("NQ_NDX")).otherwise(pl.lit("SPX/state/gex_full"))
)
CALLS: dict[str, Callable[[Any], Any]] = {
    "feeds": lambda lake: lake.feeds(),
    "snapshots": lambda lake: lake.snapshots("NQ_NDX"),
    "a feed by name": lambda lake: lake.snapshots("SPX", "state", "gex_full"),
    "a date": lambda lake: lake.snapshots("NQ_NDX", start=date(2025, 11, 26), end=date(2025, 11, 26)),
    "an instant": lambda lake: lake.snapshots("NQ_NDX", start=MOMENT, end=1_764_167_430),
    "text": lambda lake: lake.snapshots("NQ_NDX", start="2025-11-26T09:30:20-05:00"),
    "text in a zone": lambda lake: lake.snapshots("NQ_NDX", start="2025-11-26 09:30:20", tz="America/New_York"),
    "a moment in a zone": lambda lake: lake.strikes("NQ_NDX", start=datetime(2025, 11, 26, 9, 30, 20), tz=NEW_YORK),
    "at": lambda lake: lake.at("NQ_NDX", timestamp=MOMENT),
    "at a date": lambda lake: lake.at("SPX", "state", "full", timestamp="2025-11-24"),
    "at in a zone": lambda lake: lake.at("NQ_NDX", timestamp="2025-11-26 09:30:20", tz="America/New_York"),
    "at with an age": lambda lake: lake.at("NQ_NDX", timestamp="2025-11-27T15:00:00Z", max_age="3d", strikes=False),
    "latest": lambda lake: {**lake.latest("NQ_NDX"), "age_seconds": None},
    "nothing": lambda lake: lake.snapshots("NQ_NDX", start=date(2030, 1, 1)),
    "strikes": lambda lake: lake.strikes("NQ_NDX", end=date(2025, 11, 24)),
    "one strike": lambda lake: lake.strikes("NQ_NDX", strike=25_000),
    "two strikes": lambda lake: lake.strikes("SPX", "state", "gex_full", strike=[5900, 6000.0]),
    "as of many instants": lambda lake: lake.asof(TICKS, "nq_ndx", distances=True, within=50, strikes=[25_000]),
    "as of, by feed": lambda lake: lake.asof(TICKS, by="symbol", columns=["spot", "min_dte"], max_age="3d"),
    "bars": lambda lake: lake.bars("NQ_NDX", interval="5s", end=date(2025, 11, 24)),
    "heatmap": lambda lake: lake.heatmap("SPX/state/gex_full", value="gex_vol", interval="1m", end="2025-11-24"),
    "sql": lambda lake: lake.sql("SELECT * EXCLUDE (import_id) FROM gex_snapshots ORDER BY ALL"),
    "sql with a limit": lambda lake: lake.sql("FROM range(100)", limit=3),
    "gaps": lambda lake: lake.gaps(tickers=["NQ_NDX"], since=date(2025, 11, 24), until=date(2025, 11, 26)),
    "lineage": lambda lake: lake.lineage(statuses=["partial"], limit=5),
    "quarantine": lambda lake: lake.quarantine(reasons=["spot_invalid"], since=date(2025, 11, 26)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_gives_what_it_gives_here(doors: Doors, name: str) -> None:
    here, there = (CALLS[name](door) for door in (doors.here, doors.there))
    if isinstance(here, pl.DataFrame):
        assert_frame_equal(there, here)
    elif name == "gaps":
        assert there.model_dump(exclude={"lake"}) == here.model_dump(exclude={"lake"})
    else:
        assert there == here


def test_status_is_that_of_the_lake_there(doors: Doors) -> None:
    assert doors.there.status().feeds == doors.here.status().feeds


def test_an_import_reports_its_progress_and_its_end(doors: Doors) -> None:
    seen: list[int] = []
    report = doors.there.import_history(doors.root, on_progress=lambda progress: seen.append(progress.files_total))
    assert (report.status, report.records_imported) == ("success", {"gex": 30})
    assert set(seen) <= {1}
    assert doors.there.snapshots("NQ_NDX", end=MONDAY).height == 30


ZONELESS = datetime(2025, 11, 26, 9, 30, 20)
FAULTS: dict[str, tuple[type[Exception], Callable[[Any], Any]]] = {
    "a feed that there is not": (UsageError, lambda lake: lake.snapshots("NDX")),
    "a moment that is none": (UsageError, lambda lake: lake.snapshots("NQ_NDX", start="yesterday")),
    "a moment without a zone": (UsageError, lambda lake: lake.snapshots("NQ_NDX", start=ZONELESS)),
    "text without a zone": (UsageError, lambda lake: lake.strikes("NQ_NDX", end="2025-11-26 09:30")),
    "at without a zone": (UsageError, lambda lake: lake.at("NQ_NDX", timestamp=ZONELESS)),
    "a zone that there is not": (UsageError, lambda lake: lake.at("NQ_NDX", timestamp=ZONELESS, tz="Mars")),
    "an age that is none": (UsageError, lambda lake: lake.latest("NQ_NDX", max_age="3w")),
    "at before all": (NoSnapshotError, lambda lake: lake.at("NQ_NDX", timestamp=0)),
    "at another day": (NoSnapshotError, lambda lake: lake.at("NQ_NDX", timestamp="2025-11-27T15:00:00Z")),
    "a latest too old": (NoSnapshotError, lambda lake: lake.latest("NQ_NDX", max_age=60)),
    "a statement that fails": (QueryError, lambda lake: lake.sql("SELECT nothing")),
    "a statement that writes": (QueryError, lambda lake: lake.sql("DROP TABLE sessions")),
    "a source elsewhere": (SourceError, lambda lake: lake.import_history("/nowhere/at/all")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_of_the_kind_that_it_is_here(doors: Doors, name: str) -> None:
    kind, call = FAULTS[name]
    with pytest.raises(kind):
        call(doors.there)
    if name != "a source elsewhere":
        with pytest.raises(kind):
            call(doors.here)


def test_a_key_that_is_missing_or_wrong_is_a_fault(doors: Doors) -> None:
    for key in (None, "gexlake_wrong"):
        with gexlake.connect(doors.url, api_key=key) as lake, pytest.raises(LakeError, match="key"):
            lake.status()


def test_where_nothing_answers_it_says_so() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(LakeLockedError, match="does not answer"):
            gexlake.connect(f"http://127.0.0.1:{nobody.getsockname()[1]}")
