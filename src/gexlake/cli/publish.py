"""`gexlake publish`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, parse_date
from gexlake.cli.terminal import Terminal
from gexlake.errors import CatalogError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gexlake.models.publishing import Expiry, PublishOrder, PublishReport


@command("publish", example="gexlake publish --lake data --keep 30\ngexlake publish --lake data --catalog production")
def run_publish(
    terminal: Terminal,
    *,
    catalog: Annotated[
        str,
        typer.Option(
            "--catalog",
            metavar="NAME",
            help="`lake` for its own, a catalog of pyiceberg's configuration, or a TOML file of properties.",
        ),
    ] = "lake",
    namespace: Annotated[
        str, typer.Option("--namespace", metavar="NAME", help="Of the tables, in the catalog.")
    ] = "gexlake",
    files: Annotated[
        str | None,
        typer.Option(
            "--files", metavar="URL", help="Where readers find the lake's files: s3://bucket/lake.  [default: the lake]"
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", min=1, help="Let go of all published commits but the newest N."),
    ] = None,
    expire_before: Annotated[
        date | None,
        typer.Option(
            "--expire-before",
            metavar="DATE",
            parser=parse_date,
            help="Let go of commits published before this date (UTC); of these the newest --keep stay.  [--keep: 1]",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as commits come, until Ctrl-C.")] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget", help="Keep no replaced versions for this catalog any more; its tables stay as they are."
        ),
    ] = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Carry what was committed over into Iceberg tables, for Polars, DuckDB, Spark, Trino and others.

    No data is copied: the tables name the lake's own files. Every commit that was published can be asked for by its
    tag until it is let go of. What was cut off is carried on by the next run.
    """
    from gexlake.models.publishing import PublishOrder
    from gexlake.services.publishing.publish import publish, stop_publishing

    order = PublishOrder(catalog, namespace, files, _expiry(keep, expire_before))
    if forget:
        if follow or order.expiry:
            raise UsageError("--forget stands alone: nothing is published.", hint="Leave the other options out.")
        stop_publishing(lake, order)
        return 0
    if follow:
        return _follow(terminal, lake, order)
    _show(terminal, publish(lake, order))
    return 0


def _expiry(keep: int | None, before: date | None) -> Expiry | None:
    from gexlake.models.publishing import Expiry

    if keep is None and before is None:
        return None
    if before is None:
        return Expiry(keep or 1)
    return Expiry(keep or 1, datetime.combine(before, time(), UTC))


def _follow(terminal: Terminal, lake: Path, order: PublishOrder) -> int:
    from gexlake.services.publishing.publish import iter_published

    terminal.talk(f"Publishing {lake} to the catalog {order.catalog} as commits come. Ctrl-C ends it.")
    try:
        for report in iter_published(lake, order):
            if isinstance(report, CatalogError):
                terminal.complain(report.message, report.hint)
            elif terminal.wants_json:
                terminal.json_line(report.model_dump(mode="json"))
            elif report.changed:
                terminal.line(_said(report))
    except KeyboardInterrupt:
        pass
    terminal.talk("Ended.")
    return 0


def _said(report: PublishReport) -> str:
    added, removed = (sum(getattr(table, name) for table in report.tables) for name in ("files_added", "files_removed"))
    return f"{report.tag}: {values.plural(added, 'file')} in, {values.plural(removed, 'file')} out"


def _show(terminal: Terminal, report: PublishReport) -> None:
    if terminal.wants_json:
        terminal.json(report.model_dump(mode="json"))
        return
    what = "Published" if report.changed else "Nothing new"
    terminal.line(f"{what}: {report.lake} in the catalog {report.catalog}", style="bold")
    if not report.tables:
        return
    gone = f", {values.plural(report.expired, 'snapshot')} let go of" if report.expired else ""
    terminal.line(f"  tag   {report.tag}{gone}")
    terminal.line()
    terminal.table(
        ["table", "files", "rows", "files in", "files out"],
        (
            (table.table, *map(values.count, (table.files, table.rows, table.files_added, table.files_removed)))
            for table in report.tables
        ),
        right=["files", "rows", "files in", "files out"],
    )
