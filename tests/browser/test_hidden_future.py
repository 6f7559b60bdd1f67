"""With what comes later hidden, the page is that of a lake that has no more: by pixels, and by its scales."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, Open, Service, serving
from browser.pictures import Axes, Picture, decode, screenshot
from browser.reading import GAMMA, NDX, OPEN, ORDERFLOW, clock, instant_of, link
from browser.waiting import frames, ready, themed
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.validation.gaps import HOLE_THRESHOLD_SECONDS

FEEDS = {"gex": NDX, "greeks": GAMMA, "orderflow": ORDERFLOW}
HIDDEN = "later=hidden"
NOT_EMPTY = re.compile(r"\d")
SQUARE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { border-radius: 0 !important; }");
    document.adoptedStyleSheets.push(sheet);
}"""
# A rounded corner is not always drawn alike, such as those of the bar of colours, which lie between pixels.


def fill(lake: Path, snapshots: int, work: Path) -> Path:
    of_day: dict[str, Any] = {"sessions": 1, "start": date.fromisoformat(FULL), "snapshots": snapshots, "strikes": 21}
    write_sample(work, **of_day)
    write_sample(work, packages=["state"], categories=["gamma_zero"], **of_day)
    write_sample(work, packages=["orderflow"], **of_day)
    import_history(work, lake)
    return lake


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("whole")
    with serving(fill(root / "lake", 7_000, root / "sample")) as service:
        yield service


def hidden(page: Page) -> Page:
    expect(page.get_by_role("button", name="Hide later")).to_have_attribute("aria-pressed", "true")
    return ready(page)


def show(page: Page, service: Service, address: str) -> Page:
    """Load it anew: another address alone would be a change of what is shown."""
    page.goto("about:blank")
    page.goto(f"{service.url}/{address}")
    return hidden(page)


def pictures(page: Page, names: list[str]) -> list[npt.NDArray[np.uint8]]:
    page.mouse.move(0, 0)
    page.evaluate(SQUARE)
    frames(page)
    return [screenshot(page, name) for name in names]


# ---- by pixels -----------------------------------------------------------------------------------------------------


WHOLE, PART, CHANGES = (), ("from=09:31:00", "to=09:51:00"), ("change=1", "show=strip")
VIEWS: dict[int, dict[str, list[tuple[str, ...]]]] = {
    150: {kind: [WHOLE, PART] for kind in FEEDS},
    4807: {"gex": [WHOLE, CHANGES], "greeks": [WHOLE], "orderflow": [WHOLE]},
}
"""By how much is known; it ends in the middle of the part."""


@pytest.mark.parametrize("known", VIEWS)
def test_the_page_is_that_of_a_lake_that_ends_there(
    open_page: Open, service: Service, tmp_path: Path, known: int
) -> None:
    """Whatever a picture took from later records would make a difference, wherever it took it to."""
    with serving(fill(tmp_path / "lake", known, tmp_path / "sample")) as short:
        whole, part = both = open_page(), open_page(url=short.url)
        for kind, views in VIEWS[known].items():
            feed = FEEDS[kind]
            second = int(short.get(f"/{kind}/latest", **feed)["timestamp"])
            for zoom in views:
                address = link(feed, clock_of(second), HIDDEN, *zoom)
                show(whole, service, address)
                show(part, short, address)
                if "show=strip" in zoom:
                    for page in both:
                        expect(page.locator(".strip")).to_have_attribute("data-strip", NOT_EMPTY)
                elif zoom:
                    box = ".lanes" if kind == "orderflow" else ".heat"
                    for page in both:
                        expect(page.locator(box)).to_have_attribute("data-detail", NOT_EMPTY)
                names = [".stage", ".strip"] if "show=strip" in zoom else [".stage"]
                for name, mine, theirs in zip(names, pictures(whole, names), pictures(part, names), strict=True):
                    assert mine.shape == theirs.shape, (kind, name)
                    differing = int((np.abs(mine.astype(np.int16) - theirs) > 1).any(axis=2).sum())
                    assert not differing, (kind, name, zoom, differing)


def test_nothing_is_drawn_right_of_the_cursor(open_page: Open, service: Service) -> None:
    page = open_page()
    grounds: dict[Literal["dark", "light"], tuple[int, int, int]] = {"dark": (16, 20, 28), "light": (250, 250, 249)}
    for at in ("09:36:00", "09:58:20", "10:41:07"):
        show(page, service, link(NDX, at, HIDDEN))
        for theme, ground in grounds.items():
            picture, whole = Picture(themed(page, theme)), screenshot(page, ".sums")
            x = int(picture.x(instant_of(at))) + 3
            top, bottom = int(picture.plot["top"]) + 2, int(picture.plot["top"] + picture.plot["height"]) - 2
            right = int(picture.plot["left"] + picture.plot["width"]) - 2
            for beyond in (picture.pixels[top:bottom, x:right], whole[14:-14, x:right]):
                # The ground, with the faint lines of the axes and the hatch of "nothing here" over it.
                assert np.abs(beyond.astype(int) - np.array(ground)).max() <= 64, (theme, at)


# ---- by scales -----------------------------------------------------------------------------------------------------


def records_until(service: Service, second: int) -> list[dict[str, Any]]:
    """Every record at or before a second."""
    records: list[dict[str, Any]] = []
    start = OPEN
    while start <= second:
        page = service.get("/gex", **NDX, start=start, end=min(second, start + 499), limit=1000)
        records += page["snapshots"]
        start += 500
    assert all(record["timestamp"] <= second for record in records)
    return records


def nice(value: float) -> float:
    power = 10 ** math.floor(math.log10(value))
    return power * next(
        lead for lead in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if lead * power >= value * (1 - 1e-12)
    )


@pytest.mark.parametrize("at", ["09:32:00", "09:58:20", "10:41:07"])
def test_colours_and_axes_come_from_what_had_been_seen(open_page: Open, service: Service, at: str) -> None:
    page = hidden(open_page(link(NDX, at, HIDDEN)))
    second = instant_of(at)
    records = records_until(service, second)
    columns = 50 * round(page.locator(".heat").evaluate("box => box.clientWidth") / 50)
    head, _ = decode(service.get("/view/session", **NDX, date=FULL, columns=columns))  # for the grid alone
    step = head["column_seconds"]
    ends = np.arange(head["start"] + step, second + 1, step)
    times = np.array([record["timestamp"] for record in records])
    places = np.searchsorted(times, ends, side="right") - 1
    longest = max(step, HOLE_THRESHOLD_SECONDS)
    ladders = [
        records[place]["strikes"]
        for place, end in zip(places, ends, strict=True)
        if place >= 0 and end - times[place] < longest
    ]
    sizes = np.sort([abs(row[1]) for ladder in ladders for row in ladder if row[1]])
    axes = Axes(page)
    assert axes.bound == sizes[int((len(sizes) - 1) * 0.995)]
    # Prices: the bands of the strikes, and spot where it left them.
    strikes = sorted({row[0] for ladder in ladders for row in ladder})
    spots = [record["spot"] for record in records if record["timestamp"] <= ends[-1]]
    low, high = 1.5 * strikes[0] - 0.5 * strikes[1], 1.5 * strikes[-1] - 0.5 * strikes[-2]
    assert axes.window["price"] == pytest.approx({"low": min(low, *spots), "high": max(high, *spots)})
    # Sums: round bounds around zero of the least and the greatest.
    lanes = json.loads(page.locator(".sums").get_attribute("data-lanes") or "[]")
    for lane in lanes:
        sums = [record[lane["series"][0]] for record in records if record["timestamp"] <= ends[-1]]
        least, most = min(*sums, 0), max(*sums, 0)
        assert lane["high"] == pytest.approx(nice(most) if most else 0, rel=1e-9)
        assert lane["low"] == pytest.approx(-nice(-least) if least else 0, rel=1e-9)
    expect(page.locator(".legend-scale-text")).to_have_text("scale of what had been seen until then")
    page.keyboard.press("h")
    expect(page.locator(".heat")).not_to_have_attribute("data-bound", str(axes.bound))


def test_playing_hides_what_comes_later(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "10:00:00")))
    button = page.get_by_role("button", name="Hide later")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.keyboard.press(" ")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(" ")
    expect(button).to_have_attribute("aria-pressed", "true")  # a pause gives nothing away
    page.wait_for_function("() => location.hash.includes('later=hidden')")
    before = clock(page)
    page.keyboard.press(".")
    expect(page.locator(".toast")).to_contain_text("What comes later is hidden")
    assert clock(page) == before
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + Axes(page).x(instant_of("11:00:00")), box["y"] + 200)
    expect(page.locator('.heat [data-tip="value"]')).to_have_text("later: hidden")
    page.keyboard.press("h")
    expect(page.locator('.heat [data-tip="value"]')).not_to_have_text("later: hidden")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "false")  # whoever wants to see it does


def test_the_scale_is_chosen_and_kept(open_page: Open) -> None:
    page = ready(open_page(link(NDX, "10:00:00", "from=09:40:00", "to=09:50:00")))
    heat, choice = page.locator(".heat"), page.get_by_label("Scale of the colours")
    text = page.locator(".legend-scale-text")
    expect(text).to_have_text("scale of the day")
    found = {"day": Axes(page).bound}
    for value, words in (("window", "what is in view"), ("now", "until then")):
        choice.select_option(value)
        expect(text).to_contain_text(words)
        found[value] = Axes(page).bound
    assert len(set(found.values())) == 3
    choice.select_option("fixed")
    page.get_by_label("Bound of the fixed scale").fill("37")
    page.keyboard.press("Enter")
    expect(heat).to_have_attribute("data-bound", "37")
    page.wait_for_function("() => location.hash.includes('scale=37')")
    expect(page.locator(".legend-ticks")).to_contain_text("≥ 37")
    page.reload()
    ready(page)
    expect(heat).to_have_attribute("data-bound", "37")
    expect(text).to_have_text("fixed scale")


def clock_of(instant: int) -> str:
    seconds = instant - OPEN + (9 * 60 + 30) * 60
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
