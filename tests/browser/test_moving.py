"""The picture moves as charts move: boxes, axes, spans, one step back; and says what has happened meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, Open, Service, serving_copy
from browser.pictures import Axes
from browser.reading import NDX, OPEN, cell, instant_of, link
from browser.waiting import frames, ready


@pytest.fixture(scope="module")
def service(half_an_hour: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(half_an_hour, tmp_path_factory) as service:
        yield service


def window(page: Page, axis: str) -> tuple[float, float]:
    found = Axes(page).window[axis]
    return found["low"], found["high"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()


def test_boxes_axes_and_spans_and_one_step_back(open_page: Open) -> None:
    page = ready(open_page(link(NDX, "09:50:00")))
    expect(page.get_by_label("Session date")).to_contain_text("holes")
    frames(page)
    axes = Axes(page)
    whole = window(page, "time"), window(page, "price")
    page.keyboard.down("Shift")
    x, y = (axes.x(OPEN + 600), axes.x(OPEN + 4200)), (120.0, 300.0)
    drag(page, (x[0], y[1]), (x[1], y[0]))
    page.keyboard.up("Shift")
    assert window(page, "time") == pytest.approx((OPEN + 600, OPEN + 4200), abs=30)
    price = axes.window["price"]
    scale = (price["high"] - price["low"]) / axes.plot["height"]
    corners = tuple(price["high"] - (place - axes.plot["top"]) * scale for place in (y[1], y[0]))
    assert window(page, "price") == pytest.approx(corners, abs=2 * scale)
    expect(page.locator(".heat .band")).to_be_hidden()
    page.keyboard.press("Backspace")
    assert (window(page, "time"), window(page, "price")) == (whole[0], pytest.approx(whole[1]))

    page.get_by_role("button", name="30m: half an hour").click()
    low, high = window(page, "time")
    assert high - low == pytest.approx(1800)
    assert low < instant_of("09:50:00") < high
    boxed = low, high
    drag(page, (20, 300), (20, 200))  # the axis of prices
    closer = window(page, "price")
    assert closer[1] - closer[0] < 0.7 * (whole[1][1] - whole[1][0])
    assert window(page, "time") == boxed
    drag(page, (300, axes.plot["top"] + axes.plot["height"] + 12), (400, axes.plot["height"] + 18))
    shorter = window(page, "time")
    assert shorter[1] - shorter[0] < 0.7 * 1800
    # A step back undoes a whole gesture, which a timer of 400 ms ends: a longer one that is set later ends after it.
    page.evaluate("() => new Promise(done => setTimeout(done, 500))")
    page.get_by_role("button", name="Day: the whole session").click()
    assert window(page, "time") == whole[0]
    page.get_by_role("button", name="Undo zoom").click()
    assert window(page, "time") == pytest.approx(shorter)


def test_prices_are_told_from_spot(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "09:50:00")))
    heat = page.locator(".heat")
    for unit, text in (("points", r"\+\d"), ("percent", "%")):
        page.keyboard.press("x")
        expect(heat).to_have_attribute("data-prices", re.compile(text))
        for second in ("09:50:00", "09:50:01"):
            if second != "09:50:00":
                page.keyboard.press("ArrowRight")
            spot = service.at(instant_of(second))["spot"]
            expect(cell(page, "spot")).to_have_text(f"{spot:,.2f}")
            frames(page)
            for price, label in json.loads(heat.get_attribute("data-prices") or ""):
                distance = price - spot if unit == "points" else (price - spot) / spot * 100
                said = float(label.replace("−", "-").replace("+", "").replace(",", "").replace("%", ""))
                assert said == pytest.approx(distance, abs=0.006 if unit == "percent" else 0.51)
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => location.hash.includes('axis=percent')")
    page.keyboard.press("x")
    expect(heat).not_to_have_attribute("data-prices", re.compile("%"))


def test_what_happens_while_it_plays_is_told(open_page: Open, service: Service) -> None:
    records = service.get("/gex", **NDX, start=OPEN + 300, end=OPEN + 1500, limit=1200)["snapshots"]
    above = [record["spot"] >= record["zero_gamma"] for record in records]
    place = next(place for place in range(1, len(above)) if above[place] != above[place - 1])
    start = int(records[place]["timestamp"]) - 4
    page = ready(open_page(link(NDX, new_york(start))))
    page.locator("summary", has_text="Alerts").click()
    page.get_by_label("Spot crosses a level").check()
    page.evaluate(
        """() => {
            window.tones = [];
            const start = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (...when) {
                window.tones.push(this);
                return start.apply(this, when);
            };
        }"""
    )
    page.get_by_label("With a short tone").check()
    page.wait_for_function("tones.length === 1 && tones[0].context.state === 'running'")
    page.locator("summary", has_text="Alerts").click()
    page.keyboard.press("1")
    page.keyboard.press(" ")
    word = "above" if above[place] else "below"
    expect(page.locator(".toast")).to_contain_text(re.compile(f"Spot [\\d,.]+ is {word} zero gamma [\\d,.]+ now"))
    page.keyboard.press(" ")
    page.wait_for_function("tones.length > 1")
    said = page.locator(".toast").text_content() or ""
    crossing = service.at(instant_of(said[:8]))
    assert f"Spot {crossing['spot']:,.2f} is {word} zero gamma {crossing['zero_gamma']:,.2f}" in said
    page.locator("summary", has_text="Alerts").click()
    page.locator(".alerts button", has_text=said[:8]).first.click()
    expect(page.locator(".slider")).to_have_js_property("value", str(int(crossing["timestamp"])))


def new_york(instant: int) -> str:
    seconds = instant - OPEN + (9 * 60 + 30) * 60
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def test_what_was_chosen_is_remembered(open_page: Open) -> None:
    page = ready(open_page(f"#/session?symbol=NQ_NDX&date={FULL}"))
    page.locator('.chip[data-overlay="zero"]').click()
    page.keyboard.press("4")
    page.keyboard.press("x")
    page.wait_for_function("() => location.hash.includes('hide=zero') && location.hash.includes('axis=points')")
    page.evaluate("location.hash = '#/status'")
    expect(page.locator("main[data-page=status]")).to_be_visible()
    page.evaluate("location.hash = '#/'")
    page.reload()
    ready(page)
    expect(page.locator('.chip[data-overlay="zero"]')).to_have_attribute("aria-pressed", "false")
    assert page.get_by_label("Speed").input_value() == "60"
    expect(page.locator(".heat")).to_have_attribute("data-prices", re.compile(r"\+\d"))
    # A link that names a second says all of it.
    page.evaluate("hash => { location.hash = hash; }", link(NDX, "09:50:00"))
    expect(page.locator('.chip[data-overlay="zero"]')).to_have_attribute("aria-pressed", "true")
