"""Publishing to open tables: what is asked for, and what was carried over."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field

OWN_CATALOG = "lake"
NAMESPACE = "gexlake"


@dataclass(frozen=True, slots=True)
class Expiry:
    """What is to stay: the newest `keep` published commits, those published at `before` or later, and those that were
    published in the last `grace_seconds`, which somebody may be reading."""

    keep: int = 1
    before: datetime | None = None
    grace_seconds: float = 0.0

    @property
    def since_ms(self) -> float:
        """What was published at this moment, in Unix milliseconds, or later, stays."""
        moments = [time.time() - self.grace_seconds] if self.grace_seconds else []
        moments += [self.before.timestamp()] if self.before else []
        return min(moments, default=math.inf) * 1000


@dataclass(frozen=True, slots=True)
class PublishOrder:
    """Where to publish: the catalog, the namespace in it, and below which URL readers find the lake's files.

    Without `files` that is the lake's own folder; without `expiry` every commit that was published can be asked for.
    """

    catalog: str = OWN_CATALOG
    namespace: str = NAMESPACE
    files: str | None = None
    expiry: Expiry | None = None


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
