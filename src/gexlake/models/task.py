"""Work to be done: one session, with all that a worker must know of the lake to do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gexlake.models.feed import SessionKey
from gexlake.models.source import SourceFile


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source file that the lake has already read, as its lineage has it.

    `yielded` counts its records whose key another source had taken before: duplicates and conflicts. A copy was never
    read itself, because another file had the same bytes.
    """

    source_file: str
    sha256: str
    size_bytes: int
    import_id: str
    yielded: int
    is_copy: bool = False

    @property
    def path(self) -> Path:
        """Where it was."""
        return Path(self.source_file)


@dataclass(frozen=True, slots=True)
class Published:
    """A session as it stands in the lake: its version and its files by data set name."""

    version: str
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class SessionTask:
    """Everything a worker needs to stage one session.

    `directory` is where to stage, None for a dry run. `foreign` are other sessions of the feed whose time span
    overlaps this one's: of records with one key, theirs came first. `digests` are SHA-256 of source files by path,
    where they were taken already. `naive_zone` names the zone of times that have none.
    """

    import_id: str
    record_type: str
    session: SessionKey
    sources: tuple[SourceFile, ...]
    directory: Path | None
    known: tuple[KnownSource, ...] = ()
    published: Published | None = None
    foreign: tuple[Published, ...] = ()
    force: bool = False
    moment_us: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)
    naive_zone: str | None = None
