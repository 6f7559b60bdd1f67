"""Reports of what takes snapshots out of the lake, or brings them back, because somebody said so."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field


class RevisedSession(BaseModel):
    """One session before and after; `removed` and `restored` count snapshots."""

    ticker: str
    package: str
    category: str
    session_date: date
    snapshots_before: int
    snapshots_after: int
    removed: int = 0
    restored: int = 0


class RevisionReport(BaseModel):
    """What a `forget` or `restore` did, or with `dry_run` would do; `restore` with its `import_id` undoes it."""

    import_id: str
    dry_run: bool
    lake: str
    sources: list[str] = Field(default_factory=list)
    """Source files that were forgotten."""
    sessions: list[RevisedSession] = Field(default_factory=list)

    @property
    def removed(self) -> int:
        """Snapshots taken out, over all sessions."""
        return sum(session.removed for session in self.sessions)

    @property
    def restored(self) -> int:
        """Snapshots brought back, over all sessions."""
        return sum(session.restored for session in self.sessions)
