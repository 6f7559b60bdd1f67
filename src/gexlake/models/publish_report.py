"""What a `gexlake publish` carried over."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PublishedTable(BaseModel):
    """One open table: files that came in and went out with this run, and what it holds now."""

    table: str
    files_added: int = 0
    files_removed: int = 0
    files: int
    rows: int
    snapshot_id: int


class PublishReport(BaseModel):
    """The tables of a catalog as they stand now, all at `commit`; 0 where the lake has no commit yet.

    `expired` counts snapshots that nobody can ask for any more.
    """

    lake: str
    catalog: str
    commit: int
    tag: str | None = None
    expired: int = 0
    tables: list[PublishedTable] = Field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was carried over."""
        return any(table.files_added or table.files_removed for table in self.tables)
