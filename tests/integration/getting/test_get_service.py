"""`gexlake serve --get`: at its start, behind the close, imported through the service; stopped at any moment."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.runner import GetRunner
from helpers.getting import FEED, KEY, Vendor, body_of, fetched_bytes, history_file, part_file, recent_days
from helpers.histories import MONDAY
from helpers.lakes import select
from helpers.living import Service
from helpers.processes import until
from helpers.replay import ReplayProcess
from helpers.vendor_stub import Gate, Reply, stored

StartService = Callable[..., Service]


@pytest.fixture
def start(work: Path) -> Iterator[StartService]:
    """Starts services that fetch one feed; each has to end well."""
    started: list[Service] = []

    def start(url: str, **settings: object) -> Service:
        environment = {
            "GEXLAKE_VENDOR_URL": url,
            "GEXLAKE_VENDOR_KEY": KEY,
            "GEXLAKE_GET_PACKAGES": FEED.package,
            "GEXLAKE_GET_CATEGORIES": FEED.category,
            "GEXLAKE_GET_INTERVAL_SECONDS": "0",
            "GEXLAKE_GET_PATIENCE_SECONDS": "0",
            "XDG_CACHE_HOME": str(work / "cache"),
        }
        environment |= {f"GEXLAKE_{name.upper()}": str(value) for name, value in settings.items()}
        started.append(Service(work / "lake", "--get", FEED.ticker, "--get-to", work / "history", **environment))
        return started[-1]

    yield start
    for service in started:
        try:
            status, _, err = service.end()
            assert (status, "Traceback" in err, KEY in err) == (0, False, False), err
        finally:
            service.kill()


def fetching(service: Service) -> dict[str, Any]:
    """What it says of fetching when it has nothing to do."""

    def waiting() -> dict[str, Any] | None:
        found: dict[str, Any] = service.client.get("/ready").json()["get"]
        return found if found["doing"] == "waiting" else None

    found: dict[str, Any] = until(waiting)
    return found


def test_it_fetches_at_its_start_and_behind_the_close_and_imports_through_the_service(
    start: StartService, replay: ReplayProcess
) -> None:
    replay.control("seek", to="start")
    service = start(f"{replay.url}/v2", vendor_clock_from=replay.url, get_since=MONDAY)
    before = fetching(service)
    assert (before["problem"], before["missing"]) == ("", 0)
    assert before["next_at"].startswith("2025-11-11T01:0"), "four hours behind the close"
    replay.control("seek", to="end")  # of the next day
    service.wait_for(r"get: 1 files fetched")
    after, last = fetching(service), service.client.get("/status").json()["last_get"]
    assert (last["counts"], last["complete"], last["incomplete"]) == ({"fetched": 1}, True, 1)
    assert (after["last_at"], after["missing"]) == (last["ended_at"], 0)
    assert after["last_at"] > before["last_at"]
    assert len(service.instants()) == 30
    metrics = service.client.get("/metrics").text
    assert "gexlake_get_missing_days 0.0" in metrics
    assert "gexlake_get_failing 0.0" in metrics
    said = service.end()[2]
    assert "NQ_NDX/classic/gex_zero/2025-11-10 came, but has 1 hole" in said


def test_a_stop_ends_a_download_at_once_and_the_next_start_goes_on_with_it(
    start: StartService, vendor: Vendor, work: Path
) -> None:
    (day,) = recent_days(1)
    body, gate = body_of(day), Gate()
    vendor.has(day, Reply(200, body, {"ETag": '"one"'}, gate=gate, gate_after=1000), stored(body))
    first = start(vendor.url, get_since=day)
    gate.wait_until_reached()
    until(lambda: fetched_bytes(work, day) == 1000)
    assert first.end(signal.SIGTERM)[0] == 0
    gate.open.set()
    assert part_file(work, day).stat().st_size == 1000
    second = start(vendor.url, get_since=day)
    second.wait_for(r"get: 1 files fetched")
    assert history_file(work, day).read_bytes() == body
    assert [seen.headers["Range"] for seen in vendor.store.seen] == [None, "bytes=1000-"]
    until(lambda: second.client.get("/status").json()["sessions"] == 1)
    assert second.end()[0] == 0
    assert select(work / "lake", "SELECT status FROM imports") == [("success",)]


def test_a_run_that_breaks_off_is_said_and_tried_again_within_the_hour(
    vendor: Vendor, work: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GEXLAKE_VENDOR_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(work / "cache"))
    vendor.api.on("/hist/", Reply(401, b'{"error":"Invalid key."}'))
    runner = GetRunner(GetOrder((FEED.ticker,), work / "history", work / "lake", base_url=vendor.url))

    async def run() -> None:
        running = asyncio.create_task(runner.run())
        while runner.doing != "waiting":
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(run())
    assert "The vendor does not take the key: 401" in runner.problem
    assert "get: The vendor does not take the key: 401" in caplog.text
    assert runner.next_at is not None
    assert runner.next_at - datetime.now(UTC) < timedelta(minutes=66)
