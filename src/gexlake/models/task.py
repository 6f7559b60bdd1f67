"""Work to be done: sources of one feed, with all that a worker must know of the lake to stage them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gexlake.models.feed import SessionKey
from gexlake.models.lineage import FileStatus
from gexlake.models.source import SourceFile


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source file that the lake has met, as its latest lineage has it.

    `sessions` are the dates to which it gave snapshots. `yielded` counts its records whose key another source had
    taken before: duplicates and conflicts. A copy was never read itself, because another file had the same bytes.
    """

    source_file: str
    sha256: str
    size_bytes: int
    import_id: str
    status: FileStatus
    yielded: int = 0
    records_seen: int = 0
    records_quarantined: int = 0
    records_pruned: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    sessions: dict[str, int] = field(default_factory=dict)
    is_latest: bool = True
    """Whether no later reading of the same path is known."""
    etag: str | None = None
    """Of an object: the last one under which its store had these bytes."""
    session_date: str = ""
    """That it was planned for."""

    @property
    def is_copy(self) -> bool:
        """Whether it was only seen to have the bytes of another."""
        return self.status is FileStatus.SKIPPED


@dataclass(frozen=True, slots=True)
class Published:
    """A session as it stands in the lake: its version and its files by data set name."""

    version: str
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class FeedTask:
    """Everything a worker needs to stage sources that are planned for one session of a feed.

    `directory` is where to stage, with an ending that says which attempt it is; None for a dry run. `lake` is its
    root, for the sessions that the sources turn out to feed; `versions` say, by date, what the database has, None for
    nothing. `predecessors` are, by source, the files in whose place it comes: what the lake has read from its own path,
    and from files that are no more and had its bytes. `gone` are files of the feed that are no more; `latest` the
    import of the latest reading of those that were read more than once. `recorded` are the readings of what was
    recorded live of the session. `naive_zone` names the zone of times that have none.
    """

    import_id: str
    record_type: str
    session: SessionKey
    sources: tuple[SourceFile, ...]
    lake: Path
    directory: Path | None
    versions: Mapping[date, str | None] = field(default_factory=dict)
    predecessors: Mapping[str, tuple[KnownSource, ...]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    latest: Mapping[str, str] = field(default_factory=dict)
    recorded: tuple[KnownSource, ...] = ()
    force: bool = False
    prune: bool = False
    keep_versions: int = 1
    moment_us: int = 0
    naive_zone: str | None = None

    def predecessors_of(self, source: SourceFile) -> tuple[str, ...]:
        """The paths of the files in whose place a source comes, apart from its own."""
        return tuple(known.source_file for known in self.predecessors.get(source.name, ()))

    def earlier_days_of(self, source: SourceFile) -> list[date]:
        """The dates to which earlier readings of it may have given snapshots."""
        known = self.predecessors.get(source.name, ())
        return sorted({date.fromisoformat(day) for reading in known for day in reading.sessions})
