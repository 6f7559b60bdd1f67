"""Small histories, and changes to them, for tests that import the same folder again and again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from gexlake.sample import generate_session, sample_records, write_sample
from gexlake.sample.feeds import SampleFeed

FEED = SampleFeed("NQ_NDX", "classic", "gex_zero")
MONDAY = date(2025, 11, 10)
TUESDAY = date(2025, 11, 11)
STRIKES = 9

Record = dict[str, Any]


def write_history(folder: Path, *, sessions: int = 3, snapshots: int = 40, **options: Any) -> list[Path]:
    """Array files of the sessions from 2025-11-10 on, without the note that says they are synthetic."""
    report = write_sample(folder, sessions=sessions, start=MONDAY, snapshots=snapshots, strikes=STRIKES, **options)
    report.note.unlink()
    return [file.path for file in report.files]


def records_of(day: date = MONDAY, count: int = 40, *, skip: int = 0) -> list[Record]:
    """Good records of a session, without the first `skip`."""
    return sample_records(skip + count, FEED, day, strikes=STRIKES)[skip:]


def write_array(path: Path, records: list[Record]) -> Path:
    """The vendor's form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, separators=(",", ":")))
    return path


def vendor_name(day: date = MONDAY) -> str:
    return f"{day}_{FEED.ticker}_{FEED.package}_{FEED.category}.json"


def edit(path: Path, change: Callable[[list[Record]], None]) -> None:
    """Change the records of an array file in place."""
    records = json.loads(path.read_text())
    change(records)
    write_array(path, records)


@contextmanager
def endless(folder: Path) -> Iterator[Path]:
    """A day that no machine reads to its end: an import of the folder is under way until it is stopped.

    It is the last of the folder, takes no space, and is gone at the end of the block.
    """
    day = date(2025, 12, 31)
    path = folder / vendor_name(day)
    with path.open("wb") as file:
        file.write(f"[{json.dumps(records_of(day, 1)[0])},".encode())
        file.truncate(1 << 42)
    try:
        yield path
    finally:
        path.unlink()


def oversized_record(day: date = MONDAY) -> bytes:
    """One record that is longer than any real one, and refused unread."""
    (record,) = generate_session(FEED, day, snapshots=1, strikes=STRIKES)
    return record[:-1] + b',"note":"' + b"x" * (5 << 20) + b'"}'
