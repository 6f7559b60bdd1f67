"""A folder of synthetic history: which sessions and feeds, where each goes, and the note that says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import product
from pathlib import Path

from gexlake.models.source import SYNTHETIC_NOTE
from gexlake.sample.faults import iter_fault_files
from gexlake.sample.faults.material import FaultFile
from gexlake.sample.feeds import SampleFeed, check_choice, check_feed, choose_feeds, file_stem
from gexlake.sample.generate import DEFAULT_SEED, DEFAULT_START, DEFAULT_STRIKES, check_size, generate_session
from gexlake.sample.report import Expectation, SampleFile, SampleReport
from gexlake.sample.sessions import sessions_from
from gexlake.sample.text import record_timestamp
from gexlake.sample.writer import (
    COMPRESSIONS,
    FORMS,
    envelope,
    form_chunks,
    refuse_existing,
    write_file,
)

NOTE_NAME = SYNTHETIC_NOTE

Progress = Callable[[SampleFile], object]


@dataclass(frozen=True, slots=True)
class Options:
    """What decides the bytes of a sample, as in the note beside it."""

    sessions: int
    feeds: tuple[SampleFeed, ...]
    start: date
    seed: int
    form: str
    compression: str
    snapshots: int | None
    strikes: int
    faults: bool

    def check(self) -> None:
        """Raise ValueError, naming the option, its value and what would be valid."""
        if self.sessions < 0:
            raise ValueError(f"The `sessions` must be 0 or more, was {self.sessions}.")
        check_choice("form", self.form, tuple(FORMS))
        check_choice("compression", self.compression, tuple(COMPRESSIONS))
        check_size(self.snapshots, self.strikes)
        for feed in self.feeds:
            check_feed(feed)


def write_sample(
    directory: str | Path,
    *,
    sessions: int = 5,
    tickers: Sequence[str] = ("NQ_NDX",),
    packages: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    all_categories: bool = False,
    start: date | None = None,
    seed: int = DEFAULT_SEED,
    form: str = "array",
    compression: str = "none",
    snapshots: int | None = None,
    strikes: int = DEFAULT_STRIKES,
    faults: bool = False,
    progress: Progress | None = None,
) -> SampleReport:
    """Write synthetic history of the first `sessions` NYSE days from `start` on, one file per feed and day.

    The feeds are those of all given `packages` and `categories` that the vendor has. A package by itself gives
    its gex_zero or orderflow, a category by itself is of the first package that has it, neither gives
    classic/gex_zero. With `all_categories` they are all 15 of each ticker.

    With `snapshots` given, each session holds only its first so many. With `faults`, small damaged and
    unusual files of the first feed of each record type are added, on sessions before `start`. The same options
    give the same bytes, and each file depends on its own feed and date alone. `progress` is called with each
    file once it is complete.

    Raises ValueError for an option that makes no sense, FileExistsError rather than replace a file.
    """
    options = Options(
        sessions=sessions,
        feeds=tuple(choose_feeds(tickers, packages, categories, all_categories=all_categories)),
        start=start or DEFAULT_START,
        seed=seed,
        form=form,
        compression=compression,
        snapshots=snapshots,
        strikes=strikes,
        faults=faults,
    )
    options.check()
    root = Path(directory)
    dates = [session.date for session in sessions_from(options.start, options.sessions)]
    refuse_existing(_session_path(root, feed, day, options) for day, feed in product(dates, options.feeds))
    root.mkdir(parents=True, exist_ok=True)
    note = _write_note(root, options)
    files = []
    for file in _iter_written(root, dates, options):
        files.append(file)
        if progress is not None:
            progress(file)
    return SampleReport(root, note, seed, tuple(files))


def _iter_written(root: Path, dates: list[date], options: Options) -> Iterator[SampleFile]:
    for day, feed in product(dates, options.feeds):
        if FORMS[options.form].one_per_file:
            yield from _write_one_per_file(root, feed, day, options)
        else:
            yield _write_session(root, feed, day, options)
    if options.faults:
        for fault, file in iter_fault_files(
            options.feeds,
            options.start,
            seed=options.seed,
            snapshots=options.snapshots,
            strikes=options.strikes,
        ):
            yield _write_fault(root, fault, file)


def _write_session(root: Path, feed: SampleFeed, day: date, options: Options) -> SampleFile:
    form = FORMS[options.form]
    records = _records(feed, day, options)
    if form.enveloped:
        records = (envelope(record, feed) for record in records)
    path = _session_path(root, feed, day, options)
    written = write_file(path, form_chunks(records, form), options.compression)
    return SampleFile(
        path=path,
        name=path.relative_to(root).as_posix(),
        feed=feed,
        session_date=day,
        snapshots=written.records,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
        expected=Expectation("success", written.records, written.records),
    )


def _write_one_per_file(root: Path, feed: SampleFeed, day: date, options: Options) -> Iterator[SampleFile]:
    folder = _session_path(root, feed, day, options)
    suffix = FORMS[options.form].suffix + COMPRESSIONS[options.compression][0]
    for record in _records(feed, day, options):
        path = folder / f"{record_timestamp(record)}{suffix}"
        written = write_file(path, [(record, 1)], options.compression)
        yield SampleFile(
            path=path,
            name=path.relative_to(root).as_posix(),
            feed=feed,
            session_date=day,
            snapshots=1,
            size_bytes=written.size_bytes,
            sha256=written.sha256,
            expected=Expectation("success", 1, 1),
        )


def _write_fault(root: Path, fault: str, file: FaultFile) -> SampleFile:
    path = root / file.name
    written = write_file(path, [(file.data, file.records)])
    return SampleFile(
        path=path,
        name=file.name,
        feed=file.feed,
        session_date=file.session_date,
        snapshots=file.records,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
        expected=file.expected,
        fault=fault,
    )


def _records(feed: SampleFeed, day: date, options: Options) -> Iterator[bytes]:
    snapshots, strikes = options.snapshots, options.strikes
    return generate_session(feed, day, seed=options.seed, snapshots=snapshots, strikes=strikes)


def _session_path(root: Path, feed: SampleFeed, day: date, options: Options) -> Path:
    """The file of a session, or its folder where each record has a file of its own."""
    form = FORMS[options.form]
    if form.one_per_file:
        return root / str(day) / feed.ticker / feed.package / feed.category
    return root / (file_stem(feed, day) + form.suffix + COMPRESSIONS[options.compression][0])


def _write_note(root: Path, options: Options) -> Path:
    """Say in the folder that its contents are synthetic; a second sample in one folder adds to the note."""
    path = root / NOTE_NAME
    earlier = path.read_text(encoding="utf-8") if path.exists() else _NOTE_HEAD
    lines = [f"- {field.name}: {_option_text(getattr(options, field.name))}" for field in fields(options)]
    temporary = path.with_name(f".{NOTE_NAME}.{os.getpid()}.tmp")
    temporary.write_text("\n".join([earlier + "\n## Options of one run\n", *lines, ""]), encoding="utf-8")
    temporary.replace(path)
    return path


def _option_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "all" if value is None else str(value)


_NOTE_HEAD = """\
# Synthetic data

Everything in this folder was generated by `gexlake sample`. It has the shape of GEXBot history and none of
its content: no price, level or exposure here was ever observed. Do not trade on it, and do not mix it with
real history.

The same options give the same files.
"""
