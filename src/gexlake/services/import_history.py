"""The import: scan, plan, stage in workers, commit session by session in the plan's order, report."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

from gexlake.db.database import prepare_lake, storage_error
from gexlake.db.layout import LakeLayout
from gexlake.db.queries import SessionState, published_session
from gexlake.db.recovery import staging_area
from gexlake.errors import GexlakeError, LakeLockedError, SourceError
from gexlake.models.feed import SessionKey
from gexlake.models.import_order import ImportOptions, OnProgress, Progress, new_import_id
from gexlake.models.lineage import LineageRecord
from gexlake.models.report import (
    FileResult,
    ImportReport,
    ResultStatus,
    overall_status,
    total_of,
)
from gexlake.models.source import RefusedFile, SourceFile, path_text
from gexlake.models.staged import StagedSession
from gexlake.models.task import Published, SessionTask
from gexlake.scanner import ScanResult, scan
from gexlake.scanner.refusals import FAILED_CODES
from gexlake.services.commits import (
    CommitOutcome,
    StagedWork,
    commit_staged,
    finish_import,
    load_lake,
    register_import,
    view_session,
)
from gexlake.services.interrupts import undisturbed
from gexlake.services.resume import Hasher, skipped_records
from gexlake.services.stage import stage_session
from gexlake.services.synthetic import synthetic_folders
from gexlake.services.workers import Workers, cores, open_workers, worker_died

PROGRESS_SECONDS = 0.1
STAGED_AHEAD = 8
"""Sessions staged beyond those that workers are at, so that none waits for a commit; bounds the space used."""
MAX_RESTAGES = 5


def import_history(
    sources: str | Path | Sequence[str | Path],
    lake: str | Path = "data",
    options: ImportOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
    import_id: str | None = None,
) -> ImportReport:
    """Import GEX history below one or more `sources` into the lake at `lake`, and say what became of every file.

    `import_id` is one of `new_import_id`, where it is to be known beforehand.
    What is committed stays, whatever happens later; an interrupt (Ctrl-C) ends it cleanly with status `interrupted`.
    Raises `SourceError`, `LakeError`, `LakeLockedError`, `StorageError` or `WorkerError` when it cannot go on.
    """
    named = [sources] if isinstance(sources, str | Path) else sources
    return _Import(
        [Path(source) for source in named],
        LakeLayout(Path(lake)),
        options or ImportOptions(),
        on_progress,
        import_id or new_import_id(),
    ).run()


@dataclass(slots=True)
class _Unit:
    """One session of the plan and the future of its staging."""

    task: SessionTask
    future: Future[StagedSession] | None = None
    restages: int = 0
    compared_with: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Import:
    sources: list[Path]
    layout: LakeLayout
    options: ImportOptions
    on_progress: OnProgress | None
    import_id: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)
    progress: Progress = field(default_factory=Progress)
    results: list[FileResult] = field(default_factory=list)
    sessions: int = 0
    strike_rows: int = 0
    bytes_hashed: int = 0
    skipped: list[LineageRecord] = field(default_factory=list)
    interrupted: bool = False

    def run(self) -> ImportReport:
        found = self._scan()
        self.results += [_refused_result(refused) for refused in found.refused]
        with ExitStack() as stack:
            workers = None
            if not self.layout.database.exists():  # all is to be read: workers may start while the lake is made
                workers = self._open_workers(stack, self.progress.bytes_total)
            tasks = self._plan(found, stack)
            try:
                units = [_Unit(task) for task in self._skip_unchanged(tasks)]
                size = sum(source.size_bytes for unit in units for source in unit.task.sources)
                workers = workers or self._open_workers(stack, size)
                stack.callback(workers.stop)  # before the lock on the staging directory goes: none may outlive it
                self._work(units, workers)
            except KeyboardInterrupt:
                self.interrupted = True
                if workers is not None:
                    workers.stop()
            except OSError as error:
                raise storage_error(self.layout, error) from error
            except BrokenProcessPool as error:
                raise worker_died() from error
            finally:
                reached = {result.source_file for result in self.results}
                self.results += [_pending_result(s) for s in found.files if s.name not in reached]
                with undisturbed(to_the_end=True):
                    self._end()
        return self._report(found)

    # ---- before --------------------------------------------------------------------------------------------

    def _scan(self) -> ScanResult:
        options = self.options
        found = scan(
            self.sources,
            tickers=options.tickers,
            packages=options.packages,
            categories=options.categories,
            since=options.since,
            until=options.until,
            exclude=[self.layout.root],
            within=options.within,
        )
        if not found.files and not found.filtered and not any(file.code in FAILED_CODES for file in found.refused):
            raise nothing_found(self.sources, found)
        self.progress.files_total = len(found.files)
        self.progress.bytes_total = sum(source.size_bytes for source in found.files)
        return found

    def _open_workers(self, stack: ExitStack, total_bytes: int) -> Workers:
        return stack.enter_context(open_workers(count=self.options.workers, total_bytes=total_bytes))

    def _plan(self, found: ScanResult, stack: ExitStack) -> list[SessionTask]:
        """One task per session, in order; opens the lake, settles what earlier imports left, and locks a place."""
        if self.options.dry_run:
            return self._tasks(found.files, load_lake(self.layout.root), None)
        prepare_lake(self.layout)
        area = stack.enter_context(staging_area(self.layout, self.import_id))
        states = register_import(
            self.layout.root, self.import_id, list(map(path_text, self.sources)), started=self.started
        )
        return self._tasks(found.files, states, area)

    def _tasks(self, files: Sequence[SourceFile], states: list[SessionState], area: Path | None) -> list[SessionTask]:
        known = {(state.record_type, state.session): state for state in states}
        moment_us = int(self.started.timestamp() * 1_000_000)
        tasks = []
        for index, ((record_type, session), sources) in enumerate(groupby(files, key=_session_id)):
            task = SessionTask(
                import_id=self.import_id,
                record_type=record_type,
                session=session,
                sources=tuple(sources),
                directory=area / f"{index:06d}" if area else None,
                force=self.options.force,
                moment_us=moment_us,
            )
            tasks.append(self._based_on(task, known.get((record_type, session))))
        return tasks

    def _based_on(self, task: SessionTask, state: SessionState | None) -> SessionTask:
        """The task, to build on what the lake holds of its session."""
        if state is None:
            return task
        return replace(task, known=state.known, published=self._published(task, state.version))

    def _published(self, task: SessionTask, version: str | None, day: date | None = None) -> Published | None:
        session = task.session if day is None else task.session._replace(session_date=day)
        return published_session(self.layout, task.record_type, session, version) if version else None

    def _skip_unchanged(self, tasks: list[SessionTask]) -> list[SessionTask]:
        """Set the sessions aside in which nothing has changed; the others, with the digests taken on the way.

        Their lineage is written at the end: what is to be staged need not wait for a database that is held.
        """
        hasher = Hasher(self.options.workers or cores())
        tasks = hasher.hash_known(tasks, on_tick=lambda: self._report_progress(hasher.bytes_read))
        self.bytes_hashed = hasher.bytes_read
        skipped = [(task, skipped_records(task)) for task in tasks]
        records = [record for _, found in skipped if found for record in found]
        self.skipped = records
        for record in records:
            self._record_file(FileResult.of_lineage(record))
        return [task for task, found in skipped if not found]

    # ---- the work ------------------------------------------------------------------------------------------

    def _work(self, units: list[_Unit], workers: Workers) -> None:
        """Keep the workers busy, and commit what is staged in the plan's order."""
        waiting, under_way = deque(units), deque[_Unit]()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < workers.parallel + STAGED_AHEAD:
                    waiting[0].future = workers.submit(stage_session, waiting[0].task)
                    under_way.append(waiting.popleft())
                self._wait_for(under_way[0], workers)
                self._commit(_take_done(under_way), workers)
                self._report_progress(workers.bytes_read)
        except KeyboardInterrupt:
            self._commit(_take_done(under_way), workers)
            raise

    def _wait_for(self, unit: _Unit, workers: Workers) -> None:
        assert unit.future is not None
        while not unit.future.done():
            wait([unit.future], timeout=PROGRESS_SECONDS)
            self._report_progress(workers.bytes_read)

    def _commit(self, units: Sequence[_Unit], workers: Workers) -> None:
        if self.options.dry_run:
            for unit in units:
                self._record(_staged(unit))
            return
        while units:
            works = [StagedWork(self._directory_of(unit), tuple(sorted(unit.compared_with))) for unit in units]
            staged = [_staged(unit) for unit in units]
            with undisturbed():  # between transaction, rename and report, Ctrl-C would leave half a session
                outcomes = commit_staged(self.layout.root, works)
                done = sum(outcome.committed for outcome in outcomes)
                for session in staged[:done]:
                    self._record(session)
            units = units[done:]
            if units:
                self._stage_anew(units[0], outcomes[-1], workers)

    def _directory_of(self, unit: _Unit) -> str:
        directory = _staged(unit).directory
        assert directory is not None
        return str(directory.relative_to(self.layout.staging))

    def _stage_anew(self, unit: _Unit, outcome: CommitOutcome, workers: Workers) -> None:
        """Stage a session once more: the lake has moved on since it was planned."""
        unit.restages += 1
        task = unit.task
        if unit.restages > MAX_RESTAGES:
            raise LakeLockedError(
                f"{task.session} keeps changing while it is imported.",
                hint="Let the other imports end, then run the same command again.",
            )
        unit.compared_with |= frozenset(outcome.overlapping)
        view = view_session(self.layout.root, task.record_type, task.session, sorted(unit.compared_with))
        foreign = [self._published(task, version, date.fromisoformat(day)) for day, version in view.versions.items()]
        assert task.directory is not None
        unit.task = replace(
            self._based_on(task, view.state),
            directory=task.directory.with_name(f"{task.directory.name.split('-')[0]}-{unit.restages}"),
            foreign=tuple(session for session in foreign if session),
        )
        unit.future = workers.submit(stage_session, unit.task)

    def _record(self, staged: StagedSession) -> None:
        for record in staged.lineage:
            self._record_file(FileResult.of_lineage(record))
        self.progress.current = str(staged.session)
        if staged.summary is not None:
            self.sessions += 1
            self.strike_rows += staged.summary.rows

    def _record_file(self, result: FileResult) -> None:
        self.results.append(result)
        if result.status in (ResultStatus.PARTIAL, ResultStatus.FAILED):
            self.progress.damaged.append(result)
        self.progress.files_done += 1
        self.progress.records_imported += result.records_imported
        self.progress.records_quarantined += result.records_quarantined

    def _report_progress(self, bytes_read: int) -> None:
        if self.on_progress is not None:
            self.progress.bytes_done = self.bytes_hashed + bytes_read
            self.on_progress(self.progress)

    # ---- after ---------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Write the end of the import down. After a fault this may fail as well; recovery will do it then."""
        if self.options.dry_run:
            return
        status = overall_status(self.results, interrupted=self.interrupted)
        after_fault = _raising()
        try:
            finish_import(self.layout.root, self.import_id, status.value, len(self.results), self.skipped)
        except GexlakeError:
            if not after_fault:
                raise

    def _report(self, found: ScanResult) -> ImportReport:
        totals = total_of(self.results)
        totals.sessions, totals.strike_rows = self.sessions, self.strike_rows
        errors, warnings = Counter[str](), Counter[str]()
        imported = Counter[str]()
        for result in self.results:
            errors.update(result.errors)
            warnings.update(result.warnings)
        imported["gex"] = totals.records_imported
        return ImportReport(
            import_id=self.import_id,
            status=overall_status(self.results, interrupted=self.interrupted),
            dry_run=self.options.dry_run,
            lake=str(self.layout.root),
            sources=list(map(path_text, self.sources)),
            synthetic=synthetic_folders(result.source_file for result in self.results if result.synthetic),
            started_at=self.started.isoformat(),
            duration_seconds=round(time.perf_counter() - self.clock, 3),
            records_imported=dict(imported),
            totals=totals,
            error_rate=totals.records_quarantined / totals.records_seen if totals.records_seen else 0.0,
            max_error_rate=self.options.max_error_rate,
            errors=dict(errors),
            warnings=dict(warnings),
            files=self.results,
            files_filtered=found.filtered,
            files_ignored=found.ignored,
        )


def nothing_found(sources: Sequence[Path], found: ScanResult) -> SourceError:
    """What to say where there is no GEX history at all."""
    where = ", ".join(map(str, sources))
    if not found.refused:
        return SourceError(
            f"There is nothing to import in {where}.",
            hint="Name a folder that holds GEX history, such as 2025-11-14_NQ_NDX_classic_gex_zero.json.",
        )
    first, count = found.refused[0], len(found.refused)
    what = "The one file" if count == 1 else f"None of the {count:,} files"
    return SourceError(
        f"{what} in {where} is {'no ' if count == 1 else ''}GEX history. {first.short_name}: {first.reason}",
        hint="`gexlake scan` says what each file is.",
    )


def _session_id(source: SourceFile) -> tuple[str, SessionKey]:
    return source.record_type, source.session


def _take_done(under_way: deque[_Unit]) -> list[_Unit]:
    """The units at the front whose staging has ended."""
    done = []
    while under_way and under_way[0].future is not None and under_way[0].future.done():
        done.append(under_way.popleft())
    return done


def _staged(unit: _Unit) -> StagedSession:
    assert unit.future is not None
    return unit.future.result()


def _refused_result(refused: RefusedFile) -> FileResult:
    failed = refused.code in FAILED_CODES
    return FileResult.of_refused(refused, ResultStatus.FAILED if failed else ResultStatus.UNSUPPORTED)


def _pending_result(source: SourceFile) -> FileResult:
    return FileResult(source_file=source.name, status=ResultStatus.PENDING, source_bytes=source.size_bytes)


def _raising() -> bool:
    import sys

    return sys.exc_info()[0] is not None
