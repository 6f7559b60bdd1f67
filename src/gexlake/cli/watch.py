"""`gexlake watch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, NaiveZone, Workers
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from gexlake.models.report import ImportReport

Directories = Annotated[
    list[Path], typer.Argument(metavar="DIR", help="Directories with history, watched with all that is below them.")
]


@command("watch", example="gexlake watch outputs/gex_bridge/history --lake data")
def watch(
    terminal: Terminal,
    directories: Directories,
    *,
    naive_zone: NaiveZone = None,
    workers: Workers = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Import new and changed files as they appear, until Ctrl-C.

    What has arrived while nothing watched is imported first. A file is taken when nothing has been written to it for
    a moment, or it was renamed into place. One that fails is reported once, and tried again when it changes.
    """
    from gexlake.errors import SourceError
    from gexlake.models.import_order import ImportOptions
    from gexlake.services.importing.import_history import import_history
    from gexlake.services.importing.watch import iter_settled

    terminal.talk(f"Watching {', '.join(map(str, directories))} for the lake {lake}. Ctrl-C ends it.")
    try:
        for sources in iter_settled(directories, exclude=lake):
            try:
                report = import_history(sources, lake, ImportOptions(workers=workers, naive_zone=naive_zone))
            except SourceError as error:  # nothing of it is history, or it is gone again
                terminal.talk(str(error))
                continue
            _show(terminal, report)
            if report.status == "interrupted":
                break
    except KeyboardInterrupt:
        pass
    terminal.talk("Ended.")
    return 0


def _show(terminal: Terminal, report: ImportReport) -> None:
    if terminal.wants_json:
        terminal.json_line(report.model_dump(mode="json"))
        return
    totals = report.totals
    for result in report.files:
        if result.status == "skipped":
            continue
        codes = ", ".join(f"{code} {count}" for code, count in {**result.errors, **result.warnings}.items())
        found = f"{result.records_imported:,} of {values.plural(result.records_seen, 'record')}"
        terminal.line(f"{result.status.value}: {result.source_file}: {found}{f' ({codes})' if codes else ''}")
    terminal.talk(
        f"Import {report.import_id}: {report.status.value}, {totals.records_imported:,} records in "
        f"{values.seconds(report.duration_seconds)}."
    )
