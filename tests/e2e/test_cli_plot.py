"""`gexlake plot`: pictures as files, from the command line, beside a server or alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from gexlake.db.layout import LakeLayout
from gexlake.models.feed import Feed, feed_of
from gexlake.models.record_types import RECORD_TYPES
from gexlake.sample import write_sample
from gexlake.services.asking.plot import read_ladder
from gexlake.services.asking.plot_types import NEGATIVE, POSITIVE, SHOWN
from gexlake.services.importing.import_history import import_history

Run = Callable[..., Any]
DAY = "2025-11-24"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, in which nothing is to appear."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with feeds of every record type."""
    root = tmp_path_factory.mktemp("every-type")
    of_greeks = {"packages": ["state"], "categories": ["gamma_zero", "charm_one"]}
    for feeds in (of_greeks, {"packages": ["orderflow"]}, {}):
        write_sample(root / "sample", sessions=1, start=date(2025, 11, 24), snapshots=90, strikes=9, **feeds)  # type: ignore[arg-type]
    import_history(root / "sample", root / "lake")
    return root / "lake"


def words_of(path: Path) -> set[str]:
    """What is written in an SVG: matplotlib draws letters, and says beside them what they are."""
    return set(re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8")))


def colours_of(path: Path) -> dict[str, int]:
    """How many pixels have which colour."""
    picture = Image.open(path).convert("RGB")
    counts = picture.getcolors(picture.width * picture.height) or []
    return {"#{:02x}{:02x}{:02x}".format(*colour): count for count, colour in counts}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("session", "NQ_NDX", DAY), "day.png"),
        (("session", "NQ_NDX", DAY, "--value", "gex_oi"), "oi.png"),
        (("session", "SPX", DAY, "--package", "state", "--category", "gex_full"), "state.png"),
        (("profile", "NQ_NDX", DAY, "--at", "09:30:30"), "profile.png"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_picture_is_written(run: Run, lake: Path, tmp_path: Path, arguments: tuple[str, ...], name: str) -> None:
    target = tmp_path / name
    done = run("plot", *arguments, "-o", target, "--lake", lake)
    assert (done.status, done.out, done.err) == (0, "", f"Wrote {target}\n")
    assert len(colours_of(target)) > 20


def test_a_profile_has_bars_on_both_sides_and_later_snapshots_do_not_show(run: Run, lake: Path, tmp_path: Path) -> None:
    pictures = {}
    for at in ("09:30:30", "09:30:30.9", "09:30:50"):
        target = tmp_path / f"{at}.png"
        assert run("plot", "profile", "NQ_NDX", DAY, "--at", at, "-o", target, "--lake", lake).status == 0
        pictures[at] = target.read_bytes()
        assert {POSITIVE, NEGATIVE} <= colours_of(target).keys()
    assert pictures["09:30:30"] == pictures["09:30:30.9"]
    assert pictures["09:30:30"] != pictures["09:30:50"]


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    "case",
    [
        (("session", "NQ_NDX", "2025-11-27", "-o", "x.png"), 2, "no snapshot of NQ_NDX/classic/gex_zero on 2025-11-27"),
        (("session", "ES_SPX", DAY, "-o", "x.png"), 2, "does not hold the feed ES_SPX/classic/gex_zero"),
        (("session", "NQ_NDX", DAY, "-o", "x.bmp9"), 2, "names no kind of picture"),
        (("session", "NQ_NDX", DAY, "-o", "missing/x.png"), 1, "cannot be written: No such file or directory"),
        (("profile", "NQ_NDX", DAY, "--at", "04:00", "-o", "x.png"), 2, "before 09:3"),
        (("profile", "NQ_NDX", DAY, "--at", "soon", "-o", "x.png"), 2, "'soon' is not a time"),
        (("profile", "NQ_NDX", DAY, "--at", "14:30Z", "-o", "x.png"), 2, "names a zone"),
        (("profile", "NQ_NDX", "2025-11-02", "--at", "01:30", "-o", "x.png"), 2, "comes twice in America/New_York"),
        (("profile", "NQ_NDX", "2025-03-09", "--at", "02:30", "-o", "x.png"), 2, "does not exist in America/New_York"),
        (("profile", "NQ_NDX", DAY, "-o", "x.png"), 2, "Missing option '--at'"),
    ],
)
def test_what_cannot_be_drawn_is_explained(run: Run, lake: Path, case: tuple[tuple[str, ...], int, str]) -> None:
    arguments, status, said = case
    done = run("plot", *arguments, "--lake", lake)
    assert done.status == status, done.err
    assert said in done.err
    assert not Path("x.png").exists()


# ---- greeks and orderflow ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "category", "meant"),
    [
        (None, None, "classic/gex_zero"),
        (None, "gex_one", "classic/gex_one"),
        (None, "gamma_zero", "state/gamma_zero"),
        (None, "charm", "state/charm_zero"),
        (None, "orderflow", "orderflow/orderflow"),
        ("orderflow", None, "orderflow/orderflow"),
        ("state", None, "state/gex_zero"),
        ("classic", "gamma_zero", "classic/gamma_zero"),
        (None, "theta", "classic/theta"),
    ],
)
def test_a_feed_is_known_by_what_is_said_of_it(package: str | None, category: str | None, meant: str) -> None:
    assert str(feed_of("NQ_NDX", package, category)) == f"NQ_NDX/{meant}"


def test_what_is_drawn_are_columns_of_the_record_type() -> None:
    for kind in RECORD_TYPES.values():
        shown = SHOWN[kind]
        assert set(shown.values) == set(kind.ladder.shown if kind.ladder else ())
        assert {level.name for level in shown.levels} | set(shown.sums) <= set(kind.numbers)
        assert {column for panel in shown.panels for column in panel.columns} == set(shown.values)
        series = [one.name for _, group in shown.series for one in group]
        assert sorted(series) == (sorted(kind.numbers) if kind.ladder is None else [])
        assert set(shown.usual) <= set(series)


@pytest.mark.parametrize(
    ("value", "name"), [("value", "exposure to gamma"), ("call_ivol", "IV of calls"), ("put_ivol", "IV of puts")]
)
def test_a_session_of_a_greek_shows_its_values(
    run: Run, every_type: Path, tmp_path: Path, value: str, name: str
) -> None:
    target = tmp_path / "day.svg"
    options = ("--category", "gamma", "--value", value, "--lake", every_type)
    assert run("plot", "session", "NQ_NDX", DAY, *options, "-o", target).status == 0
    words = words_of(target)
    assert {name, "spot", "major +", "major −", "long gamma", "short gamma", "SYNTHETIC"} <= words
    assert "NQ_NDX  state gamma_zero  Mon 24 Nov 2025" in words
    assert "sum" not in words
    assert ("0" in words) == (value == "value")  # an implied volatility has no zero to stand around


def test_a_profile_of_a_greek_is_the_ladder_of_its_second(run: Run, every_type: Path, tmp_path: Path) -> None:
    target = tmp_path / "profile.svg"
    options = ("--category", "charm_one", "--at", "09:31", "--lake", every_type)
    assert run("plot", "profile", "NQ_NDX", DAY, *options, "-o", target).status == 0
    assert {"exposure to charm", "implied volatility", "calls", "puts"} <= words_of(target)
    feed, moment = Feed("NQ_NDX", "state", "charm_one"), datetime(2025, 11, 24, 14, 31, tzinfo=UTC)
    ladder = read_ladder(LakeLayout(every_type), feed, date(2025, 11, 24), moment)
    file = next(every_type.glob("greeks/contracts/**/category=charm_one/**/*.parquet"))
    truth = pl.read_parquet(file).filter(pl.col("timestamp") == ladder.moment).sort("strike")
    assert ladder.moment <= moment
    assert ladder.strikes.tolist() == truth["strike"].to_list()
    assert {name: values.tolist() for name, values in ladder.values.items()} == {
        name: truth[name].to_list() for name in ("value", "call_ivol", "put_ivol")
    }
    assert ladder.priors.shape == (9, 3)


def test_orderflow_is_drawn_through_time(run: Run, every_type: Path, tmp_path: Path) -> None:
    usual, chosen = tmp_path / "usual.svg", tmp_path / "chosen.svg"
    orderflow = ("plot", "session", "NQ_NDX", DAY, "--package", "orderflow", "--lake", every_type)
    assert run(*orderflow, "-o", usual).status == 0
    panels = {"price", "delta flow", "gamma flow", "convexity flow", "convexity ratio"}
    assert {*panels, "nearest expiry", "next expiry"} <= words_of(usual)
    assert run(*orderflow, "--series", "net_dex", "--series", "one_net_put_dex", "-o", chosen).status == 0
    words = words_of(chosen)
    assert {"net DEX", "all, nearest expiry", "puts, next expiry"} <= words
    assert not panels & words


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    "case",
    [
        (
            ("profile", "--package", "orderflow", "--at", "09:31"),
            "has no profile: its snapshots are numbers without str",
        ),
        (("session", "--package", "orderflow", "--value", "value"), "NQ_NDX/orderflow/orderflow has no value to show"),
        (("session", "--package", "orderflow", "--series", "net"), "has no time series net.\nIt has spot, z_mlgamma"),
        (("session", "--category", "gamma", "--series", "spot"), "has no time series spot.\n--series is for feeds of"),
        (("session", "--category", "gamma", "--value", "gex_oi"), "Its cells show value, call_ivol, put_ivol."),
        (("session", "--value", "put_ivol"), "Its cells show gex_vol, gex_oi."),
        (
            ("session", "--package", "classic", "--category", "gamma"),
            "does not hold the feed NQ_NDX/classic/gamma_zero",
        ),
    ],
    ids=lambda case: " ".join(case[0]),
)
def test_what_a_feed_does_not_have_is_explained(run: Run, every_type: Path, case: tuple[tuple[str, ...], str]) -> None:
    (picture, *options), said = case
    done = run("plot", picture, "NQ_NDX", DAY, *options, "-o", "x.png", "--lake", every_type)
    assert done.status == 2, done.err
    assert said in done.err
    assert not Path("x.png").exists()
