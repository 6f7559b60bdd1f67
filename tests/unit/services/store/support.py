"""Small lakes of synthetic records, stores over them, and a builder that builds when it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer
from gexlake.db.sessions import SessionRow
from gexlake.models.feed import Feed
from gexlake.services.importing.import_history import import_history
from gexlake.services.store import BuildTask, Built, PublishedSession, SnapshotStore, build_rendered
from helpers.histories import Record, vendor_name, write_array

FEED = Feed("NQ_NDX", "classic", "gex_zero")
SECOND = 1_000_000
ROOMY = 1 << 40


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


class Builder:
    """Collects builds, to be done when the test says so."""

    def __init__(self) -> None:
        self.tasks: list[tuple[BuildTask, Future[Built]]] = []
        self.asked = 0

    def submit(self, task: BuildTask) -> Future[Built]:
        self.asked += 1
        future: Future[Built] = Future()
        self.tasks.append((task, future))
        return future

    def run(self) -> None:
        """Do the builds, and those that follow them."""
        while self.tasks:
            task, future = self.tasks.pop(0)
            try:
                built = build_rendered(task)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(built)


def open_store(
    lake: MadeLake, builder: Builder | None = None, *, cache_bytes: int = ROOMY, **options: Any
) -> SnapshotStore:
    submit = builder.submit if builder else None
    store = SnapshotStore(lake.layout, cache_bytes=cache_bytes, submit_build=submit, **options)
    store.refresh(lake.sessions)
    return store


def warm(store: SnapshotStore, builder: Builder, sessions: Sequence[PublishedSession]) -> None:
    """Have every session rendered."""
    for session in sessions:
        assert session.last_us is not None
        store.at(session.feed, session.last_us)
        builder.run()


def us_of(record: Record) -> int:
    return round(record["timestamp"] * SECOND)


def parsed(text: bytes | memoryview) -> Any:
    return json.loads(bytes(text))


def exact(value: Any) -> str:
    """Text by which two values compare as JSON does, to the last bit of a double and the sign of a zero."""
    return json.dumps(value, default=str)


def rendered_files(lake: MadeLake) -> list[Path]:
    return sorted((lake.layout.root / "cache").rglob("*.rendered"))
