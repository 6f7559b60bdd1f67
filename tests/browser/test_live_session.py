"""A session that changes while it is shown: under `--watch`, and while the server goes and comes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import FULL, Open, Service, serving
from browser.pictures import Axes
from browser.reading import NDX, OPEN, cell, clock, instant_of, link
from browser.waiting import detailed, ready
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

FIRST, SECOND = 900, 990
"""Snapshots of a session, one a second: before and after it has grown."""
FOLLOWED, GROWN, REPLACED = ({"symbol": symbol} for symbol in ("ES_SPX", "SPX", "NDX"))
"""Each is changed by one test, NQ_NDX by none."""


def write(folder: Path, feed: dict[str, str], snapshots: int, **more: Any) -> None:
    """Write the feed's session anew, all at once."""
    made = folder.parent / "made"
    of_day: dict[str, Any] = {"sessions": 1, "start": date.fromisoformat(FULL), "strikes": 9}
    write_sample(made, tickers=[feed["symbol"]], snapshots=snapshots, **of_day, **more)
    for path in made.iterdir():
        path.replace(folder / path.name)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live") / "history"
    folder.mkdir()
    for feed in (NDX, FOLLOWED, GROWN, REPLACED):
        write(folder, feed, FIRST)
    import_history(folder, folder.parent / "lake")
    return folder


@pytest.fixture(scope="module")
def service(watched: Path) -> Iterator[Service]:
    with serving(watched.parent / "lake", "--watch", str(watched)) as service:
        yield service


def newest(service: Service, feed: dict[str, str]) -> int:
    return int(service.get("/gex/latest", **feed)["timestamp"])


def new_york(instant: int) -> str:
    return datetime.fromtimestamp(instant - 5 * 3600, UTC).strftime("%H:%M:%S")


def shows(page: Page, service: Service, feed: dict[str, str], instant: int) -> None:
    """Wait until clock, values and the slider are of that second."""
    truth = service.at(instant, feed["symbol"])
    expect(cell(page, "clock")).to_have_text(new_york(instant))
    expect(cell(page, "asof")).to_contain_text(f"as of {new_york(int(truth['timestamp']))}")
    expect(cell(page, "spot")).to_have_text(f"{truth['spot']:,.2f}")
    expect(page.locator(".slider")).to_have_js_property("value", str(instant))


def test_who_follows_stays_at_the_newest_second(open_page: Open, service: Service, watched: Path) -> None:
    page = open_page("#/status")
    sizes: dict[bool, list[int]] = {True: [], False: []}
    page.on(
        "response",
        lambda found: sizes["known=" in found.url].append(len(found.body())) if "/view/session" in found.url else None,
    )
    page.evaluate("hash => { location.hash = hash; }", link(FOLLOWED, "09:40:00"))
    ready(page)
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    first = newest(service, FOLLOWED)
    shows(page, service, FOLLOWED, first)
    expect(follow).to_have_attribute("aria-pressed", "true")
    write(watched, FOLLOWED, SECOND)
    expect(page.locator(".slider")).to_have_js_property("max", str(first + SECOND - FIRST))
    assert newest(service, FOLLOWED) == first + SECOND - FIRST
    shows(page, service, FOLLOWED, newest(service, FOLLOWED))
    assert sizes[True], "the new columns"
    assert max(sizes[True]) < max(sizes[False]) / 8
    expect(page.locator(".toast")).to_be_hidden()  # what is seen need not be said
    page.wait_for_function("() => location.hash.includes('follow=on')")
    page.keyboard.press("ArrowLeft")
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("() => !location.hash.includes('follow=on')")
    page.keyboard.press("End")
    expect(follow).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => location.hash.includes('follow=on')")
    page.reload()
    shows(ready(page), service, FOLLOWED, newest(service, FOLLOWED))


def test_a_session_grows_and_what_was_chosen_stays(open_page: Open, service: Service, watched: Path) -> None:
    strike = service.at(instant_of("09:40:00"), GROWN["symbol"])["strikes"][4][0]
    window = ("from=09:36:00", "to=09:50:00", f"low={strike - 12}", f"high={strike + 12}")
    page = ready(open_page(link(GROWN, "09:40:00", *window, f"strike={strike}")))
    detailed(page)
    expect(page.get_by_label("Session date")).to_contain_text("holes")  # the toolbar has found its height
    before, first = Axes(page), newest(service, GROWN)
    box = page.locator(".heat").bounding_box()
    assert box is not None
    later = first + 60
    page.mouse.move(box["x"] + before.x(later) - 0.5, box["y"] + before.y(strike))
    tip = page.locator('.heat [data-tip="value"]')
    expect(tip).to_have_text("no data")
    write(watched, GROWN, SECOND)
    # The mouse has not moved: the tip follows the picture.
    expect(tip).not_to_have_text("no data")
    shown = instant_of(page.locator('.heat [data-tip="time"]').text_content() or "")
    assert abs(shown - later) <= 2  # the last second of the column there
    expect(page.locator('.heat [data-tip="strike"]')).to_have_text(f"{strike:,.2f}")
    truth = next(row[1] for row in service.at(shown, GROWN["symbol"])["strikes"] if row[0] == strike)
    expect(tip).to_have_text(f"{truth:,.2f}".replace("-", "−"))
    assert Axes(page).window == before.window
    assert clock(page) == "09:40:00"
    expect(cell(page, "strike")).to_have_text(f"{strike:,.2f}")
    expect(page.locator(".slider")).to_have_js_property("max", str(newest(service, GROWN)))


def test_a_session_that_is_replaced_says_so(open_page: Open, service: Service, watched: Path) -> None:
    page = ready(open_page(link(REPLACED, "09:40:00")))
    before = cell(page, "spot").text_content() or ""
    write(watched, REPLACED, FIRST, seed=7)
    expect(page.locator(".toast")).to_have_text("This session was replaced. Its picture was loaded anew.")
    expect(cell(page, "spot")).not_to_have_text(before)
    shows(page, service, REPLACED, instant_of("09:40:00"))


def test_the_age_of_the_newest_second_is_shown(open_page: Open, service: Service) -> None:
    page = open_page("#/status", spoilt=True)  # by its clock
    for seconds, state, text in ((4, "fresh", "4 s old"), (25, "amber", "25 s old"), (200, "red", "3 min 20 s old")):
        page.clock.set_fixed_time(datetime.fromtimestamp(newest(service, NDX) + seconds, UTC))
        page.evaluate("hash => { localStorage.clear(); location.hash = hash; }", f"#/session?symbol=NQ_NDX&date={FULL}")
        ready(page)
        age = cell(page, "age")
        expect(age).to_have_attribute("data-state", state)
        expect(age).to_contain_text(text)
        # A link that names no second follows a session that is not over.
        expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
        page.evaluate("location.hash = '#/status'")
        expect(page.locator("main[data-page=status]")).to_be_visible()


def test_a_day_that_is_over_has_no_age(open_page: Open, service: Service) -> None:
    page = ready(open_page(f"#/session?symbol=NQ_NDX&date={FULL}"))
    expect(cell(page, "age")).to_be_hidden()
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")


def test_values_come_back_with_the_server(open_page: Open, watched: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(watched.parent / "lake", tmp_path / "lake")
    with serving(lake) as first:
        page = ready(open_page(link(NDX, "09:40:00"), url=first.url))
        port = first.url.rpartition(":")[2]
    expect(page.locator(".banner")).to_be_visible()
    for key in ("Shift+ArrowRight", "Shift+ArrowLeft", "PageDown"):
        page.keyboard.press(key)
    expect(cell(page, "asof")).to_have_text("not loaded: the server does not answer")
    expect(cell(page, "spot")).to_have_text("–")
    with serving(lake, "--port", port) as second:
        shows(page, second, NDX, int(page.locator(".slider").input_value()))
        expect(page.locator(".banner")).to_be_hidden()
        # News are followed again as well.
        (tmp_path / "history").mkdir()
        write(tmp_path / "history", NDX, SECOND)
        import_history(tmp_path / "history", lake)
        expect(page.locator(".slider")).to_have_js_property("max", str(OPEN + SECOND + 2))
