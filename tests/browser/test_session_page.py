"""The session page: every picture and control against what the API says."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from browser.conftest import FULL, LAST, MISSING, SHORT, Open, Service
from browser.pictures import Axes, Picture, decode, expected_colour, screenshot
from browser.reading import OPEN, cell, clock, instant_of, plain, reached
from browser.waiting import detailed, frames, ready, themed

FEED = "symbol=NQ_NDX&package=classic&category=gex_zero"
ALL_LINES = "hide=pos_vol,neg_vol,pos_oi,neg_oi,zero,spot"


def session(at: str = "11:42:00", *more: str, date: str = FULL) -> str:
    return "#/session?" + "&".join([FEED, f"date={date}", f"at={at}", *more])


# ---- values --------------------------------------------------------------------------------------------------------


def test_values_are_those_of_the_api(open_page: Open, service: Service) -> None:
    page = open_page(session("09:31:07"))
    for at in ("09:31:07", "11:42:00", "15:59:59"):
        page.evaluate("hash => { location.hash = hash; }", session(at))
        expect(cell(page, "clock")).to_have_text(at)
        ready(page)
        expected = service.at(instant_of(at))
        for name in ("spot", "zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi"):
            expect(cell(page, name)).to_have_text(f"{expected[name]:,.2f}" if expected[name] else "–")
        assert plain(cell(page, "sum_gex_vol").text_content()) == round(expected["sum_gex_vol"])
        assert plain(cell(page, "sum_gex_oi").text_content()) == round(expected["sum_gex_oi"])
        expect(page.locator(".synthetic")).to_be_visible()


def test_first_visit_opens_the_last_session_of_the_largest_feed(open_page: Open, service: Service) -> None:
    page = ready(open_page())
    expect(page.locator("select[aria-label='Session date'] option:checked")).to_contain_text("Wed 19 Nov 2025")
    last = service.get("/gex/latest", symbol="NQ_NDX")
    expect(cell(page, "spot")).to_have_text(f"{last['spot']:,.2f}")
    page.wait_for_url(re.compile(r"date=2025-11-19"))


def test_nothing_later_than_the_second_is_shown(open_page: Open, service: Service) -> None:
    page = ready(open_page(session()))
    for second in (OPEN + 100, OPEN + 5000, OPEN + 20_000):
        page.locator(".slider").fill(str(second))
        expect(cell(page, "clockUtc")).to_have_text(f"{service.at(second)['as_of'][11:17]}{second % 60:02d}")
        expect(cell(page, "spot")).to_have_text(f"{service.at(second)['spot']:,.2f}")
        shown = re.search(r"as of (\S+)", cell(page, "asof").text_content() or "")
        assert shown is not None
        assert instant_of(shown[1]) <= second


# ---- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["gex_vol", "gex_oi"])
def test_heatmap_has_the_colours_of_its_values(open_page: Open, service: Service, value: str) -> None:
    page = ready(open_page(session("09:35:00", ALL_LINES, f"value={value}")))
    expect(page.locator(".legend")).to_contain_text("volume" if value == "gex_vol" else "open interest")
    pictures = {"dark": Picture(page), "light": Picture(themed(page, "light"))}
    columns = 50 * round(page.locator(".heat").evaluate("box => box.clientWidth") / 50)
    content = service.get("/view/session", symbol="NQ_NDX", date=FULL, value=value, columns=columns)
    head, arrays = decode(content)
    sizes = np.sort(np.abs(arrays["cells"][arrays["cells"] != 0]))
    sizes = sizes[~np.isnan(sizes)]
    assert {picture.bound for picture in pictures.values()} == {sizes[int((len(sizes) - 1) * 0.995)]}
    rng = np.random.default_rng(5)
    checked = dict.fromkeys(pictures, 0)
    for _ in range(120):
        row, column = rng.integers(1, len(head["strikes"]) - 1), rng.integers(30, arrays["time"].size - 2)
        snapshot = service.at(int(arrays["last"][column]))
        ladder = {strike: (vol, oi) for strike, vol, oi, *_ in snapshot["strikes"]}
        strike = head["strikes"][row]
        truth = ladder[strike][value == "gex_oi"]
        assert arrays["cells"][row, column] == truth
        for theme, picture in pictures.items():
            x, y = int(picture.x(arrays["time"][column] - head["column_seconds"] / 2)), int(picture.y(strike) + 3)
            near_grid = abs(picture.pixels[y, x - 2].astype(int) - picture.pixels[y, x + 2]).max() > 8
            if near_grid:
                continue
            # Neighbouring columns share a pixel, and the faint grid lies over some: hence a tolerance.
            expected = expected_colour(truth, picture.bound, theme)
            assert np.abs(picture.pixels[y, x] - expected).max() < 32, (theme, row, column, truth)
            checked[theme] += 1
    assert min(checked.values()) > 60


def test_spot_is_drawn_where_it_was(open_page: Open, service: Service) -> None:
    page = ready(open_page(session("09:35:00", "hide=pos_vol,neg_vol,pos_oi,neg_oi,zero")))
    picture = Picture(page)
    for second in range(OPEN + 1800, OPEN + 23_000, 1777):
        x, y = int(picture.x(second)), int(picture.y(service.at(second)["spot"]))
        around = picture.pixels[y - 4 : y + 5, x - 3 : x + 4]
        assert around.min(axis=2).max() > 200, second
    assert picture.pixels[int(picture.y(service.at(OPEN + 9000)["spot"])) + 60, int(picture.x(OPEN + 9000))].min() < 120


def test_profile_has_a_bar_as_long_as_each_value(open_page: Open, service: Service) -> None:
    page = ready(open_page(session("12:00:00")))
    expect(page.locator(".prof")).to_have_attribute("data-panels", re.compile("bound"))
    frames(page)
    axes, pixels = Axes(page), screenshot(page, ".prof")
    layout = json.loads(page.locator(".prof").get_attribute("data-panels") or "")
    snapshot = service.at(instant_of("12:00:00"))
    marks = [snapshot[name] for name in snapshot if name.startswith("major") or name in ("spot", "zero_gamma")]
    checked = 0
    for strike, vol, oi, _ in snapshot["strikes"]:
        y = int(axes.y(strike))
        if min(abs(axes.y(mark) - y) for mark in marks) < 6:
            continue
        for panel, value in zip(layout["panels"], (vol, oi), strict=True):
            length = value / panel["bound"] * panel["width"] / 2
            if abs(length) < 12:
                continue
            zero = panel["left"] + panel["width"] / 2
            inside = pixels[y, int(zero + length * 0.55)].astype(int)
            outside = pixels[y, int(zero - np.sign(length) * 9)].astype(int)
            warm = inside[0] - inside[2]
            assert warm > 80 if value > 0 else warm < -80, (strike, value)
            assert abs(int(outside[0]) - int(outside[2])) < 60, (strike, value)
            checked += 1
    assert checked > 12


def test_hover_shows_exact_values(open_page: Open, service: Service) -> None:
    page = detailed(ready(open_page(session("11:42:00", "from=11:00:00", "to=11:10:00"))))
    axes = Axes(page)
    box = page.locator(".heat").bounding_box()
    assert box is not None
    for part_x, part_y in ((0.2, 0.3), (0.5, 0.5), (0.8, 0.62)):
        x = axes.plot["left"] + part_x * axes.plot["width"]
        y = axes.plot["top"] + part_y * axes.plot["height"]
        page.mouse.move(box["x"] + x, box["y"] + y)
        tip = {
            name: page.locator(f'[data-tip="{name}"]').text_content() for name in ("time", "strike", "value", "spot")
        }
        snapshot = service.at(instant_of(tip["time"] or ""))
        truth = next(row[1] for row in snapshot["strikes"] if f"{row[0]:,.2f}" == tip["strike"])
        assert plain(tip["value"]) == pytest.approx(truth, abs=0.005)
        assert plain(tip["spot"]) == snapshot["spot"]


def test_a_hole_is_shown_as_one(open_page: Open) -> None:
    page = ready(open_page(session("09:40:00", ALL_LINES, date=SHORT)))
    axes = Axes(page)
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + axes.plot["left"] + axes.plot["width"] * 0.7, box["y"] + 100)
    expect(page.locator('[data-tip="value"]')).to_have_text("no data")


# ---- time ----------------------------------------------------------------------------------------------------------


def test_keys_move_in_time(open_page: Open, service: Service) -> None:
    page = ready(open_page(session()))
    steps = {
        "ArrowRight": "11:42:01",
        "Shift+ArrowRight": "11:43:01",
        "ArrowLeft": "11:43:00",
        "Shift+ArrowLeft": "11:42:00",
        "PageUp": "11:52:00",
        "PageDown": "11:42:00",
    }
    for key, expected in steps.items():
        page.keyboard.press(key)
        expect(cell(page, "clock")).to_have_text(expected)
        expect(cell(page, "spot")).to_have_text(f"{service.at(instant_of(expected))['spot']:,.2f}")
    page.keyboard.press("End")
    expect(cell(page, "clock")).to_have_text("16:00:00")
    page.keyboard.press("Home")
    assert clock(page) < "09:30:04"


def test_largest_changes_are_those_of_the_sum(open_page: Open, service: Service) -> None:
    head, _ = decode(service.get("/view/session", symbol="NQ_NDX", date=FULL, columns=100))
    moves = [int(instant) for instant, _ in head["moves"]]
    assert len(moves) > 5
    biggest = max(head["moves"], key=lambda move: abs(move[1]))
    now, before = service.at(int(biggest[0])), service.at(int(biggest[0]) - 60)
    assert biggest[1] == pytest.approx(now["sum_gex_vol"] - before["sum_gex_vol"])
    page = ready(open_page(session("09:30:30")))
    for move in moves[:3]:
        page.keyboard.press(".")
        expect(page.locator(".slider")).to_have_js_property("value", str(move))
    page.keyboard.press(",")
    expect(page.locator(".slider")).to_have_js_property("value", str(moves[1]))


def test_play_runs_at_its_speed_and_pauses(open_page: Open) -> None:
    page = ready(open_page(session("10:00:00")))
    page.keyboard.press("5")  # 300 times
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(cell(page, "clock")).to_have_text(re.compile(r"10:(0[5-9]|[1-5]\d)"))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    stopped = clock(page)
    frames(page, 20)
    assert clock(page) == stopped
    assert page.get_by_label("Speed").input_value() == "300"


def test_buttons_and_clicks_move_in_time(open_page: Open) -> None:
    page = ready(open_page(session()))
    for name, expected in {
        "A second forward": "11:42:01",
        "A minute forward": "11:43:01",
        "A second back": "11:43:00",
        "A minute back": "11:42:00",
    }.items():
        page.get_by_role("button", name=name).click()
        expect(cell(page, "clock")).to_have_text(expected)
    axes = Axes(page)
    x, y = axes.x(instant_of("14:00:00")), axes.plot["height"] / 2
    page.locator(".heat").click(position={"x": x, "y": y})
    assert abs(instant_of(clock(page)) - instant_of("14:00:00")) < 60
    expect(cell(page, "strike")).not_to_have_text("none chosen")
    page.locator(".sums").click(position={"x": axes.x(instant_of("13:00:00")), "y": 30})
    assert abs(instant_of(clock(page)) - instant_of("13:00:00")) < 60


# ---- window, strike, state ------------------------------------------------------------------------------------------


def test_zoom_and_pan_by_keys_wheel_and_drag(open_page: Open) -> None:
    page = ready(open_page(session()))

    def span(axis: str) -> tuple[float, float]:
        found = Axes(page).window[axis]
        return found["low"], found["high"]

    whole = span("time"), span("price")
    reset = page.get_by_role("button", name="Day: the whole session")
    expect(reset).to_be_disabled()
    page.keyboard.press("+")
    page.keyboard.press("e")
    closer = span("time"), span("price")
    assert closer[0][1] - closer[0][0] < 0.7 * (whole[0][1] - whole[0][0])
    assert closer[1][1] - closer[1][0] < 0.8 * (whole[1][1] - whole[1][0])
    page.keyboard.press("d")
    assert span("time")[0] > closer[0][0]
    page.keyboard.press("s")
    assert span("price")[0] < closer[1][0]
    page.keyboard.press("0")
    assert (span("time"), span("price")) == whole
    box = page.locator(".heat").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 400, box["y"] + 200)
    page.mouse.wheel(0, -300)
    expect(reset).to_be_enabled()
    zoomed = span("time")
    assert zoomed[1] - zoomed[0] < whole[0][1] - whole[0][0]
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=4)
    page.mouse.up()
    assert span("time")[0] > zoomed[0]
    reset.click()
    assert span("time") == whole[0]


def test_strikes_are_chosen_by_keys(open_page: Open, service: Service) -> None:
    page = ready(open_page(session()))
    snapshot = service.at(instant_of("11:42:00"))
    strikes = [row[0] for row in snapshot["strikes"]]
    nearest = min(strikes, key=lambda strike: abs(strike - snapshot["spot"]))
    page.keyboard.press("ArrowUp")
    expect(cell(page, "strike")).to_have_text(f"{nearest:,.2f}")
    page.keyboard.press("ArrowUp")
    row = snapshot["strikes"][strikes.index(nearest) + 1]
    expect(cell(page, "strike")).to_have_text(f"{row[0]:,.2f}")
    assert plain(cell(page, "strike_vol").text_content()) == pytest.approx(row[1], abs=0.005)
    assert plain(cell(page, "strike_oi").text_content()) == pytest.approx(row[2], abs=0.005)
    page.keyboard.press("Escape")
    expect(cell(page, "strike")).to_have_text("none chosen")


def test_a_link_opens_the_same_second(open_page: Open) -> None:
    page = ready(open_page(session("10:15:00")))
    for key in ("v", "+", "+", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    page.locator('.chip[data-overlay="zero"]').click()
    parts = ["at=10:15:01", "value=gex_oi", "from=", "to=", "strike=", "hide=zero"]
    page.wait_for_function("parts => parts.every((part) => location.hash.includes(part))", arg=parts)
    address = page.evaluate("location.hash")
    for part in parts:
        assert part in address
    other = ready(open_page(address))
    assert clock(other) == "10:15:01"
    for name in ("spot", "strike", "strike_oi", "sum_gex_oi"):
        assert cell(other, name).text_content() == cell(page, name).text_content()
    detailed(page), detailed(other)
    mine, theirs = Axes(page).window, Axes(other).window
    for axis in ("time", "price"):
        assert theirs[axis]["low"] == pytest.approx(mine[axis]["low"], abs=1)
    expect(other.get_by_role("button", name="Open interest")).to_have_attribute("aria-pressed", "true")
    expect(other.locator('.chip[data-overlay="zero"]')).to_have_attribute("aria-pressed", "false")


def test_sessions_and_feeds_are_chosen(open_page: Open) -> None:
    page = ready(open_page(session("09:40:00")))
    expect(page.get_by_role("button", name="Next session")).to_be_enabled()  # the days are there to choose from
    page.keyboard.press("n")
    page.wait_for_url(re.compile(f"date={SHORT}"))
    expect(cell(page, "clock")).to_have_text("09:40:00")
    page.get_by_role("button", name="Previous session").click()
    page.wait_for_url(re.compile(f"date={FULL}"))
    page.get_by_label("Feed").select_option(label="NQ_NDX / state / gex_zero")
    page.wait_for_url(re.compile("package=state"))
    expect(cell(page, "zero_gamma")).to_have_text("–")  # 0 in a state feed: not applicable
    expect(cell(page, "sum_gex_oi")).to_have_text("–")
    page.go_back()
    page.wait_for_url(re.compile("package=classic"))


# ---- files ---------------------------------------------------------------------------------------------------------


def test_files_hold_what_is_shown(open_page: Open, service: Service, tmp_path: Path) -> None:
    page = detailed(ready(open_page(session("11:42:00", "from=11:40:00", "to=11:44:00"))))
    saved = {}
    for key in ("p", "c", "l"):
        with page.expect_download() as waiting:
            page.keyboard.press(key)
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        saved[key] = path
    assert saved["p"].name == f"{FULL}_NQ_NDX_classic_gex_zero_114200.png"
    picture = Image.open(saved["p"]).convert("RGB")
    assert picture.width > 900
    assert len(np.unique(np.asarray(picture.resize((60, 40))).reshape(-1, 3), axis=0)) > 100
    ladder = list(csv.DictReader(io.StringIO(saved["l"].read_text())))
    snapshot = service.at(instant_of("11:42:00"))
    assert [[float(row["strike"]), float(row["gex_vol"]), float(row["gex_oi"])] for row in ladder] == [
        row[:3] for row in snapshot["strikes"]
    ]
    assert {row["synthetic"] for row in ladder} == {"true"}
    cells = list(csv.DictReader(io.StringIO(saved["c"].read_text())))
    mine = {float(row["strike"]): float(row["gex_vol"]) for row in cells if row["new_york"] == f"{FULL} 11:42:00"}
    assert mine == {row[0]: row[1] for row in snapshot["strikes"]}


# ---- looks and reach -----------------------------------------------------------------------------------------------


def test_nothing_is_wider_than_the_window(open_page: Open) -> None:
    page = ready(open_page(session(), width=1920))
    for name in ("session", "coverage", "imports", "status"):
        page.evaluate("hash => { location.hash = hash; }", session() if name == "session" else f"#/{name}")
        expect(page.locator(f'main[data-page="{name}"]')).to_be_visible()
        expect(page.locator(".synthetic")).to_be_visible()
        for width in (390, 768, 1024, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 860})
            frames(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert page.evaluate("document.querySelector('main').scrollWidth") <= width, (name, width)
            expect(page.locator(".synthetic")).to_be_visible()
            last = page.get_by_role("button", name="Keys and help").bounding_box()
            assert last is not None
            assert last["x"] + last["width"] <= width, (name, width)


@pytest.mark.parametrize("width", [390, 768])
def test_a_page_that_opens_narrow_is_no_wider(open_page: Open, width: int) -> None:
    page = ready(open_page(session(), width=width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('main').scrollWidth") <= width


def test_theme_follows_the_system_until_one_is_chosen(open_page: Open) -> None:
    page = ready(open_page(session(), scheme="light"))
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert Picture(page).pixels[20, 200].mean() < 128
    page.reload()
    ready(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_every_control_has_a_name_and_can_be_reached(open_page: Open) -> None:
    page = ready(open_page(session()))
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select, input, a, [role=img]')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))"
        ".map(e => e.outerHTML)"
    )
    assert unnamed == []
    names = reached(page, 48, "one.getAttribute('aria-label') || one.textContent")
    wanted = [
        "Session",
        "Feed",
        "Session date",
        "Volume",
        "Spot",
        "Save",
        "A second back, −1s",
        "Play",
        "Time of the session",
    ]
    places = [names.index(name) for name in wanted]
    assert places == sorted(places)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()


def test_a_day_without_data_leads_to_its_neighbours(open_page: Open) -> None:
    page = open_page(session(date=MISSING))
    notice = page.locator('[data-view="no-data"]')
    expect(notice).to_contain_text("no snapshot of NQ_NDX/classic/gex_zero on 2025-11-18")
    notice.get_by_role("link", name="Wed 19 Nov 2025").click()
    page.wait_for_url(re.compile(f"date={LAST}"))
    ready(page)
    expect(notice).to_have_count(0)
