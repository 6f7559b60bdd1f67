"""Coverage, imports and status; and the views of an empty lake, a lost server and a missing key."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.conftest import FULL, LAST, MISSING, SHORT, Open, Service, serving
from gexlake.services.owner.keys import Scope, create_key
from helpers.histories import endless, write_array, write_history
from helpers.processes import descendants

FEED = "symbol=NQ_NDX&package=classic&category=gex_zero"


# ---- coverage ------------------------------------------------------------------------------------------------------


def test_calendar_says_what_the_gaps_say(open_page: Open, service: Service) -> None:
    page = open_page(f"#/coverage?{FEED}")
    for date, kind in {FULL: "complete", SHORT: "holes", MISSING: "missing", LAST: "holes"}.items():
        expect(page.locator(f'[data-date="{date}"]')).to_have_class(re.compile(rf"\b{kind}\b"))
    gaps = next(feed for feed in service.get("/gaps", symbol="NQ_NDX")["feeds"] if feed["package"] == "classic")
    expect(page.locator(".fact").nth(0)).to_contain_text(str(gaps["sessions_expected"]))
    expect(page.locator(".fact").nth(2)).to_contain_text(str(gaps["sessions_missing"]))
    expect(page.locator(".synthetic")).to_be_visible()


def test_a_day_shows_its_holes_and_opens(open_page: Open, service: Service) -> None:
    page = open_page(f"#/coverage?{FEED}")
    page.locator(f'[data-date="{SHORT}"]').click()
    day = page.locator(".day")
    expect(day).to_contain_text("3,000 snapshots")
    gaps = service.get("/gaps", symbol="NQ_NDX", package="classic", start=SHORT, end=SHORT)["feeds"][0]
    hole = gaps["days"][0]["holes"][0]
    expect(day.locator("tbody tr")).to_have_count(1)
    expect(day.locator("tbody")).to_contain_text(f"{hole['start'][11:19]} – 21:00:00")
    whole, part = (day.locator(f"svg .{name}").bounding_box() for name in ("covered", "hole"))
    assert whole is not None
    assert part is not None
    assert part["width"] / whole["width"] == pytest.approx(hole["seconds"] / 23_400, abs=0.01)
    day.get_by_role("link", name="Open the session").click()
    page.wait_for_url(re.compile(f"#/session.*date={SHORT}"))
    expect(page.locator('[data-cell="spot"]')).not_to_have_text("–")


# ---- imports -------------------------------------------------------------------------------------------------------


def test_import_from_dry_run_to_quarantine(open_page: Open, service: Service, sample_lake: Path) -> None:
    page = open_page("#/imports")
    source = str(sample_lake.parent / "more")
    path, dry = page.get_by_label("File or folder on the server"), page.get_by_label(re.compile("Dry run"))
    path.fill(source)
    dry.check()
    page.get_by_role("button", name="Import").click()
    job = page.locator(".job").first
    expect(job).to_contain_text("dry run")
    expect(job).to_contain_text("400 imported + 0 duplicate + 1 quarantined")
    assert "2025-11-20" not in str(service.get("/sessions"))
    dry.uncheck()
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".job:not(:has(.tag)) .status")).to_have_text(re.compile("partial|failed"))
    assert "2025-11-20" in str(service.get("/sessions"))
    expect(page.locator(".toast")).to_contain_text(
        "New in the lake: NQ_NDX classic gex_zero, 2025-11-2"
    )  # the news of the session
    page.locator("tr[data-import] button").first.click()
    latest = service.get("/imports")["imports"][0]
    lineage = service.get("/lineage", import_id=latest["import_id"])["lineage"]
    rows = page.locator(".lineage tbody tr")
    expect(rows).to_have_count(len(lineage))
    for row in lineage:
        expect(page.locator(".lineage")).to_contain_text(row["source_sha256"][:10])
    refused = service.get("/quarantine", import_id=latest["import_id"])["quarantine"]
    details = page.locator(".refused")
    expect(details).to_have_count(len(refused))
    details.first.locator("summary").click()
    expect(details.first.locator("pre")).to_have_text(refused[0]["raw"])
    expect(details.first).to_contain_text(refused[0]["reason"])


def test_names_and_records_of_others_are_text(open_page: Open, tmp_path: Path) -> None:
    """What a page shows of a file's name, or of what stands in it, is shown and does nothing."""
    bait = "<img src=x onerror=window.bitten=1>"
    source = tmp_path / "source"
    record = {"timestamp": bait, "ticker": "NQ_NDX", "spot": 1, "strikes": [[1, 2, 3, []]]}
    write_array(source / bait / "2025-11-21_NQ_NDX_classic_gex_zero.json", [record])
    (tmp_path / "lake").mkdir()
    with serving(tmp_path / "lake", "--import-root", str(source)) as service:
        page = open_page("#/imports", url=service.url)
        page.get_by_label("File or folder on the server").fill(str(source))
        page.get_by_role("button", name="Import").click()
        expect(page.locator(".job .status")).to_have_text(re.compile("failed|partial"))
        page.locator("tr[data-import] button").first.click()
        expect(page.locator(".lineage")).to_contain_text(bait)
        page.locator(".refused summary").click()
        expect(page.locator(".refused pre")).to_contain_text(bait)
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("window.bitten") is None


def test_a_source_that_may_not_be_imported_is_explained(open_page: Open) -> None:
    page = open_page("#/imports")
    page.get_by_label("File or folder on the server").fill("/etc")
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".problem")).to_contain_text("it has to be an absolute path inside")


def test_progress_moves_until_the_import_is_stopped(open_page: Open, tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_history(source, sessions=1)
    (tmp_path / "lake").mkdir()
    with endless(source), serving(tmp_path / "lake", "--import-root", str(source)) as service:
        page = open_page("#/imports", url=service.url)
        page.get_by_label("File or folder on the server").fill(str(source))
        page.get_by_role("button", name="Import").click()
        expect(page.locator(".job")).to_contain_text(re.compile(r"[1-9][\d.]* [kMG]B of .* of 2 files"))
        assert 0 < page.locator(".job progress").evaluate("bar => bar.value") < 1
        with standing_still(service.process.pid):
            page.get_by_role("button", name="Stop").click()
            expect(page.locator(".job")).to_contain_text("stopping")
        expect(page.locator(".job .status")).to_have_text("interrupted")
        assert [job["status"] for job in service.get("/imports")["imports"]] == ["interrupted"]


@contextmanager
def standing_still(server: int) -> Iterator[None]:
    """The processes that a server has started, the import among them, stand still meanwhile."""
    processes = descendants(server)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


# ---- status --------------------------------------------------------------------------------------------------------


def test_status_is_that_of_the_lake(open_page: Open, service: Service) -> None:
    page = open_page("#/status")
    status = service.get("/status")
    for name, value in {"sessions": status["sessions"], "snapshots": status["snapshots"]}.items():
        expect(page.locator(f'[data-fact="{name}"] .num')).to_have_text(f"{value:,}")
    expect(page.locator('[data-fact="ready"] .num')).to_have_text("ready")
    expect(page.locator("tbody tr")).to_have_count(len(status["feeds"]))
    page.get_by_role("link", name="NQ_NDX / state / gex_zero").click()
    page.wait_for_url(re.compile("#/session.*package=state"))


# ---- when there is nothing to show ---------------------------------------------------------------------------------


def test_an_empty_lake_says_how_to_fill_it(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    with serving(tmp_path / "lake") as empty:
        page = open_page(url=empty.url)
        expect(page.locator('[data-view="empty"]')).to_contain_text(f"--lake {tmp_path}/lake")
        for name in ("coverage", "status"):
            page.evaluate(f"location.hash = '#/{name}'")
            expect(page.locator('[data-view="empty"]')).to_be_visible()


def test_a_lost_server_leaves_the_picture_and_is_found_again(
    open_page: Open, half_an_hour: Path, tmp_path: Path
) -> None:
    shutil.copytree(half_an_hour, tmp_path / "lake")
    with serving(tmp_path / "lake") as first:
        page = open_page(f"#/session?{FEED}&date={FULL}&at=10:00:00", url=first.url)
        expect(page.locator('[data-cell="spot"]')).not_to_have_text("–")
        port = first.url.rpartition(":")[2]
    page.keyboard.press("Shift+ArrowRight")
    banner = page.locator(".banner")
    expect(banner).to_be_visible()
    expect(page.locator(".heat")).to_be_visible()
    with serving(tmp_path / "lake", "--port", port) as second:
        expect(banner).to_be_hidden()
        page.keyboard.press("ArrowRight")
        second_shown = second.at(1763132461)
        expect(page.locator('[data-cell="spot"]')).to_have_text(f"{second_shown['spot']:,.2f}")


def test_a_busy_server_says_when_to_come_back(open_page: Open, half_an_hour: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(half_an_hour, tmp_path / "lake")
    stranger = {"X-Forwarded-For": "10.0.0.1"}  # this machine is not limited
    with serving(lake, rate_limit="30/minute", proxies="127.0.0.1") as limited:
        page = open_page(f"#/coverage?{FEED}", url=limited.url)
        expect(page.locator(f'[data-date="{FULL}"]')).to_be_visible()
        while limited.client.get("/feeds", headers=stranger).status_code != 429:
            pass
        page.set_extra_http_headers(stranger)
        page.evaluate("location.hash = '#/status'")
        busy = page.locator('[data-view="busy"]')
        expect(busy).to_contain_text("The server is busy")
        expect(busy).to_contain_text("More than 30 requests in 60 s")
        expect(busy.get_by_role("button", name="Try again")).to_be_visible()


def test_a_lake_that_is_gone_is_said_to_be(open_page: Open, half_an_hour: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(half_an_hour, tmp_path / "lake")
    with serving(lake) as service:
        page = open_page(f"#/coverage?{FEED}", url=service.url)
        expect(page.locator(f'[data-date="{FULL}"]')).to_be_visible()
        lake.rename(tmp_path / "elsewhere")
        page.reload()
        expect(page.locator('[data-view="busy"]')).to_contain_text(str(lake))


def test_the_documentation_needs_no_other_server(open_page: Open) -> None:
    page = open_page("docs")
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.locator("body")).to_contain_text("/gex/latest")


def test_a_key_is_asked_for_and_its_scope_respected(open_page: Open, half_an_hour: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(half_an_hour, lake)
    reading, importing = (create_key(lake, name=scope, scopes=[scope])[1] for scope in (Scope.READ, Scope.IMPORT))
    with serving(lake) as guarded:
        page = open_page(f"#/session?{FEED}&date={FULL}&at=10:00:00", url=guarded.url)
        notice = page.locator('[data-view="unauthorised"]')
        expect(notice).to_contain_text("This lake needs a key")
        page.get_by_label("API key").fill("gexlake_wrong")
        page.keyboard.press("Enter")
        expect(notice).to_contain_text("not valid")
        page.get_by_label("API key").fill(importing)
        page.keyboard.press("Enter")
        forbidden = page.locator('[data-view="forbidden"]')
        expect(forbidden).to_contain_text("this needs read")
        forbidden.get_by_role("button", name="Use another key").click()
        page.get_by_label("API key").fill(reading)
        page.keyboard.press("Enter")
        expect(page.locator('[data-cell="spot"]')).not_to_have_text("–")
        assert page.evaluate("localStorage.length") == 0  # the key is gone with the tab
        page.evaluate("location.hash = '#/imports'")
        page.get_by_label("File or folder on the server").fill("/etc")
        page.get_by_role("button", name="Import").click()
        expect(page.locator(".problem")).to_contain_text("this needs import")
