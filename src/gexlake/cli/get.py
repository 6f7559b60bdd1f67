"""`gexlake get`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, BaseUrl, Categories, KeyFile, LakeOption, Packages, Since, Until, words
from gexlake.cli.terminal import Terminal
from gexlake.vendor.names import BASE_URL

if TYPE_CHECKING:
    from gexlake.services.getting.order import GetOrder
    from gexlake.services.getting.report import GetDay, GetReport

MAX_ROWS = 40
"""Rows of days in a table, unless --verbose asks for all."""
LIMITED = 3
"""Exit status: the vendor limits requests, and the same command goes on later."""
PLAIN = ("present", "fetched", "denied", "expired")
"""Statuses that are counted, and named by day only with --verbose."""

Tickers = Annotated[list[str], typer.Option("--ticker", metavar="TICKER", help="Of this ticker; repeatable.")]
Directory = Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the files go.")]
Eod = Annotated[bool, typer.Option("--eod", help="First the report of the last session, a ZIP that every plan has.")]
NoImport = Annotated[bool, typer.Option("--no-import", help="Leave the files as they are; import nothing.")]
Check = Annotated[
    bool,
    typer.Option("--check", help="Ask nobody and fetch nothing: show what is missing, and exit with 1 if a day is."),
]
Again = Annotated[bool, typer.Option("--again", help="Ask again for what was denied, or was not there.")]
Parallel = Annotated[int, typer.Option("--parallel", metavar="N", min=1, max=16, help="Downloads at a time.")]
Interval = Annotated[
    float,
    typer.Option("--interval", metavar="SECONDS", min=0, help="Between two requests of one ticker and metric."),
]
Patience = Annotated[
    float, typer.Option("--patience", metavar="SECONDS", min=0, help="The first wait after a refusal; then longer.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long a silent connection is waited for.")
]


@command(
    "get",
    example="gexlake get --ticker NQ_NDX --to history\n"
    "gexlake get --ticker SPX --ticker ES_SPX --eod --to history --lake data\n"
    "gexlake get --ticker NQ_NDX --to history --check",
)
def get_history(
    terminal: Terminal,
    *,
    tickers: Tickers,
    directory: Directory,
    packages: Packages = None,
    categories: Categories = None,
    since: Since = None,
    until: Until = None,
    eod: Eod = False,
    check: Check = False,
    no_import: NoImport = False,
    again: Again = False,
    key_file: KeyFile = None,
    base_url: BaseUrl = BASE_URL,
    parallel: Parallel = 4,
    interval: Interval = 1.0,
    patience: Patience = 15.0,
    timeout: Timeout = 60.0,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Download the history that is missing, what expires soonest first, and import it.

    Missing is what neither the directory nor the lake has of the trading days that the vendor still keeps: 90 calendar
    days. What broke off is gone on with, and any number of runs do no harm, one after the other or at once. The key is
    read from GEXLAKE_VENDOR_KEY or from --key-file. The exit status is 1 when a day is missing that may still come, and
    3 when the run ended early because the vendor limits requests (429).
    """
    from gexlake.services.getting.order import GetOrder

    order = GetOrder(
        tickers=words(tickers),
        directory=directory,
        lake=lake,
        packages=words(packages),
        categories=words(categories),
        since=since,
        until=until,
        base_url=base_url,
        eod=eod,
        imports=not no_import,
        again=again,
        parallel=parallel,
        interval_seconds=interval,
        patience_seconds=patience,
        timeout_seconds=timeout,
    )
    report = _check(order) if check else _get(terminal, order, key_file)
    if terminal.wants_json:
        terminal.json({"complete": report.complete, "counts": report.counts, **report.model_dump(mode="json")})
    else:
        _show(terminal, report)
    return _exit_status(report)


def _exit_status(report: GetReport) -> int:
    is_sound = report.imported is None or report.imported.acceptable
    return LIMITED if report.limited and is_sound else int(not report.complete)


def _check(order: GetOrder) -> GetReport:
    from gexlake.services.getting.run import check_history

    return check_history(order)


def _get(terminal: Terminal, order: GetOrder, key_file: Path | None) -> GetReport:
    from gexlake.cli.progress import download_progress, import_progress
    from gexlake.services.getting import run
    from gexlake.vendor.vendor_key import load_key

    key = load_key(key_file)
    with download_progress(terminal) as on_progress:
        fetched = run.fetch_history(order, key, on_progress=on_progress)
    with import_progress(terminal) as on_import:
        return fetched.finish(on_import)


# ---- the report ------------------------------------------------------------------------------------------------------


def _show(terminal: Terminal, report: GetReport) -> None:
    from gexlake.cli.import_report import show_report

    terminal.line(_title(report), style="bold")
    terminal.facts(_iter_facts(report))
    _show_days(terminal, report)
    _show_incomplete(terminal, report)
    if report.notes:
        terminal.line()
    for note in report.notes:
        terminal.line(note)
    if report.imported is not None:
        terminal.line()
        show_report(terminal, report.imported)
    elif not report.complete and report.checked_only:
        terminal.talk("Get what is missing with the same command without --check.")


def _title(report: GetReport) -> str:
    if report.checked_only:
        return f"History in {report.directory}: {'complete' if report.complete else 'days are missing'}"
    size = values.size(report.bytes_fetched)
    files = values.plural(report.files_fetched, "file")
    return f"{files} fetched, {size} in {values.seconds(report.duration_seconds)}"


def _iter_facts(report: GetReport) -> Iterator[tuple[str, str]]:
    yield "directory", report.directory
    yield "lake", report.lake
    yield "days", values.days(report.since, report.until)
    counts = (f"{number:,} {_word(status)}" for status, number in report.counts.items())
    yield "feeds × days", ", ".join(counts) or "none"
    for result in report.eod:
        reason = f": {result.reason}" if result.reason else ""
        yield "report", f"{result.ticker} {result.session_date} {_word(result.status)}{reason}"


def _show_days(terminal: Terminal, report: GetReport) -> None:
    """Days that something may be done about; feeds of one day with one status in one row."""
    noteworthy = [day for day in report.days if terminal.verbose or day.status not in PLAIN]
    if not noteworthy:
        return
    rows = [_row(terminal, list(days)) for _, days in groupby(_in_rows(noteworthy), key=_row_key)]
    shown = rows if terminal.verbose else rows[:MAX_ROWS]
    terminal.line()
    terminal.table(
        ["date", "ticker", "status", "feeds", "expires in", "why"],
        shown,
        right=["expires in"],
        folds=["feeds", "why"],
        least=["why"],
    )
    if len(shown) < len(rows):
        terminal.talk(f"{values.plural(len(rows) - len(shown), 'more row')}: all with --verbose.")


def _show_incomplete(terminal: Terminal, report: GetReport) -> None:
    """What came, and has holes all the same."""
    if not report.incomplete:
        return
    shown = report.incomplete if terminal.verbose else report.incomplete[:MAX_ROWS]
    terminal.line()
    terminal.table(
        ["date", "feed", "came, but"],
        [[str(one.session_date), str(one.session.feed), one.words] for one in shown],
        folds=["came, but"],
    )
    if len(shown) < len(report.incomplete):
        terminal.talk(f"{values.plural(len(report.incomplete) - len(shown), 'more session')}: all with --verbose.")


def _row_key(day: GetDay) -> tuple[str, ...]:
    return (day.session_date.isoformat(), day.ticker, day.status.value, day.reason or "")


def _in_rows(days: list[GetDay]) -> list[GetDay]:
    return sorted(days, key=_row_key)  # stable: feeds of a row stay in the vendor's order


def _row(terminal: Terminal, days: list[GetDay]) -> list[str]:
    first = days[0]
    feeds = [f"{day.package}/{day.category}" for day in days]
    many = len(feeds) > 3 and not terminal.verbose
    left = first.expires_in_days
    return [
        first.session_date.isoformat(),
        first.ticker,
        _word(first.status),
        f"{len(feeds)} feeds" if many else ", ".join(feeds),
        values.NOTHING if left is None else values.plural(left, "day"),
        first.reason or "",
    ]


def _word(status: str) -> str:
    return status.replace("_", " ")
