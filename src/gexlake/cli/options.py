"""Options that several commands share: one name, one help, one meaning."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_LAKE = Path("data")


def parse_date(text: str | date) -> date:
    """A date as people type it."""
    if isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2025-11-14.") from None


def parse_zone(text: str) -> str:
    """A time zone as people type it."""
    from gexlake.zone import zone_name

    try:
        return zone_name(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


FeedName = Annotated[
    str, typer.Argument(metavar="FEED", help="NQ_NDX, or NQ_NDX/state/gamma_zero.", show_default=False)
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="WHEN", help="A session date, or an instant with its offset.")
]
End = Annotated[str | None, typer.Option("--end", metavar="WHEN", help="Up to here, included.")]
ZoneOfInstants = Annotated[
    str | None,
    typer.Option("--tz", metavar="ZONE", parser=parse_zone, help="Zone of instants that are written without one."),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files and folders of GEX history, folders with all below; or s3://bucket/folder, gs://, az://.",
    ),
]
LakeOption = Annotated[Path, typer.Option("--lake", metavar="DIR", envvar="GEXLAKE_LAKE", help="The lake.")]
Tickers = Annotated[list[str] | None, typer.Option("--ticker", metavar="TICKER", help="Only this ticker; repeatable.")]
Packages = Annotated[
    list[str] | None, typer.Option("--package", metavar="PACKAGE", help="Only classic, state or orderflow; repeatable.")
]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="CATEGORY", help="Only gex_full, gamma_zero, orderflow and so on; repeatable."),
]
BaseUrl = Annotated[str, typer.Option("--base-url", metavar="URL", help="Where the vendor's service is.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="A file of mode 0600 with the key, instead of GEXLAKE_VENDOR_KEY."),
]
Since = Annotated[
    date | None, typer.Option("--since", metavar="DATE", parser=parse_date, help="First session date, included.")
]
Until = Annotated[
    date | None, typer.Option("--until", metavar="DATE", parser=parse_date, help="Last session date, included.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Worker processes.  [default: one per core]")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="URL",
        help="Stage on a cluster, as dask://host:8786 or ray://host:10001; see docs/beyond-one-machine.md.",
    ),
]
SnapshotsInDatabase = Annotated[
    bool | None,
    typer.Option(
        "--snapshots-in-database/--no-snapshots-in-database",
        help="Whether the database has tables of snapshots, or views over their Parquet files.  "
        "[default: as the lake has it; tables in a new one]",
        show_default=False,
    ),
]
NaiveZone = Annotated[
    str | None,
    typer.Option(
        "--naive-zone",
        metavar="ZONE",
        parser=parse_zone,
        help="Zone of times in sources that have none, as America/New_York; without it they are refused.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")]
ImportId = Annotated[
    str | None, typer.Option("--import", metavar="ID", help="Only this import: its id, or the beginning of it.")
]
SourcePart = Annotated[
    str | None, typer.Option("--source", metavar="TEXT", help="Only source files with this text in their path.")
]


def words(values: list[str] | None) -> tuple[str, ...]:
    """What a repeatable option collected."""
    return tuple(values or ())
