"""The session compared: changes, another feed or day, expiries and days before; each number against the API."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, Open, Service, serving
from browser.pictures import Axes, Picture, expected_colour, screenshot
from browser.reading import NDX, OPEN, cell, instant_of, link, plain, saved
from browser.waiting import detailed, frames, ready
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

BEFORE = "2025-11-13"
DAY_SECONDS = 86_400
NO_LINES = "hide=pos_vol,neg_vol,pos_oi,neg_oi,zero,spot"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """40 minutes of two days, of the nearest expiry, the next and all of them."""
    root = tmp_path_factory.mktemp("comparing")
    of_days: dict[str, Any] = {
        "sessions": 2, "start": date.fromisoformat(BEFORE), "snapshots": 2400, "strikes": 11,
        "categories": ["gex_zero", "gex_one", "gex_full"],
    }  # fmt: skip
    write_sample(root / "sample", **of_days)
    write_sample(root / "sample", **of_days | {"tickers": ["ES_SPX"], "categories": ["gex_zero"]})
    import_history(root / "sample", root / "lake")
    with serving(root / "lake") as service:
        yield service


def at(service: Service, instant: float, category: str = "gex_zero") -> dict[str, Any]:
    found: dict[str, Any] = service.get("/gex/at", **NDX, category=category, timestamp=int(instant))
    return found


def ladder(service: Service, instant: float, category: str = "gex_zero") -> dict[float, float]:
    return {row[0]: row[1] for row in at(service, instant, category)["strikes"]}


def hover(page: Page, box: str, x: float, y: float) -> dict[str, str]:
    """Point at a place of a picture, and read what is said of it."""
    place = page.locator(box).bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + x, place["y"] + y)
    expect(page.locator(f"{box} .tip")).to_be_visible()
    tips = page.locator(f"{box} [data-tip]")
    return {tip.get_attribute("data-tip") or "": tip.text_content() or "" for tip in tips.all()}


def compared(page: Page, text: str) -> Page:
    """Wait until what the map shows has that title."""
    ready(page)
    expect(page.locator(".legend-name")).to_contain_text(text)
    expect(page.get_by_label("Session date")).to_contain_text("holes")
    frames(page)
    return page


def places(
    axes: Axes, service: Service, count: int, start: int = OPEN + 1000, end: int = OPEN + 2300
) -> list[tuple[float, float]]:
    """Some places between two seconds, each within the band of a strike."""
    strikes = sorted(ladder(service, start))
    step = (axes.x(end) - axes.x(start)) / count
    return [(axes.x(start) + place * step, axes.y(strikes[place * 4 % len(strikes)]) + 3.5) for place in range(count)]


def test_a_change_is_the_value_less_that_of_so_long_ago(open_page: Open, service: Service) -> None:
    page = compared(open_page(link(NDX, "09:52:50", NO_LINES, "from=09:52:00", "to=09:53:00")), "GEX by volume")
    for _ in range(2):
        page.keyboard.press("g")
        expect(page.locator(".legend-name")).to_contain_text("change over")
    compared(page, "GEX by volume, change over 5 min")
    detailed(page)
    picture, matched = Picture(page), 0
    for x, y in places(picture, service, 12, OPEN + 1322, OPEN + 1379):
        tip = hover(page, ".heat", x, y)
        second, strike = instant_of(tip["time"]), plain(tip["strike"])
        truth = ladder(service, second)[strike] - ladder(service, second - 300)[strike]
        assert plain(tip["value"]) == pytest.approx(truth, abs=0.006)
        colour = expected_colour(truth, picture.bound, "dark")
        matched += int(np.abs(picture.pixels[int(y), int(x)] - colour).max() < 32)
    assert matched >= 10  # the faint grid lies over some
    rows = saved(page, "c")
    assert "gex_vol_change_5min" in rows[0]
    page.wait_for_function("() => location.hash.includes('change=5')")
    page.reload()
    compared(page, "change over 5 min")


@pytest.mark.parametrize(("companion", "name", "category"), [
    ("classic/gex_full", "less classic gex_full", "gex_full"),
    ("classic/gex_zero/previous", "less Thu 13 Nov 2025", "gex_zero"),
])  # fmt: skip
def test_one_less_another_is_the_difference_of_both(
    open_page: Open, service: Service, companion: str, name: str, category: str
) -> None:
    shift = DAY_SECONDS if "previous" in companion else 0
    window = ("from=09:52:00", "to=09:53:00")
    page = compared(open_page(link(NDX, "09:52:50", NO_LINES, f"with={companion}", *window)), name)
    detailed(page)
    picture, checked, matched = Picture(page), 0, 0
    edges = band_edges(ladder(service, OPEN + 1300 - shift, category))
    for x, y in places(picture, service, 16, OPEN + 1322, OPEN + 1379):
        tip = hover(page, ".heat", x, y)
        second, strike = instant_of(tip["time"]), plain(tip["strike"])
        mine, theirs = ladder(service, second)[strike], ladder(service, second - shift, category)
        # Of another day's strikes the one in whose band this one lies.
        row = int(np.searchsorted(edges, strike, side="right")) - 1
        if not 0 <= row < len(theirs):
            assert tip["value"] == "–"
            continue
        checked += 1
        other = theirs[sorted(theirs)[row]]
        assert plain(tip["this"]) == pytest.approx(mine, abs=0.006)
        assert plain(tip["other"]) == pytest.approx(other, abs=0.006)
        assert plain(tip["value"]) == pytest.approx(mine - other, abs=0.011)
        colour = expected_colour(mine - other, picture.bound, "dark")
        matched += int(np.abs(picture.pixels[int(y), int(x)] - colour).max() < 32)
    assert matched > 0.8 * checked > 4  # the faint grid lies over some
    page.mouse.move(0, 0)
    page.keyboard.press("h")
    expect(page.get_by_role("button", name="Hide later")).to_have_attribute("aria-pressed", "true")
    frames(page)
    beyond = Picture(page)
    x = int(beyond.x(instant_of("09:52:50"))) + 3
    ground = np.array((16, 20, 28))
    assert np.abs(beyond.pixels[12:-30, x : x + 40].astype(int) - ground).max() <= 64


def band_edges(ladder: dict[float, float]) -> list[float]:
    strikes = sorted(ladder)
    inner = [(low + high) / 2 for low, high in pairwise(strikes)]
    return [2 * strikes[0] - inner[0], *inner, 2 * strikes[-1] - inner[-1]]


def test_side_by_side_has_one_cursor(open_page: Open, service: Service) -> None:
    page = compared(open_page(link(NDX, "10:05:00", NO_LINES, "with=classic/gex_full", "compare=beside")), "GEX")
    expect(page.locator(".beside-name")).to_have_text("classic gex_full")
    first, second = ".heat", ".beside"
    axes = Axes(page, first)
    for x, y in places(axes, service, 4):
        tip, other = hover(page, first, x, y), hover(page, second, x, y)
        for said, category in ((tip, "gex_zero"), (other, "gex_full")):
            truth = ladder(service, instant_of(said["time"]), category)[plain(said["strike"])]
            assert plain(said["value"]) == pytest.approx(truth, abs=0.006)
        expect(page.locator(first)).to_have_attribute("data-pointed", f"{round(x)} {round(y)}")
    assert Axes(page, second).bound == axes.bound
    page.locator(second).click(position={"x": axes.x(OPEN + 600), "y": 100})
    assert abs(instant_of(cell(page, "clock").text_content() or "") - OPEN - 600) < 60


def test_another_ticker_stands_beside_it_on_prices_of_its_own(open_page: Open, service: Service) -> None:
    page = compared(open_page(link(NDX, "10:05:00", NO_LINES, "axis=percent")), "GEX")
    page.locator(".menu summary").first.click()
    page.get_by_label("Compare with").select_option(label="ES_SPX classic gex_zero")
    expect(page.locator(".beside-name")).to_contain_text("ES_SPX classic gex_zero, colours of its own")
    expect(page.get_by_role("button", name="This − that")).to_be_disabled()
    expect(page.get_by_text("Strikes of two tickers are different things")).to_be_visible()
    page.locator(".menu summary").first.click()
    expect(page.locator(".beside")).to_have_attribute("data-prices", re.compile("%"))
    picture, checked = Picture(page, ".beside"), 0

    def spx(instant: float) -> dict[str, Any]:
        found: dict[str, Any] = service.get("/gex/at", symbol="ES_SPX", timestamp=int(instant))
        return found

    for x, y in places(Axes(page), service, 6):
        tip = hover(page, ".beside", x, y)
        truth = spx(instant_of(tip["time"]))
        strikes = {row[0]: row[1] for row in truth["strikes"]}
        assert plain(tip["value"]) == pytest.approx(strikes[plain(tip["strike"])], abs=0.006)
        assert plain(tip["spot"]) == pytest.approx(truth["spot"], abs=0.006)
        colour = expected_colour(strikes[plain(tip["strike"])], picture.bound, "dark")
        checked += int(np.abs(picture.pixels[int(y), int(x)] - colour).max() < 32)
        expect(page.locator(".heat")).to_have_attribute("data-pointed", f"{round(x)} {round(y)}")
    assert checked >= 4  # the faint grid lies over some
    page.keyboard.press("x")
    expect(page.locator(".beside")).not_to_have_attribute("data-prices", re.compile("%"))
    spot = at(service, OPEN + 60)["spot"]
    [price, text] = json.loads(page.locator(".beside").get_attribute("data-prices") or "")[0]
    assert plain(text) == pytest.approx(price * spx(OPEN + 60)["spot"] / spot, rel=5e-3)
    page.wait_for_function("() => location.hash.includes('with=ES_SPX:classic/gex_zero')")
    page.reload()
    expect(page.locator(".beside-name")).to_contain_text("ES_SPX")


def test_closing_levels_of_the_session_before_are_faint_lines(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "10:05:00", "show=prior")))
    closing = at(service, OPEN - DAY_SECONDS + 6 * 3600)
    expect(page.locator(".heat")).to_have_attribute("data-faint", re.compile("13 Nov"))
    window = Axes(page).window["price"]
    names = {
        "spot": "spot", "zero_gamma": "zero", "major_pos_vol": "+vol", "major_neg_vol": "−vol",
        "major_pos_oi": "+OI", "major_neg_oi": "−OI",
    }  # fmt: skip
    expected = {
        f"{short} Thu 13 Nov": closing[name]
        for name, short in names.items()
        if closing[name] and window["low"] <= closing[name] <= window["high"]
    }
    found = json.loads(page.locator(".heat").get_attribute("data-faint") or "")
    assert dict(found) == expected


def test_expiries_are_those_of_the_three_feeds(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "10:05:00", "show=expiry")))
    expect(page.locator(".expiry")).to_have_attribute("data-lanes", re.compile("expiry_rest"))
    axes = Axes(page, ".heat")
    for second in (700, 1500, 2300):
        tip = hover(page, ".expiry", axes.x(OPEN + second), 60)
        instant = instant_of(tip["time"])
        zero, one, full = (at(service, instant, name)["sum_gex_vol"] for name in ("gex_zero", "gex_one", "gex_full"))
        for name, truth in (("expiry_zero", zero), ("expiry_one", one), ("expiry_rest", full - zero - one)):
            assert plain(tip[name]) == pytest.approx(truth, abs=0.0006), (second, name)


def test_the_strip_has_the_sessions_and_opens_them(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "10:05:00", "show=strip")))
    strip = page.locator(".strip")
    expect(strip.locator("[data-day]")).to_have_count(2)
    expect(strip).to_have_attribute("data-strip", re.compile("slot"))
    frames(page)
    place, pixels = json.loads(strip.get_attribute("data-strip") or ""), screenshot(page, ".strip")
    checked = 0
    for number, day in enumerate((OPEN - DAY_SECONDS, OPEN)):
        for second in (900, 1755):
            now = at(service, day + second // 585 * 585)  # forty columns of 585 seconds: the last that has ended
            x = place["left"] + place["slot"] * number + (place["slot"] - 2) * (second - 290) / 23_400
            for row in now["strikes"]:
                y = (place["high"] - row[0]) / (place["high"] - place["low"]) * place["height"]
                if not 4 < y < place["height"] - 4 or abs(row[0] - now["spot"]) < 60:
                    continue
                colour = expected_colour(row[1], place["bound"], "dark")
                checked += int(np.abs(pixels[int(y), int(x)] - colour).max() < 32)
    assert checked > 6
    strip.get_by_role("button", name="Thu 13 Nov 2025").click()
    page.wait_for_url(re.compile(f"date={BEFORE}"))
    expect(cell(page, "clock")).to_have_text("10:05:00")
    expect(strip.locator("[data-day]")).to_have_count(1)  # no session that came later


def test_the_menu_offers_feeds_and_days_and_says_what_is_not_there(open_page: Open) -> None:
    page = compared(open_page(link(NDX, "10:05:00")), "GEX by volume")
    page.locator(".menu summary").first.click()
    choice = page.get_by_label("Compare with")
    offered = choice.locator("option").all_text_contents()
    assert offered[:2] == ["nothing", "the session before"]
    assert {"classic gex_full", "classic gex_one", "Thu 13 Nov 2025"} <= set(offered)
    choice.select_option(label="classic gex_one")
    expect(page.locator(".legend-name")).to_contain_text("less classic gex_one")
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".beside-name")).to_have_text("classic gex_one")
    page.keyboard.press("b")
    page.wait_for_url(re.compile(f"date={BEFORE}"))  # what it is compared with goes along
    expect(page.locator(".beside-name")).to_have_text("classic gex_one")
    other = open_page(link(NDX, "10:05:00", "with=classic/gex_zero/2025-11-12"))
    expect(other.locator(".toast")).to_contain_text("no snapshot of NQ_NDX/classic/gex_zero on 2025-11-12")
    compared(other, "GEX by volume")
    assert FULL in other.url


def test_own_trades_are_drawn_as_what_the_reader_says_they_are(open_page: Open, service: Service) -> None:
    """Once the columns and the clock are said, and not before; each candle holds what its file holds."""
    records = service.get("/gex", **NDX, start=OPEN + 1300, end=OPEN + 1700, limit=1000)["snapshots"]
    lines = ["at;price", *(f"2025-11-14 {clock_of(record['timestamp'])};{record['spot']}" for record in records)]
    page = compared(open_page(link(NDX, "09:55:00", "from=09:50:00", "to=10:00:00")), "GEX by volume")
    page.locator(".menu summary").first.click()
    trades = {"name": "trades.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.get_by_label("File of own bars or trades").set_input_files([trades])  # type: ignore[list-item]
    dialog, show = page.get_by_role("dialog", name="trades.csv"), page.get_by_role("button", name="Show", exact=True)
    for name, value in {
        "Between the fields": "semicolon", "First line": "yes", "Lines are": "trades", "Date": "none",
        "Time": "0", "Times are": "newYork", "Price": "1", "Prices are": "whole",
    }.items():  # fmt: skip
        expect(show).to_be_disabled()
        dialog.get_by_label(name, exact=True).select_option(value)
    show.click()
    expect(dialog).to_be_hidden()
    page.locator(".menu summary").first.click()
    heat = page.locator(".heat")
    expect(heat).to_have_attribute("data-candles", re.compile(r"[1-9]"))
    axes = Axes(page)
    tip = hover(page, ".heat", axes.x(OPEN + 1500), 100)
    opened, high, low, close = map(plain, tip["own"].split())
    bucket = next(seconds for seconds in (1, 2, 5, 10) if 600 / seconds <= (axes.plot["width"] + 76) / 5)
    ended = -(-(OPEN + 1500) // bucket) * bucket
    truth = [record["spot"] for record in records if ended - bucket < record["timestamp"] <= ended]
    assert [opened, high, low, close] == [truth[0], max(truth), min(truth), truth[-1]]
    count = int(heat.get_attribute("data-candles") or "0")
    # As Parquet with a zone in its schema the same is asked less, and is the same.
    instants = pl.from_epoch(pl.Series("at", [record["timestamp"] for record in records])).dt.replace_time_zone("UTC")
    pl.DataFrame([instants, pl.Series("spot", [record["spot"] for record in records])]).write_parquet(
        packed := io.BytesIO()
    )
    page.get_by_role("button", name="Remove").click()
    expect(heat).to_have_attribute("data-candles", "0")
    file = {"name": "trades.bin", "mimeType": "", "buffer": packed.getvalue()}
    page.get_by_label("File of own bars or trades").set_input_files([file])  # type: ignore[list-item]
    dialog = page.get_by_role("dialog", name="trades.bin")
    expect(dialog.get_by_role("columnheader", name="spot")).to_be_visible()
    expect(dialog.get_by_label("Between the fields")).to_be_hidden()
    for name, value in {"Lines are": "trades", "Time": "0", "Price": "1", "Prices are": "whole"}.items():
        expect(show).to_be_disabled()
        dialog.get_by_label(name, exact=True).select_option(value)
    expect(dialog.get_by_label("Times are")).to_have_value("schema")
    show.click()
    expect(heat).to_have_attribute("data-candles", str(count))
    assert hover(page, ".heat", axes.x(OPEN + 1500), 100)["own"] == tip["own"]
    page.keyboard.press("h")
    expect(heat).not_to_have_attribute("data-candles", str(count))  # what came later is not known


def clock_of(instant: int) -> str:
    seconds = int(instant) - OPEN + (9 * 60 + 30) * 60
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
