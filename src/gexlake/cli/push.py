"""`gexlake push`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption
from gexlake.cli.terminal import Terminal
from gexlake.errors import GexlakeError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gexlake.models.location import Location
    from gexlake.models.mirror import PushReport


@command("push", example="gexlake push --lake data --mirror s3://bucket/lake")
def run_push(
    terminal: Terminal,
    *,
    mirror: Annotated[
        str, typer.Option("--mirror", metavar="PLACE", help="s3://bucket/folder, gs://, az://, or a folder.")
    ],
    follow: Annotated[bool, typer.Option("--follow", help="Go on as commits come, until Ctrl-C.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Publish where another owner has, from now on instead of it.")
    ] = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Carry what was committed over to a mirror, for replicas and against loss.

    `gexlake serve --replica` answers from it, `gexlake rebuild --from` brings the lake back. What was cut off is
    carried on by the next run; one owner at a time publishes there.
    """
    from gexlake.models.location import location_of
    from gexlake.services.publishing.push import push

    place = location_of(mirror)
    if follow:
        if take_over:
            raise UsageError("--take-over is done once.", hint="Run it without --follow first.")
        return _follow(terminal, lake, place)
    report = push(lake, place, take_over=take_over)
    if terminal.wants_json:
        terminal.json(report.model_dump(mode="json"))
    else:
        terminal.line(_said(report), style="bold")
    return 0


def _follow(terminal: Terminal, lake: Path, place: Location) -> int:
    from threading import Event

    from gexlake.services.publishing.push import iter_pushed

    terminal.talk(f"Publishing {lake} to {place} as commits come. Ctrl-C ends it.")
    problem = ""
    try:
        for report in iter_pushed(lake, place, Event()):
            if isinstance(report, GexlakeError):
                if problem != str(report):
                    terminal.complain(report.message, report.hint)
                problem = str(report)
                continue
            problem = ""
            if terminal.wants_json and report.changed:
                terminal.json_line(report.model_dump(mode="json"))
            elif report.changed:
                terminal.line(_said(report))
    except KeyboardInterrupt:
        terminal.talk("Ended.")
    return 0


def _said(report: PushReport) -> str:
    if not report.changed:
        return f"Nothing new: {report.mirror} holds publication {report.publication}, commit {report.commit}"
    notes = f"notes of {values.plural(report.notes, 'date')}, " if report.notes else ""
    what = (
        f"{values.plural(report.sessions, 'change')} of sessions, {values.plural(report.imports, 'import')}, "
        f"{notes}{values.size(report.bytes)}"
    )
    return f"Published to {report.mirror}: {what}; publication {report.publication}, commit {report.commit}"
