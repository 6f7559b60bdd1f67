"""`gexlake live`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, BaseUrl, Categories, KeyFile, LakeOption, Packages, parse_date, words
from gexlake.cli.terminal import Terminal
from gexlake.services.living.order import LiveOrder, Method, feeds_of
from gexlake.services.processes.interrupts import STOP_SIGNALS, run_async
from gexlake.vendor.names import BASE_URL

if TYPE_CHECKING:
    from gexlake.services.living.runner import LiveRunner
    from gexlake.vendor.vendor_key import VendorKey

STATUS_SECONDS = 60.0


Tickers = Annotated[
    list[str] | None, typer.Option("--ticker", metavar="TICKER", help="Record this ticker; repeatable.")
]
Way = Annotated[Method, typer.Option("--by", help="By polling, by sockets, or by sockets where the key may.")]
ClockFrom = Annotated[
    str | None,
    typer.Option("--clock-from", metavar="URL", help="A `gexlake replay` whose clock counts, for rehearsals."),
]
NoImport = Annotated[bool, typer.Option("--no-import", help="Only record; what was recorded waits to be imported.")]
Prune = Annotated[
    date | None,
    typer.Option(
        "--prune",
        metavar="DATE",
        parser=parse_date,
        help="Record nothing: delete what was recorded of this session date, once the vendor's files have come.",
    ),
]


@command(
    "live",
    example="gexlake live --ticker NQ_NDX --ticker SPX --package classic --lake data\n"
    "gexlake live --ticker NQ_NDX --by poll --base-url http://127.0.0.1:8766/v2 --clock-from http://127.0.0.1:8766\n"
    "gexlake live --prune 2025-11-14",
)
def live(
    terminal: Terminal,
    *,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    by: Way = Method.AUTO,
    key_file: KeyFile = None,
    base_url: BaseUrl = BASE_URL,
    clock_from: ClockFrom = None,
    no_import: NoImport = False,
    prune: Prune = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> int:
    """Record the vendor's live data in session hours, until Ctrl-C.

    What comes is written to the lake's `live` folder at once, answered from by `gexlake serve`, and imported every ten
    minutes, at the end of the session and at Ctrl-C. The vendor's file of the day, when it comes, takes its place. One
    process records into a lake; another one waits, and takes over when the first has ended. The key is read from
    GEXLAKE_VENDOR_KEY or from --key-file. See docs/live.md.
    """
    if prune is not None:
        return _prune(terminal, lake, prune)
    from gexlake.vendor.vendor_key import load_key

    feeds = feeds_of(words(tickers), words(packages), words(categories))
    order = LiveOrder(feeds, by, base_url, clock_from)
    return _record(terminal, lake, order, load_key(key_file), imports=not no_import)


def _record(terminal: Terminal, lake: Path, order: LiveOrder, key: VendorKey, *, imports: bool) -> int:
    import asyncio

    from gexlake.db.layout import LakeLayout
    from gexlake.services.importing.jobs import ImportJobs
    from gexlake.services.living.runner import LiveRunner, first_of

    layout = LakeLayout(lake.absolute())

    async def run() -> None:
        jobs = ImportJobs(layout.root, workers=1, most=2, on_end=lambda _: None)
        runner = LiveRunner(
            layout, order, key, jobs, say=terminal.talk, warn=terminal.talk, imports=imports, imports_at_end=True
        )
        recording = asyncio.create_task(runner.run())
        showing = asyncio.create_task(_show_status(terminal, runner))
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, recording.cancel)
        try:
            await recording
        except asyncio.CancelledError:
            terminal.talk(f"Ended. {_status(runner)}")
        finally:
            showing.cancel()
            await jobs.close()

    terminal.talk(f"Recording {len(order.feeds)} feeds into {lake}. Ctrl-C ends it.")
    try:
        run_async(run())
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    return 0


async def _show_status(terminal: Terminal, runner: LiveRunner) -> None:
    """A line on stderr now and then."""
    import asyncio

    while True:
        await asyncio.sleep(STATUS_SECONDS)
        terminal.talk(_status(runner))


def _status(runner: LiveRunner) -> str:
    state = runner.state
    ages = state.ages(runner.clock.now_us())
    parts = [f"{state.records:,} records of {len(state.feeds)} feeds"]
    if ages:
        parts.append(f"the last one {min(ages.values()):.1f} s ago, the oldest feed's {max(ages.values()):.1f} s")
    if state.capture_rate is not None:
        parts.append(f"{state.capture_rate:.2f} a second of a feed")
    if state.recorder and state.recorder.reconnects:
        parts.append(f"{state.recorder.reconnects} reconnects")
    return f"{state.doing}: {', '.join(parts)}."


def _prune(terminal: Terminal, lake: Path, day: date) -> int:
    from gexlake.services.living.prune import prune_day

    pruned = prune_day(lake, day)
    terminal.line(f"Deleted {pruned.segments} segments of {day}, {pruned.bytes:,} bytes.")
    return 0
