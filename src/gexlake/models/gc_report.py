"""Report of a garbage collection."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class Garbage(StrEnum):
    """Why nobody can ask for the files of a version any more."""

    REPLACED = "replaced"
    """Another version took its place."""
    REMOVED = "removed"
    """The session left the lake."""
    STRAY = "stray"
    """No commit ever listed it."""


class Stay(StrEnum):
    """Why files of a version that is not live stay where they are; the first that holds."""

    RESTORE = "restore"
    """It is kept for `gexlake restore`."""
    FOLLOWED = "followed"
    """The readers of a table that was published may ask for it."""
    READ = "read"
    """An import, or a reader in the process that collects, is at work since before it was replaced."""
    GRACE = "grace"
    """The grace is not over."""


class CollectedVersion(BaseModel):
    """A version of a session whose files go; `since` is when they were needed last (UTC)."""

    record_type: str
    session: str
    version: str
    why: Garbage
    since: datetime
    files: int
    bytes: int


class GcReport(BaseModel):
    """What a collection removed, or with `dry_run` would remove; `staying` counts versions that are not live."""

    lake: str
    dry_run: bool
    grace_seconds: float
    collected: list[CollectedVersion] = Field(default_factory=list)
    staying: dict[Stay, int] = Field(default_factory=dict)

    @property
    def files(self) -> int:
        """Over all versions that go."""
        return sum(one.files for one in self.collected)

    @property
    def bytes(self) -> int:
        """Over all versions that go."""
        return sum(one.bytes for one in self.collected)
