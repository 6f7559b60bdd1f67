"""What an import keeps of itself while it runs, and its report in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gexlake.models.import_order import ImportOptions, Progress
from gexlake.models.lineage import LineageRecord
from gexlake.models.location import Location, location_text
from gexlake.models.report import (
    FileResult,
    ImportReport,
    ImportStatus,
    ResultStatus,
    overall_status,
    total_of,
)
from gexlake.models.source import RefusedFile
from gexlake.models.staged import StagedSession
from gexlake.models.task import KnownSource
from gexlake.scanner import ScanResult
from gexlake.scanner.refusals import FAILED_CODES
from gexlake.scanner.synthetic import synthetic_folders
from gexlake.services.importing.resume import SourcePlan
from gexlake.validation.rules import Rule, Severity

DAMAGE_CODES = frozenset(
    {"unreadable", Rule.TRUNCATED.value, *(rule.value for rule in Rule if rule.severity is Severity.FILE)}
)
"""Errors that say of a file that data may be missing."""


@dataclass
class ImportRecord:
    """The results of files as they come, the progress, and the lineage of files that need not be read."""

    import_id: str
    lake: Path
    sources: Sequence[Location]
    options: ImportOptions
    started: datetime
    clock: float = field(default_factory=time.perf_counter)
    progress: Progress = field(default_factory=Progress)
    results: list[FileResult] = field(default_factory=list)
    settled_lineage: list[LineageRecord] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    strike_rows: int = 0
    interrupted: bool = False

    def begin(self, found: ScanResult) -> None:
        """The scan is done: the totals stand."""
        self.results += [_refused_result(refused) for refused in found.refused]
        self.progress.files_total = len(found.files)
        self.progress.bytes_total = sum(source.size_bytes for source in found.files)

    def settle(self, plans: Iterable[SourcePlan]) -> None:
        """Sources that need not be read: their lineage is written at the end."""
        for plan in plans:
            assert plan.record is not None
            self.settled_lineage.append(plan.record)
            self._add_file(_result_of(plan.record, carried=plan.reading, is_read=plan.hashed))

    def add(self, staged: Sequence[StagedSession]) -> None:
        """A task is done: its sessions are committed, or would be."""
        for record in staged[-1].lineage:
            self._add_file(_result_of(record))
        for session in staged:
            self.progress.current = str(session.session)
            if session.summary is not None:
                self.sessions.add(str(session.session))
                self.strike_rows += session.summary.rows

    def _add_file(self, result: FileResult) -> None:
        self.results.append(result)
        if result.status in (ResultStatus.PARTIAL, ResultStatus.FAILED):
            self.progress.damaged.append(result)
        self.progress.files_done += 1
        self.progress.records_imported += result.records_imported
        self.progress.records_quarantined += result.records_quarantined

    def close(self, found: ScanResult) -> None:
        """Name the files that were not reached, and put all in the order of the scan, however they were done."""
        reached = {result.source_file for result in self.results}
        self.results += [
            FileResult(source_file=s.name, status=ResultStatus.PENDING, source_bytes=s.size_bytes)
            for s in found.files
            if s.name not in reached
        ]
        order = {source.name: number for number, source in enumerate(found.files)}
        self.results.sort(key=lambda result: order.get(result.source_file, -1))  # what was refused stands first

    @property
    def status(self) -> ImportStatus:
        """As it stands."""
        return overall_status(self.results, interrupted=self.interrupted)

    def report(self, found: ScanResult) -> ImportReport:
        """All of it as one document."""
        totals = total_of(self.results)
        totals.sessions, totals.strike_rows = len(self.sessions), self.strike_rows
        errors, warnings, by_type = Counter[str](), Counter[str](), Counter[str]()
        for result in self.results:
            if result.record_type:
                by_type[result.record_type] += result.records_imported
            errors.update(result.errors)
            warnings.update(result.warnings)
        return ImportReport(
            import_id=self.import_id,
            status=self.status,
            dry_run=self.options.dry_run,
            lake=str(self.lake),
            sources=list(map(location_text, self.sources)),
            synthetic=synthetic_folders(result.source_file for result in self.results if result.synthetic),
            started_at=self.started.isoformat(),
            duration_seconds=round(time.perf_counter() - self.clock, 3),
            records_imported=dict(sorted(by_type.items())),
            totals=totals,
            error_rate=self._error_rate(),
            max_error_rate=self.options.max_error_rate,
            errors=dict(errors),
            warnings=dict(warnings),
            files=self.results,
            files_filtered=found.filtered,
            files_ignored=found.ignored,
        )

    def _error_rate(self) -> float:
        """Of the records that were read, or of those in unchanged files too: the worse, so that no verdict is diluted
        by what was good before, nor forgotten.
        """
        seen = sum(result.records_seen for result in self.results)
        refused = sum(result.records_quarantined for result in self.results)
        all_seen = seen + sum(result.carried_seen for result in self.results)
        all_refused = refused + sum(result.carried_quarantined for result in self.results)
        return max(refused / (seen or 1), all_refused / (all_seen or 1))


def failed_codes(found: ScanResult) -> set[str]:
    """The refusals of a scan that mean that data went missing."""
    return {refused.code for refused in found.refused} & FAILED_CODES


def _result_of(record: LineageRecord, *, carried: KnownSource | None = None, is_read: bool = True) -> FileResult:
    damaged = any(code in DAMAGE_CODES for code in record.errors)
    return FileResult.of_lineage(record, damaged=damaged, carried=carried, is_read=is_read)


def _refused_result(refused: RefusedFile) -> FileResult:
    failed = refused.code in FAILED_CODES
    return FileResult.of_refused(refused, ResultStatus.FAILED if failed else ResultStatus.UNSUPPORTED)
