"""`gexlake plot`: the dashboard's pictures as files."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gexlake.cli.command import app, command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, parse_date, words
from gexlake.cli.terminal import Terminal
from gexlake.errors import UsageError
from gexlake.models.feed import feed_of

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
    VALUE = "value"
    CALL_IVOL = "call_ivol"
    PUT_IVOL = "put_ivol"


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
Package = Annotated[
    str | None,
    typer.Option(
        "--package",
        metavar="PACKAGE",
        help="classic, state or orderflow.  [default: that of the category, classic before state]",
    ),
]
Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        metavar="CATEGORY",
        help="gex_full, gex_zero or gex_one; of state also {delta,gamma,vanna,charm}_{zero,one}; of orderflow "
        "orderflow.  [default: gex_zero, or orderflow]",
    ),
]
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
    package: Package = None,
    category: Category = None,
    value: Annotated[
        Value | None,
        typer.Option(
            "--value", help="What the cells show: of GEX gex_vol or gex_oi, of a greek the others.", show_default=False
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            "--series",
            metavar="NAME",
            help="Of orderflow: a number to draw through time, as net_dex; repeatable.  [default: spot, the flows and "
            "the convexity ratios]",
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Draw a session: strike by time, with spot and the major levels; the sums below, if it has any.

    Orderflow, which has no strikes: numbers through time. Times are New York's.

    It reads Parquet alone, so a running server does not mind.
    """
    from gexlake.services.asking import plot

    feed = feed_of(ticker, package, category)
    plot.plot_session(lake, feed, day, output, value=value, series=words(series))
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
    package: Package = None,
    category: Category = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Draw the ladder at one second, with spot and levels, and earlier values as dots.

    Of GEX: bars by volume and by open interest. Of a greek: bars of the exposure, and the two implied volatilities.

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
    plot.plot_profile(lake, feed_of(ticker, package, category), day, moment, output)
    terminal.talk(f"Wrote {output}")
