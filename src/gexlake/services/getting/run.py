"""What is missing is planned, downloaded and imported; or, by `check_history`, only named."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gexlake.db.last_get import write_last_get
from gexlake.db.layout import LakeLayout
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import ImportOptions
from gexlake.models.import_order import OnProgress as OnImportProgress
from gexlake.models.report import ImportReport
from gexlake.services.getting.coverage import find_incomplete
from gexlake.services.getting.downloads import Downloads
from gexlake.services.getting.eod import fetch_eod
from gexlake.services.getting.fetch import Line
from gexlake.services.getting.holdings import Holdings, look_around
from gexlake.services.getting.manifest import Manifest
from gexlake.services.getting.order import GetOrder, GetProgress, OnProgress
from gexlake.services.getting.plan import EOD_AFTER, Window, assess_days, last_session, plan_window, wanted_days
from gexlake.services.getting.report import EodResult, GetDay, GetReport, GetStatus
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes.interrupts import run_async
from gexlake.vendor.download import StoreClient
from gexlake.vendor.history import HistoryClient
from gexlake.vendor.pace import Pace, pace_folder
from gexlake.vendor.vendor_key import VendorKey

PROGRESS_SECONDS = 0.1


def check_history(order: GetOrder, *, now: datetime | None = None) -> GetReport:
    """What is there, what is missing and for how long it may still be had. Nobody is asked, and nothing is written.

    Raises `UsageError`, `SourceError`, `LakeError`.
    """
    run = _Run(order, now or datetime.now(UTC))
    return run.report(run.look(), checked_only=True)


def fetch_history(
    order: GetOrder, key: VendorKey, *, now: datetime | None = None, on_progress: OnProgress | None = None
) -> Fetched:
    """Fetch what is missing, what expires soonest first. What came stays, whatever happens later.

    Raises `UsageError`, `VendorError` where the vendor does not take the key, `SourceError`, `LakeError`,
    `StorageError`.
    """
    run = _Run(order, now or datetime.now(UTC), on_progress or (lambda _: None))
    run_async(run.fetch(key))
    return Fetched(run)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched, not yet imported."""

    run: _Run

    def finish(self, on_import: OnImportProgress | None = None) -> GetReport:
        """Import what the lake lacks, if that is wanted, and report. Raises what `import_history` raises."""
        holdings = self.run.look()
        lacking = holdings.importable
        imported = self.run.import_files(lacking, on_import) if self.run.order.imports else None
        if imported is not None:  # which may have found that a file lacks its end
            holdings = self.run.look()
        report = self.run.report(holdings, checked_only=False)
        report.imported = imported
        if imported is not None:
            report.incomplete = find_incomplete(self.run.order.lake, lacking.keys())
        self.run.note(report)
        return report


@dataclass(slots=True)
class _Run:
    order: GetOrder
    now: datetime
    on_progress: OnProgress = lambda _: None
    feeds: list[Feed] = field(init=False)
    window: Window = field(init=False)
    manifest: Manifest = field(init=False)
    downloads: Downloads | None = None
    eod: list[EodResult] = field(default_factory=list)
    progress: GetProgress = field(default_factory=GetProgress)
    started: float = field(default_factory=time.monotonic)
    _shown: float = 0.0

    def __post_init__(self) -> None:
        order = self.order
        self.feeds = order.feeds()
        self.window = plan_window(self.now, since=order.since, until=order.until, eod=order.eod)
        ahead = self.now - datetime.now(UTC)
        self.manifest = Manifest(order.directory, lambda: datetime.now(UTC) + ahead)

    # ---- what is there -------------------------------------------------------------------------------------

    def look(self) -> Holdings:
        return look_around(self.order, self.window, self.manifest.load())

    def assess(self, holdings: Holdings) -> list[GetDay]:
        marks = self.manifest.load()
        return assess_days(self.feeds, self.window, present=holdings.present, marks=marks, now=self.now)

    # ---- the download --------------------------------------------------------------------------------------

    async def fetch(self, key: VendorKey) -> None:
        """The report of the last session first, where it is wanted, then what it did not bring."""
        order, timeout_seconds = self.order, self.order.timeout_seconds
        async with (
            HistoryClient(key, order.base_url, timeout_seconds=timeout_seconds) as history,
            StoreClient(timeout_seconds=timeout_seconds) as store,
        ):
            pace = Pace(pace_folder(), order.interval_seconds)
            line = Line(history, store, pace, order.patience_seconds)
            downloads = self.downloads = Downloads(
                line, order.directory, self.manifest, key, self._count_bytes, self._count_file
            )
            if order.eod:
                await self._fetch_reports(downloads)
            days = wanted_days(self.assess(self.look()), self.manifest.load(), now=self.now, again=order.again)
            self.progress.files_total = self.progress.files_done + len(days)
            await downloads.run([day.session for day in days], parallel=order.parallel)

    async def _fetch_reports(self, downloads: Downloads) -> None:
        """Of each ticker of which something of the last session is missing."""
        last = last_session(self.now, EOD_AFTER)
        lacking = {
            day.ticker
            for day in self.assess(self.look())
            if day.session_date == last and day.status is not GetStatus.PRESENT
        }
        for ticker in sorted(lacking):
            result = await fetch_eod(downloads.fetcher, ticker, last)
            if result.reason:
                result.reason = downloads.key.redact(result.reason)
            self.eod.append(result)
            self._count_file()

    def _count_file(self) -> None:
        self.progress.files_done += 1
        self.on_progress(self.progress)

    def _count_bytes(self, count: int) -> None:
        self.progress.bytes_done += count
        now = time.monotonic()
        if now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            self.on_progress(self.progress)

    # ---- after ---------------------------------------------------------------------------------------------

    def import_files(
        self, lacking: Mapping[SessionKey, Path], on_import: OnImportProgress | None
    ) -> ImportReport | None:
        """Import what the lake does not have, be it from an earlier run; None where there is nothing."""
        if not lacking:
            return None
        order = self.order
        options = ImportOptions(packages=order.packages, categories=order.categories, workers=order.workers)
        return import_history(sorted(set(lacking.values())), order.lake, options, on_progress=on_import)

    def note(self, report: GetReport) -> None:
        """Leave word in the lake, if there is one; one that may not be written is none the worse."""
        layout = LakeLayout(self.order.lake)
        if layout.database.exists():
            with suppress(OSError):
                write_last_get(layout, report.summary())

    def report(self, holdings: Holdings, *, checked_only: bool) -> GetReport:
        days = self.assess(holdings)
        fetched = self.downloads.fetched if self.downloads else set()
        reports = [result.path for result in self.eod if result.status is GetStatus.FETCHED]
        for day in days:
            path = holdings.files.get(day.session)
            came = day.session in fetched or (path and str(path.relative_to(self.order.directory)) in reports)
            if day.status is GetStatus.PRESENT and came:
                day.status = GetStatus.FETCHED
        return GetReport(
            directory=str(self.order.directory),
            lake=str(self.order.lake),
            checked_only=checked_only,
            since=self.window.since,
            until=self.window.until,
            days=days,
            eod=self.eod,
            notes=self._notes(days),
            files_fetched=len(fetched) + len(reports),
            bytes_fetched=self.progress.bytes_done,
            limited=self.downloads is not None and self.downloads.is_limited,
            duration_seconds=time.monotonic() - self.started,
        )

    def _notes(self, days: list[GetDay]) -> list[str]:
        denied = [day.reason for day in days if day.status is GetStatus.DENIED and day.reason]
        notes = [*denied, *(self.downloads.notes if self.downloads else []), *_unknown_tickers(days)]
        return list(dict.fromkeys(notes))


def _unknown_tickers(days: list[GetDay]) -> list[str]:
    """What is to be said of tickers of which the vendor has no file at all."""
    statuses: dict[str, set[GetStatus]] = {}
    for day in days:
        statuses.setdefault(day.ticker, set()).add(day.status)
    unknown = [ticker for ticker, found in statuses.items() if found == {GetStatus.NO_FILE}]
    return [f"The vendor has no file of {ticker} for any of these days. Is the ticker right?" for ticker in unknown]
