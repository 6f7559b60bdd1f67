"""The pointer over the pictures: what is said of its place is true of what is drawn, whatever is drawn anew."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import FULL, LAST, Open, Service, serving_copy
from browser.pictures import Axes, Picture
from browser.reading import GAMMA, NDX, ORDERFLOW, cell, clock, instant_of, link, plain
from browser.waiting import detailed, frames, ready

STATE = {**NDX, "package": "state", "category": "gex_zero"}


@pytest.fixture(scope="module")
def service(every_type: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(every_type, tmp_path_factory) as service:
        yield service


def settled(page: Page) -> Page:
    """Wait until the lists to choose from are there: the toolbar has its height then."""
    ready(page)
    expect(page.get_by_label("Session date")).to_contain_text("holes")
    frames(page)
    return page


def hover(page: Page, selector: str, x: float, y: float) -> None:
    box = page.locator(selector).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + y)


def tip(page: Page, name: str, panel: str = ".heat") -> Locator:
    return page.locator(f'{panel} [data-tip="{name}"]')


def truth(service: Service, page: Page, column: int) -> float:
    """The number of the ladder in the cell that the tip names."""
    snapshot = service.at(instant_of(tip(page, "time").text_content() or ""))
    return float(
        next(row[column] for row in snapshot["strikes"] if f"{row[0]:,.2f}" == tip(page, "strike").text_content())
    )


# ---- a mouse at rest -------------------------------------------------------------------------------------------------


def test_the_tip_follows_whatever_is_drawn_anew(open_page: Open, service: Service) -> None:
    page = settled(open_page(link(NDX, "09:40:00", "from=09:35:00", "to=09:50:00")))
    detailed(page)
    hover(page, ".heat", 400, 200)
    value, time = tip(page, "value"), tip(page, "time")
    assert plain(value.text_content()) == pytest.approx(truth(service, page, 1), abs=0.005)
    page.keyboard.press("v")
    expect(page.locator(".legend")).to_contain_text("open interest")
    expect(page.locator(".heat .tip")).to_contain_text("GEX OI")
    detailed(page)
    assert plain(value.text_content()) == pytest.approx(truth(service, page, 2), abs=0.005)
    page.keyboard.press("v")
    before = time.text_content() or ""
    page.keyboard.press("+")
    expect(time).not_to_have_text(before)
    detailed(page)
    axes = Axes(page)
    span = axes.window["time"]["high"] - axes.window["time"]["low"]
    instant = axes.window["time"]["low"] + (400 - axes.plot["left"]) / axes.plot["width"] * span
    assert abs(instant_of(time.text_content() or "") - instant) <= 2
    assert plain(value.text_content()) == pytest.approx(truth(service, page, 1), abs=0.005)


def test_the_tip_is_of_the_day_and_the_feed_that_are_shown(open_page: Open, service: Service) -> None:
    page = settled(open_page(link(NDX, "09:32:00")))
    hover(page, ".heat", 120, 200)
    expect(tip(page, "value")).not_to_have_text("no data")
    page.keyboard.press("n")
    page.wait_for_url(re.compile(f"date={LAST}"))
    expect(tip(page, "value")).to_have_text("no data")  # there the day was over by then
    page.keyboard.press("b")
    page.wait_for_url(re.compile(f"date={FULL}"))
    expect(tip(page, "value")).not_to_have_text("no data")
    page.get_by_label("Feed").select_option(label="NQ_NDX / state / gamma_zero")
    expect(page.locator(".heat .tip")).to_contain_text("Value")
    # All of it at once: it follows whatever is still on its way.
    cells = "all => all.map(one => [one.dataset.tip, one.textContent])"
    said = dict(page.locator(".heat [data-tip]").evaluate_all(cells))
    shown = service.get("/greeks/at", **GAMMA, timestamp=instant_of(said["time"]))
    value = next(row[3] for row in shown["mini_contracts"] if f"{row[0]:,.2f}" == said["strike"])
    assert plain(said["value"]) == pytest.approx(value, abs=0.005)


# ---- one crosshair ---------------------------------------------------------------------------------------------------


def test_the_crosshair_is_in_all_pictures(open_page: Open) -> None:
    page = settled(open_page(link(NDX, "09:40:00")))
    hover(page, ".heat", 300, 200)
    expect(page.locator(".heat")).to_have_attribute("data-pointed", "300 200")
    expect(page.locator(".sums")).to_have_attribute("data-pointed", "300")
    expect(page.locator(".prof")).to_have_attribute("data-pointed", "200")
    hover(page, ".sums", 250, 30)
    expect(page.locator(".heat")).to_have_attribute("data-pointed", "250 ")
    expect(page.locator(".prof")).to_have_attribute("data-pointed", "")
    hover(page, ".prof", 60, 150)
    expect(page.locator(".heat")).to_have_attribute("data-pointed", " 150")
    page.mouse.move(5, 5)
    expect(page.locator(".heat")).to_have_attribute("data-pointed", " ")
    expect(page.locator(".tip:visible")).to_have_count(0)


def test_the_profile_has_its_values_under_the_pointer(open_page: Open, service: Service) -> None:
    page = settled(open_page(link(NDX, "09:47:31")))
    snapshot = service.at(instant_of("09:47:31"))
    strike, volume, interest, priors = snapshot["strikes"][12]
    hover(page, ".prof", 60, Axes(page).y(strike))
    expect(tip(page, "strike", ".prof")).to_have_text(f"{strike:,.2f}")
    assert plain(tip(page, "gex_vol", ".prof").text_content()) == pytest.approx(volume, abs=0.005)
    assert plain(tip(page, "gex_oi", ".prof").text_content()) == pytest.approx(interest, abs=0.005)
    earlier = [plain(one) for one in (tip(page, "priors", ".prof").text_content() or "").split()]
    assert earlier == pytest.approx(priors, abs=0.005)
    page.keyboard.press("Shift+ArrowRight")
    later = next(row for row in service.at(instant_of("09:48:31"))["strikes"] if row[0] == strike)
    expect(tip(page, "gex_vol", ".prof")).to_have_text(f"{later[1]:,.2f}".replace("-", "−"))


def test_sums_have_their_values_under_the_pointer(open_page: Open, service: Service) -> None:
    page = settled(open_page(link(NDX, "09:40:00", "from=09:35:00", "to=09:45:00")))
    expect(page.locator(".sums")).to_have_attribute("data-detail", re.compile(r"\d"))
    for y, name in ((20, "sum_gex_vol"), (95, "sum_gex_oi")):
        hover(page, ".sums", 420, y)
        shown = service.at(instant_of(tip(page, "time", ".sums").text_content() or ""))
        assert plain(tip(page, name, ".sums").text_content()) == round(shown[name])


def test_a_pointer_over_series_is_one_over_all_lanes(open_page: Open) -> None:
    page = ready(open_page(link(ORDERFLOW, "09:40:00")))
    hover(page, ".lanes", 300, 60)
    expect(page.locator(".lanes")).to_have_attribute("data-pointed", "300")
    before = tip(page, "time", ".lanes").text_content() or ""
    page.keyboard.press("+")
    expect(tip(page, "time", ".lanes")).not_to_have_text(before)


# ---- levels ----------------------------------------------------------------------------------------------------------


def test_levels_have_their_prices(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "09:47:31")))
    shown = service.at(instant_of("09:47:31"))
    expect(page.locator(".prof")).to_have_attribute("data-levels", re.compile(re.escape(f"spot {shown['spot']:,.2f}")))
    labels = json.loads(page.locator(".prof").get_attribute("data-levels") or "[]")
    assert f"zero {shown['zero_gamma']:,.2f}" in labels
    assert f"+vol {shown['major_pos_vol']:,.2f}" in labels


def test_a_major_has_no_line_through_prices_it_never_had(open_page: Open, service: Service) -> None:
    lines = "hide=neg_vol,pos_oi,neg_oi,zero,spot"
    start, end = instant_of("09:30:30"), instant_of("09:40:30")
    values = [
        (record["timestamp"], record["major_pos_vol"])
        for record in service.get("/gex", **NDX, start=start, end=end, limit=1000)["snapshots"]
    ]
    page = detailed(ready(open_page(link(NDX, "09:50:00", lines, "from=09:30:30", "to=09:40:30", "scale=1000000"))))
    page.keyboard.press("Home")  # the cursor is elsewhere
    picture = Picture(page)
    assert picture.window["time"]["low"] <= start
    bright = picture.pixels.astype(int).min(axis=2) > 150
    held = {value for _, value in values}
    jumps = [(one, two) for (_, one), (_, two) in itertools.pairwise(values) if abs(one - two) > 15]
    assert jumps, "a day whose major jumps over a strike"
    for one, two in jumps:
        low, high = sorted((one, two))
        between = [price for price in range(int(low) + 5, int(high) - 4, 5) if min(abs(price - h) for h in held) > 4]
        left, right = int(picture.plot["left"]) + 6, int(picture.plot["left"] + picture.plot["width"]) - 2
        for price in between:
            assert not bright[int(picture.y(price)), left:right].any(), price


# ---- what a feed does not report -------------------------------------------------------------------------------------


def test_a_state_feed_has_no_open_interest(open_page: Open) -> None:
    page = ready(open_page(link(STATE, "09:47:31", "value=gex_oi")))
    button = page.get_by_role("button", name="Open interest")
    expect(button).to_be_disabled()
    expect(page.locator(".toast")).to_have_text("State feeds have no open interest.")
    expect(page.locator(".absent")).to_have_text("none in state feeds")
    expect(page.locator(".legend")).to_contain_text("GEX by volume")
    page.keyboard.press("v")
    expect(page.get_by_role("button", name="Volume")).to_have_attribute("aria-pressed", "true")
    for dead in ("zero", "pos_oi", "neg_oi"):
        expect(page.locator(f'.chip[data-overlay="{dead}"]')).to_be_disabled()
    expect(page.locator('.chip[data-overlay="pos_vol"]')).to_be_enabled()
    page.get_by_label("Feed").select_option(label="NQ_NDX / classic / gex_zero")
    expect(button).to_be_enabled()


# ---- keys, zoom, gestures --------------------------------------------------------------------------------------------


def test_keys_work_in_capitals_and_whatever_has_the_focus(open_page: Open) -> None:
    page = settled(open_page(link(NDX, "09:40:00")))
    page.keyboard.press("V")
    expect(page.locator(".legend")).to_contain_text("open interest")
    speed = page.get_by_label("Speed")
    speed.focus()
    page.keyboard.press("v")
    expect(page.locator(".legend")).to_contain_text("GEX by volume")
    page.keyboard.press("F")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Hide later").click()
    page.keyboard.press(" ")  # plays, and does not press the button again
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Hide later")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(" ")
    page.evaluate("() => window.dispatchEvent(new PointerEvent('pointerdown'))")  # as by the mouse
    speed.focus()
    speed.select_option("15")
    frames(page)  # the last second that was played is shown by then
    before = clock(page)
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "clock")).not_to_have_text(before)
    assert speed.input_value() == "15"


def test_zoom_and_strike_survive_another_feed_and_day(open_page: Open, service: Service) -> None:
    strike = service.at(instant_of("09:33:00"))["strikes"][10][0]
    window = ("from=09:32:00", "to=09:36:00", f"low={strike - 60}", f"high={strike + 60}")
    page = settled(open_page(link(NDX, "09:33:00", *window, f"strike={strike}")))
    before = Axes(page).window
    page.get_by_label("Feed").select_option(label="NQ_NDX / state / gex_zero")
    page.wait_for_url(re.compile("package=state"))
    expect(page.get_by_role("button", name="Open interest")).to_be_disabled()
    assert Axes(page).window == before
    expect(cell(page, "strike")).to_have_text(f"{strike:,.2f}")
    expect(page.get_by_role("button", name="Next session")).to_be_enabled()  # the days are there to choose from
    page.keyboard.press("n")
    page.wait_for_url(re.compile(f"date={LAST}"))
    ready(page)
    later = Axes(page).window["time"]
    assert later["high"] - later["low"] == before["time"]["high"] - before["time"]["low"]


def test_a_gesture_to_the_side_moves_in_time(open_page: Open) -> None:
    page = settled(open_page(link(NDX, "09:40:00", "from=09:35:00", "to=09:45:00")))
    before = Axes(page)
    hover(page, ".heat", 400, 200)
    page.mouse.wheel(120, 10)
    frames(page)
    after = Axes(page).window
    seconds = 120 / before.plot["width"] * 600
    for end in ("low", "high"):
        assert after["time"][end] - before.window["time"][end] == pytest.approx(seconds, abs=0.1)
    assert after["price"] == before.window["price"]
