"""`gexlake gaps`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, Categories, LakeOption, Packages, Since, Tickers, Until, words
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from gexlake.services.asking.gaps import DayGaps, FeedGaps, GapsReport, HoleSpan

MAX_ROWS = 40
"""Rows of findings in a table, unless --verbose asks for all."""


@command("gaps", example="gexlake gaps --ticker NQ_NDX --strict")
def show_gaps(
    terminal: Terminal,
    *,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    since: Since = None,
    until: Until = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 when anything is missing.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Show sessions missing by the NYSE calendar, holes longer than 5 s inside sessions, and feeds missing on a day.

    The range is that of each feed's own sessions unless --since and --until say otherwise. Early closes are named, but
    are no fault. A feed is also missing on a day of which others of its ticker are there, if it usually is there too.
    """
    from gexlake.services.asking.gaps import find_gaps

    report = find_gaps(
        lake,
        tickers=words(tickers),
        packages=words(packages),
        categories=words(categories),
        since=since,
        until=until,
    )
    if terminal.wants_json:
        terminal.json({"complete": report.complete, **report.model_dump()})
    else:
        _show_feeds(terminal, report.feeds)
        _show_days(terminal, report)
    return int(strict and not report.complete)


def _show_feeds(terminal: Terminal, feeds: list[FeedGaps]) -> None:
    if not feeds:
        terminal.line("The lake holds no session yet.")
        return
    terminal.table(
        ["feed", "range", "sessions", "missing", "empty", "gaps", "lost", "coverage"],
        (
            [
                feed.feed,
                values.days(feed.since, feed.until),
                f"{values.count(feed.sessions_present)} of {values.count(feed.sessions_expected)}",
                values.count(feed.sessions_missing),
                values.count(feed.sessions_empty),
                values.count(feed.gaps),
                values.seconds(feed.gap_seconds),
                values.share(feed.coverage),
            ]
            for feed in feeds
        ),
        right=["sessions", "missing", "empty", "gaps", "lost", "coverage"],
        least=["range", "coverage", "empty"],
    )


def _show_days(terminal: Terminal, report: GapsReport) -> None:
    named = _named(report)
    rows: list[tuple[str, ...]] = [
        (str(day.session_date), f"{day.ticker}/{name}", "missing", "other feeds of the ticker are there on that day")
        for day in report.missing_feeds
        for name in day.feeds
        if (f"{day.ticker}/{name}", day.session_date) not in named
    ]
    rows += [row for feed in report.feeds for day in feed.days for row in _iter_day_rows(feed, day)]
    if not rows:
        return
    shown = rows if terminal.verbose else list(islice(rows, MAX_ROWS))
    terminal.line()
    terminal.table(["date", "feed", "finding", "detail"], shown, folds=["detail"])
    if len(shown) < len(rows):
        terminal.talk(f"{values.plural(len(rows) - len(shown), 'more finding')}: all with --verbose.")


def _named(report: GapsReport) -> set[tuple[str, date]]:
    """Sessions that are named as missing already, by the calendar."""
    return {(str(feed.feed), day.session_date) for feed in report.feeds for day in feed.days if day.status == "missing"}


def _iter_day_rows(feed: FeedGaps, day: DayGaps) -> Iterator[tuple[str, ...]]:
    start = (str(day.session_date), str(feed.feed))
    if day.early_close:
        yield *start, "early close", "at 13:00 New York; no fault"
    if day.holes:
        for hole in day.holes:
            yield *start, "hole", _hole_text(hole)
    elif day.status != "complete":
        yield *start, day.status.value, _DETAILS[day.status.value].format(snapshots=values.count(day.snapshots))


_DETAILS = {
    "missing": "a trading day of which the lake has nothing",
    "empty": "a source file, but no snapshot in it",
    "closed_day_rows": "{snapshots} snapshots on a day when the exchange was closed",
}


def _hole_text(hole: HoleSpan) -> str:
    why = f": {hole.reason}" if hole.reason else ""
    return f"{hole.start:%H:%M:%S} – {hole.end:%H:%M:%S} UTC, {values.seconds(hole.seconds)}{why}"
