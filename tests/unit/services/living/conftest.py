"""A recorder over an empty lake, by a clock that shows what it is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import segments_of
from gexlake.models.feed import Feed
from gexlake.services.living.clock import SystemClock
from gexlake.services.living.journal import Journal
from gexlake.services.living.recorder import Recorder

FEED = Feed("SPX", "classic", "gex_zero")
OPEN = datetime(2025, 11, 14, 14, 30, tzinfo=UTC)
SECOND = int(OPEN.timestamp())


class Clock(SystemClock):
    """One that shows what it is told."""

    def __init__(self) -> None:
        self.second = SECOND

    def now_us(self) -> int:
        return self.second * 1_000_000


class Desk:
    """A recorder over an empty lake."""

    def __init__(self, place: Path) -> None:
        self.layout, self.clock, self.warned = LakeLayout(place), Clock(), list[str]()
        self.journal = Journal(self.layout)
        self.recorder = Recorder(self.layout, self.journal, [FEED], self.clock)
        self.recorder.warn = self.warned.append

    def take(self, second: int, **fields: object) -> bool:
        record = {"timestamp": second, "ticker": "SPX", "spot": 1, "strikes": [], **fields}
        return self.recorder.take_text(FEED, json.dumps(record).encode())

    @property
    def records(self) -> list[dict[str, Any]]:
        lines = [path.read_text().splitlines() for path in segments_of(self.layout, OPEN.date())]
        return [json.loads(line) for of_segment in lines for line in of_segment]

    @property
    def written(self) -> list[int]:
        return [record["timestamp"] for record in self.records]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
