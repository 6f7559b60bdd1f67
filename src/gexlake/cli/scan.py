"""`gexlake scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import Categories, Packages, Since, Sources, Tickers, Until, words
from gexlake.cli.terminal import Terminal
from gexlake.models.location import location_of

if TYPE_CHECKING:
    from gexlake.models.source import RefusedFile, SourceFile
    from gexlake.scanner import ScanResult


@command("scan", example="gexlake scan outputs/gex_bridge/history --ticker NQ_NDX")
def show_scan(
    terminal: Terminal,
    sources: Sources,
    *,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    since: Since = None,
    until: Until = None,
) -> int:
    """Show what each file is, by its name and its first bytes, and which cannot be imported and why.

    Nothing is written. The exit status is 1 when nothing can be imported.
    """
    from gexlake.scanner import scan

    locations = list(map(location_of, sources))
    result = scan(
        locations,
        tickers=words(tickers),
        packages=words(packages),
        categories=words(categories),
        since=since,
        until=until,
    )
    if not (result.files or result.refused or result.filtered):
        from gexlake.services.importing.import_history import nothing_found

        raise nothing_found(locations, result)
    if terminal.wants_json:
        terminal.json(_document(result))
    else:
        _show(terminal, result)
    return int(not result.files)


def _show(terminal: Terminal, result: ScanResult) -> None:
    from gexlake.scanner.unfinished import UNFINISHED

    if result.files:
        terminal.table(
            ["feed", "date", "size", "compression", "form", "file"],
            map(_file_row, result.files),
            right=["size"],
            folds=["file"],
            least=["compression", "form", "size"],
        )
        terminal.line()
    if result.refused:
        terminal.table(
            ["refused", "file", "why"], ((r.code, r.shown, r.reason) for r in result.refused), folds=["file", "why"]
        )
        terminal.line()
    total_bytes = sum(file.size_bytes for file in result.files)
    sessions = len({file.session for file in result.files})
    unfinished = sum(refused.code == UNFINISHED.code for refused in result.refused)
    of_these = f" ({values.plural(unfinished, 'unfinished download')})" if unfinished else ""
    terminal.line(
        f"{values.plural(len(result.files), 'file')} of {values.plural(sessions, 'session')}, "
        f"{values.size(total_bytes)}; {result.filtered:,} filtered out, {len(result.refused):,} refused{of_these}, "
        f"{result.ignored:,} ignored.",
        style="bold",
    )


def _file_row(file: SourceFile) -> list[object]:
    feed, day = file.session
    return [feed, day, values.size(file.size_bytes), file.compression.value, file.form.value, file.shown]


def _document(result: ScanResult) -> dict[str, object]:
    return {
        "files": [_file_document(file) for file in result.files],
        "refused": [_refused_document(refused) for refused in result.refused],
        "files_filtered": result.filtered,
        "files_ignored": result.ignored,
    }


def _file_document(file: SourceFile) -> dict[str, object]:
    feed, day = file.session
    return {
        "source_file": file.name,
        "record_type": file.record_type,
        **feed._asdict(),
        "session_date": day,
        "source_bytes": file.size_bytes,
        "compression": file.compression,
        "form": file.form,
    }


def _refused_document(refused: RefusedFile) -> dict[str, object]:
    return {
        "source_file": refused.name,
        "source_bytes": refused.size_bytes,
        "code": refused.code,
        "message": refused.reason,
    }
