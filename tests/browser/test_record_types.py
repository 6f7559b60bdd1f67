"""Greeks and orderflow on the session page: every picture and number against what the API says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, LAST, Open, Service, serving
from browser.pictures import Picture, decode, expected_colour, screenshot, unsigned_colour
from browser.reading import OPEN, cell, clock, instant_of, plain
from browser.waiting import detailed, frames, ready
from gexlake.models.record_types import ORDERFLOW_TYPE
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

NDX = {"symbol": "NQ_NDX"}
GAMMA = {**NDX, "package": "state", "category": "gamma_zero"}
ORDERFLOW = {**NDX, "package": "orderflow", "category": "orderflow"}
ALL_LINES = "hide=pos,neg,long,short,spot"
FORMS = {"gex": "sums", "greeks": "ladder", "orderflow": "lanes"}
USUAL = ["spot", "dexoflow", "one_dexoflow", "gexoflow", "one_gexoflow", "cvroflow", "zcvr", "ocvr"]


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with some feeds of each record type: 50 minutes of one day, and a few of another."""
    root = tmp_path_factory.mktemp("every-type")
    for day, snapshots in ((FULL, 3000), (LAST, 300)):
        of_day: dict[str, Any] = {
            "sessions": 1,
            "start": date.fromisoformat(day),
            "snapshots": snapshots,
            "strikes": 21,
        }
        write_sample(root / "sample", **of_day)
        write_sample(root / "sample", packages=["state"], categories=["gex_zero", "gamma_zero", "charm_one"], **of_day)
        write_sample(root / "sample", packages=["orderflow"], **of_day)
    import_history(root / "sample", root / "lake")
    return root / "lake"


@pytest.fixture(scope="module")
def service(every_type: Path) -> Iterator[Service]:
    with serving(every_type) as service:
        yield service


def link(feed: dict[str, str], at: str = "10:05:00", *more: str, day: str = FULL) -> str:
    return "#/session?" + "&".join(
        [*(f"{name}={text}" for name, text in feed.items()), f"date={day}", f"at={at}", *more]
    )


def price(value: float) -> str:
    return f"{value:,.2f}" if value else "–"


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
        assert page.get_by_role("button", name="Ladder").is_visible() == (route != "orderflow")


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


@pytest.mark.parametrize(
    ("address", "form"),
    [("category=gamma_zero", "ladder"), ("package=orderflow", "lanes"), ("category=orderflow", "lanes"), ("", "sums")],
)
def test_a_link_need_not_name_package_and_category(open_page: Open, address: str, form: str) -> None:
    page = ready(open_page(f"#/session?symbol=NQ_NDX&{address}&date={FULL}"))
    expect(page.locator(f'.stage[data-form="{form}"]')).to_be_visible()


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


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("value", ["value", "call_ivol", "put_ivol"])
def test_cells_of_a_greek_have_the_colours_of_their_values(
    open_page: Open, service: Service, theme: str, value: str
) -> None:
    page = ready(
        open_page(link(GAMMA, "09:50:01", ALL_LINES, "from=09:50:00", "to=10:00:00", f"value={value}"), scheme=theme)
    )
    title = {"value": "Exposure to gamma", "call_ivol": "IV of calls", "put_ivol": "IV of puts"}[value]
    expect(page.locator(".legend-name")).to_contain_text(title)
    detailed(page)
    picture = Picture(page)
    place = {"call_ivol": 1, "put_ivol": 2, "value": 3}[value]
    rng = np.random.default_rng(7)
    checked = 0
    for second in rng.integers(instant_of("09:50:10"), instant_of("09:59:50"), 60):
        ladder = service.get("/greeks/at", **GAMMA, timestamp=int(second))["mini_contracts"]
        row = ladder[rng.integers(2, len(ladder) - 2)]
        x, y = int(picture.x(second - 0.5)), int(picture.y(row[0]) + 4)
        if abs(picture.pixels[y, x - 2].astype(int) - picture.pixels[y, x + 2]).max() > 8:
            continue  # the faint grid, or another column
        expected = (
            expected_colour(row[place], picture.bound, theme)
            if value == "value"
            else unsigned_colour(row[place], picture.least, picture.bound, theme)
        )
        assert np.abs(picture.pixels[y, x] - expected).max() < 24, (second, row[0], row[place])
        checked += 1
    assert checked > 25
    assert picture.least == -picture.bound if value == "value" else picture.least > 0


def test_profile_of_a_greek_has_bars_and_two_lines(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(GAMMA, "10:05:00")))
    expect(page.locator(".prof")).to_have_attribute("data-panels", re.compile("IV"))
    frames(page)
    picture, pixels = Picture(page), screenshot(page, ".prof")
    bars, lines = json.loads(page.locator(".prof").get_attribute("data-panels") or "")["panels"]
    snapshot = service.get("/greeks/at", **GAMMA, timestamp=instant_of("10:05:00"))
    marks = [snapshot[name] for name in snapshot if name.startswith("major") or name == "spot"]
    checked = 0
    for strike, call, put, value, *_ in snapshot["mini_contracts"]:
        y = int(picture.y(strike))
        if min(abs(picture.y(mark) - y) for mark in marks) < 6:
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
    picture = Picture(page)
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(
        box["x"] + picture.plot["left"] + picture.plot["width"] * 0.3, box["y"] + picture.plot["height"] * 0.4
    )
    tip = {
        name: page.locator(f'.heat [data-tip="{name}"]').text_content() or "" for name in ("time", "strike", "value")
    }
    ladder = service.get("/greeks/at", **GAMMA, timestamp=instant_of(tip["time"]))["mini_contracts"]
    assert plain(tip["value"]) == next(row[2] for row in ladder if price(row[0]) == tip["strike"])
    expect(page.locator(".heat .tip")).to_contain_text("Put IV")


def test_the_value_is_changed_by_button_and_key_and_kept_in_the_link(open_page: Open) -> None:
    page = ready(open_page(link(GAMMA)))
    pressed = page.locator('.segments [aria-pressed="true"]')
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


def saved(page: Page, key: str) -> list[dict[str, str]]:
    """The lines of the file that a key saves."""
    with page.expect_download() as waiting:
        page.keyboard.press(key)
    return list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))


# ---- orderflow -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_line_runs_where_the_numbers_are(open_page: Open, service: Service, theme: str) -> None:
    page = ready(
        open_page(link(ORDERFLOW, "09:40:01", "series=spot,net_dex", "from=09:40:00", "to=10:10:00"), scheme=theme)
    )
    expect(page.locator(".lanes")).to_have_attribute("data-detail", re.compile(r"\d"))
    lanes = {lane["series"][0]: lane for lane in lanes_of(page)}
    plot = json.loads(page.locator(".lanes").get_attribute("data-plot") or "")
    pixels = screenshot(page, ".lanes").astype(int)
    ground = pixels[int(lanes["spot"]["top"]) - 3, int(plot["left"] + plot["width"]) - 4]
    low, high = instant_of("09:40:00"), instant_of("10:10:00")
    for name, lane in lanes.items():
        for second in range(low + 37, high, 113):
            truth = service.get("/orderflow/at", **ORDERFLOW, timestamp=second)[name]
            x = int(plot["left"] + (second - low) / (high - low) * plot["width"])
            y = int(lane["top"] + (lane["high"] - truth) / (lane["high"] - lane["low"]) * lane["height"])
            around = np.abs(pixels[y - 3 : y + 4, x - 2 : x + 3] - ground).max(axis=2)
            assert around.max() > 90, (name, second)


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
    expect(page.get_by_role("button", name="Reset zoom")).to_be_enabled()
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
    assert list(rows[0]) == ["new_york", "utc", "gexoflow", "ovanna", "synthetic"]
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
    reached = []
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.series || document.activeElement.textContent"))
    wanted = ["Call IV", "Spot", "Ladder"] if feed is GAMMA else ["CSV", *("spot", "z_mlgamma", "one_net_put_dex")]
    places = [reached.index(name) for name in wanted]
    assert places == sorted(places)


def test_seconds_before_the_first_snapshot_show_none(open_page: Open, service: Service) -> None:
    """Nothing of another day, and nothing later than the second."""
    first = decode(service.get("/view/session", **ORDERFLOW, date=FULL, columns=10))[0]["first"]
    page = ready(open_page(link(ORDERFLOW, "09:30:00")))
    assert instant_of(clock(page)) == int(np.ceil(first)) > OPEN
