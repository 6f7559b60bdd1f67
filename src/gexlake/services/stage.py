"""Staging: one session's sources become finished files, in any process, without the database.

This is all of the CPU work of an import. A worker may run on any machine that sees the sources and the lake's
published files; what it leaves is a directory with a manifest, which the owner of the database commits.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gexlake._version import __version__
from gexlake.db.layout import sync_directory, sync_file
from gexlake.db.parquet import read_footer
from gexlake.errors import SourceError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Conflict, Refusal, SessionBuilder, SourceName, SourceTally
from gexlake.importers.stream import DamagedStreamError, SourceStream, hash_file
from gexlake.lineage.quarantine import Quarantine
from gexlake.lineage.records import lineage_frame, lineage_row, write_rows
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.source import SourceFile
from gexlake.models.staged import MANIFEST_NAME, StagedSession
from gexlake.models.task import SessionTask
from gexlake.validation.rules import Rule

OnBytes = Callable[[int], None]


@dataclass(slots=True)
class _Reading:
    """One source while its session is staged."""

    number: int
    source: SourceFile
    record: LineageRecord
    tally: SourceTally = field(default_factory=SourceTally)
    unchanged: bool = False
    read: bool = False


def stage_session(task: SessionTask, *, on_bytes: OnBytes | None = None) -> StagedSession:
    """Stage one session and say what came of each source.

    Raises `OSError` where staging cannot be written; a source that cannot be read is a finding of that source.
    """
    readings = [_Reading(number, source, _blank_record(task, source)) for number, source in enumerate(task.sources)]
    replaced = _find_unchanged(task, readings, on_bytes)
    staged = StagedSession(
        import_id=task.import_id,
        record_type=task.record_type,
        session=task.session,
        version=f"{task.import_id}/{task.directory.name if task.directory else 'dry-run'}",
        base_version=task.published.version if task.published else None,
        directory=task.directory,
        lineage=[reading.record for reading in readings],
    )
    if not all(reading.unchanged for reading in readings):
        with _workspace(task.directory) as workspace:
            _stage_data(task, staged, readings, replaced, workspace, on_bytes)
    if task.directory is not None:
        _finish(task.directory, staged)
    return staged


def _blank_record(task: SessionTask, source: SourceFile) -> LineageRecord:
    feed, day = source.session
    return LineageRecord(
        import_id=task.import_id,
        source_file=str(source.path.absolute()),
        source_sha256="",
        source_bytes=source.size_bytes,
        record_type=task.record_type,
        ticker=feed.ticker,
        package=feed.package,
        category=feed.category,
        session_date=day.isoformat(),
        status=FileStatus.FAILED,
        import_timestamp=datetime.now(UTC),
    )


# ---- which sources are to be read ----------------------------------------------------------------------------------


def _find_unchanged(task: SessionTask, readings: list[_Reading], on_bytes: OnBytes | None) -> frozenset[str]:
    """Mark the sources that need not be read; the known source files whose rows the others replace.

    A file is hashed before it is read only where its size is that of one already known: for any other the digest
    falls out of reading it.
    """
    by_path = {known.source_file: known for known in task.known}
    sizes = {known.size_bytes for known in task.known}
    hashes = {known.sha256 for known in task.known}
    for reading in readings:
        if not task.force and reading.source.size_bytes in sizes:
            _compare_hash(reading, hashes, on_bytes)
    replaced = {reading.record.source_file for reading in readings if not reading.unchanged} & by_path.keys()
    if replaced:
        # What a replaced file gave may have made records of another one duplicates: read that one again as well.
        for reading in readings:
            known = by_path.get(reading.record.source_file)
            if known and known.duplicates and reading.unchanged:
                reading.unchanged = False
                replaced.add(known.source_file)
    for reading in readings:
        if reading.unchanged:
            reading.record.status = FileStatus.SKIPPED
    return frozenset(replaced)


def _compare_hash(reading: _Reading, hashes: set[str], on_bytes: OnBytes | None) -> None:
    started = time.perf_counter()
    try:
        digest = hash_file(reading.source.path, on_bytes=on_bytes)
    except SourceError:
        return  # reading it will fail the same way, and say so
    if digest in hashes:
        reading.record.source_sha256 = digest
        reading.unchanged = True
        reading.record.duration_seconds = time.perf_counter() - started


# ---- reading -------------------------------------------------------------------------------------------------------


@contextmanager
def _workspace(directory: Path | None) -> Iterator[Path]:
    parent = None
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        parent = directory
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=parent) as scratch:
        yield Path(scratch)


def _stage_data(
    task: SessionTask,
    staged: StagedSession,
    readings: list[_Reading],
    replaced: frozenset[str],
    workspace: Path,
    on_bytes: OnBytes | None,
) -> None:
    builder = IMPORTERS[task.record_type].open_session(task.session, workspace=workspace, moment_us=task.moment_us)
    if task.published is not None:
        builder.keep(task.published.files, replaced=replaced)
    for other in task.foreign:
        builder.keep(other.files, replaced=frozenset(), foreign=True)
    name = f"{task.import_id}-{task.directory.name}" if task.directory else "dry-run"
    quarantine = Quarantine(task.directory, import_id=task.import_id, name=name)
    for reading in readings:
        if not reading.unchanged:
            _read_source(builder, reading, quarantine, on_bytes)
    conflicts = builder.resolve({reading.number: reading.tally for reading in readings})
    _quarantine_conflicts(conflicts, readings, quarantine)
    quarantine.close()
    for reading in readings:
        if reading.read:
            _settle(reading)
    staged.has_quarantine = quarantine.records > 0
    staged.raw_files = quarantine.raw_files
    if replaced or task.published is None or any(reading.tally.imported for reading in readings):
        staged.summary = builder.summarize()
        if task.directory is not None:
            _write_data(task, task.directory, staged, readings, builder)


def _read_source(builder: SessionBuilder, reading: _Reading, quarantine: Quarantine, on_bytes: OnBytes | None) -> None:
    started = time.perf_counter()
    record = reading.record
    quarantine.begin(record.source_file)
    try:
        with SourceStream(reading.source.path, on_bytes=on_bytes) as stream:
            reading.tally = builder.read(stream, reading.number, quarantine)
            stream.drain()
            record.source_sha256, record.source_bytes = stream.sha256, stream.size_bytes
        reading.read = True
    except SourceError as error:
        record.message = error.message
        record.errors = {"unreadable": 1}
    record.duration_seconds = time.perf_counter() - started


def _quarantine_conflicts(conflicts: list[Conflict], readings: list[_Reading], quarantine: Quarantine) -> None:
    """Fetch the text of conflicting records from their sources again: they are known only once all is read."""
    for reading in readings:
        mine = [conflict for conflict in conflicts if conflict.source == reading.number]
        if not mine:
            continue
        quarantine.begin(reading.record.source_file)
        spans = [(conflict.byte_offset, conflict.length) for conflict in mine]
        for conflict, raw in zip(mine, iter_spans(reading.source.path, spans), strict=True):
            quarantine.take(
                Refusal(conflict.record_index, conflict.byte_offset, Rule.KEY_CONFLICT, conflict.message, raw)
            )


def iter_spans(path: Path, spans: list[tuple[int, int]]) -> Iterator[bytes]:
    """Pieces of a source's unpacked bytes, as (offset, length) in ascending order."""
    chunk = memoryview(bytearray(1 << 20))
    held, base = b"", 0
    with SourceStream(path) as stream:
        for offset, length in spans:
            while base + len(held) < offset + length:
                held, base = held[max(0, offset - base) :], base + min(len(held), max(0, offset - base))
                try:
                    count = stream.readinto(chunk)
                except DamagedStreamError:
                    count = 0
                if not count:
                    raise SourceError(f"{path} changed while it was read.", hint="Import it again when it is settled.")
                held += chunk[:count]
            yield held[offset - base : offset - base + length]


def _settle(reading: _Reading) -> None:
    """Fill the lineage record from the tally."""
    record, tally = reading.record, reading.tally
    record.records_seen = tally.seen
    record.records_duplicate = tally.duplicate
    record.records_quarantined = tally.quarantined
    record.records_imported = tally.imported
    record.warnings = {rule.value: count for rule, count in sorted(tally.warnings.items())}
    record.errors = {rule.value: count for rule, count in sorted(tally.refused.items())}
    damage = [rule for rule, _ in tally.findings if rule not in (Rule.CONTAINER_FIELD, Rule.NO_RECORDS)]
    for rule, _ in tally.findings:
        (record.errors if rule in damage else record.warnings)[rule.value] = 1
    record.message = "; ".join(message for _, message in tally.findings) or None
    record.container = tally.container
    if damage or tally.quarantined:
        good = tally.imported + tally.duplicate
        record.status = FileStatus.PARTIAL if good else FileStatus.FAILED
    else:
        record.status = FileStatus.SUCCESS
    if not record.balanced:
        raise AssertionError(f"{record.source_file}: records do not add up: {record}")


# ---- writing -------------------------------------------------------------------------------------------------------


def _write_data(
    task: SessionTask, directory: Path, staged: StagedSession, readings: list[_Reading], builder: SessionBuilder
) -> None:
    documents: dict[SourceName, dict[str, Any]] = {
        reading.number: lineage_row(reading.record) for reading in readings if reading.read
    }
    if task.published is not None:
        footer_sources = read_footer(task.published.files["snapshots"])["sources"]
        documents |= {document["source_file"]: document for document in footer_sources}
    runs = builder.runs()
    sources = [{**documents[name], "runs": runs[name]} for name in runs]
    staged.source_files = len(sources)
    staged.source_bytes = sum(source["source_bytes"] for source in sources)
    import_ids: dict[SourceName, str] = {name: documents[name]["import_id"] for name in runs}
    footer = {
        "gexlake_version": __version__,
        "record_type": task.record_type,
        "session": [*task.session.feed, task.session.session_date.isoformat()],
        "version": staged.version,
        "import_id": task.import_id,
        "summary": asdict(staged.summary) if staged.summary else None,
        "sources": sources,
    }
    staged.checksum = builder.write(directory, import_ids=import_ids, footer=footer)


def _finish(directory: Path, staged: StagedSession) -> None:
    """Write lineage and, last, the manifest: from here on the work is whole."""
    directory.mkdir(parents=True, exist_ok=True)
    write_rows(lineage_frame(staged.lineage), directory / "lineage.parquet")
    for name in staged.raw_files:
        sync_file(directory / name)
    manifest = directory / MANIFEST_NAME
    temporary = manifest.with_suffix(".tmp")
    temporary.write_text(staged.dump(), encoding="utf-8")
    sync_file(temporary)
    temporary.replace(manifest)
    sync_directory(directory)
