"""`gexlake plot`: pictures as files, from the command line, beside a server or alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gexlake.services.asking.plot import NEGATIVE, POSITIVE

Run = Callable[..., Any]
DAY = "2025-11-24"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, in which nothing is to appear."""
    monkeypatch.chdir(tmp_path)


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
