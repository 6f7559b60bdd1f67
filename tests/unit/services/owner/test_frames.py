"""Instants of a frame on the clock of a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
from polars.testing import assert_frame_equal

from gexlake.services.owner.frames import csv_text, in_zone

INSTANT = datetime(2025, 11, 2, 6, 30, 0, 250_000, tzinfo=UTC)  # the second half past one of that night in New York


def test_instants_keep_what_they_are_and_times_of_a_place_what_they_show() -> None:
    local = INSTANT.replace(tzinfo=None)
    nested = {"list": [[INSTANT], []], "struct": [{"at": INSTANT, "all": [{"at": None}]}] * 2}
    frame = pl.DataFrame({"at": [INSTANT, None], "local": [local] * 2, "number": [1, 2], **nested})
    moved = in_zone(frame, "America/New_York")
    assert_frame_equal(in_zone(moved, "UTC"), frame)
    zone = ZoneInfo("America/New_York")
    assert [moved["at"][0].tzinfo, moved["list"][0][0].tzinfo, moved["struct"][0]["at"].tzinfo] == [zone] * 3
    assert csv_text(moved.select("at", "local"), header=False).splitlines() == [
        "2025-11-02T01:30:00.250000-05:00,2025-11-02T06:30:00.250000",
        ",2025-11-02T06:30:00.250000",
    ]
