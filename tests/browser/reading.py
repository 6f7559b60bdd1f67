"""What tests read from the session page."""

from __future__ import annotations

import csv
import io

from playwright.sync_api import Locator, Page

from browser.conftest import FULL

NDX = {"symbol": "NQ_NDX"}
GAMMA = {**NDX, "package": "state", "category": "gamma_zero"}
ORDERFLOW = {**NDX, "package": "orderflow", "category": "orderflow"}
OPEN = 1763130600  # 2025-11-14 09:30:00 in New York


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'[data-cell="{name}"]')


def plain(text: str | None) -> float:
    """A number as the page writes it."""
    return float((text or "").replace(",", "").replace("−", "-").replace("+", ""))


def clock(page: Page) -> str:
    return cell(page, "clock").text_content() or ""


def instant_of(text: str) -> int:
    """The instant of New York's clock on 2025-11-14."""
    hours, minutes, seconds = map(int, text.split(":"))
    return OPEN + (hours * 60 + minutes) * 60 + seconds - (9 * 60 + 30) * 60


def link(feed: dict[str, str], at: str = "10:05:00", *more: str, day: str = FULL) -> str:
    return "#/session?" + "&".join(
        [*(f"{name}={text}" for name, text in feed.items()), f"date={day}", f"at={at}", *more]
    )


def price(value: float) -> str:
    return f"{value:,.2f}" if value else "–"


def saved(page: Page, key: str) -> list[dict[str, str]]:
    """The lines of the file that a key saves."""
    with page.expect_download() as waiting:
        page.keyboard.press(key)
    return list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))


def reached(page: Page, presses: int, name: str) -> list[str]:
    """What has the focus after one press of Tab after the other, by a name that JavaScript gives to `one`."""
    page.evaluate(
        f"() => {{ const name = one => {name}; window.reached = [];"
        " addEventListener('focusin', ({ target }) => window.reached.push(name(target))); }"
    )
    for _ in range(presses):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate("window.reached")
    return found
