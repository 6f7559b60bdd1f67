"""The interface of an importer: what it takes to bring another record type into the lake.

An importer turns the sources of a feed into the finished Parquet files of its sessions. Scanner, staging, commit and
lineage know nothing of its columns; docs/record-types.md shows how to add one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol

from gexlake.importers.stream import SourceStream
from gexlake.models.checks import Check
from gexlake.models.column import Column
from gexlake.models.feed import SessionKey
from gexlake.models.staged import SessionSummary
from gexlake.validation.rules import Rule


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is not imported: its place, the rule it breaks, and its own bytes.

    `byte_offset` counts unpacked bytes. Of a record too large to be held whole, `raw` is only the beginning:
    `OversizedChunk`s follow.
    """

    record_index: int
    byte_offset: int
    rule: Rule
    message: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class OversizedChunk:
    """The next bytes of the record that was refused last."""

    raw: bytes


class RefusalSink(Protocol):
    """Where refused records go while a source is read."""

    @property
    def counts(self) -> Counter[Rule]:
        """Records taken, by the rule they break."""
        ...

    def take(self, event: Refusal | OversizedChunk) -> None:
        """Keep a refused record, or more of the last one."""
        ...


@dataclass(slots=True)
class SourceTally:
    """What one source file came to; `seen = imported + duplicate + quarantined`.

    `days` counts records by New York date (ISO), whatever became of them, `given` those that stand in the session of
    that date. Of the imported ones, `corrected` took the place of other values that the lake had of the same key.
    `kept` are snapshots that an earlier reading of the file gave and this one no longer has; `pruned` are those of
    them that were taken out because somebody asked for it.
    """

    seen: int = 0
    duplicate: int = 0
    refused: Counter[Rule] = field(default_factory=Counter)
    warnings: Counter[Rule] = field(default_factory=Counter)
    findings: list[tuple[Rule, str]] = field(default_factory=list)
    container: str | None = None
    days: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    corrected: int = 0
    kept: int = 0
    pruned: int = 0

    @property
    def quarantined(self) -> int:
        """Records refused."""
        return self.refused.total()

    @property
    def imported(self) -> int:
        """Records that are neither refused nor there already."""
        return self.seen - self.duplicate - self.quarantined


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record whose key is taken by different content; its text is fetched from the source again.

    `other` is the source whose record stands; the message says in which field the two differ first.
    """

    source: int
    record_index: int
    byte_offset: int
    length: int
    other: SourceName
    message: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One Parquet file of a session: `<lake>/<record type>/<name>/ticker=…/…/<name>.parquet`.

    `in_database` data sets are also copied into the DuckDB table `<record type>_<name>`; the others are served by a
    view of that name over the Parquet files.
    """

    name: str
    columns: tuple[Column, ...]
    in_database: bool


ReadingId = tuple[str, str]
"""A reading that the lake has rows of: (import id, source file)."""
SourceName = int | ReadingId
"""A source that was read, by the caller's number; or the reading that gave rows which the lake holds."""
Run = tuple[int, int]
"""Consecutive snapshots of the written session: (first, count)."""


class Claim(IntEnum):
    """Whose snapshot stands where several have one key: the lower claim, and of equal ones the first."""

    STANDING = 0
    """The lake has it, and nothing read now may change it."""
    READ = 1
    """It is in a source that is being read."""
    YIELDING = 2
    """The lake has it from a reading that is being replaced: it stands only where nothing else has its key."""


ClaimOf = Callable[[Mapping[str, Any]], Claim | None]
"""The claim of a source's kept rows, by the source's document in the footer; None leaves its rows out."""


@dataclass(frozen=True, slots=True)
class Succession:
    """Which sources take the place of earlier readings: by path, the number of the source that is read now.

    Of the numbers in `prunes`, what the earlier readings had and the new one lacks is taken out.
    """

    successors: Mapping[str, int] = field(default_factory=dict)
    prunes: frozenset[int] = frozenset()


class SessionBuilder(Protocol):
    """What becomes of one session, and its files. The calls come in the order below."""

    differing: int
    """Snapshots of the lake's whose key another one has taken, with other values; counted by `resolve`."""

    def keep(self, files: Mapping[str, Path], claim_of: ClaimOf, *, misfiled: bool = False) -> None:
        """Take what the lake holds of the session: `files` by data set name.

        Rows of other New York dates, as an older gexlake has filed them, are taken only with `misfiled`. Raises
        `LakeError` for files that are damaged; the builder is then as it was before.
        """
        ...

    def resolve(self, tallies: Mapping[int, SourceTally], succession: Succession = Succession()) -> list[Conflict]:
        """Decide which snapshots stand, count that in the tallies, and name the records that conflict."""
        ...

    def summarize(self) -> SessionSummary:
        """What the session will hold."""
        ...

    def runs(self) -> dict[SourceName, list[Run]]:
        """Which snapshots of the result came from which source; those that were read are named in any case."""
        ...

    def brought_back(self) -> int:
        """How many snapshots stand by `Claim.READ` that the lake does not hold, or holds with other values."""
        ...

    def checksum(self) -> str:
        """The checksum that `write` would return."""
        ...

    def write(self, directory: Path, *, import_ids: Mapping[SourceName, str], footer: Mapping[str, object]) -> str:
        """Write each data set as `<name>.parquet` and sync it to disk; the checksum of the content.

        `footer` goes into each file as a JSON document under `FOOTER_KEY`.
        """
        ...

    def close(self) -> None:
        """Let go of files and threads; called at the end, whatever came before."""
        ...


class FeedReader(Protocol):
    """Reads sources of one feed, and parts their records by the New York date of each."""

    def read(self, stream: SourceStream, source: int, sink: RefusalSink) -> SourceTally:
        """Decode one source to its end; `source` is the caller's number for it. Its warnings may come later."""
        ...

    def finish(self, tallies: Mapping[int, SourceTally]) -> list[date]:
        """All is read: complete the tallies' days and warnings; the dates of which there are records, ascending."""
        ...

    def open_session(self, day: date) -> SessionBuilder:
        """A builder with the records of that date: always the same of the planned one, else a new one each time.

        Of the new ones, one at a time is to be open.
        """
        ...

    def close(self) -> None:
        """Let go of files and threads; called at the end, whatever came before."""
        ...


class Importer(Protocol):
    """One record type."""

    @property
    def record_type(self) -> str:
        """Its name in paths, tables and lineage."""
        ...

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """What it fills."""
        ...

    def open_reader(
        self,
        session: SessionKey,
        *,
        workspace: Path | None,
        moment_us: int,
        writes: bool = False,
        naive_zone: str | None = None,
    ) -> FeedReader:
        """A reader of sources that are thought to be of that session.

        It may spill into `workspace`, and refuses timestamps after `moment_us`, and those without a zone unless
        `naive_zone` names theirs. With `writes`, sessions are going to be written, so it may begin with that in
        `workspace` while it reads.
        """
        ...

    def open_session(self, session: SessionKey, *, workspace: Path | None) -> SessionBuilder:
        """A builder for one session out of what the lake holds alone."""
        ...

    def is_indexed(self, files: Mapping[str, Path]) -> bool:
        """Whether a session's files have what quick answers come from; those of an older gexlake may not."""
        ...

    def check_files(self, files: Mapping[str, Path], footer: Mapping[str, Any]) -> Iterator[tuple[Check, str]]:
        """What is wrong with a session's written files, `files` by data set name: nothing where all is as written."""
        ...


FOOTER_KEY = "gexlake"
"""Key of the JSON document in a Parquet footer."""
