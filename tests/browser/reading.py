"""What tests read from the session page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

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
