"""What was written, and what a correct import makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from gexlake.sample.feeds import SampleFeed

Status = Literal["success", "partial", "failed", "unsupported", "ignored"]
"""The outcome of importing one file.

- success: read to its end, and no record refused
- partial: some records are good, some refused, or the file is cut short
- failed: a history file by its name from which nothing could be read
- unsupported: a record type that is not imported or a foreign file, named in the report
- ignored: a file the scanner passes over by its name
"""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The counts a correct import of one file gives; seen = imported + duplicate + quarantined.

    `records_quarantined_by_reason` maps each reason code to its count. Where several files share a session,
    counts are those of an import in order of `SampleFile.name`; their totals are the same in any order.
    """

    status: Status
    records_seen: int = 0
    records_imported: int = 0
    records_duplicate: int = 0
    records_quarantined_by_reason: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def records_quarantined(self) -> int:
        """Records refused, for any reason."""
        return sum(self.records_quarantined_by_reason.values())


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file written. `feed` and `session_date` are None where the file is no history at all.

    `name` is the path below the sample's directory with forward slashes; `fault` names the damage, None for a
    good file; `snapshots` counts the records in the file, good or bad.
    """

    path: Path
    name: str
    feed: SampleFeed | None
    session_date: date | None
    snapshots: int
    size_bytes: int
    sha256: str
    expected: Expectation
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class SampleReport:
    """All files of one run in the order written, and the note beside them which says they are synthetic."""

    directory: Path
    note: Path
    seed: int
    files: tuple[SampleFile, ...]

    @property
    def snapshots(self) -> int:
        """Records in all files, good or bad."""
        return sum(file.snapshots for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Size of all files on disk."""
        return sum(file.size_bytes for file in self.files)

    @property
    def records_quarantined_by_reason(self) -> dict[str, int]:
        """Refused records of all files by reason code."""
        totals: Counter[str] = Counter()
        for file in self.files:
            totals.update(file.expected.records_quarantined_by_reason)
        return dict(totals)

    @property
    def faulty_files(self) -> tuple[SampleFile, ...]:
        """The files added by `faults`."""
        return tuple(file for file in self.files if file.fault is not None)
