"""The interface of an importer: what it takes to bring another record type into the lake.

An importer turns the sources of one session into finished Parquet files. Scanner, staging, commit and lineage know
nothing of its columns; docs/record-types.md shows how to add one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    `OversizedPiece`s follow.
    """

    record_index: int
    byte_offset: int
    rule: Rule
    message: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class OversizedPiece:
    """The next bytes of the record that was refused last."""

    raw: bytes


class RefusalSink(Protocol):
    """Where refused records go while a source is read."""

    @property
    def counts(self) -> Counter[Rule]:
        """Records taken, by the rule they break."""
        ...

    def take(self, event: Refusal | OversizedPiece) -> None:
        """Keep a refused record, or more of the last one."""
        ...


@dataclass(slots=True)
class SourceTally:
    """What one source file came to."""

    seen: int = 0
    duplicate: int = 0
    refused: Counter[Rule] = field(default_factory=Counter)
    warnings: Counter[Rule] = field(default_factory=Counter)
    findings: list[tuple[Rule, str]] = field(default_factory=list)
    container: str | None = None

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
    """A record whose key is taken by different content; its text is fetched from the source again."""

    source: int
    record_index: int
    byte_offset: int
    length: int
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


SourceName = int | str
"""A source that was read, by the caller's number; or one that gave kept rows, by its `source_file`."""
Run = tuple[int, int]
"""Consecutive snapshots of the written session: (first, count)."""


class SessionBuilder(Protocol):
    """Collects the sources of one session and writes it. The calls come in the order below."""

    def keep(self, files: Mapping[str, Path], *, replaced: frozenset[str], foreign: bool = False) -> None:
        """Take what the lake holds: `files` by data set name, without the rows of `replaced` sources.

        Of a `foreign` session only the keys count: they are taken, but not written again. Raises `LakeError` for
        files that are damaged; the builder is then of no more use.
        """
        ...

    def read(self, stream: SourceStream, source: int, sink: RefusalSink) -> SourceTally:
        """Decode one source to its end; `source` is the caller's number for it. Its warnings may come later."""
        ...

    def resolve(self, tallies: Mapping[int, SourceTally]) -> list[Conflict]:
        """Complete the tallies with duplicates, conflicts and warnings; name the records that conflict."""
        ...

    def summarize(self) -> SessionSummary:
        """What the session will hold."""
        ...

    def runs(self) -> dict[SourceName, list[Run]]:
        """Which snapshots of the result came from which source."""
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

    def open_session(
        self,
        session: SessionKey,
        *,
        workspace: Path | None,
        moment_us: int,
        writes: bool = False,
        naive_zone: str | None = None,
    ) -> SessionBuilder:
        """A builder for one session; it may spill into `workspace`, and refuses timestamps after `moment_us`.

        Times without a zone are refused as well, unless `naive_zone` names theirs. With `writes`, `write` is going to
        be called, so it may begin with that in `workspace` while it reads.
        """
        ...

    def check_files(self, files: Mapping[str, Path], footer: Mapping[str, Any]) -> Iterator[tuple[Check, str]]:
        """What is wrong with a session's written files, `files` by data set name: nothing where all is as written."""
        ...


FOOTER_KEY = "gexlake"
"""Key of the JSON document in a Parquet footer."""
