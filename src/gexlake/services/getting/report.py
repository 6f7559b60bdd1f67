"""What became of each day of each feed, as one document for people, JSON and exit status alike."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from gexlake.models.feed import Feed, SessionKey
from gexlake.models.last_get import LastGet
from gexlake.models.report import ImportReport
from gexlake.services.asking.gaps import DayGaps


class GetStatus(StrEnum):
    """What a day of a feed is."""

    PRESENT = "present"
    """The directory or the lake has it."""
    FETCHED = "fetched"
    """It came in this run."""
    MISSING = "missing"
    """Not there yet; the vendor keeps it for `expires_in_days`."""
    NO_FILE = "no_file"
    """The vendor had none when it was asked last."""
    DENIED = "denied"
    """The plan of the key does not have this package."""
    THROTTLED = "throttled"
    """Refused for now."""
    FAILED = "failed"
    EXPIRED = "expired"
    """Not there, and the vendor does not keep it any more."""


class GetDay(BaseModel):
    """A trading day of a feed."""

    ticker: str
    package: str
    category: str
    session_date: date
    status: GetStatus
    expires_in_days: int | None = None
    """Days for which the vendor still keeps it, 0 is the last one; None for what is there, or is not there any more."""
    is_open: bool = False
    """It is missing and may still come: reason for exit status 1."""
    reason: str | None = None

    @property
    def session(self) -> SessionKey:
        """Which one it is."""
        return SessionKey(Feed(self.ticker, self.package, self.category), self.session_date)


class EodResult(BaseModel):
    """What became of the report of a ticker's last session."""

    ticker: str
    session_date: date
    """Of the report; where there is none, of the one that was wanted."""
    status: GetStatus
    path: str | None = None
    reason: str | None = None

    @property
    def is_wanted_one(self) -> bool:
        """Whether it is there, and is not that of a day before."""
        return self.status in (GetStatus.FETCHED, GetStatus.PRESENT) and self.reason is None


class IncompleteSession(DayGaps):
    """A session that was fetched and imported, and has holes, or nothing in it."""

    ticker: str
    package: str
    category: str

    @property
    def session(self) -> SessionKey:
        """Which one it is."""
        return SessionKey(Feed(self.ticker, self.package, self.category), self.session_date)

    @property
    def words(self) -> str:
        """What is wrong with it."""
        if not self.holes:
            return "has no snapshot."
        longest = max(self.holes, key=lambda hole: hole.seconds)
        holes = "1 hole" if len(self.holes) == 1 else f"{len(self.holes):,} holes"
        span = f"{longest.start:%H:%M:%S} - {longest.end:%H:%M:%S} UTC"
        return f"has {holes}, {self.coverage or 0:.1%} covered; the longest: {span}."


class GetReport(BaseModel):
    """What `gexlake get` did, or with `checked_only` what it would have to do."""

    directory: str
    lake: str
    checked_only: bool
    since: date
    until: date
    days: list[GetDay]
    eod: list[EodResult] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    """What is to be said once: a package that the plan does not have, why the run ended early."""
    files_fetched: int = 0
    bytes_fetched: int = 0
    duration_seconds: float = 0.0
    limited: bool = False
    """It ended early because the vendor limits requests (429)."""
    imported: ImportReport | None = None
    incomplete: list[IncompleteSession] = Field(default_factory=list)
    """Of what was imported, the least complete first. No reason for exit status 1: the vendor has nothing better."""

    @property
    def counts(self) -> dict[str, int]:
        """Days of feeds by status."""
        return dict(Counter(day.status.value for day in self.days))

    @property
    def complete(self) -> bool:
        """Whether nothing is missing that may still come, and all that was imported is sound."""
        return not any(day.is_open for day in self.days) and (self.imported is None or self.imported.acceptable)

    def summary(self) -> LastGet:
        """What is kept of it, as of now."""
        missing = [day for day in self.days if day.is_open]
        return LastGet(
            ended_at=datetime.now(UTC),
            directory=self.directory,
            complete=self.complete,
            files_fetched=self.files_fetched,
            bytes_fetched=self.bytes_fetched,
            counts=self.counts,
            missing=len(missing),
            expires_in_days=min((day.expires_in_days or 0 for day in missing), default=None),
            incomplete=len(self.incomplete),
            notes=self.notes,
        )
