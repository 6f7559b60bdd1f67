"""`gexlake plot`: the dashboard's pictures as files."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gexlake.cli.command import app, command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, parse_date
from gexlake.cli.terminal import Terminal
from gexlake.errors import UsageError
from gexlake.models.feed import Feed

group = typer.Typer(
    name="plot",
    help="Draw pictures of the lake.\n\n\b\nExample:\n  gexlake plot session NQ_NDX 2025-11-14 -o day.png",
    short_help="Draw pictures of the lake.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group)


class Value(StrEnum):
    """What the cells of a heatmap show."""

    GEX_VOL = "gex_vol"
    GEX_OI = "gex_oi"


def parse_time(text: str | time) -> time:
    """A time of day as people type it."""
    if isinstance(text, time):
        return text
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time; write it as 10:15:00.") from None
    if found.tzinfo is not None:
        raise typer.BadParameter(f"{text!r} names a zone; write New York's time without one, as 10:15:00.")
    return found


Ticker = Annotated[str, typer.Argument(metavar="TICKER", help="Ticker of the feed.", show_default=False)]
Day = Annotated[date, typer.Argument(metavar="DATE", parser=parse_date, help="Session date.", show_default=False)]
Package = Annotated[str, typer.Option("--package", metavar="PACKAGE", help="classic or state.")]
Category = Annotated[str, typer.Option("--category", metavar="CATEGORY", help="gex_full, gex_zero or gex_one.")]
Picture = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The picture: .png, .svg or .pdf.", show_default=False)
]


@command("session", group=group, outputs=None, example="gexlake plot session NQ_NDX 2025-11-14 -o day.png")
def plot_session(
    terminal: Terminal,
    ticker: Ticker,
    day: Day,
    *,
    output: Picture,
    package: Package = "classic",
    category: Category = "gex_zero",
    value: Annotated[Value, typer.Option("--value", help="What the cells show.")] = Value.GEX_VOL,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Draw a session: strike by time, with spot, zero gamma and the major levels; the sums below. Times are New York's.

    It reads Parquet alone, so a running server does not mind.
    """
    from gexlake.services.asking import plot

    plot.plot_session(lake, Feed(ticker.upper(), package, category), day, output, value=value)
    terminal.talk(f"Wrote {output}")


@command(
    "profile", group=group, outputs=None, example="gexlake plot profile NQ_NDX 2025-11-14 --at 10:15:00 -o profile.png"
)
def plot_profile(
    terminal: Terminal,
    ticker: Ticker,
    day: Day,
    *,
    at: Annotated[
        time, typer.Option("--at", metavar="TIME", parser=parse_time, help="New York time.", show_default=False)
    ],
    output: Picture,
    package: Package = "classic",
    category: Category = "gex_zero",
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Draw the ladder at one second: bars by volume and by open interest, earlier values as dots, spot and levels.

    It is that of the last snapshot at or before the second, never of a later one.
    """
    from zoneinfo import ZoneInfo

    from gexlake.services.asking import plot
    from gexlake.validation.calendar import EXCHANGE_TIME_ZONE
    from gexlake.validation.zones import in_zone

    try:
        moment = in_zone(datetime.combine(day, at), ZoneInfo(EXCHANGE_TIME_ZONE))
    except ValueError as error:
        raise UsageError(f"--at is no one instant: {error}.", hint="Choose a time that there is once.") from None
    plot.plot_profile(lake, Feed(ticker.upper(), package, category), day, moment, output)
    terminal.talk(f"Wrote {output}")
