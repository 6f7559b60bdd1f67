"""Everybody's page: small screens and fingers, paper, and what axe-core finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.accessibility import violations
from browser.conftest import FULL, LAST, MISSING, Open, Service, serving
from browser.pictures import Axes, screenshot
from browser.reading import NDX, instant_of, link
from browser.waiting import frames, ready

STATE = {**NDX, "package": "state", "category": "gex_zero"}


# ---- small screens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_has_what_matters_in_one_line_and_a_tap_shows_values(
    open_page: Open, service: Service, width: int
) -> None:
    page = ready(open_page(link(NDX, "11:42:00"), width=width, height=700, touch=True))
    expect(page.get_by_label("Session date")).to_contain_text("holes")
    for box in ("document.documentElement", "document.querySelector('main')"):
        assert page.evaluate(f"{box}.scrollWidth") <= width
    truth = service.at(instant_of("11:42:00"))
    line = page.locator(".glance")
    levels = {"spot": "spot", "zero": "zero_gamma", "pos_vol": "major_pos_vol", "neg_vol": "major_neg_vol"}
    for name, field in levels.items():
        expect(line.locator(f'[data-glance="{name}"] b')).to_have_text(f"{truth[field]:,.2f}")
    place, bar = line.bounding_box(), page.locator(".transport").bounding_box()
    assert place is not None
    assert bar is not None
    assert bar["y"] + bar["height"] <= 700 + 1  # in sight, wherever the page is scrolled to
    assert place["x"] + place["width"] <= width
    axes = Axes(page)
    page.locator(".heat").tap(position={"x": axes.x(instant_of("10:30:00")), "y": 60})
    tip = page.locator(".heat .tip")
    expect(tip).to_be_visible()
    expect(tip.locator('[data-tip="value"]')).not_to_have_text("no data")
    inside = tip.bounding_box()
    assert inside is not None
    assert inside["x"] >= 0 and inside["x"] + inside["width"] <= width  # noqa: PT018
    line.tap()
    expect(tip).to_be_hidden()


@pytest.mark.parametrize("feed", [NDX, STATE])
def test_the_toolbar_is_one_line_at_1400(open_page: Open, feed: dict[str, str]) -> None:
    page = ready(open_page(link(feed, "09:35:00", day=LAST), width=1400))
    expect(page.get_by_label("Session date")).to_contain_text("holes")
    frames(page)
    bar = page.locator(".toolbar").bounding_box()
    assert bar is not None
    assert bar["height"] < 50
    words = page.locator(".absent")
    assert words.is_visible() == (feed is STATE)


# ---- paper ---------------------------------------------------------------------------------------------------------


def test_paper_has_the_picture_in_its_colours_and_the_values(open_page: Open) -> None:
    page = ready(open_page(link(NDX, "11:42:00"), scheme="dark"))
    assert screenshot(page, ".session").mean() < 110
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")  # as a browser does, before anything is hidden
    page.emulate_media(media="print")
    sheet = page.locator(".sheet canvas")
    expect(sheet).to_be_visible()
    for hidden in (".toolbar", ".transport", "header", ".heat"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".readout")).to_be_visible()
    frames(page)
    assert sheet.evaluate("one => one.width") > 900
    assert screenshot(page, ".sheet").mean() > 170
    title = sheet.evaluate(
        "one => one.getContext('2d').getImageData(0, 0, 700, 50).data"
        ".reduce((least, value, place) => place % 4 ? least : Math.min(least, value), 255)"
    )
    assert 0 < title < 100  # the title, and the mark of what is synthetic
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(sheet).to_have_count(0)
    assert screenshot(page, ".session").mean() < 110


# ---- axe-core ------------------------------------------------------------------------------------------------------


def test_axe_finds_nothing(open_page: Open, service: Service, tmp_path: Path) -> None:
    page = ready(open_page(link(NDX, "11:42:00", "show=prior,strip", "with=classic/gex_zero/previous")))
    expect(page.locator(".strip [data-day]")).to_have_count(1)
    for name in ("Compare", "Alerts", "Save"):
        page.locator("summary", has_text=name).click()
        assert violations(page) == [], name
    ready(page)
    page.keyboard.press("?")
    assert violations(page) == [], "help"
    page.keyboard.press("Escape")
    shown = {
        "coverage": "#/coverage?symbol=NQ_NDX",
        "imports": f"#/imports?import={service.get('/imports')['imports'][0]['import_id']}",
        "status": "#/status",
        "state": link(STATE, "09:35:00", day=LAST),
        "nothing": link(NDX, day=MISSING),
    }
    waits = {
        "coverage": f'[data-date="{FULL}"]', "imports": ".lineage tbody tr >> nth=0", "status": "tbody tr >> nth=0",
        "state": ".absent", "nothing": '[data-view="no-data"]',
    }  # fmt: skip
    for name, address in shown.items():
        page.evaluate("hash => { location.hash = hash; }", address)
        expect(page.locator(waits[name])).to_be_visible()
        if name == "state":
            ready(page)
        assert violations(page) == [], name
    (tmp_path / "an empty lake").mkdir()
    with serving(tmp_path / "an empty lake") as empty:
        other = open_page(url=empty.url)
        expect(other.locator('[data-view="empty"] pre')).to_contain_text(
            f"gexlake import FOLDER --lake '{tmp_path}/an empty lake'"
        )
        expect(other.locator(".toolbar")).to_be_hidden()
        assert violations(other) == [], "empty"
