"""Orderflow on the session page: numbers through time, against what the API says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, LAST, Open, Service, serving_copy
from browser.pictures import decode, screenshot
from browser.reading import NDX, OPEN, ORDERFLOW, cell, clock, instant_of, link, plain, price, saved
from browser.waiting import frames, ready, themed
from gexlake.models.record_types import ORDERFLOW_TYPE

USUAL = ["spot", "dexoflow", "one_dexoflow", "gexoflow", "one_gexoflow", "cvroflow", "zcvr", "ocvr"]


@pytest.fixture(scope="module")
def service(every_type: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(every_type, tmp_path_factory) as service:
        yield service


def lanes_of(page: Page) -> list[dict[str, Any]]:
    frames(page)
    return list(json.loads(page.locator(".lanes").get_attribute("data-lanes") or "[]"))


def test_every_number_of_orderflow_is_that_of_the_api(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(ORDERFLOW, "09:47:31")))
    for step in (0, 1, 61):
        truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=instant_of("09:47:31") + step)
        expect(cell(page, "spot")).to_have_text(price(truth["spot"]))
        for name in ORDERFLOW_TYPE.numbers[1:]:
            assert plain(cell(page, name).text_content()) == pytest.approx(truth[name], abs=0.005), name
        page.keyboard.press("ArrowRight" if step == 0 else "Shift+ArrowRight")
    assert page.locator(".pick").count() == len(ORDERFLOW_TYPE.numbers)


def test_the_usual_series_are_drawn_in_their_lanes(open_page: Open) -> None:
    page = ready(open_page(link(ORDERFLOW)))
    lanes = lanes_of(page)
    assert [lane["title"] for lane in lanes] == [
        "Price",
        "Delta flow",
        "Gamma flow",
        "Convexity flow",
        "Convexity ratio",
    ]
    assert [name for lane in lanes for name in lane["series"]] == USUAL
    for name in ORDERFLOW_TYPE.numbers:
        expect(page.locator(f'[data-series="{name}"]')).to_have_attribute("aria-pressed", str(name in USUAL).lower())


def test_a_line_runs_where_the_numbers_are(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(ORDERFLOW, "09:40:01", "series=spot,net_dex", "from=09:40:00", "to=10:10:00")))
    expect(page.locator(".lanes")).to_have_attribute("data-detail", re.compile(r"\d"))
    lanes = {lane["series"][0]: lane for lane in lanes_of(page)}
    plot = json.loads(page.locator(".lanes").get_attribute("data-plot") or "")
    pictures = {"dark": screenshot(page, ".lanes"), "light": screenshot(themed(page, "light"), ".lanes")}
    low, high = instant_of("09:40:00"), instant_of("10:10:00")
    for name, lane in lanes.items():
        for second in range(low + 37, high, 113):
            truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=second)[name]
            x = int(plot["left"] + (second - low) / (high - low) * plot["width"])
            y = int(lane["top"] + (lane["high"] - truth) / (lane["high"] - lane["low"]) * lane["height"])
            for theme, pixels in pictures.items():
                ground = pixels[int(lanes["spot"]["top"]) - 3, int(plot["left"] + plot["width"]) - 4].astype(int)
                around = np.abs(pixels[y - 3 : y + 4, x - 2 : x + 3] - ground).max(axis=2)
                assert around.max() > 90, (theme, name, second)


def test_chosen_series_are_kept_in_the_link_and_remembered(open_page: Open) -> None:
    page = ready(open_page(link(ORDERFLOW)))
    for name in ("spot", "cvroflow", "agg_put_dex"):
        page.locator(f'[data-series="{name}"]').click()
    chosen = [*USUAL[1:5], "zcvr", "ocvr", "agg_put_dex"]
    page.wait_for_function("part => location.hash.includes(part)", arg=f"series={','.join(chosen)}")
    assert [name for lane in lanes_of(page) for name in lane["series"]] == chosen
    address = page.evaluate("location.hash")
    elsewhere = ready(open_page(address))
    assert [name for lane in lanes_of(elsewhere) for name in lane["series"]] == chosen
    page.evaluate("hash => { location.hash = hash; }", link(NDX))  # another feed, and back by a link that names none
    expect(page.locator('.stage[data-form="sums"]')).to_be_visible()
    page.evaluate("hash => { location.hash = hash; }", link(ORDERFLOW, day=LAST))
    page.wait_for_url(re.compile(f"date={LAST}.*series=dexoflow"))
    assert [name for lane in lanes_of(ready(page)) for name in lane["series"]] == chosen
    page.get_by_role("button", name="The usual ones").click()
    assert [name for lane in lanes_of(page) for name in lane["series"]] == USUAL


def test_no_series_at_all_is_a_choice(open_page: Open) -> None:
    page = ready(open_page(link(ORDERFLOW, "10:05:00", "series=vex")))  # one that there is not: the usual ones
    assert len(lanes_of(page)) == 5
    page = ready(open_page(link(ORDERFLOW, "10:05:00", "series=zgr")))
    page.locator('[data-series="zgr"]').press("Enter")
    page.wait_for_url(re.compile("series=none"))
    page.reload()
    ready(page)
    assert lanes_of(page) == []


def test_time_series_are_zoomed_dragged_and_clicked(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(ORDERFLOW, "09:40:00")))
    box = page.locator(".lanes").bounding_box()
    assert box is not None

    def window() -> tuple[float, float]:
        frames(page)
        found = json.loads(page.locator(".lanes").get_attribute("data-window") or "")["time"]
        return found["low"], found["high"]

    whole = window()
    page.mouse.move(box["x"] + 100, box["y"] + 200)
    page.mouse.wheel(0, -60)
    page.mouse.wheel(0, -60)
    expect(page.get_by_role("button", name="Day: the whole session")).to_be_enabled()
    closer = window()
    assert closer[1] - closer[0] < whole[1] - whole[0]
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 260, steps=4)
    page.mouse.up()
    dragged = window()
    assert dragged[0] > closer[0]
    page.mouse.click(box["x"] + 140, box["y"] + 300)
    plot = json.loads(page.locator(".lanes").get_attribute("data-plot") or "")
    at = round(dragged[0] + (140 - plot["left"]) / plot["width"] * (dragged[1] - dragged[0]))
    assert abs(instant_of(clock(page)) - at) <= 20
    truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=instant_of(clock(page)))
    expect(cell(page, "spot")).to_have_text(price(truth["spot"]))
    for key in ("e", "q", "w", "s", "ArrowUp", "v", "l"):  # there are no strikes, no values, no ladder
        page.keyboard.press(key)
    page.keyboard.press("0")
    assert window() == whole
    page.keyboard.press(".")
    expect(page.locator(".toast")).to_contain_text("no sum")


def test_orderflow_is_played(open_page: Open) -> None:
    page = ready(open_page(link(ORDERFLOW, "09:35:00")))
    page.keyboard.press("5")
    page.keyboard.press(" ")
    expect(cell(page, "clock")).to_have_text(re.compile(r"09:(3[6-9]|[45]\d)"))
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert re.search(r"as of 09:", cell(page, "asof").text_content() or "")


def test_hover_shows_the_numbers_under_the_pointer(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(ORDERFLOW, "10:00:00", "series=net_dex,zcvr", "from=10:00:00", "to=10:10:00")))
    expect(page.locator(".lanes")).to_have_attribute("data-detail", re.compile(r"\d"))
    box = page.locator(".lanes").bounding_box()
    assert box is not None
    for lane in lanes_of(page):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + lane["top"] + lane["height"] / 2)
        (name,) = lane["series"]
        tip = {part: page.locator(f'.lanes [data-tip="{part}"]').text_content() or "" for part in ("time", name)}
        truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=instant_of(tip["time"]))
        assert plain(tip[name]) == truth[name]
        expect(page.locator(".lanes .tip > div")).to_have_count(2)  # of the lane under the pointer alone
    page.mouse.move(5, 5)
    expect(page.locator(".lanes .tip")).to_be_hidden()


def test_the_file_of_orderflow_holds_the_chosen_series(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(ORDERFLOW, "10:05:00", "series=gexoflow,ovanna", "from=10:03:00", "to=10:07:00")))
    expect(page.locator(".lanes")).to_have_attribute("data-detail", re.compile(r"\d"))
    rows = saved(page, "c")
    assert list(rows[0]) == ["new_york", "utc", "gexoflow", "ovanna", "synthetic", "notes"]
    row = next(row for row in rows if row["new_york"] == f"{FULL} 10:05:00")
    truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=instant_of("10:05:00"))
    assert (float(row["gexoflow"]), float(row["ovanna"]), row["synthetic"]) == (
        truth["gexoflow"],
        truth["ovanna"],
        "true",
    )
    with page.expect_download() as waiting:
        page.keyboard.press("p")
    assert waiting.value.suggested_filename == f"{FULL}_NQ_NDX_orderflow_orderflow_100500.png"


def test_seconds_before_the_first_snapshot_show_none(open_page: Open, service: Service) -> None:
    """Nothing of another day, and nothing later than the second."""
    first = decode(service.get("/view/session", **ORDERFLOW, date=FULL, columns=10))[0]["first"]
    page = ready(open_page(link(ORDERFLOW, "09:30:00")))
    assert instant_of(clock(page)) == int(np.ceil(first)) > OPEN
