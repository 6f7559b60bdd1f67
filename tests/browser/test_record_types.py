"""Greeks on the session page, and the lists of feeds: every picture and number against what the API says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from browser.conftest import FULL, Open, Service, serving_copy
from browser.pictures import Axes, Picture, expected_colour, screenshot, unsigned_colour
from browser.reading import GAMMA, NDX, ORDERFLOW, cell, clock, instant_of, link, plain, price, reached, saved
from browser.waiting import detailed, frames, ready, themed

ALL_LINES = "hide=pos,neg,long,short,spot"
FORMS = {"gex": "sums", "greeks": "ladder", "orderflow": "lanes"}


@pytest.fixture(scope="module")
def service(every_type: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(every_type, tmp_path_factory) as service:
        yield service


# ---- the list of feeds ---------------------------------------------------------------------------------------------


def test_feeds_are_listed_by_record_type(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX)))
    names = {"gex": "GEX", "greeks": "Greeks", "orderflow": "Orderflow"}
    wanted: dict[str, set[str]] = {}
    for feed in service.get("/feeds")["feeds"]:
        text = " / ".join(dict.fromkeys((feed["ticker"], feed["package"], feed["category"])))
        wanted.setdefault(f"{feed['ticker']} · {names[feed['record_type']]}", set()).add(text)
    for select in (page.get_by_label("Feed"), open_page(f"#/coverage?{link(GAMMA)[10:]}").get_by_label("Feed")):
        groups = select.locator("optgroup")
        expect(groups).to_have_count(3)
        found = groups.evaluate_all("all => all.map(one => [one.label, [...one.children].map(o => o.textContent)])")
        assert [label for label, _ in found] == ["NQ_NDX · GEX", "NQ_NDX · Greeks", "NQ_NDX · Orderflow"]
        assert {label: set(texts) for label, texts in found} == wanted


def test_the_same_second_is_shown_of_another_record_type(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "09:50:00", "value=gex_oi")))
    for label, route, feed in (
        ("NQ_NDX / state / gamma_zero", "greeks", GAMMA),
        ("NQ_NDX / orderflow", "orderflow", ORDERFLOW),
        ("NQ_NDX / classic / gex_zero", "gex", NDX),
    ):
        page.get_by_label("Feed").select_option(label=label)
        page.wait_for_url(re.compile(f"category={feed.get('category', 'gex_zero')}"))
        expect(page.locator(f'.stage[data-form="{FORMS[route]}"]')).to_be_visible()
        ready(page)
        assert clock(page) == "09:50:00"
        truth = service.get(f"/{route}/at", **feed, timestamp=instant_of("09:50:00"))
        expect(cell(page, "spot")).to_have_text(price(truth["spot"]))
        assert page.locator(".heat").is_visible() == (route != "orderflow")
        assert page.locator(".sums").is_visible() == (route == "gex")
        assert page.locator(".lanes").is_visible() == (route == "orderflow")
        assert page.get_by_role("button", name="Next largest change").is_visible() == (route == "gex")
        page.locator("summary", has_text="Save").click()
        assert page.get_by_role("button", name="Ladder").is_visible() == (route != "orderflow")
        page.keyboard.press("Escape")


def test_the_status_page_names_the_record_type_of_each_feed(open_page: Open, service: Service) -> None:
    page = open_page("#/status")
    names = {"gex": "GEX", "greeks": "Greeks", "orderflow": "Orderflow"}
    feeds = service.get("/feeds")["feeds"]
    expect(page.locator("tbody tr")).to_have_count(len(feeds))
    for feed in feeds:
        row = page.locator("tbody tr").filter(has_text=feed["category"]).filter(has_text=f"/ {feed['package']}")
        expect(row.locator("td").nth(1)).to_have_text(names[feed["record_type"]])
    page.get_by_role("link", name="NQ_NDX / state / charm_one").click()
    ready(page)
    expect(page.locator(".legend-name")).to_contain_text("Exposure to charm")


def test_a_link_need_not_name_package_and_category(open_page: Open) -> None:
    forms = {"category=gamma_zero": "ladder", "package=orderflow": "lanes", "": "sums", "category=orderflow": "lanes"}
    page = open_page("#/status")
    for address, form in forms.items():
        page.evaluate("hash => { location.hash = hash; }", f"#/session?symbol=NQ_NDX&{address}&date={FULL}")
        expect(page.locator(f'.stage[data-form="{form}"]')).to_be_visible()
        ready(page)


# ---- greeks --------------------------------------------------------------------------------------------------------


def test_values_of_a_greek_are_those_of_the_api(open_page: Open, service: Service) -> None:
    at = instant_of("09:47:31")
    truth = service.get("/greeks/at", **GAMMA, timestamp=at)
    strike, call, put, value, priors, *_ = truth["mini_contracts"][9]
    page = ready(open_page(link(GAMMA, "09:47:31", f"strike={strike}")))
    for name in ("spot", "major_positive", "major_negative", "major_long_gamma", "major_short_gamma"):
        expect(cell(page, name)).to_have_text(price(truth[name]))
    expect(cell(page, "dte")).to_have_text(f"{truth['min_dte']} / {truth['sec_min_dte']}")
    expect(cell(page, "strike")).to_have_text(price(strike))
    assert plain(cell(page, "strike_value").text_content()) == pytest.approx(value, abs=0.005)
    assert plain(cell(page, "strike_call_ivol").text_content()) == pytest.approx(call, abs=0.0005)
    assert plain(cell(page, "strike_put_ivol").text_content()) == pytest.approx(put, abs=0.0005)
    assert [plain(one) for one in (cell(page, "strike_priors").text_content() or "").split()] == priors
    page.keyboard.press("Shift+ArrowRight")
    later = service.get("/greeks/at", **GAMMA, timestamp=at + 60)
    expect(cell(page, "spot")).to_have_text(price(later["spot"]))
    expect(cell(page, "strike_call_ivol")).to_have_text(f"{later['mini_contracts'][9][1]:.3f}")


@pytest.mark.parametrize("value", ["value", "call_ivol", "put_ivol"])
def test_cells_of_a_greek_have_the_colours_of_their_values(open_page: Open, service: Service, value: str) -> None:
    page = ready(open_page(link(GAMMA, "09:50:01", ALL_LINES, "from=09:50:00", "to=10:00:00", f"value={value}")))
    title = {"value": "Exposure to gamma", "call_ivol": "IV of calls", "put_ivol": "IV of puts"}[value]
    expect(page.locator(".legend-name")).to_contain_text(title)
    detailed(page)
    pictures = {"dark": Picture(page), "light": Picture(themed(page, "light"))}
    place = {"call_ivol": 1, "put_ivol": 2, "value": 3}[value]
    rng = np.random.default_rng(7)
    checked = dict.fromkeys(pictures, 0)
    for second in rng.integers(instant_of("09:50:10"), instant_of("09:59:50"), 60):
        ladder = service.get("/greeks/at", **GAMMA, timestamp=int(second))["mini_contracts"]
        row = ladder[rng.integers(2, len(ladder) - 2)]
        for theme, picture in pictures.items():
            x, y = int(picture.x(second - 0.5)), int(picture.y(row[0]) + 4)
            if abs(picture.pixels[y, x - 2].astype(int) - picture.pixels[y, x + 2]).max() > 8:
                continue  # the faint grid, or another column
            expected = (
                expected_colour(row[place], picture.bound, theme)
                if value == "value"
                else unsigned_colour(row[place], picture.least, picture.bound, theme)
            )
            assert np.abs(picture.pixels[y, x] - expected).max() < 24, (theme, second, row[0], row[place])
            checked[theme] += 1
    assert min(checked.values()) > 25
    for picture in pictures.values():
        assert picture.least == -picture.bound if value == "value" else picture.least > 0


def test_profile_of_a_greek_has_bars_and_two_lines(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(GAMMA, "10:05:00")))
    expect(page.locator(".prof")).to_have_attribute("data-panels", re.compile("IV"))
    frames(page)
    axes, pixels = Axes(page), screenshot(page, ".prof")
    bars, lines = json.loads(page.locator(".prof").get_attribute("data-panels") or "")["panels"]
    snapshot = service.get("/greeks/at", **GAMMA, timestamp=instant_of("10:05:00"))
    marks = [snapshot[name] for name in snapshot if name.startswith("major") or name == "spot"]
    checked = 0
    for strike, call, put, value, *_ in snapshot["mini_contracts"]:
        y = int(axes.y(strike))
        if min(abs(axes.y(mark) - y) for mark in marks) < 6:
            continue
        length = value / bars["bound"] * bars["width"] / 2
        if abs(length) > 12:
            inside = pixels[y, int(bars["left"] + bars["width"] / 2 + length * 0.55)].astype(int)
            assert np.sign(inside[0] - inside[2]) == np.sign(value), (strike, value)
        for volatility, warm in ((call, 1), (put, -1)):
            x = lines["left"] + (volatility - lines["low"]) / (lines["high"] - lines["low"]) * lines["width"]
            around = pixels[y - 1 : y + 2, int(x) - 1 : int(x) + 2].astype(int)
            assert ((around[:, :, 0] - around[:, :, 2]) * warm).max() > 80, (strike, volatility)
        checked += 1
    assert checked > 12


def test_hover_shows_the_value_of_the_cells(open_page: Open, service: Service) -> None:
    page = detailed(ready(open_page(link(GAMMA, "10:05:00", "from=10:00:00", "to=10:10:00", "value=put_ivol"))))
    axes = Axes(page)
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + axes.plot["left"] + axes.plot["width"] * 0.3, box["y"] + axes.plot["height"] * 0.4)
    tip = {
        name: page.locator(f'.heat [data-tip="{name}"]').text_content() or "" for name in ("time", "strike", "value")
    }
    ladder = service.get("/greeks/at", **GAMMA, timestamp=instant_of(tip["time"]))["mini_contracts"]
    assert plain(tip["value"]) == next(row[2] for row in ladder if price(row[0]) == tip["strike"])
    expect(page.locator(".heat .tip")).to_contain_text("Put IV")


def test_the_value_is_changed_by_button_and_key_and_kept_in_the_link(open_page: Open) -> None:
    page = ready(open_page(link(GAMMA)))
    pressed = page.get_by_role("group", name="Value of the heatmap").locator('[aria-pressed="true"]')
    expect(pressed).to_have_text("Value")
    for name, part in (
        ("Call IV", "value=call_ivol"),
        ("Put IV", "value=put_ivol"),
        ("Value", None),
        ("Call IV", "value=call_ivol"),
    ):
        page.keyboard.press("v")
        expect(pressed).to_have_text(name)
        page.wait_for_function(
            "part => part ? location.hash.includes(part) : !location.hash.includes('value=')", arg=part
        )
    page.get_by_role("button", name="Put IV").click()
    page.wait_for_url(re.compile("value=put_ivol"))
    page.locator('.chip[data-overlay="long"]').click()
    page.wait_for_url(re.compile("hide=long"))
    page.reload()
    expect(pressed).to_have_text("Put IV")
    expect(page.locator('.chip[data-overlay="long"]')).to_have_attribute("aria-pressed", "false")


def test_files_of_a_greek_hold_its_columns(open_page: Open, service: Service) -> None:
    page = detailed(ready(open_page(link(GAMMA, "10:05:00", "from=10:03:00", "to=10:07:00", "value=call_ivol"))))
    snapshot = service.get("/greeks/at", **GAMMA, timestamp=instant_of("10:05:00"))
    ladder = saved(page, "l")
    assert [
        [float(row[name]) for name in ("strike", "call_ivol", "put_ivol", "value", "prior_1", "prior_3")]
        for row in ladder
    ] == [[*row[:4], row[4][0], row[4][2]] for row in snapshot["mini_contracts"]]
    cells = {
        float(row["strike"]): float(row["call_ivol"])
        for row in saved(page, "c")
        if row["new_york"] == f"{FULL} 10:05:00"
    }
    assert cells == {row[0]: row[1] for row in snapshot["mini_contracts"]}


# ---- looks and reach -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", [GAMMA, ORDERFLOW], ids=["greeks", "orderflow"])
def test_nothing_is_wider_than_the_window(open_page: Open, feed: dict[str, str]) -> None:
    page = ready(open_page(link(feed), width=1920))
    for width in (320, 360, 768, 1024, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 860})
        frames(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        assert page.evaluate("document.querySelector('main').scrollWidth") <= width, width


@pytest.mark.parametrize("feed", [GAMMA, ORDERFLOW], ids=["greeks", "orderflow"])
def test_every_control_has_a_name_and_can_be_reached(open_page: Open, feed: dict[str, str]) -> None:
    page = ready(open_page(link(feed)))
    shown = "button, select, input, a, [role=img]"
    unnamed = page.locator(shown).evaluate_all(
        "all => all.filter(one => one.checkVisibility())"
        ".filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length))"
        ".map(one => one.outerHTML)"
    )
    assert unnamed == []
    names = reached(page, 70, "one.dataset.series || one.textContent")
    wanted = ["Call IV", "Spot", "Save"] if feed is GAMMA else ["Save", *("spot", "z_mlgamma", "one_net_put_dex")]
    places = [names.index(name) for name in wanted]
    assert places == sorted(places)
