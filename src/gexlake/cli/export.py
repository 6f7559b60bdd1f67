"""`gexlake export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, End, FeedName, LakeOption, Start, ZoneOfInstants
from gexlake.cli.terminal import Terminal


class Rows(StrEnum):
    """Which rows of a feed."""

    SNAPSHOTS = "snapshots"
    LADDERS = "ladders"


@command(
    "export",
    outputs=None,
    example="gexlake export NQ_NDX --start 2025-11-10 --end 2025-11-14 -o week.parquet\n"
    "gexlake export NQ_NDX/state/gamma_zero --rows ladders -o gamma.parquet",
)
def export_rows(
    terminal: Terminal,
    feed: FeedName,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Ends in .parquet, .arrow, .ndjson or .csv.", show_default=False
        ),
    ],
    rows: Annotated[Rows, typer.Option("--rows", help="Snapshots, or a row for each strike.")] = Rows.SNAPSHOTS,
    start: Start = None,
    end: End = None,
    tz: ZoneOfInstants = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Write the rows of a feed into a file, whatever their number; Parquet alone is read, so a service does not mind.

    CSV has no form for lists, so `max_priors` is left out there. Notes of the feed in the range go into a file beside
    it, in the same form: week.notes.parquet beside week.parquet. Where there are none, there is no such file; one that
    is there from before is written anew, without rows.
    """
    from gexlake.models.feed import feed_of
    from gexlake.services.asking.export import check_target, notes_target, write_rows
    from gexlake.services.lake import open_lake

    check_target(output)
    opened = open_lake(lake, tz=tz)
    scan = opened.scan_snapshots if rows == Rows.SNAPSHOTS else opened.scan_strikes
    size = write_rows(scan(feed, start=start, end=end), output)
    terminal.talk(f"Wrote {output}, {values.size(size)}")
    ticker, package, category = feed_of(feed, None, None)
    notes = opened.notes(tickers=[ticker], packages=[package], categories=[category], start=start, end=end)
    beside = notes_target(output)
    if notes.height or beside.exists():
        write_rows(notes.lazy(), beside)
        terminal.talk(f"Wrote {beside}, {values.plural(notes.height, 'note')}")
