"""Reports: what an import did, as one document for people, `--output json` and HTTP alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, Field

from gexlake.models.lineage import LineageRecord
from gexlake.models.source import RefusedFile
from gexlake.models.task import KnownSource

DEFAULT_MAX_ERROR_RATE = 0.001


class ImportStatus(StrEnum):
    """How an import ended."""

    SUCCESS = "success"
    """Every file was imported whole, or was there already."""
    PARTIAL = "partial"
    """Good records were imported; some files are damaged, or records were refused."""
    FAILED = "failed"
    """Nothing could be imported, and something should have been."""
    INTERRUPTED = "interrupted"
    """It was stopped; what was committed stays, the other files are `pending`."""


class ResultStatus(StrEnum):
    """How one file fared: the states of its lineage record, and two that have none."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNSUPPORTED = "unsupported"
    """Not GEX history: another record type, or a foreign file."""
    PENDING = "pending"
    """Not reached, because the import was stopped."""


class FileResult(BaseModel):
    """One source file in an import."""

    source_file: str
    status: ResultStatus
    session: str | None = None
    record_type: str | None = None
    source_bytes: int = 0
    records_seen: int = 0
    records_imported: int = 0
    records_duplicate: int = 0
    records_quarantined: int = 0
    errors: dict[str, int] = Field(default_factory=dict)
    warnings: dict[str, int] = Field(default_factory=dict)
    message: str | None = None
    synthetic: bool = False
    records_corrected: int = 0
    records_kept: int = 0
    records_pruned: int = 0
    sessions: dict[str, int] = Field(default_factory=dict)
    """Snapshots that it gave to each session, by New York date."""
    damaged: bool = False
    """Something of the file as a whole is wrong: data may be missing."""
    carried_from: str | None = None
    """The import that gave this verdict: the file is unchanged since then, and was not read again."""
    carried_seen: int = 0
    carried_quarantined: int = 0
    bytes_read: int = 0
    """Its size, where it was read or hashed; 0 for an object whose ETag says that it is unchanged."""

    @classmethod
    def of_lineage(
        cls, record: LineageRecord, *, damaged: bool = False, carried: KnownSource | None = None, is_read: bool = True
    ) -> FileResult:
        """The result that a lineage record stands for; `carried` is the reading whose verdict it repeats."""
        return cls(
            source_file=record.source_file,
            status=ResultStatus(record.status.value),
            session=f"{record.ticker}/{record.package}/{record.category}/{record.session_date}",
            record_type=record.record_type,
            source_bytes=record.source_bytes,
            records_seen=record.records_seen,
            records_imported=record.records_imported,
            records_duplicate=record.records_duplicate,
            records_quarantined=record.records_quarantined,
            errors=record.errors,
            warnings=record.warnings,
            message=record.message,
            synthetic=record.synthetic,
            records_corrected=record.records_corrected,
            records_kept=record.records_kept,
            records_pruned=record.records_pruned,
            sessions=record.sessions,
            damaged=damaged,
            carried_from=record.carried_from,
            carried_seen=carried.records_seen if carried else 0,
            carried_quarantined=carried.records_quarantined if carried else 0,
            bytes_read=record.source_bytes if is_read else 0,
        )

    @classmethod
    def of_refused(cls, refused: RefusedFile, status: ResultStatus) -> FileResult:
        """The result of a file that the scanner did not take."""
        return cls(
            source_file=refused.name,
            status=status,
            source_bytes=refused.size_bytes,
            errors={refused.code: 1} if status is ResultStatus.FAILED else {},
            message=refused.reason,
        )


class ImportTotals(BaseModel):
    """Sums over all files; `files` by status. Always: seen = imported + duplicate + quarantined."""

    files: dict[str, int] = Field(default_factory=dict)
    source_bytes: int = 0
    bytes_read: int = 0
    """Of these, those that were read or hashed."""
    records_seen: int = 0
    records_imported: int = 0
    records_duplicate: int = 0
    records_quarantined: int = 0
    records_corrected: int = 0
    """Of the imported ones: they took the place of other values of the same key."""
    records_kept: int = 0
    """Snapshots that changed files no longer have; the lake keeps them."""
    records_pruned: int = 0
    """Snapshots that changed files no longer have, taken out with `prune`."""
    sessions: int = 0
    strike_rows: int = 0


class ImportReport(BaseModel):
    """What an import did, or with `dry_run` would do."""

    import_id: str
    status: ImportStatus
    dry_run: bool
    lake: str
    sources: list[str]
    synthetic: list[str] = Field(default_factory=list)
    """Folders of files that are marked as synthetic."""
    started_at: str
    duration_seconds: float
    records_imported: dict[str, int]
    totals: ImportTotals
    error_rate: float
    max_error_rate: float
    errors: dict[str, int]
    warnings: dict[str, int]
    files: list[FileResult]
    files_filtered: int = 0
    files_ignored: int = 0

    @property
    def acceptable(self) -> bool:
        """Whether no file failed or is damaged, nothing is left undone and the error rate is within its bound."""
        counts = self.totals.files
        undone = counts.get(ResultStatus.FAILED, 0) + counts.get(ResultStatus.PENDING, 0)
        damaged = any(file.damaged for file in self.files)
        return not undone and not damaged and self.error_rate <= self.max_error_rate


SUMMED = (
    "source_bytes",
    "bytes_read",
    "records_seen",
    "records_imported",
    "records_duplicate",
    "records_quarantined",
    "records_corrected",
    "records_kept",
    "records_pruned",
)


def total_of(results: Iterable[FileResult]) -> ImportTotals:
    """Sums over file results."""
    results = list(results)
    totals = ImportTotals(files=dict(Counter(result.status.value for result in results)))
    for name in SUMMED:
        setattr(totals, name, sum(getattr(result, name) for result in results))
    return totals


def overall_status(results: Iterable[FileResult], *, interrupted: bool) -> ImportStatus:
    """The status of an import from those of its files."""
    seen = {result.status for result in results}
    if interrupted or ResultStatus.PENDING in seen:
        return ImportStatus.INTERRUPTED
    bad = {ResultStatus.PARTIAL, ResultStatus.FAILED} & seen
    good = {ResultStatus.SUCCESS, ResultStatus.PARTIAL, ResultStatus.SKIPPED} & seen
    if not bad:
        return ImportStatus.SUCCESS
    return ImportStatus.PARTIAL if good else ImportStatus.FAILED
