"""Staging: one session's sources become finished files, in any process, without the database.

This is all of the CPU work of an import. A worker may run on any machine that sees the sources and the lake's
published files; what it leaves is a directory with a manifest, which the owner of the database commits.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gexlake._version import __version__
from gexlake.db.layout import sync_directory, sync_file
from gexlake.db.parquet import read_footer
from gexlake.errors import LakeError, SourceError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Conflict, Refusal, SessionBuilder, SourceName
from gexlake.importers.stream import DamagedStreamError, SourceStream
from gexlake.lineage.quarantine import Quarantine
from gexlake.lineage.records import lineage_frame, lineage_row, write_rows
from gexlake.models.lineage import FileStatus
from gexlake.models.source import SourceFile
from gexlake.models.staged import MANIFEST_NAME, StagedSession
from gexlake.models.task import Published, SessionTask
from gexlake.services.reading import OnBytes, Reading, find_replaced, find_unchanged, readings_of
from gexlake.validation.rules import Rule


class _LostSourcesError(Exception):
    """Sources could not be read to their end: what was read of them is in the builder, so staging begins again."""


def stage_session(task: SessionTask, *, on_bytes: OnBytes | None = None) -> StagedSession:
    """Stage one session and say what came of each source.

    Raises `OSError` where staging cannot be written; a source that cannot be read is a finding of that source.
    """
    readings = readings_of(task)
    find_unchanged(task, readings, on_bytes=on_bytes)
    while True:
        staged = StagedSession(
            import_id=task.import_id,
            record_type=task.record_type,
            session=task.session,
            version=f"{task.import_id}/{task.directory.name if task.directory else 'dry-run'}",
            base_version=task.published.version if task.published else None,
            directory=task.directory,
            lineage=[reading.record for reading in readings],
        )
        replaced = find_replaced(task, readings)
        try:
            if any(reading.wanted for reading in readings):
                with _workspace(task.directory) as workspace:
                    builder, kept = _open_builder(task, replaced, workspace)
                    with closing(builder):
                        _stage_data(task, staged, readings, builder, kept=kept, replaced=replaced, on_bytes=on_bytes)
            break
        except _LostSourcesError:
            continue
    for reading in readings:
        if reading.unchanged:
            reading.record.status = FileStatus.SKIPPED
    if task.directory is not None:
        _finish(task.directory, staged)
    return staged


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
    readings: list[Reading],
    builder: SessionBuilder,
    *,
    kept: Published | None,
    replaced: frozenset[str],
    on_bytes: OnBytes | None,
) -> None:
    for other in task.foreign:
        builder.keep(other.files, replaced=frozenset(), foreign=True)
    name = f"{task.import_id}-{task.directory.name}" if task.directory else "dry-run"
    quarantine = Quarantine(task.directory, import_id=task.import_id, name=name)
    wanted = [reading for reading in readings if reading.wanted]
    try:
        _read_sources(builder, wanted, quarantine, replaced=replaced, on_bytes=on_bytes)
        conflicts = builder.resolve({reading.number: reading.tally for reading in wanted})
        _quarantine_conflicts(conflicts, wanted, quarantine)
    except _LostSourcesError:
        quarantine.discard()
        raise
    quarantine.close()
    given = [reading for reading in wanted if reading.read]
    for reading in given:
        _settle(reading)
    staged.has_quarantine = quarantine.records > 0
    staged.raw_files = quarantine.raw_files
    if given and (replaced or task.published is None or any(reading.tally.imported for reading in given)):
        staged.summary = builder.summarize()
        if task.directory is not None:
            _write_data(task, staged, readings, builder, kept=kept)


def _open_builder(
    task: SessionTask, replaced: frozenset[str], workspace: Path
) -> tuple[SessionBuilder, Published | None]:
    """A builder with what the lake holds of the session; with `force`, without it where that is damaged."""

    def open_empty() -> SessionBuilder:
        return IMPORTERS[task.record_type].open_session(
            task.session, workspace=workspace, moment_us=task.moment_us, writes=task.directory is not None
        )

    builder = open_empty()
    if task.published is None:
        return builder, None
    try:
        builder.keep(task.published.files, replaced=replaced)
    except LakeError:
        builder.close()
        if not task.force:
            raise
        return open_empty(), None
    return builder, task.published


def _read_sources(
    builder: SessionBuilder,
    readings: list[Reading],
    quarantine: Quarantine,
    *,
    replaced: frozenset[str],
    on_bytes: OnBytes | None,
) -> None:
    """Read them all; only then begin again where some were lost, once for however many."""
    is_spoilt = False
    for reading in readings:
        is_begun = _read_source(builder, reading, quarantine, on_bytes=on_bytes)
        is_spoilt |= reading.lost and (is_begun or reading.record.source_file in replaced)
    if is_spoilt:
        raise _LostSourcesError


def _read_source(
    builder: SessionBuilder, reading: Reading, quarantine: Quarantine, *, on_bytes: OnBytes | None
) -> bool:
    """Read one source to its end, or lose it; whether the builder holds anything of it."""
    started = time.perf_counter()
    record = reading.record
    try:
        stream = SourceStream(reading.source, on_bytes=on_bytes)
    except SourceError as error:
        reading.lose(error)
        return False
    quarantine.begin(record.source_file)
    try:
        with stream:
            reading.tally = builder.read(stream, reading.number, quarantine)
            stream.drain()
    except SourceError as error:
        reading.lose(error)
        return True
    record.source_sha256, record.source_bytes = stream.sha256, stream.size_bytes
    reading.read = True
    record.duration_seconds = time.perf_counter() - started
    return True


def _quarantine_conflicts(conflicts: list[Conflict], readings: list[Reading], quarantine: Quarantine) -> None:
    """Fetch the text of conflicting records from their sources again: they are known only once all is read."""
    for reading in readings:
        mine = [conflict for conflict in conflicts if conflict.source == reading.number]
        if not mine:
            continue
        quarantine.begin(reading.record.source_file)
        spans = [(conflict.byte_offset, conflict.length) for conflict in mine]
        try:
            for conflict, raw in zip(mine, iter_spans(reading.source, spans), strict=True):
                quarantine.take(
                    Refusal(conflict.record_index, conflict.byte_offset, Rule.KEY_CONFLICT, conflict.message, raw)
                )
        except SourceError as error:
            reading.lose(error)
            raise _LostSourcesError from error


def iter_spans(source: SourceFile, spans: list[tuple[int, int]]) -> Iterator[bytes]:
    """Pieces of a source's unpacked bytes, as (offset, length) in ascending order."""
    chunk = memoryview(bytearray(1 << 20))
    held, base = b"", 0
    with SourceStream(source) as stream:
        for offset, length in spans:
            while base + len(held) < offset + length:
                held, base = held[max(0, offset - base) :], base + min(len(held), max(0, offset - base))
                try:
                    count = stream.readinto(chunk)
                except DamagedStreamError:
                    count = 0
                if not count:
                    raise SourceError(
                        f"{source.name} changed while it was read.", hint="Import it again when it is settled."
                    )
                held += chunk[:count]
            yield held[offset - base : offset - base + length]


def _settle(reading: Reading) -> None:
    """Fill the lineage record from the tally."""
    record, tally = reading.record, reading.tally
    record.records_seen = tally.seen
    record.records_duplicate = tally.duplicate
    record.records_quarantined = tally.quarantined
    record.records_imported = tally.imported
    record.warnings = {rule.value: count for rule, count in sorted(tally.warnings.items())}
    record.errors = {rule.value: count for rule, count in sorted(tally.refused.items())}
    damage = [rule for rule, _ in tally.findings if rule not in (Rule.CONTAINER_FIELD, Rule.NO_RECORDS, Rule.UTF16)]
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
    task: SessionTask,
    staged: StagedSession,
    readings: list[Reading],
    builder: SessionBuilder,
    *,
    kept: Published | None,
) -> None:
    assert task.directory is not None
    documents: dict[SourceName, dict[str, Any]] = {
        reading.number: lineage_row(reading.record) for reading in readings if reading.read
    }
    if kept is not None:
        footer_sources = read_footer(kept.files["snapshots"])["sources"]
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
    staged.checksum = builder.write(task.directory, import_ids=import_ids, footer=footer)


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
