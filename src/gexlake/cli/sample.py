"""`gexlake sample`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import parse_date
from gexlake.cli.terminal import Terminal
from gexlake.errors import StorageError, UsageError

if TYPE_CHECKING:
    from gexlake.sample import SampleFile, SampleReport

HELP_HINT = "See `gexlake sample --help`."

LARGE_BYTES = 10_000_000
"""A file of this size takes a while, so it is named as soon as it is there."""

Tickers = Annotated[list[str] | None, typer.Option("--ticker", metavar="TICKER", help="Repeatable.  [default: NQ_NDX]")]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="PACKAGE",
        help="classic, state or orderflow; repeatable.  [default: classic, or that of the category]",
    ),
]
Categories = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="CATEGORY",
        help="gex_full, gex_zero or gex_one; of state also {delta,gamma,vanna,charm}_{zero,one}; of orderflow "
        "orderflow; repeatable.  [default: gex_zero, or that of the package]",
    ),
]
AllCategories = Annotated[
    bool, typer.Option("--all-categories", help="All 15 that the vendor has of a ticker, in all packages.")
]


@command("sample", example="gexlake sample sample/ --sessions 5 --ticker NQ_NDX --category gex_zero")
def write_sample_history(
    terminal: Terminal,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")],
    *,
    sessions: Annotated[int, typer.Option("--sessions", metavar="N", min=0, help="Trading days of each feed.")] = 5,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    all_categories: AllCategories = False,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="The same seed gives the same bytes.")] = None,
    start: Annotated[
        date | None,
        typer.Option("--start", metavar="DATE", parser=parse_date, help="First date.  [default: 2025-11-10]"),
    ] = None,
    form: Annotated[
        str,
        typer.Option("--form", metavar="FORM", help="array (the vendor's), jsonl, objects, snapshots or enveloped."),
    ] = "array",
    compression: Annotated[
        str, typer.Option("--compression", metavar="NAME", help="none, gzip, zstd, bzip2 or xz.")
    ] = "none",
    snapshots: Annotated[
        int | None,
        typer.Option("--snapshots", metavar="N", min=1, help="Only the first so many records of each session."),
    ] = None,
    strikes: Annotated[
        int | None, typer.Option("--strikes", metavar="N", min=1, help="Strikes of a ladder.  [default: 99]")
    ] = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="Add small damaged and unusual files, on sessions of their own.")
    ] = False,
) -> None:
    """Write synthetic history: realistic in form and size, the same for the same options, and never real.

    About 23,400 records a session, as the vendor's files have: of GEX and of each greek over 99 strikes, some 130 MB;
    of orderflow 16 MB.
    """
    from gexlake.sample import DEFAULT_SEED, DEFAULT_STRIKES, write_sample

    if all_categories and (packages or categories):
        raise UsageError("With --all-categories there is nothing to choose by --package or --category.", hint=HELP_HINT)
    with _foreseeable(directory):
        report = write_sample(
            directory,
            sessions=sessions,
            tickers=tickers or ("NQ_NDX",),
            packages=packages or None,
            categories=categories or None,
            all_categories=all_categories,
            start=start,
            seed=DEFAULT_SEED if seed is None else seed,
            form=form,
            compression=compression,
            snapshots=snapshots,
            strikes=strikes or DEFAULT_STRIKES,
            faults=faults,
            progress=partial(_talk_of, terminal),
        )
    _show(terminal, report)


@contextmanager
def _foreseeable(directory: Path) -> Iterator[None]:
    """What can go wrong, in words."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error), hint=HELP_HINT) from error
    except FileExistsError as error:
        exists, _, _ = str(error).partition(";")
        raise StorageError(
            f"{exists}.", hint="A sample never replaces a file: name another directory, or remove what is there."
        ) from error
    except OSError as error:
        raise StorageError(f"{error.filename or directory}: {error.strerror or error}.") from error


def _talk_of(terminal: Terminal, file: SampleFile) -> None:
    if terminal.verbose or file.size_bytes >= LARGE_BYTES:
        terminal.talk(f"{file.path}  {values.size(file.size_bytes)}")


def _show(terminal: Terminal, report: SampleReport) -> None:
    if terminal.wants_json:
        terminal.json(_document(report))
        return
    faults = f", {len(report.faulty_files):,} of them damaged or unusual" if report.faulty_files else ""
    terminal.line(
        f"Synthetic history in {report.directory}: {values.plural(len(report.files), 'file')}{faults}, "
        f"{values.plural(report.snapshots, 'record')}, {values.size(report.size_bytes)}."
    )
    terminal.line(f"Import it:  gexlake import {shlex.quote(str(report.directory))}", whole=True)


def _document(report: SampleReport) -> dict[str, object]:
    return {
        "synthetic": True,
        "directory": report.directory,
        "note": report.note,
        "seed": report.seed,
        "snapshots": report.snapshots,
        "source_bytes": report.size_bytes,
        "files": [_file_document(file) for file in report.files],
    }


def _file_document(file: SampleFile) -> dict[str, object]:
    expected = file.expected
    return {
        "source_file": file.path,
        "ticker": file.feed and file.feed.ticker,
        "package": file.feed and file.feed.package,
        "category": file.feed and file.feed.category,
        "session_date": file.session_date,
        "snapshots": file.snapshots,
        "source_bytes": file.size_bytes,
        "source_sha256": file.sha256,
        "fault": file.fault,
        "expected": {
            "status": expected.status,
            "records_seen": expected.records_seen,
            "records_imported": expected.records_imported,
            "records_duplicate": expected.records_duplicate,
            "records_quarantined": expected.records_quarantined,
            "errors": dict(expected.records_quarantined_by_reason),
        },
    }
