"""A session as a picture needs it: backward-looking columns, no spike lost, holes shown."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

import gexlake
from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import Feed
from gexlake.sample import write_sample
from gexlake.services.asking.plot import plot_profile, plot_session, read_ladder
from gexlake.services.asking.view import SessionView, view_session
from gexlake.services.importing.import_history import import_history

FEED = Feed("NQ_NDX", "classic", "gex_zero")
DAY = date(2025, 11, 14)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("view")
    write_sample(root / "sample", sessions=1, start=DAY, strikes=15, snapshots=2000)
    import_history(root / "sample", root / "lake")
    return root / "lake"


def view_of(lake: Path, **options: int) -> SessionView:
    view = view_session(LakeLayout(lake), FEED, DAY, **options)  # type: ignore[arg-type]
    assert view is not None
    return view


@pytest.mark.parametrize("columns", [1, 7, 100, 1200, 4000])
def test_each_column_shows_the_last_snapshot_at_or_before_its_end(lake: Path, columns: int) -> None:
    view = view_of(lake, columns=columns)
    snapshots = gexlake.open(lake).snapshots("NQ_NDX")
    times = snapshots["timestamp"].to_physical().to_numpy() / 1e6
    assert len(view.series["time"]) <= columns
    assert view.cells.shape == (15, len(view.series["time"]))
    for end, last, spot in zip(view.series["time"], view.series["last"], view.series["spot"], strict=True):
        place = np.searchsorted(times, end, side="right") - 1
        if place >= 0 and end - times[place] < max(view.span.column_us / 1e6, 5):
            assert last == times[place]
            assert spot == snapshots["spot"][int(place)]
        else:
            assert np.isnan(last)
            assert np.isnan(spot)


def test_no_extreme_is_lost(lake: Path) -> None:
    snapshots = gexlake.open(lake).snapshots("NQ_NDX")
    for columns in (1, 10, 333):
        series = view_of(lake, columns=columns).series
        for name in ("spot", "sum_gex_vol", "sum_gex_oi"):
            assert np.nanmax(series[f"{name}_max"]) == snapshots[name].max()
            assert np.nanmin(series[f"{name}_min"]) == snapshots[name].min()


def test_cells_are_those_of_the_ladders(lake: Path) -> None:
    view = view_of(lake, columns=50)
    column = 3
    moment = float(view.series["last"][column])
    ladder = gexlake.open(lake).strikes("NQ_NDX", start=moment, end=moment)
    assert ladder["gex_vol"].to_list() == view.cells[:, column].tolist()
    assert ladder["strike"].to_list() == view.strikes.tolist()


def test_a_change_is_that_of_each_strike_since_so_long_before(lake: Path) -> None:
    """Against a loop over the ladders themselves."""
    rows = gexlake.open(lake).strikes("NQ_NDX")
    ladders: dict[float, dict[float, float]] = {}
    for moment, strike, value in zip(
        rows["timestamp"].to_physical().to_numpy() / 1e6, rows["strike"], rows["gex_vol"], strict=True
    ):
        ladders.setdefault(moment, {})[strike] = value
    times = np.array(sorted(ladders))
    for minutes in (1, 5, 15):
        view = view_of(lake, columns=300, change_us=minutes * 60_000_000)
        known = 0
        for column, last in enumerate(view.series["last"]):
            before = int(np.searchsorted(times, last - minutes * 60, side="right")) - 1
            if np.isnan(last) or before < 0 or last - minutes * 60 - times[before] > 5:
                assert np.isnan(view.cells[:, column]).all()
                continue
            expected = [ladders[last][strike] - ladders[times[before]][strike] for strike in view.strikes]
            assert view.cells[:, column].tolist() == expected
            known += 1
        assert known > 10, minutes


def test_without_cells_the_rest_is_the_same(lake: Path) -> None:
    whole, bare = view_of(lake, columns=100), view_of(lake, columns=100, with_cells=False)
    assert bare.cells.size == bare.strikes.size == 0
    assert bare.moves == whole.moves
    for name, values in whole.series.items():
        np.testing.assert_array_equal(bare.series[name], values)


def test_the_digest_of_what_is_known_is_that_of_the_session_as_it_was(lake: Path, tmp_path: Path) -> None:
    """While a session grows, what was known keeps its digest; where an earlier number has changed, it does not."""
    digests = {}
    for name, snapshots, seed in (("young", 700, 1), ("grown", 1300, 1), ("other", 1300, 2)):
        write_sample(tmp_path / name, sessions=1, start=DAY, strikes=5, snapshots=snapshots, seed=seed)
        import_history(tmp_path / name, tmp_path / f"{name}-lake")
        digests[name] = view_of(tmp_path / f"{name}-lake", columns=10)
    known = digests["young"].last_us
    grown, other = (view_of(tmp_path / f"{name}-lake", columns=10, known_us=known) for name in ("grown", "other"))
    assert grown.known_digest == digests["young"].digest != grown.digest
    assert other.known_digest != digests["young"].digest
    assert digests["young"].known_digest is None


def test_a_ladder_that_became_another_is_told_by_the_digest_though_no_number_did(tmp_path: Path) -> None:
    """Pictures without cells show nothing of ladders."""
    sample, lake = tmp_path / "sample", tmp_path / "lake"
    write_sample(sample, sessions=1, start=DAY, strikes=5, snapshots=300)
    import_history(sample, lake)
    first, bare = view_of(lake, columns=10), view_of(lake, columns=10, with_cells=False)
    [file] = sample.rglob("*_NQ_NDX_*.json")
    records = json.loads(file.read_bytes())
    strikes = records[40]["strikes"]
    strikes[1][2], strikes[2][2] = strikes[2][2], strikes[1][2]  # open interest, while the volume is looked at
    file.write_text(json.dumps(records), encoding="utf-8")
    import_history(sample, lake)
    again = view_of(lake, columns=10, known_us=first.last_us)
    assert first.digest != again.digest == again.known_digest
    assert first.snapshots == again.snapshots
    until_us = int(records[39]["timestamp"]) * 1_000_000
    assert view_of(lake, columns=10, known_us=until_us).known_digest != again.digest
    assert view_of(lake, columns=10, with_cells=False).digest == bare.digest


def test_a_part_has_columns_of_its_own(lake: Path) -> None:
    start = int(datetime(2025, 11, 14, 14, 40, tzinfo=UTC).timestamp()) * 1_000_000
    view = view_of(lake, columns=60, start_us=start, end_us=start + 60_000_000)
    assert view.span.column_us == 1_000_000
    assert len(view.series["time"]) == 60


def test_moves_are_changes_over_a_minute_and_stand_apart(lake: Path) -> None:
    moves = view_of(lake, columns=10).moves
    snapshots = gexlake.open(lake).snapshots("NQ_NDX")
    times, sums = snapshots["timestamp"].to_physical().to_numpy() / 1e6, snapshots["sum_gex_vol"].to_numpy()
    instants = [move.timestamp for move in moves]
    assert instants == sorted(instants)
    assert np.diff(instants).min() >= 300
    for move in moves:
        now = int(np.searchsorted(times, move.timestamp))
        before = int(np.searchsorted(times, move.timestamp - 60, side="right")) - 1
        assert move.change == pytest.approx(sums[now] - sums[before])


def test_the_largest_change_of_each_column_is_beside_it(lake: Path) -> None:
    view = view_of(lake, columns=10)
    ends, at, changes = (view.series[name] for name in ("time", "moved_at", "moved"))
    known = ~np.isnan(at)
    assert known.any()
    assert (at[known] <= ends[known]).all()
    assert (at[known] > ends[known] - view.span.column_us / 1e6).all()
    for move in view.moves[:1] + tuple(sorted(view.moves, key=lambda move: -abs(move.change))[:1]):
        column = int(np.searchsorted(ends, move.timestamp))
        assert abs(changes[column]) >= abs(move.change)
    largest = max(view.moves, key=lambda move: abs(move.change))
    column = int(np.nanargmax(np.abs(changes)))
    assert (at[column], changes[column]) == (largest.timestamp, largest.change)


def test_a_day_that_is_not_there_is_none(lake: Path) -> None:
    assert view_session(LakeLayout(lake), FEED, date(2025, 11, 13)) is None


# ---- the same without a browser ------------------------------------------------------------------------------------


def test_plots_are_written_and_marked(lake: Path, tmp_path: Path) -> None:
    moment = datetime(2025, 11, 14, 14, 45, tzinfo=UTC)
    plot_session(lake, FEED, DAY, tmp_path / "day.svg")
    plot_profile(lake, FEED, DAY, moment, tmp_path / "profile.svg")
    for name in ("day.svg", "profile.svg"):
        assert (tmp_path / name).stat().st_size > 10_000
        assert "SYNTHETIC" in (tmp_path / name).read_text(encoding="utf-8")


def test_profile_never_shows_what_came_later(lake: Path) -> None:
    layout = LakeLayout(lake)
    for moment in (datetime(2025, 11, 14, 14, 45, 0, 500_000, tzinfo=UTC), datetime(2025, 11, 14, 20, 0, tzinfo=UTC)):
        ladder = read_ladder(layout, FEED, DAY, moment)
        assert ladder.moment <= moment
        assert len(ladder.strikes) == 15
    with pytest.raises(UsageError, match=r"no snapshot on 2025-11-14 before 09:30:0\d New York time"):
        read_ladder(layout, FEED, DAY, datetime(2025, 11, 14, 14, 0, tzinfo=UTC))


def test_what_cannot_be_plotted_is_explained(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"names no kind of picture"):
        plot_session(lake, FEED, DAY, tmp_path / "day.jpeg2")
    with pytest.raises(UsageError, match=r"has no snapshot of NQ_NDX/classic/gex_zero on 2025-11-13"):
        plot_session(lake, FEED, date(2025, 11, 13), tmp_path / "day.png")
    with pytest.raises(UsageError, match=r"does not hold the feed ES_SPX"):
        plot_session(lake, Feed("ES_SPX", "classic", "gex_zero"), DAY, tmp_path / "day.png")
