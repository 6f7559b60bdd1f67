"""Which sources of a session are to be read: resume by SHA-256, and what a changed file replaces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gexlake.errors import SourceError
from gexlake.importers.base import SourceTally
from gexlake.importers.stream import AlteredSourceError, hash_file
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.source import SYNTHETIC_NOTE, SourceFile, find_source
from gexlake.models.task import KnownSource, SessionTask
from gexlake.services.synthetic import has_note_inside, has_synthetic_note
from gexlake.validation.rules import Rule

OnBytes = Callable[[int], None]


@dataclass(slots=True)
class Reading:
    """One source while its session is staged; `lost` when it turned out that it gives nothing."""

    number: int
    source: SourceFile
    record: LineageRecord
    tally: SourceTally = field(default_factory=SourceTally)
    unchanged: bool = False
    lost: bool = False
    read: bool = False

    @property
    def wanted(self) -> bool:
        """Whether it is to be read."""
        return not self.unchanged and not self.lost

    def lose(self, error: SourceError) -> None:
        """It cannot be read, or not be trusted: nothing of it is imported, and what it gave earlier stays."""
        self.lost, self.read, self.tally = True, False, SourceTally()
        self.record.status = FileStatus.FAILED
        code = Rule.COMPRESSION_DAMAGED.value if isinstance(error, AlteredSourceError) else "unreadable"
        self.record.errors = {code: 1}
        self.record.message = error.message


def readings_of(task: SessionTask) -> list[Reading]:
    """The sources of a task, with lineage records in which nothing is said yet."""
    folders = {source.path.parent for source in task.sources}
    noted = {folder for folder in folders if has_synthetic_note(folder / SYNTHETIC_NOTE)}
    return [
        Reading(number, source, _blank_record(task, source, synthetic=_is_synthetic(source, noted)))
        for number, source in enumerate(task.sources)
    ]


def _is_synthetic(source: SourceFile, noted: set[Path]) -> bool:
    return source.path.parent in noted or has_note_inside(source)


def _blank_record(task: SessionTask, source: SourceFile, *, synthetic: bool) -> LineageRecord:
    feed, day = source.session
    return LineageRecord(
        import_id=task.import_id,
        source_file=source.name,
        source_sha256="",
        source_bytes=source.size_bytes,
        record_type=task.record_type,
        ticker=feed.ticker,
        package=feed.package,
        category=feed.category,
        session_date=day.isoformat(),
        status=FileStatus.FAILED,
        import_timestamp=datetime.now(UTC),
        synthetic=synthetic,
    )


def find_unchanged(task: SessionTask, readings: Sequence[Reading], *, on_bytes: OnBytes | None) -> None:
    """Mark the sources that need not be read, and those that cannot be.

    A file is hashed before it is read only where its size is that of one already known: for any other the digest
    falls out of reading it. One is unchanged when its bytes are those that the lake has read from this very path or,
    for a path that is new, from any other of the session.
    """
    if task.force:
        return
    known = _known(task)
    by_path = {source.source_file: source for source in known if not source.is_copy}
    sizes = known_sizes(task)
    hashes = {source.sha256 for source in by_path.values()}
    for reading in readings:
        if reading.source.size_bytes in sizes:
            mine = by_path.get(reading.record.source_file)
            _compare_hash(reading, {mine.sha256} if mine else hashes, task.digests, on_bytes)


def find_replaced(task: SessionTask, readings: Sequence[Reading]) -> frozenset[str]:
    """The known source files whose rows the wanted ones replace.

    Sources that rely on a replaced one become wanted: copies of it, and those that had records which it gave.
    """
    known = _known(task)
    by_path = {source.source_file: source for source in known if not source.is_copy}
    replaced: frozenset[str] = frozenset()
    while True:
        standing = {source.sha256 for source in by_path.values() if source.source_file not in replaced}
        for reading in readings:
            mine = by_path.get(reading.record.source_file)
            relies = bool(replaced) and mine is not None and mine.yielded > 0
            if reading.unchanged and (relies or reading.record.source_sha256 not in standing):
                reading.unchanged = False
        wanted = {reading.record.source_file for reading in readings if reading.wanted}
        found = wanted & by_path.keys() | _moved(known, readings)
        if found == replaced:
            return replaced
        replaced = frozenset(found)


def _known(task: SessionTask) -> tuple[KnownSource, ...]:
    """What the lake has read; nothing counts where the session itself was lost."""
    return task.known if task.published is not None else ()


def _moved(known: Iterable[KnownSource], readings: Sequence[Reading]) -> set[str]:
    """Known files that are no more where they were and whose copies have changed: as if they had changed themselves."""
    paths = {reading.record.source_file for reading in readings}
    copies = {source.source_file: source for source in known if source.is_copy}
    moved = set()
    for reading in readings:
        copy = copies.get(reading.record.source_file)
        if copy is None or not reading.wanted:
            continue
        moved |= {
            source.source_file
            for source in known
            if source.sha256 == copy.sha256 and source.source_file not in paths and _is_gone(source, reading.source)
        }
    return moved


def _is_gone(known: KnownSource, now: SourceFile) -> bool:
    there, here = find_source(known.source_file), find_source(now.name)
    if there is None or here is None:
        return True
    return there.size_bytes != known.size_bytes or there.identity == here.identity


def known_sizes(task: SessionTask) -> set[int]:
    """Sizes of the files that the lake has read; only a file of such a size can be one of them."""
    return {source.size_bytes for source in _known(task)} if not task.force else set()


def _compare_hash(reading: Reading, hashes: set[str], digests: Mapping[str, str], on_bytes: OnBytes | None) -> None:
    started = time.perf_counter()
    try:
        digest = digests.get(reading.record.source_file) or hash_file(reading.source, on_bytes=on_bytes)
    except SourceError as error:
        reading.lose(error)
        return
    if digest in hashes:
        reading.record.source_sha256 = digest
        reading.unchanged = True
        reading.record.duration_seconds = time.perf_counter() - started
