"""Reports of verify and rebuild, and how far they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel, Field

from gexlake.models.checks import Check


class Finding(BaseModel):
    """One difference, in words; `session` is None where it is not one session's."""

    code: Check
    session: str | None = None
    message: str


class Repair(BaseModel):
    """What became of something that was to be made good; `session` is None where it is not one session's."""

    session: str | None = None
    repaired: bool
    message: str


class VerifyReport(BaseModel):
    """What verify found: `findings` are differences, `notes` what could not be looked at."""

    lake: str
    sessions: int = 0
    snapshots: int = 0
    strike_rows: int = 0
    sources_read: int = 0
    sources_missing: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=list)
    notes: list[Finding] = Field(default_factory=list)
    repairs: list[Repair] = Field(default_factory=list)
    """What was done by `--repair`; the findings are those that are left."""
    duration_seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether sources, database and Parquet agree as far as they could be looked at."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Add a finding or note and count it."""
        (self.notes if finding.code.is_note else self.findings).append(finding)
        self.counts = dict(Counter(self.counts) + Counter({finding.code.value: 1}))


class RebuildReport(BaseModel):
    """What a new database was made of; `findings` name the files that could not be used."""

    lake: str
    sessions: int = 0
    sessions_refiled: int = 0
    """Sessions that held snapshots of other dates, which went to their own."""
    sessions_indexed: int = 0
    """Sessions of an older gexlake that were given a lookup index: their files were written anew, as they were."""
    snapshots: int = 0
    strike_rows: int = 0
    imports: int = 0
    imports_without_journal: int = 0
    lineage_records: int = 0
    quarantined_records: int = 0
    findings: list[Finding] = Field(default_factory=list)
    duration_seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether every Parquet file of the lake could be used."""
        return not self.findings


@dataclass(slots=True)
class SessionProgress:
    """How far verify or rebuild is; bytes are those of Parquet files and, where they are read, sources."""

    sessions_total: int = 0
    sessions_done: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    current: str = ""
