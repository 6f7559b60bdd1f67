"""What axe-core finds in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from browser.waiting import themed

AXE = Axe().axe_script
OF_COLOURS = ("color-contrast", "link-in-text-block")
FINDINGS = """
    rules => axe.run({ resultTypes: ["violations"], ...(rules.length ? { runOnly: rules } : {}) })
        .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`)))
"""


def violations(page: Page) -> list[str]:
    """By every rule as the page is, and in the other theme by those that colours can break."""
    found = _run(page)
    theme = page.evaluate("document.documentElement.dataset.theme")
    themed(page, "light" if theme == "dark" else "dark")
    found += _run(page, *OF_COLOURS)
    themed(page, theme)
    return found


def _run(page: Page, *rules: str) -> list[str]:
    # What is on its way is faint.
    page.wait_for_function(
        "() => [...document.querySelectorAll('.stage')].every(e => getComputedStyle(e).opacity === '1')"
    )
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(FINDINGS, list(rules))
    return found
