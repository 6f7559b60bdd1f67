"""The real service over a sample lake, and Debian's Chromium in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from helpers.programs import Program
from helpers.shared import made_once

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--in-process-gpu",
    "--num-raster-threads=1",
    "--renderer-process-limit=1",  # else each address that is loaded has a process of its own
    "--disable-site-isolation-trials",
    "--no-zygote",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
"""For what has to happen: a bound for failures alone."""
FULL, SHORT, MISSING, LAST = "2025-11-14", "2025-11-17", "2025-11-18", "2025-11-19"
BROKEN = '[{"timestamp": 1763735401, "ticker": "NQ_NDX", "spot": "broken here"}]'


class Service:
    """A running `gexlake serve` and what its API says."""

    def __init__(self, lake: Path, *options: str, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        self.process = Program(
            ["serve", "--lake", lake, "--port", "0", *options],
            stderr=subprocess.PIPE,
            env=environment
            | {"GEXLAKE_LOG_LEVEL": "warning", "GEXLAKE_SHUTDOWN_SECONDS": "1"}
            | {f"GEXLAKE_{name.upper()}": value for name, value in settings.items()},
            text=True,
        )
        assert self.process.stderr is not None
        self.url = next(found[0] for line in self.process.stderr if (found := re.search(r"http://[\w.:]+", line)))
        self.lake = lake
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def get(self, path: str, **parameters: Any) -> Any:
        response = self.client.get(path, params=parameters)
        response.raise_for_status()
        return response.json() if "json" in response.headers["content-type"] else response.content

    def at(self, instant: int, symbol: str = "NQ_NDX") -> dict[str, Any]:
        found: dict[str, Any] = self.get("/gex/at", symbol=symbol, timestamp=instant)
        return found

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextmanager
def serving(lake: Path, *options: str, **settings: str) -> Iterator[Service]:
    service = Service(lake, *options, **settings)
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = os.environ.get("GEXLAKE_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert found, "There is no Chromium: run tools/install_browser.sh."
    return found


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Of this folder: as long as it is there, an event loop runs in the thread of the tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def serving_copy(lake: Path, factory: pytest.TempPathFactory, *options: str) -> Iterator[Service]:
    """A service over a lake of its own, which is as that one: those that are shared are for reading."""
    with serving(shutil.copytree(lake, factory.mktemp("served") / "lake"), *options) as service:
        yield service


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full day, one that ends early, one that is missing, a short one; and folders that are yet to be imported."""
    return made_once(tmp_path_factory, "dashboard", _make_days) / "lake"


def _make_days(root: Path) -> None:
    source = root / "sample"
    write_sample(source, sessions=1, start=date.fromisoformat(FULL), strikes=41)
    write_sample(source, sessions=1, start=date.fromisoformat(SHORT), strikes=41, snapshots=3000)
    write_sample(source, sessions=1, start=date.fromisoformat(LAST), strikes=41, snapshots=1500)
    state = {"start": date.fromisoformat(LAST), "packages": ["state"], "strikes": 21, "snapshots": 600}
    write_sample(source, sessions=1, **state)  # type: ignore[arg-type]
    import_history(source, root / "lake")
    more = root / "more"
    write_sample(more, sessions=1, start=date(2025, 11, 20), strikes=21, snapshots=400)
    (more / "2025-11-21_NQ_NDX_classic_gex_zero.json").write_text(BROKEN, encoding="utf-8")


@pytest.fixture(scope="session")
def half_an_hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of the first half an hour of a day, for tests that are about the service rather than the day."""
    return made_once(tmp_path_factory, "half-an-hour", _make_half_an_hour) / "lake"


def _make_half_an_hour(root: Path) -> None:
    write_sample(root / "sample", sessions=1, start=date.fromisoformat(FULL), strikes=9, snapshots=1900)
    import_history(root / "sample", root / "lake")


@pytest.fixture(scope="session")
def every_type(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with some feeds of each record type: 50 minutes of one day, and a few of another."""
    return made_once(tmp_path_factory, "every-type", _make_every_type) / "lake"


def _make_every_type(root: Path) -> None:
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


@pytest.fixture(scope="module")
def service(sample_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(sample_lake, tmp_path_factory, "--import-root", str(sample_lake.parent)) as service:
        yield service


Open = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)


class Profiles:
    """Pages, each of a profile of its own, for one test after the other: to make one takes as long as to load it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[bool, list[Page]] = {False: [], True: []}

    def take(self, *, touch: bool) -> Page:
        """One that shows nothing and remembers nothing."""
        if self._free[touch]:
            return self._free[touch].pop()
        page = self._browser.new_context(accept_downloads=True, has_touch=touch).new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    def give_back(self, page: Page, *, touch: bool) -> None:
        """For the next test."""
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
        self._free[touch].append(page)


@pytest.fixture(scope="package")
def profiles(browser: Browser) -> Profiles:
    return Profiles(browser)


@pytest.fixture
def open_page(profiles: Profiles, service: Service) -> Iterator[Open]:
    """A page of its own profile; in the end nothing may have gone wrong in it, and nothing come from elsewhere.

    One that is `spoilt` is not for the next test.
    """
    opened: list[Callable[[], object]] = []
    problems: list[str] = []

    def open_page(
        address: str = "",
        *,
        width: int = 1440,
        height: int = 860,
        scheme: Literal["dark", "light"] = "dark",
        url: str | None = None,
        touch: bool = False,
        spoilt: bool = False,
    ) -> Page:
        base = url or service.url
        page = profiles.take(touch=touch)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, media="screen")
        listeners: dict[Any, Callable[[Any], object]] = {
            "pageerror": lambda error: problems.append(str(error)),
            # The browser itself reports every status from 400 on; pages show those, and tests look for that.
            "console": lambda said: (
                problems.append(said.text) if said.type == "error" and "Failed to load" not in said.text else None
            ),
            "request": lambda asked: asked.url.startswith((base, "blob:", "data:")) or problems.append(asked.url),
        }
        for event, listener in listeners.items():
            page.on(event, listener)

        def leave() -> None:
            for event, listener in listeners.items():
                page.remove_listener(event, listener)
            if spoilt:
                page.context.close()
            else:
                profiles.give_back(page, touch=touch)

        opened.append(leave)
        page.goto(f"{base}/{address}")
        return page

    yield open_page
    for leave in opened:
        leave()
    assert not problems
