"""Small lakes of synthetic records, and stores over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer
from gexlake.db.sessions import SessionRow
from gexlake.importers.snapshots.writing import ladder_file
from gexlake.models.feed import Feed
from gexlake.services.importing.import_history import import_history
from gexlake.services.store import PublishedSession, SnapshotStore
from helpers.histories import Record, vendor_name, write_array

FEED = Feed("NQ_NDX", "classic", "gex_zero")
SECOND = 1_000_000


class MadeLake(NamedTuple):
    """A lake, the sessions that it publishes, and the records that went in by date."""

    layout: LakeLayout
    records: dict[date, list[Record]]

    @property
    def sessions(self) -> list[PublishedSession]:
        return published(self.layout)

    def write(self, day: date, records: list[Record]) -> PublishedSession:
        """Put these records in the place of the session's; the new version."""
        self.records[day] = records
        write_array(self.layout.root.parent / "source" / vendor_name(day), records)
        import_history(self.layout.root.parent / "source", self.layout.root)
        return next(session for session in self.sessions if session.session_date == day)


def pack_plain_values_with_zstd(patch: pytest.MonkeyPatch) -> None:
    """As an older gexlake did."""
    patch.setattr(ladder_file, "LZ4_RAW", ladder_file.ZSTD)
    patch.setattr(ladder_file, "PLAIN_IN_LZ4", (0, 0, 0, 0))
    patch.setattr(ladder_file, "pack_block", ladder_file.FrameCompressor(level=ladder_file.LEVEL).compress)


MakeLake = Callable[..., MadeLake]


def published(layout: LakeLayout) -> list[PublishedSession]:
    rows = [SessionRow.of_footer(read_footer(file), {}) for file in layout.dataset_files("gex", "snapshots")]
    return [
        PublishedSession(
            row.session.feed,
            row.session.session_date,
            row.version,
            row.summary.snapshots,
            row.summary.first_us,
            row.summary.last_us,
        )
        for row in rows
    ]


def open_store(lake: MadeLake) -> SnapshotStore:
    store = SnapshotStore(lake.layout)
    store.refresh(lake.sessions)
    return store


def us_of(record: Record) -> int:
    return round(record["timestamp"] * SECOND)


def parsed(text: bytes | memoryview) -> Any:
    return json.loads(bytes(text))


def exact(value: Any) -> str:
    """Text by which two values compare as JSON does, to the last bit of a double and the sign of a zero."""
    return json.dumps(value, default=str)
