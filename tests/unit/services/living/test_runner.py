"""Facts of recording that the vendor's answers bring about, against a server of the tests' own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.services.importing.jobs import ImportJobs
from gexlake.services.living.order import LiveOrder, Method
from gexlake.services.living.runner import LiveRunner
from gexlake.vendor.vendor_key import VendorKey
from helpers.vendor_stub import Reply, Seen, running_stub
from unit.services.living.conftest import FEED, SECOND


class Hurried:
    """A clock that shows market hours, and that it is as late as anybody waits for."""

    def __init__(self) -> None:
        self._now_us = SECOND * 1_000_000

    def now_us(self) -> int:
        return self._now_us

    async def sleep_until(self, instant_us: int) -> None:
        if instant_us - self._now_us > 60_000_000:  # the close
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        self._now_us = max(self._now_us, instant_us)


@pytest.mark.parametrize(
    ("minutes", "words"), [(60, "s ahead of the vendor's"), (-60, "s behind the vendor's")], ids=["ahead", "behind"]
)
def test_clock_that_differs_from_the_vendors_is_warned_about(tmp_path: Path, minutes: int, words: str) -> None:
    warned: list[str] = []

    def answer(_: Seen) -> Reply:
        return Reply(404, b"{}", {"Date": format_datetime(datetime.now(UTC) - timedelta(minutes=minutes), usegmt=True)})

    async def record(url: str) -> None:
        jobs = ImportJobs(tmp_path, workers=1, most=1, on_end=lambda _: None)
        order = LiveOrder((FEED,), Method.POLL, f"{url}/v2")
        runner = LiveRunner(LakeLayout(tmp_path), order, VendorKey("x"), jobs, warn=warned.append, imports=False)
        runner.clock = Hurried()
        recording = asyncio.create_task(runner.run())
        while not warned:
            await asyncio.sleep(0.01)
        recording.cancel()
        await asyncio.wait([recording])

    with running_stub() as vendor:
        vendor.on("/v2/", answer)
        asyncio.run(record(vendor.url))
    assert words in warned[0]
    assert warned[0].endswith("Set it by NTP.")
