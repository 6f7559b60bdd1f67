"""`gexlake gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, DryRun, LakeOption
from gexlake.cli.terminal import Terminal
from gexlake.db.readers import LEAST_GRACE, MOST_GRACE

if TYPE_CHECKING:
    from gexlake.models.gc_report import GcReport

MAX_ROWS = 40
"""Versions in a table, unless --verbose asks for all."""
WHY = {
    "replaced": "another version took its place",
    "removed": "the session left the lake",
    "stray": "no commit has it",
}
STAYING = {
    "restore": "kept for `gexlake restore`",
    "followed": "kept for readers of published tables",
    "read": "being read, or replaced while an import runs",
    "grace": "within the grace",
}


@command("gc", example="gexlake gc --dry-run --lake data")
def run_gc(
    terminal: Terminal,
    *,
    grace_seconds: Annotated[
        int | None,
        typer.Option(
            "--grace-seconds",
            metavar="SECONDS",
            min=int(LEAST_GRACE.total_seconds()),
            max=int(MOST_GRACE.total_seconds()),
            envvar="GEXLAKE_GC_GRACE_SECONDS",
            help="Leave what was replaced since.  [default: 86400, or what the service that holds the lake was told]",
        ),
    ] = None,
    dry_run: DryRun = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Remove Parquet files of versions that nobody can ask for any more.

    Each import does so at its end, by the commit log alone; this command looks through all of `versions/` as well, for
    files of commits that never were. What is live, kept for `gexlake restore`, needed by an import that runs or named
    by a published table stays, and so does what was replaced a short while ago: a reader may be about to open it.
    """
    from gexlake.services.upkeep.collect_garbage import collect_garbage

    report = collect_garbage(lake, grace_seconds=grace_seconds, dry_run=dry_run)
    if terminal.wants_json:
        terminal.json({"files": report.files, "bytes": report.bytes, **report.model_dump(mode="json")})
    else:
        _show(terminal, report)
    return 0


def _show(terminal: Terminal, report: GcReport) -> None:
    what = "Dry run, nothing removed" if report.dry_run else "Removed"
    count = f"{values.plural(report.files, 'file')}, {values.size(report.bytes)}"
    terminal.line(f"{what}: {count} of {values.plural(len(report.collected), 'version')}", style="bold")
    shown = report.collected if terminal.verbose else report.collected[:MAX_ROWS]
    if shown:
        terminal.table(
            ["record type", "session", "version", "bytes", "since", "why"],
            (
                (
                    one.record_type,
                    one.session,
                    one.version,
                    values.size(one.bytes),
                    values.instant(one.since),
                    WHY[one.why],
                )
                for one in shown
            ),
            right=["bytes"],
        )
    if len(shown) < len(report.collected):
        terminal.talk(f"{values.plural(len(report.collected) - len(shown), 'more row')}: all with --verbose.")
    for stay, number in sorted(report.staying.items()):
        terminal.line(f"{values.plural(number, 'version')} {'stays' if number == 1 else 'stay'}: {STAYING[stay]}")
