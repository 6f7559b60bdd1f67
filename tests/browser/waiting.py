"""What tests of the session page wait for."""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import Page, expect


def ready(page: Page) -> Page:
    """Wait until a session is shown."""
    expect(page.locator('[data-cell="spot"]')).not_to_have_text("–")
    expect(page.locator(".session[aria-busy]")).to_have_count(0)
    return page


def frames(page: Page, count: int = 2) -> None:
    """Wait until the browser has drawn so many times."""
    step = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for _ in range(count // 2):
        page.evaluate(step)


def themed(page: Page, theme: Literal["dark", "light"]) -> Page:
    """Wait until the page is in that theme, which nobody has chosen another for."""
    page.emulate_media(color_scheme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    return page


def detailed(page: Page) -> Page:
    """Wait for the finer part of the session."""
    expect(page.locator(".heat")).to_have_attribute("data-detail", re.compile(r"\d"))
    return page
