"""Staging: sources of one feed, decoded, decided and written beside the lake, in a worker that knows no database.

Mostly all that is read is of the one session that the sources were planned for; whatever is of another New York date
is staged as that session.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from gexlake._version import __version__
from gexlake.db.layout import LakeLayout, sync_directory, sync_file
from gexlake.db.parquet import UNKNOWN_VERSION, published_session, read_footer, version_paths
from gexlake.db.segments import is_segment
from gexlake.db.sessions import count_sources
from gexlake.errors import LakeError, SourceError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import (
    Claim,
    Conflict,
    FeedReader,
    Refusal,
    SessionBuilder,
    SourceName,
    SourceTally,
    Succession,
)
from gexlake.importers.stream import DamagedStreamError, SourceStream
from gexlake.lineage.quarantine import Quarantine
from gexlake.lineage.records import lineage_frame, lineage_row, write_rows
from gexlake.models.feed import SessionKey
from gexlake.models.source import SourceFile
from gexlake.models.staged import MANIFEST_NAME, StagedSession
from gexlake.models.task import FeedTask, Published
from gexlake.services.importing.reading import OnBytes, Reading, readings_of
from gexlake.services.importing.supersede import reads_history
from gexlake.validation.rules import Rule

ATTEMPT_BYTES = 4


class _LostSourcesError(Exception):
    """Sources could not be read to their end: what was read of them is in the reader, so staging begins again."""


def stage_sources(task: FeedTask, *, on_bytes: OnBytes | None = None) -> list[StagedSession]:
    """Stage the sessions that the sources feed; the last carries the lineage of all, and is to be committed last.

    Each attempt has directories of its own: a worker that was cut off may be at the same task somewhere, and what it
    leaves is never taken for the work of another.
    Raises `OSError` where staging cannot be written; a source that cannot be read is a finding of that source.
    """
    if task.directory is not None:
        attempt = f"{task.directory.name}-{secrets.token_hex(ATTEMPT_BYTES)}"
        task = replace(task, directory=task.directory.with_name(attempt))
    readings = readings_of(task)
    while True:
        try:
            return _Staging(task, readings, on_bytes).run()
        except _LostSourcesError:
            continue


class _Staging:
    """One attempt at staging the sources of a task that are not lost."""

    def __init__(self, task: FeedTask, readings: list[Reading], on_bytes: OnBytes | None) -> None:
        self._task = task
        self._readings = readings
        self._wanted = [reading for reading in readings if not reading.lost]
        self._on_bytes = on_bytes
        self._layout = LakeLayout(task.lake)
        self._published: dict[date, Published | None] = {}

    def run(self) -> list[StagedSession]:
        """Read, decide, write."""
        carrier = self._blank(self._task.session.session_date)
        others: list[StagedSession] = []
        if self._wanted:
            with _workspace(self._task.directory) as workspace, closing(self._open_reader(workspace)) as reader:
                days = self._read(reader, carrier)
                builders = self._resolve(reader, days, carrier)
                others, carrier = self._write(reader, days, builders, carrier)
        carrier.lineage = [reading.record for reading in self._readings]
        carrier.follows = {str(other.session.session_date): other.version for other in others if other.changes_data}
        for staged in (*others, carrier):
            if staged.directory is not None:
                write_manifest(staged)
        return [*others, carrier]

    def _open_reader(self, workspace: Path) -> FeedReader:
        task = self._task
        return IMPORTERS[task.record_type].open_reader(
            task.session,
            workspace=workspace,
            moment_us=task.moment_us,
            writes=task.directory is not None,
            naive_zone=task.naive_zone,
        )

    def _blank(self, day: date, *, apart: bool = False) -> StagedSession:
        task, directory = self._task, self._task.directory
        if directory is not None and apart:
            directory = directory.with_name(f"{directory.name}.{day.isoformat()}")
        published = self._published.get(day)
        return StagedSession(
            import_id=task.import_id,
            record_type=task.record_type,
            session=SessionKey(task.session.feed, day),
            version=f"{task.import_id}/{directory.name if directory else 'dry-run'}",
            base_version=published.version if published else None,
            directory=directory,
            lineage=[],
            keep_versions=task.keep_versions,
        )

    # ---- reading -------------------------------------------------------------------------------------------

    def _read(self, reader: FeedReader, carrier: StagedSession) -> list[date]:
        """Read all sources; the dates of which there are records."""
        name = f"{self._task.import_id}-{self._task.directory.name}" if self._task.directory else "dry-run"
        self._quarantine = Quarantine(self._task.directory, import_id=self._task.import_id, name=name)
        try:
            self._read_sources(reader)
        except _LostSourcesError:
            self._quarantine.discard()
            raise
        return reader.finish(self._tallies)

    @property
    def _tallies(self) -> dict[int, SourceTally]:
        return {reading.number: reading.tally for reading in self._wanted if reading.read}

    def _read_sources(self, reader: FeedReader) -> None:
        """Read them all; only then begin again where some were lost, once for however many."""
        is_spoilt = False
        for reading in self._wanted:
            is_begun = self._read_source(reader, reading)
            is_spoilt |= reading.lost and is_begun
        if is_spoilt:
            raise _LostSourcesError

    def _read_source(self, reader: FeedReader, reading: Reading) -> bool:
        """Read one source to its end, or lose it; whether the reader holds anything of it."""
        started = time.perf_counter()
        record = reading.record
        try:
            stream = SourceStream(reading.source, on_bytes=self._on_bytes)
        except SourceError as error:
            reading.lose(error)
            return False
        self._quarantine.begin(record.source_file)
        try:
            with stream:
                reading.tally = reader.read(stream, reading.number, self._quarantine)
                stream.drain()
        except SourceError as error:
            reading.lose(error)
            return True
        record.source_sha256, record.source_bytes, record.source_etag = stream.sha256, stream.size_bytes, stream.etag
        reading.read = True
        record.duration_seconds = time.perf_counter() - started
        return True

    # ---- deciding ------------------------------------------------------------------------------------------

    def _resolve(self, reader: FeedReader, days: list[date], carrier: StagedSession) -> dict[date, SessionBuilder]:
        """Decide each session, so that the tallies are complete; the builder of the planned one goes on as it is."""
        tallies, conflicts = self._tallies, list[Conflict]()
        builders: dict[date, SessionBuilder] = {}
        for day in self._days_to_write(days):
            builder = self._open_session(reader, day)
            conflicts += builder.resolve(tallies, self._succession)
            if day == self._task.session.session_date:
                builders[day] = builder
            else:
                builder.close()
        try:
            self._quarantine_conflicts(conflicts)
        except _LostSourcesError:
            self._quarantine.discard()
            raise
        self._quarantine.close()
        for reading in self._wanted:
            if reading.read:
                reading.settle(self._task)
        carrier.has_quarantine = self._quarantine.records > 0
        carrier.raw_files = self._quarantine.raw_files
        return builders

    def _days_to_write(self, days: list[date]) -> list[date]:
        """The dates with records, and those from which a source may have lost some; never none at all."""
        planned = self._task.session.session_date
        touched = {day for reading in self._wanted if reading.read for day in self._earlier_days(reading)}
        return sorted({*days, *touched}) or [planned]

    def _earlier_days(self, reading: Reading) -> list[date]:
        return [day for day in self._task.earlier_days_of(reading.source) if self._published_of(day) is not None]

    @cached_property
    def _succession(self) -> Succession:
        """Of the sources that were read: asked for only when all are."""
        successors, prunes = dict[str, int](), set[int]()
        for reading in self._wanted:
            if reading.read:
                for path in self._predecessors(reading):
                    successors[path] = reading.number
                if self._task.prune and reading.is_whole:
                    prunes.add(reading.number)
        return Succession(successors, frozenset(prunes))

    def _predecessors(self, reading: Reading) -> tuple[str, ...]:
        return (reading.record.source_file, *self._task.predecessors_of(reading.source))

    def _claim_of(self, document: Mapping[str, Any]) -> Claim:
        """A reading yields to its file's next one; that of a file which is gone, or was another then, to any."""
        path = document["source_file"]
        is_past = path in self._task.gone or self._task.latest.get(path, document["import_id"]) != document["import_id"]
        yields = is_past or path in self._succession.successors or self._is_superseded(path)
        return Claim.YIELDING if yields else Claim.STANDING

    def _is_superseded(self, path: str) -> bool:
        """Whether it was recorded live, and something else is read now."""
        return reads_history(self._task) and is_segment(path, self._layout.live)

    def _open_session(self, reader: FeedReader, day: date) -> SessionBuilder:
        """A builder with what was read and what the lake holds; with `force`, without that where it is damaged."""
        builder = reader.open_session(day)
        while (published := self._published_of(day)) is not None and published.files:
            try:
                builder.keep(published.files, self._claim_of)
                break
            except LakeError:
                del self._published[day]
                again = self._published_of(day, ask_disk=True)
                if again is not None and again.version not in (published.version, UNKNOWN_VERSION):
                    continue  # it was replaced while it was read
                if not self._task.force:
                    raise
                self._published[day] = Published(published.version, {})
        return builder

    def _published_of(self, day: date, *, ask_disk: bool = False) -> Published | None:
        """What the lake has of a date, by its files; by the database where that has been asked already."""
        if day not in self._published:
            session = SessionKey(self._task.session.feed, day)
            if ask_disk or day not in self._task.versions:
                self._published[day] = published_session(self._layout, self._task.record_type, session)
            else:
                version = self._task.versions[day]
                self._published[day] = (
                    Published(version, version_paths(self._layout, self._task.record_type, session, version))
                    if version
                    else None
                )
        return self._published[day]

    def _quarantine_conflicts(self, conflicts: list[Conflict]) -> None:
        """Fetch the text of conflicting records from their sources again: they are known only once all is read."""
        for reading in self._wanted:
            mine = sorted((c for c in conflicts if c.source == reading.number), key=lambda c: c.byte_offset)
            if not mine:
                continue
            self._quarantine.begin(reading.record.source_file)
            spans = [(conflict.byte_offset, conflict.length) for conflict in mine]
            reading.conflicts_with = sorted({self._name_of(conflict.other) for conflict in mine})
            try:
                for conflict, raw in zip(mine, _iter_spans(reading, spans), strict=True):
                    message = f"{conflict.message}, from {self._name_of(conflict.other)}"
                    self._quarantine.take(
                        Refusal(conflict.record_index, conflict.byte_offset, Rule.KEY_CONFLICT, message, raw)
                    )
            except SourceError as error:
                reading.lose(error)
                raise _LostSourcesError from error

    def _name_of(self, source: SourceName) -> str:
        return self._readings[source].record.source_file if isinstance(source, int) else source[1]

    # ---- writing -------------------------------------------------------------------------------------------

    def _write(
        self, reader: FeedReader, days: list[date], builders: dict[date, SessionBuilder], carrier: StagedSession
    ) -> tuple[list[StagedSession], StagedSession]:
        """Write the sessions that change; the first of them is written where the lineage goes."""
        changing = [day for day in self._days_to_write(days) if self._changes(day)]
        staged: list[StagedSession] = []
        for index, day in enumerate(changing):
            session = self._blank(day, apart=index > 0)
            builder = builders.get(day)
            if builder is None:
                builder = self._open_session(reader, day)
                builder.resolve({number: SourceTally() for number in self._tallies}, self._succession)  # it was counted
            with closing(builder):
                session.summary = builder.summarize()
                if session.summary.snapshots == 0 and session.base_version is not None:
                    session.summary, session.removes = None, True  # all of it was pruned
                elif session.directory is not None:
                    self._write_session(session, builder)
            staged.append(session)
        if not staged:
            return [], carrier
        first, *others = staged
        first.has_quarantine, first.raw_files = carrier.has_quarantine, carrier.raw_files
        return others, first

    def _changes(self, day: date) -> bool:
        """Whether anything of a session changes; one of which nothing was known comes into being, be it empty."""
        name = day.isoformat()
        given = any(tally.given.get(name) or tally.pruned for tally in self._tallies.values())
        return given or (bool(self._tallies) and self._published_of(day) is None)

    def _write_session(self, staged: StagedSession, builder: SessionBuilder) -> None:
        assert staged.directory is not None
        staged.directory.mkdir(parents=True, exist_ok=True)
        documents: dict[SourceName, dict[str, Any]] = {
            reading.number: lineage_row(reading.record) for reading in self._wanted if reading.read
        }
        published = self._published_of(staged.session.session_date)
        if published is not None and published.files:
            footer = read_footer(published.files["snapshots"])
            documents |= {(source["import_id"], source["source_file"]): source for source in footer["sources"]}
            staged.revised_by = footer.get("revised_by")
        write_session(staged, builder, documents)


@contextmanager
def _workspace(directory: Path | None) -> Iterator[Path]:
    parent = None
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        parent = directory
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=parent) as scratch:
        yield Path(scratch)


def _iter_spans(reading: Reading, spans: list[tuple[int, int]]) -> Iterator[bytes]:
    """Chunks of a source's unpacked bytes, as (offset, length) in ascending order, once more out of the bytes that were
    read before: what a file has grown by since is left alone.

    Raises `SourceError`, at the latest behind the last chunk, where those bytes are not there any more.
    """
    source, record = reading.source, reading.record
    chunk = memoryview(bytearray(1 << 20))
    held, base = b"", 0
    with SourceStream(source, limit_bytes=record.source_bytes) as stream:
        for offset, length in spans:
            while base + len(held) < offset + length:
                held, base = held[max(0, offset - base) :], base + min(len(held), max(0, offset - base))
                try:
                    count = stream.readinto(chunk)
                except DamagedStreamError:
                    count = 0
                if not count:
                    raise _changed(source)
                held += chunk[:count]
            yield held[offset - base : offset - base + length]
        stream.drain()
        if stream.sha256 != record.source_sha256:
            raise _changed(source)


def _changed(source: SourceFile) -> SourceError:
    return SourceError(
        f"{source.name} changed while it was read, so nothing of it is imported.",
        hint="Import it again when it is settled.",
    )


def write_session(
    staged: StagedSession, builder: SessionBuilder, documents: Mapping[SourceName, Mapping[str, Any]]
) -> None:
    """Write the Parquet files of a staged session, with the lineage of its sources in their footers."""
    assert staged.directory is not None
    runs = {name: found for name, found in builder.runs().items() if found or _is_planned(documents[name], staged)}
    sources = [{**documents[name], "runs": found} for name, found in runs.items()]
    staged.source_files, staged.source_bytes = count_sources(sources)
    import_ids: dict[SourceName, str] = {name: documents[name]["import_id"] for name in runs}
    footer = {
        "gexlake_version": __version__,
        "record_type": staged.record_type,
        "session": [*staged.session.feed, staged.session.session_date.isoformat()],
        "version": staged.version,
        "base_version": staged.base_version,
        "import_id": staged.import_id,
        "revised_by": staged.revised_by,
        "summary": asdict(staged.summary) if staged.summary else None,
        "sources": sources,
    }
    staged.checksum = builder.write(staged.directory, import_ids=import_ids, footer=footer)


def _is_planned(document: Mapping[str, Any], staged: StagedSession) -> bool:
    return str(document["session_date"]) == staged.session.session_date.isoformat()


def write_manifest(staged: StagedSession) -> None:
    """Write lineage and, last, the manifest: from here on the work is whole."""
    directory = staged.directory
    assert directory is not None
    directory.mkdir(parents=True, exist_ok=True)
    if staged.lineage:
        write_rows(lineage_frame(staged.lineage), directory / "lineage.parquet")
    for name in staged.raw_files:
        sync_file(directory / name)
    manifest = directory / MANIFEST_NAME
    temporary = manifest.with_suffix(".tmp")
    temporary.write_text(staged.dump(), encoding="utf-8")
    sync_file(temporary)
    temporary.replace(manifest)
    sync_directory(directory)
    sync_directory(directory.parent)
