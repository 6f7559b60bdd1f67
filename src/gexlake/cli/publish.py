"""`gexlake publish`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from gexlake.models.publish_report import PublishReport


@command("publish", example="gexlake publish --lake data\ngexlake publish --lake data --catalog production")
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
            "--files",
            metavar="URL",
            help="Where readers find the lake's files, as s3://bucket/lake.  [default: the lake]",
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Carry what was committed over into Iceberg tables, which Polars, DuckDB, Spark, Trino and others read.

    No data is copied: the tables name the lake's own files. What was cut off is carried on by the next run.
    """
    from gexlake.services.publishing.iceberg import PublishOrder, publish

    report = publish(lake, PublishOrder(catalog, namespace, files))
    if terminal.wants_json:
        terminal.json(report.model_dump(mode="json"))
    else:
        _show(terminal, report)
    return 0


def _show(terminal: Terminal, report: PublishReport) -> None:
    what = "Published" if report.changed else "Nothing new"
    terminal.line(
        f"{what}: {report.lake} in the catalog {report.catalog}, tag {report.tag or values.NOTHING}", style="bold"
    )
    if report.tables:
        terminal.table(
            ["table", "files", "rows", "files in", "files out"],
            (
                (table.table, *map(values.count, (table.files, table.rows, table.files_added, table.files_removed)))
                for table in report.tables
            ),
            right=["files", "rows", "files in", "files out"],
        )
