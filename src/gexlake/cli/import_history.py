"""`gexlake import`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import (
    DEFAULT_LAKE,
    Categories,
    Cluster,
    LakeOption,
    NaiveZone,
    Packages,
    Since,
    SnapshotsInDatabase,
    Sources,
    Tickers,
    Until,
    Workers,
    words,
)
from gexlake.cli.revise import confirm
from gexlake.cli.terminal import Terminal
from gexlake.models.location import location_of

if TYPE_CHECKING:
    from gexlake.models.import_order import ImportOptions
    from gexlake.models.location import Location

DEFAULT_MAX_ERROR_RATE = 0.001

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would happen and everything that is wrong; write nothing.")
]
Force = Annotated[bool, typer.Option("--force", help="Import unchanged files again.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Read and hash objects in buckets even where their ETag is unchanged.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Take out what changed files no longer have; says first what that is, and asks.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --prune: do it without asking.")]
KeepVersions = Annotated[
    int,
    typer.Option(
        "--keep-versions", metavar="N", min=0, help="How many versions before to keep of sessions that change."
    ),
]
MaxErrorRate = Annotated[
    float,
    typer.Option(
        "--max-error-rate", metavar="SHARE", min=0, max=1, help="Exit with status 1 if more records are refused."
    ),
]


@command("import", example="gexlake import outputs/gex_bridge/history --lake data")
def run_import(
    terminal: Terminal,
    sources: Sources,
    *,
    dry_run: DryRun = False,
    force: Force = False,
    verify: Verify = False,
    prune: Prune = False,
    yes: Yes = False,
    keep_versions: KeepVersions = 1,
    snapshots_in_database: SnapshotsInDatabase = None,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    since: Since = None,
    until: Until = None,
    naive_zone: NaiveZone = None,
    workers: Workers = None,
    cluster: Cluster = None,
    max_error_rate: MaxErrorRate = DEFAULT_MAX_ERROR_RATE,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Import GEX history into the lake; files that are in it unchanged are skipped.

    What is good is imported, whatever else is wrong. What was imported stays: a file that has changed adds and
    corrects, and what it no longer has goes only with --prune; `gexlake restore` brings it back. The exit status is 1
    when a file failed or is damaged, now or when it was last read, when work is left undone after Ctrl-C, or when the
    error rate is above its bound. The same command again takes up what is left.
    """
    from gexlake.services.processes.pool import start_server_early

    locations = list(map(location_of, sources))
    if cluster is None:
        start_server_early(locations, lake)
    from gexlake.models.import_order import ImportOptions

    options = ImportOptions(
        tickers=words(tickers),
        packages=words(packages),
        categories=words(categories),
        since=since,
        until=until,
        dry_run=dry_run,
        force=force,
        verify=verify,
        workers=workers,
        cluster=cluster,
        max_error_rate=max_error_rate,
        naive_zone=naive_zone,
        prune=prune,
        keep_versions=keep_versions,
        snapshots_in_database=snapshots_in_database,
    )
    if prune and not dry_run and not yes:
        _ask_to_prune(terminal, locations, lake, options)
    return _import(terminal, locations, lake, options)


def _import(terminal: Terminal, sources: list[Location], lake: Path, options: ImportOptions) -> int:
    """Import, and show the report; the exit status."""
    from gexlake.cli.import_report import show_report
    from gexlake.cli.progress import import_progress
    from gexlake.services.importing.import_history import import_history

    with import_progress(terminal) as on_progress:
        report = import_history(sources, lake, options, on_progress=on_progress)
    if terminal.wants_json:
        terminal.json(report.model_dump(mode="json"))
    else:
        show_report(terminal, report)
    return int(not report.acceptable)


def _ask_to_prune(terminal: Terminal, sources: list[Location], lake: Path, options: ImportOptions) -> None:
    """Show what would be taken out of the lake, and ask; where that is nothing there is nothing to ask."""
    from gexlake.cli.import_report import show_pruned
    from gexlake.cli.progress import import_progress
    from gexlake.services.importing.import_history import import_history

    with import_progress(terminal) as on_progress:
        preview = import_history(sources, lake, replace(options, dry_run=True), on_progress=on_progress)
    if preview.totals.records_pruned:
        show_pruned(terminal, preview)
        confirm(f"Take {values.plural(preview.totals.records_pruned, 'snapshot')} out of {lake}?", yes=False)
