"""`gexlake forget` and `gexlake restore`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, DryRun, LakeOption
from gexlake.cli.terminal import Terminal
from gexlake.errors import UsageError
from gexlake.models.location import location_of

if TYPE_CHECKING:
    from gexlake.models.revision import RevisionReport

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


@command("forget", example="gexlake forget archive/2025-11-14_NQ_NDX_classic_gex_zero.json --lake data")
def run_forget(
    terminal: Terminal,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A source file, or a folder of them, as lineage has it.")
    ],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Take out of the lake what a source file gave: it is not to count any more.

    Says first what would go, and asks. The file itself is not touched, and need not be there. Records that other files
    hold as well come back with the next import of those; `gexlake restore` undoes it.
    """
    from gexlake.services.upkeep.revise import forget_source

    location = location_of(source)
    report = forget_source(lake, location, dry_run=True)
    if not dry_run:
        if not yes:
            _show(terminal, report)
        confirm(f"Take {values.plural(report.removed, 'snapshot')} out of {lake}?", yes=yes)
        report = forget_source(lake, location)
    _show(terminal, report)
    return 0


@command("restore", example="gexlake restore --import 20251114T213000-0a1b2c3d --lake data")
def run_restore(
    terminal: Terminal,
    *,
    import_id: Annotated[
        str,
        typer.Option("--import", metavar="ID", help="The import that took something: its id, or the beginning of it."),
    ],
    dry_run: DryRun = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Bring back what an import pruned, corrected or forgot.

    What it took is there for as long as the versions before it are kept (`gexlake import --keep-versions`). What has
    come into the lake since stays.
    """
    from gexlake.services.upkeep.revise import restore_import

    _show(terminal, restore_import(lake, import_id, dry_run=dry_run))
    return 0


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal, unless the answer was given. Raises `UsageError` where nobody can answer, or says no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to be asked.", hint="Look with --dry-run, then say --yes.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was changed.")


def _show(terminal: Terminal, report: RevisionReport) -> None:
    if terminal.wants_json:
        terminal.json({"removed": report.removed, "restored": report.restored, **report.model_dump(mode="json")})
        return
    what = "Dry run, nothing written" if report.dry_run else f"Import {report.import_id}"
    out, back = values.plural(report.removed, "snapshot"), values.plural(report.restored, "snapshot")
    terminal.line(f"{what}: {out} taken out, {back} brought back", style="bold")
    if report.sessions:
        terminal.table(
            ["session", "before", "after", "taken out", "brought back"],
            (
                (
                    f"{session.ticker}/{session.package}/{session.category}/{session.session_date}",
                    values.count(session.snapshots_before),
                    values.count(session.snapshots_after),
                    values.count(session.removed),
                    values.count(session.restored),
                )
                for session in report.sessions
            ),
            right=["before", "after", "taken out", "brought back"],
        )
