"""The report of an import as people read it: sums, what is wrong and why, what to do next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from gexlake.cli import values
from gexlake.cli.progress import codes_text
from gexlake.cli.terminal import STATUS_STYLES, Terminal
from gexlake.models.report import FileResult, ImportReport, ImportStatus, ResultStatus
from gexlake.services.asking.codes import explain

MAX_ROWS = 20
"""Files in the table, unless --verbose asks for all."""

GOOD = (ResultStatus.SUCCESS, ResultStatus.SKIPPED)
URGENCY = (ResultStatus.FAILED, ResultStatus.PARTIAL, ResultStatus.PENDING, ResultStatus.UNSUPPORTED, *GOOD)
"""States of a file, those first that ask for something to be done."""


def show_report(terminal: Terminal, report: ImportReport) -> None:
    """Write the report as tables."""
    terminal.line(_title(report), style=f"bold {STATUS_STYLES[report.status]}")
    terminal.facts(_iter_facts(report))
    _show_files(terminal, report)
    _show_codes(terminal, "error", report.errors)
    _show_codes(terminal, "warning", report.warnings)
    terminal.line()
    for step in _iter_next_steps(report):
        terminal.line(step, whole="  gexlake " in step)


def _title(report: ImportReport) -> str:
    what = "Dry run, nothing written" if report.dry_run else f"Import {report.import_id}"
    return f"{what}: {report.status.value} in {values.seconds(report.duration_seconds)}"


def _iter_facts(report: ImportReport) -> Iterator[tuple[str, str]]:
    totals = report.totals
    yield "lake", report.lake
    if report.synthetic:
        yield "synthetic", f"not real history: {', '.join(report.synthetic)}"
    yield "files", _files_fact(report)
    yield "size", _size_fact(report)
    yield (
        "records",
        f"{totals.records_seen:,} seen = {totals.records_imported:,} imported + {totals.records_duplicate:,} duplicate "
        f"+ {totals.records_quarantined:,} quarantined",
    )
    if changes := list(_iter_changes(report)):
        yield "changed", ", ".join(changes)
    written = "would be written" if report.dry_run else "written"
    yield (
        "stored",
        f"{values.plural(totals.sessions, 'session')} {written}, {values.plural(totals.strike_rows, 'strike row')}",
    )
    bound = values.rate_of_errors(report.max_error_rate)
    yield "error rate", f"{values.rate_of_errors(report.error_rate)} of the records, at most {bound} is accepted"


def _iter_changes(report: ImportReport) -> Iterator[str]:
    """What became of snapshots that the lake held before."""
    totals = report.totals
    would = "would be " if report.dry_run else ""
    if totals.records_corrected:
        yield f"{totals.records_corrected:,} {would}corrected"
    if totals.records_kept:
        yield f"{totals.records_kept:,} {would}kept that their files no longer have"
    if totals.records_pruned:
        yield f"{totals.records_pruned:,} {would}pruned"


def show_pruned(terminal: Terminal, report: ImportReport) -> None:
    """What `--prune` is about to take out, by file."""
    pruned = [file for file in report.files if file.records_pruned]
    base = _common_folder(report.sources)
    terminal.table(
        ["file", "sessions", "would be pruned"],
        (
            (_shown_path(file, base), ", ".join(sorted(file.sessions)), values.count(file.records_pruned))
            for file in pruned
        ),
        right=["would be pruned"],
    )


def _size_fact(report: ImportReport) -> str:
    read_bytes = report.totals.bytes_read
    speed = read_bytes / report.duration_seconds if report.duration_seconds else 0.0
    return f"{values.size(read_bytes)} read, {values.size(speed)}/s"


def _files_fact(report: ImportReport) -> str:
    counts = [(status.value, report.totals.files.get(status, 0)) for status in ResultStatus]
    counts += [("filtered out", report.files_filtered), ("ignored", report.files_ignored)]
    return ", ".join(f"{number:,} {word}" for word, number in counts if number) or "none"


def _show_files(terminal: Terminal, report: ImportReport) -> None:
    results = sorted(_noteworthy(terminal, report), key=lambda result: URGENCY.index(result.status))
    shown = results if terminal.verbose else results[:MAX_ROWS]
    if not shown:
        return
    base = _common_folder(report.sources)
    terminal.line()
    terminal.table(
        ["status", "file", "imported", "duplicate", "quarantined", "why"],
        (_file_row(result, base) for result in shown),
        right=["imported", "duplicate", "quarantined"],
        folds=["file", "why"],
        least=["duplicate", "imported"],
    )
    if len(shown) < len(results):
        terminal.line(f"{values.plural(len(results) - len(shown), 'more file')}: all with --verbose.")


def _noteworthy(terminal: Terminal, report: ImportReport) -> list[FileResult]:
    """Files to be named: those with something to say, or all."""
    return report.files if terminal.verbose else [file for file in report.files if _is_noteworthy(file)]


def _is_noteworthy(file: FileResult) -> bool:
    return file.status not in GOOD or bool(file.message)


def _file_row(result: FileResult, base: str) -> list[str]:
    counts = (result.records_imported, result.records_duplicate, result.records_quarantined)
    has_records = result.status not in (ResultStatus.UNSUPPORTED, ResultStatus.PENDING)
    return [
        result.status.value,
        _shown_path(result, base),
        *(values.count(number if has_records else None) for number in counts),
        result.message or codes_text(result.errors),
    ]


def _shown_path(result: FileResult, base: str) -> str:
    return os.path.relpath(result.source_file, base) if base else result.source_file


def _common_folder(sources: list[str]) -> str:
    """The folder that paths are shown from, "" where the sources have none in common."""
    folders = [source if Path(source).is_dir() else str(Path(source).parent) for source in sources]
    return folders[0] if len(set(folders)) == 1 else ""


def _show_codes(terminal: Terminal, title: str, counts: dict[str, int]) -> None:
    if counts:
        terminal.line()
        rows = sorted(counts.items(), key=lambda item: -item[1])
        terminal.table(
            [title, "times", "meaning"],
            ((code, values.count(n), explain(code)) for code, n in rows),
            right=["times"],
            folds=["meaning"],
        )


def _iter_next_steps(report: ImportReport) -> Iterator[str]:
    lake = "" if report.lake == "data" else f" --lake {shlex.quote(report.lake)}"
    files = report.totals.files
    if report.error_rate > report.max_error_rate:
        yield "The error rate is above its bound: the exit status is 1, though what is good is imported."
    if report.totals.records_quarantined and not report.dry_run:
        yield f"Refused records, each with its text:  gexlake quarantine --import {report.import_id}{lake}"
    if files.get(ResultStatus.FAILED):
        yield (
            "Failed files can be downloaded again while the vendor keeps them, for 90 days; then run the same command."
        )
    if report.totals.records_kept and not report.dry_run:
        yield "Snapshots that their files no longer have stay in the lake; --prune takes them out."
    if report.totals.records_corrected + report.totals.records_pruned and not report.dry_run:
        yield f"What was corrected or pruned can be brought back:  gexlake restore --import {report.import_id}{lake}"
    if pending := files.get(ResultStatus.PENDING, 0):
        yield f"{values.plural(pending, 'file')} not reached: run the same command again to import what is left."
    if not report.files and report.files_filtered:
        yield "The filters leave out every file."
    if report.dry_run:
        if report.totals.records_imported:
            yield "Import it with the same command without --dry-run."
    elif report.status is not ImportStatus.FAILED:
        yield f"What the lake holds now:  gexlake status{lake}"
