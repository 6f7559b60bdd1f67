"""`gexlake verify` and `gexlake rebuild`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import (
    DEFAULT_LAKE,
    Categories,
    LakeOption,
    Packages,
    Since,
    SnapshotsInDatabase,
    Tickers,
    Until,
    Workers,
    words,
)
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gexlake.models.verify_report import Finding, RebuildReport, VerifyReport

MAX_ROWS = 40
"""Findings in a table, unless --verbose asks for all."""


@command("verify", example="gexlake verify --ticker NQ_NDX --since 2025-11-01")
def run_verify(
    terminal: Terminal,
    *,
    read_sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="Read sources again that are still there.")
    ] = True,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    since: Since = None,
    until: Until = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make good what can be: damaged sessions from their unchanged sources.")
    ] = False,
    workers: Workers = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Hold sources, database and Parquet files against each other, and name each difference.

    Nothing is written without --repair. The exit status is 1 when there is a difference, or one is left.
    """
    from gexlake.cli.progress import session_progress
    from gexlake.services.upkeep.verify import verify_lake

    verify = partial(
        verify_lake,
        lake,
        read_sources=read_sources,
        tickers=words(tickers),
        packages=words(packages),
        categories=words(categories),
        since=since,
        until=until,
        workers=workers,
    )
    with session_progress(terminal) as on_progress:
        report = verify(on_progress=on_progress)
    if repair:
        from gexlake.services.upkeep.repair import repair_lake

        repairs = repair_lake(lake, report)
        if repairs:
            report = verify()
            report.repairs = repairs
    if terminal.wants_json:
        terminal.json({"clean": report.clean, **report.model_dump()})
    else:
        _show_verify(terminal, report)
    return int(not report.clean)


@command("rebuild", example="gexlake rebuild --lake data\ngexlake rebuild --lake data --from s3://bucket/lake")
def run_rebuild(
    terminal: Terminal,
    *,
    mirror: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="Bring the lake from its mirror first, into an empty directory."),
    ] = None,
    snapshots_in_database: SnapshotsInDatabase = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Make the database anew from the Parquet files alone.

    This is also how a lake changes between tables of snapshots and views over their Parquet files.
    The old database stays in place until the new one is whole. The exit status is 1 when a file could not be used.
    """
    from gexlake.cli.progress import session_progress
    from gexlake.services.upkeep.rebuild import rebuild_database

    with session_progress(terminal) as on_progress:
        if mirror is not None:
            from gexlake.models.location import location_of
            from gexlake.services.publishing.restore import bring_back

            bring_back(lake, location_of(mirror), on_progress=on_progress)
        report = rebuild_database(lake, snapshots_in_database=snapshots_in_database, on_progress=on_progress)
    if terminal.wants_json:
        terminal.json({"clean": report.clean, **report.model_dump()})
    else:
        _show_rebuild(terminal, report)
    return int(not report.clean)


def _show_verify(terminal: Terminal, report: VerifyReport) -> None:
    found = values.plural(len(report.findings), "difference") if report.findings else "no difference"
    terminal.line(
        f"Verified {report.lake}: {found}, in {values.seconds(report.duration_seconds)}",
        style="bold green" if report.clean else "bold red",
    )
    terminal.facts(
        [
            ("sessions", values.count(report.sessions)),
            ("snapshots", values.count(report.snapshots)),
            ("strike rows", values.count(report.strike_rows)),
            ("sources", f"{report.sources_read:,} read again, {report.sources_missing:,} not there any more"),
        ]
    )
    if report.repairs:
        terminal.line()
        terminal.table(
            ["repair", "session", "what"],
            (
                ("done" if one.repaired else "not done", one.session or values.NOTHING, one.message)
                for one in report.repairs
            ),
        )
    _show_findings(terminal, "difference", report.findings)
    _show_findings(terminal, "note", report.notes)


def _show_rebuild(terminal: Terminal, report: RebuildReport) -> None:
    terminal.line(
        f"Rebuilt the database of {report.lake} in {values.seconds(report.duration_seconds)}",
        style="bold green" if report.clean else "bold yellow",
    )
    refiled = (
        f", {report.sessions_refiled:,} of them held snapshots of other dates, which are with their own now"
        if report.sessions_refiled
        else ""
    )
    without = (
        f", {report.imports_without_journal:,} of them without a journal" if report.imports_without_journal else ""
    )
    indexed = f", {report.sessions_indexed:,} of them were given a lookup index" if report.sessions_indexed else ""
    terminal.facts(
        [
            ("sessions", f"{report.sessions:,}{refiled}{indexed}"),
            ("snapshots", values.count(report.snapshots)),
            ("strike rows", values.count(report.strike_rows)),
            ("imports", f"{report.imports:,}{without}"),
            ("lineage", values.plural(report.lineage_records, "record")),
            ("quarantine", values.plural(report.quarantined_records, "record")),
        ]
    )
    _show_findings(terminal, "left out", report.findings)


def _show_findings(terminal: Terminal, title: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    shown = findings if terminal.verbose else findings[:MAX_ROWS]
    terminal.line()
    terminal.table(
        [title, "session", "what"],
        ((finding.code.value, finding.session or values.NOTHING, finding.message) for finding in shown),
        folds=["what"],
    )
    if len(shown) < len(findings):
        terminal.talk(f"{values.plural(len(findings) - len(shown), 'more row')}: all with --verbose.")
