"""The sources of a task while they are read, each with the lineage record that is being filled."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gexlake.errors import SourceError
from gexlake.importers.base import SourceTally
from gexlake.importers.stream import AlteredSourceError
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.source import SourceFile
from gexlake.models.task import FeedTask
from gexlake.scanner.synthetic import SyntheticNotes
from gexlake.validation.rules import NO_DAMAGE, Rule

OnBytes = Callable[[int], None]


@dataclass(slots=True)
class Reading:
    """One source while it is staged; `lost` when it turned out that it gives nothing."""

    number: int
    source: SourceFile
    record: LineageRecord
    tally: SourceTally = field(default_factory=SourceTally)
    lost: bool = False
    read: bool = False
    conflicts_with: list[str] = field(default_factory=list)
    """The sources whose records stand in the place of some of its own."""

    def lose(self, error: SourceError) -> None:
        """It cannot be read, or not be trusted: nothing of it is imported, and what it gave earlier stays."""
        self.lost, self.read, self.tally = True, False, SourceTally()
        self.record.status = FileStatus.FAILED
        self.record.source_etag = None
        self.record.source_sha256 = ""  # else the same bytes would be taken for ones that were judged
        self.record.source_bytes = self.source.size_bytes
        code = Rule.COMPRESSION_DAMAGED.value if isinstance(error, AlteredSourceError) else "unreadable"
        self.record.errors = {code: 1}
        self.record.message = error.message

    @property
    def is_whole(self) -> bool:
        """Whether the file was read to a sound end, every record of it, so that what it lacks it does not have."""
        damage = any(rule not in NO_DAMAGE for rule, _ in self.tally.findings)
        return self.read and self.tally.seen > 0 and not damage and not self.tally.quarantined

    def settle(self, task: FeedTask) -> None:
        """Fill the lineage record from the tally. Raises `AssertionError` when the records do not add up."""
        record, tally = self.record, self.tally
        planned_day = task.session.session_date.isoformat()
        earlier = [day.isoformat() for day in task.earlier_days_of(self.source)]
        record.records_seen = tally.seen
        record.records_duplicate = tally.duplicate
        record.records_quarantined = tally.quarantined
        record.records_imported = tally.imported
        record.records_corrected, record.records_kept = tally.corrected, tally.kept
        record.records_pruned = tally.pruned
        record.sessions = {day: tally.given.get(day, 0) for day in sorted({*tally.days, *earlier, planned_day})}
        record.container = tally.container
        self._settle_findings(planned_day)
        if not record.balanced or sum(record.sessions.values()) != record.records_imported:
            raise AssertionError(f"{record.source_file}: records do not add up: {record}")

    def _settle_findings(self, planned_day: str) -> None:
        record, tally = self.record, self.tally
        if not self.source.claims_date:
            tally.warnings.pop(Rule.DATE_MISMATCH, None)
        findings = list(tally.findings)
        if tally.warnings[Rule.DATE_MISMATCH]:
            findings.append((Rule.DATE_MISMATCH, _days_text(tally, planned_day)))
        if tally.kept:
            findings.append((Rule.RECORDS_KEPT, _kept_text(tally.kept)))
        if self.conflicts_with:
            findings.append((Rule.KEY_CONFLICT, _conflict_text(tally.refused[Rule.KEY_CONFLICT], self.conflicts_with)))
        record.warnings = {rule.value: count for rule, count in sorted(tally.warnings.items()) if count}
        record.errors = {rule.value: count for rule, count in sorted(tally.refused.items())}
        is_emptied = tally.kept > 0 and tally.seen == 0
        damage = {rule for rule, _ in tally.findings if rule not in NO_DAMAGE or is_emptied}
        for rule in damage:
            record.errors.setdefault(rule.value, 1)
        for rule, _ in tally.findings:
            if rule not in damage:
                record.warnings.setdefault(rule.value, 1)
        if tally.kept:
            record.warnings[Rule.RECORDS_KEPT.value] = tally.kept
        record.message = "; ".join(message for _, message in findings) or None
        if damage or tally.quarantined:
            record.status = FileStatus.PARTIAL if tally.imported + tally.duplicate else FileStatus.FAILED
        else:
            record.status = FileStatus.SUCCESS


def readings_of(task: FeedTask) -> list[Reading]:
    """The sources of a task, with lineage records in which nothing is said yet."""
    notes = SyntheticNotes()
    return [
        Reading(number, source, blank_record(task.import_id, source, synthetic=notes.cover(source)))
        for number, source in enumerate(task.sources)
    ]


def blank_record(import_id: str, source: SourceFile, *, synthetic: bool) -> LineageRecord:
    """A lineage record in which nothing is said of the source yet."""
    feed, day = source.session
    return LineageRecord(
        import_id=import_id,
        source_file=source.name,
        source_sha256="",
        source_bytes=source.size_bytes,
        record_type=source.record_type,
        ticker=feed.ticker,
        package=feed.package,
        category=feed.category,
        session_date=day.isoformat(),
        status=FileStatus.FAILED,
        import_timestamp=datetime.now(UTC),
        synthetic=synthetic,
        source_etag=source.etag,
    )


def _days_text(tally: SourceTally, planned_day: str) -> str:
    days = ", ".join(f"{day} ({count:,})" for day, count in sorted(tally.days.items()))
    return f"its name says {planned_day}, its records are of {days}: each is stored under its own date"


def _conflict_text(count: int, others: list[str]) -> str:
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return (
        f"{count:,} of its records differ from those that {others[0]}{more} gave: those stay. If they are the wrong "
        f"ones: gexlake forget {shlex.quote(others[0])}"
    )


def _kept_text(count: int) -> str:
    words = "1 snapshot" if count == 1 else f"{count:,} snapshots"
    return f"it no longer holds {words} that it gave before: they stay, unless --prune takes them out"
