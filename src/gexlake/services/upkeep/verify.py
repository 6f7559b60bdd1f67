"""Verify: sources, database and Parquet files held against each other; every difference is named.

The database is held open, for reading only, in short stretches, so that an import can run beside it. Files and sources
are looked at in worker processes, a session at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import dataset_paths
from gexlake.models.checks import Check
from gexlake.models.session_filter import SessionFilter
from gexlake.models.verify_report import Finding, SessionProgress, VerifyReport
from gexlake.services.processes.workers import Workers, iter_done, open_workers
from gexlake.services.upkeep.inspect_lake import (
    SessionFacts,
    SessionVersion,
    compare_tables,
    find_replaced_sessions,
    inspect_lake,
)
from gexlake.services.upkeep.verify_session import SessionChecks, VerifyTask, verify_session

OnProgress = Callable[[SessionProgress], None]
SESSIONS_AT_ONCE = 16
"""Compared in SQL before the database is given free for a moment."""


def verify_lake(
    lake: Path,
    *,
    read_sources: bool = True,
    tickers: Sequence[str] = (),
    packages: Sequence[str] = (),
    categories: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> VerifyReport:
    """Look for differences between sources, database and Parquet files of the wanted sessions, and write nothing.

    With `read_sources`, sources that are still there are decoded again and held to what is stored. Both dates are
    included. Raises `LakeError` where there is no lake, `LakeLockedError` when another process holds it to write.
    """
    wanted = SessionFilter.of(tickers=tickers, packages=packages, categories=categories, since=since, until=until)
    verify = _Verify(LakeLayout(lake), read_sources=read_sources, on_progress=on_progress)
    return verify.run(wanted, workers)


@dataclass(slots=True)
class _Unit:
    """A session and what came of it."""

    task: VerifyTask
    problems: list[tuple[Check, str]] = field(default_factory=list)
    checks: SessionChecks = field(default_factory=SessionChecks)
    changed: bool = False


@dataclass(slots=True)
class _Verify:
    layout: LakeLayout
    read_sources: bool
    on_progress: OnProgress | None
    progress: SessionProgress = field(default_factory=SessionProgress)

    def run(self, wanted: SessionFilter, worker_count: int | None) -> VerifyReport:
        started = time.perf_counter()
        report = VerifyReport(lake=str(self.layout.root))
        facts = inspect_lake(self.layout.root)
        units = [_Unit(task) for task in self._tasks(facts.sessions) if wanted.admits(task.session)]
        self.progress.sessions_total = len(units)
        self.progress.bytes_total = sum(unit.task.bytes_to_read for unit in units)
        self._report_progress()
        self._compare_tables(units)
        with open_workers(count=worker_count, total_bytes=self.progress.bytes_total) as workers:
            self._check_files(units, workers)
        self._forgive_changed(units)
        for unit in units:
            _add(report, unit)
        for finding in facts.findings:
            report.add(finding)
        report.duration_seconds = round(time.perf_counter() - started, 3)
        return report

    # ---- what the database says ----------------------------------------------------------------------------

    def _tasks(self, sessions: Iterable[SessionFacts]) -> list[VerifyTask]:
        return [
            VerifyTask(
                record_type=facts.record_type,
                session=facts.session,
                row=facts.row,
                published=facts.published(self.layout),
                shown=dataset_paths(self.layout, facts.record_type, facts.session),
                lineage=facts.lineage,
                moment_us=facts.moment_us,
                read_sources=self.read_sources,
                live=self.layout.live.absolute(),
            )
            for facts in sessions
        ]

    def _compare_tables(self, units: Sequence[_Unit]) -> None:
        """Tables against Parquet files; what keeps a file from being read, a worker will say."""
        for start in range(0, len(units), SESSIONS_AT_ONCE):
            some = units[start : start + SESSIONS_AT_ONCE]
            self.progress.current = str(some[0].task.session)
            self._report_progress()
            compared = compare_tables(self.layout.root, [_version(unit) for unit in some])
            for unit, problems in zip(some, compared, strict=True):
                unit.changed = problems is None
                unit.problems += problems or []

    def _forgive_changed(self, units: Iterable[_Unit]) -> None:
        """What differs because an import has replaced the session meanwhile is no finding."""
        suspects = [unit for unit in units if unit.problems or unit.checks.findings]
        if suspects:
            replaced = find_replaced_sessions(self.layout.root, [_version(unit) for unit in suspects])
            for unit, changed in zip(suspects, replaced, strict=True):
                unit.changed |= changed

    # ---- files and sources ---------------------------------------------------------------------------------

    def _check_files(self, units: Sequence[_Unit], workers: Workers) -> None:
        by_session = {(unit.task.record_type, unit.task.session): unit for unit in units if not unit.changed}
        tasks = [unit.task for unit in by_session.values()]
        for task, future in iter_done(workers, verify_session, tasks, on_tick=self._report_progress):
            by_session[task.record_type, task.session].checks = future.result()
            self.progress.sessions_done += 1
            self.progress.bytes_done += task.bytes_to_read
            self.progress.current = str(task.session)

    def _report_progress(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.progress)


def _version(unit: _Unit) -> SessionVersion:
    task = unit.task
    return SessionVersion(task.record_type, task.session, task.published.version)


def _add(report: VerifyReport, unit: _Unit) -> None:
    """Put what came of a session into the report."""
    session = str(unit.task.session)
    if unit.changed:
        words = "it was replaced while it was verified; verify it again"
        report.add(Finding(code=Check.SESSION_CHANGED, session=session, message=words))
        return
    report.sessions += 1
    report.snapshots += unit.task.row["snapshots"]
    report.strike_rows += unit.task.row["strike_rows"]
    report.sources_read += unit.checks.sources_read
    report.sources_missing += unit.checks.sources_missing
    for code, message in (*unit.problems, *unit.checks.findings):
        report.add(Finding(code=code, session=session, message=message))
