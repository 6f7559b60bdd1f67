"""The import: scan, plan, stage in workers, commit in the plan's order, report."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gexlake.db.database import prepare_lake
from gexlake.db.faults import storage_error
from gexlake.db.layout import LakeLayout
from gexlake.db.recovery import staging_area
from gexlake.errors import GexlakeError, LakeLockedError, SourceError
from gexlake.models.feed import Feed
from gexlake.models.import_order import ImportOptions, OnProgress, new_import_id
from gexlake.models.location import Location, ObjectUrl, location_of, location_text
from gexlake.models.report import ImportReport
from gexlake.models.source import ReadObject
from gexlake.models.staged import Outcome, StagedSession
from gexlake.models.task import FeedTask
from gexlake.scanner import ScanResult, scan
from gexlake.services.importing.commits import commit_staged, finish_import, load_lake, register_import, view_feed
from gexlake.services.importing.plan import ImportPlan, Planner
from gexlake.services.importing.record import ImportRecord, failed_codes
from gexlake.services.importing.resume import read_objects
from gexlake.services.importing.stage import stage_sources
from gexlake.services.importing.supersede import superseded
from gexlake.services.processes.interrupts import kept_interrupts, undisturbed
from gexlake.services.processes.workers import TICK_SECONDS, Workers, WorkerThreads, cores, open_workers

STAGED_AHEAD = 8
"""Tasks staged at least beyond those that workers are at, or as many again: none waits for a commit, nor for one of
them that takes long. Bounds the space used."""
MANY_AHEAD, SMALL_BYTES = 256, 64 << 20
"""So many where their sources are small: all that are under way have no more bytes than this together."""
COMMIT_SECONDS = 0.25
"""So long from one commit to the next while others are being staged: a call has a price of its own."""
OBJECTS_AT_ONCE = 2
"""Workers for each core where sources are in a bucket: one waits for bytes while the other decodes."""
MAX_RESTAGES = 5


def import_history(
    sources: str | Location | Sequence[str | Location],
    lake: str | Path = "data",
    options: ImportOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
    import_id: str | None = None,
) -> ImportReport:
    """Import GEX history below one or more `sources` into the lake at `lake`, and say what became of every file.

    A source is a path, or the URL of a place in a bucket: `s3://bucket/history`, also `gs://` and `az://`.

    `import_id` is one of `new_import_id`, where it is to be known beforehand.
    What is committed stays, whatever happens later; an interrupt (Ctrl-C) ends it cleanly with status `interrupted`.
    Raises `SourceError`, `StoreError`, `LakeError`, `LakeLockedError`, `StorageError` or `WorkerError` when it cannot
    go on, and `UsageError` for a cluster that there cannot be.
    """
    named = [location_of(source) for source in ([sources] if isinstance(sources, str | Location) else sources)]
    options, root = options or ImportOptions(), Path(lake)
    if options.cluster is not None:  # its workers have working directories of their own
        named = [source.absolute() if isinstance(source, Path) else source for source in named]
        root = root.absolute()
    with kept_interrupts():
        return _Import(named, LakeLayout(root), options, on_progress, import_id or new_import_id()).run()


@dataclass(slots=True, eq=False)
class _Unit:
    """One task of the plan and the future of its staging."""

    task: FeedTask
    future: Future[list[StagedSession]] | None = None
    attempts: int = 0

    @property
    def feed(self) -> tuple[str, Feed]:
        """What it is of."""
        return self.task.record_type, self.task.session.feed

    @property
    def is_done(self) -> bool:
        """Whether its staging has ended."""
        return self.future is not None and self.future.done()

    @property
    def has_failed(self) -> bool:
        """Whether it has ended without a result."""
        return self.future is not None and self.future.exception() is not None

    @property
    def staged(self) -> list[StagedSession]:
        """What was staged, once that is done."""
        assert self.future is not None
        return self.future.result()


@dataclass(slots=True)
class _Import:
    sources: list[Location]
    layout: LakeLayout
    options: ImportOptions
    on_progress: OnProgress | None
    import_id: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    record: ImportRecord = field(init=False)
    planner: Planner = field(init=False)
    area: Path | None = None
    readers: list[Workers] = field(default_factory=list)
    """All that read sources: what they have read is the progress, and what need not be read."""
    bytes_known: int = 0
    commit_due: float = 0.0
    """By the monotonic clock: when the next commit may come, while others are being staged."""

    def run(self) -> ImportReport:
        self.record = ImportRecord(self.import_id, self.layout.root, self.sources, self.options, self.started)
        with ExitStack() as stack:
            workers = None
            if self.options.cluster is not None:  # one that does not answer leaves no lake behind
                workers = self._open_workers(stack, 0)
            found = self._scan()
            self.record.begin(found)
            if workers is None and not self.layout.database.exists():
                # All is to be read: workers may start while the lake is made.
                workers = self._open_workers(stack, self.record.progress.bytes_total)
            self._open_lake(found, stack)
            try:
                if workers is not None:
                    workers.share(self.area, [source for source in self.sources if isinstance(source, Path)])
                plan = self._plan(workers)
                workers = workers or self._open_workers(stack, _size_of(plan))
                stack.callback(workers.stop)  # before the lock on the staging directory goes: none may outlive it
                self._work([_Unit(task) for task in plan.tasks], workers)
            except KeyboardInterrupt:
                self.record.interrupted = True
                if workers is not None:
                    workers.stop()
            except OSError as error:
                raise storage_error(self.layout, error) from error
            finally:
                self.record.close(found)
                with undisturbed(to_the_end=True):
                    self._end()
        return self.record.report(found)

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
            read_before=self._read_before(),
        )
        if not found.files and not found.filtered and not failed_codes(found):
            raise nothing_found(self.sources, found)
        return found

    def _read_before(self) -> dict[str, ReadObject]:
        """Objects that need not be looked at where their ETag is unchanged."""
        if self.options.force or self.options.verify or not self._is_remote:
            return {}
        return read_objects(load_lake(self.layout.root))

    @property
    def _is_remote(self) -> bool:
        return any(isinstance(source, ObjectUrl) for source in self.sources)

    def _open_workers(self, stack: ExitStack, total_bytes: int) -> Workers:
        at_once = OBJECTS_AT_ONCE if self._is_remote else 1
        count, cluster = self.options.workers or cores() * at_once, self.options.cluster
        workers = stack.enter_context(open_workers(count=count, total_bytes=total_bytes, cluster=cluster))
        self.readers.append(workers)
        return workers

    def _open_lake(self, found: ScanResult, stack: ExitStack) -> None:
        """Settle what earlier imports left, and lock a place to stage in; a dry run only looks."""
        if self.options.dry_run:
            states = load_lake(self.layout.root)
        else:
            prepare_lake(self.layout)
            self.area = stack.enter_context(staging_area(self.layout, self.import_id))
            names = list(map(location_text, self.sources))
            states = register_import(
                self.layout.root,
                self.import_id,
                names,
                started=self.started,
                snapshots_in_database=self.options.snapshots_in_database,
            )
        self.planner = Planner(
            self.import_id,
            self.layout.root,
            self.options,
            started=self.started,
            area=self.area,
            found=found,
            states=states,
        )

    def _plan(self, workers: Workers | None) -> ImportPlan:
        """What is to be read. The lineage of the rest is written at the end: staging need not wait for the database.

        Known sources are hashed by a cluster where one is given, which is nearer to them, else by threads.
        """
        with ExitStack() as stack:
            if self.options.cluster is None or workers is None:
                workers = WorkerThreads(self.options.workers or cores())
                self.readers.append(workers)
                stack.callback(workers.stop)
            plan = self.planner.plan(workers, on_tick=self._report_progress)
        self.bytes_known = self.planner.known_bytes
        self.record.settle(plan.settled)
        return plan

    # ---- the work ------------------------------------------------------------------------------------------

    def _work(self, units: list[_Unit], workers: Workers) -> None:
        """Keep the workers busy, and commit what is staged, that of a feed in the plan's order."""
        waiting, under_way = deque(units), list[_Unit]()
        try:
            while waiting or under_way:
                while waiting and _has_room(under_way, workers.parallel):
                    waiting[0].future = workers.submit(stage_sources, waiting[0].task)
                    under_way.append(waiting.popleft())
                self._wait_for_any(under_way, workers)
                self._gather(under_way, workers)
                self._commit(_take_staged(under_way), workers)
                self._report_progress()
        except KeyboardInterrupt:
            self._commit(_take_staged(under_way), workers)
            raise

    def _wait_for_any(self, units: Sequence[_Unit], workers: Workers) -> None:
        """Until one more is staged, or for a moment."""
        pending = [unit.future for unit in units if unit.future is not None and not unit.future.done()]
        wait(pending, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
        workers.check()
        self._report_progress()

    def _gather(self, under_way: Sequence[_Unit], workers: Workers) -> None:
        """Wait for more to be staged, where the last commit was a moment ago."""
        while time.monotonic() < self.commit_due and not all(unit.is_done for unit in under_way):
            self._wait_for_any(under_way, workers)

    def _commit(self, units: Sequence[_Unit], workers: Workers) -> None:
        """Commit all that was staged; what the lake has moved on from is staged anew."""
        if self.options.dry_run:
            for unit in units:
                self.record.add(unit.staged)
            return
        while units:
            groups = [[self._name_of(staged) for staged in unit.staged] for unit in units]
            with undisturbed():  # between transaction, rename and report, Ctrl-C would leave half a session
                outcomes = dict(zip(units, commit_staged(self.layout.root, groups), strict=True))
                for unit in units:
                    if outcomes[unit] is Outcome.COMMITTED:
                        self.record.add(unit.staged)
                        lineage = unit.staged[-1].lineage
                        self.record.settled_lineage += superseded(unit.task, lineage)
            units = [
                unit
                for unit in units
                if outcomes[unit] is Outcome.HELD_BACK
                or (outcomes[unit] is Outcome.STALE and self._stage_anew(unit, workers))
            ]
            self.commit_due = time.monotonic() + COMMIT_SECONDS

    def _name_of(self, staged: StagedSession) -> str:
        assert staged.directory is not None
        return str(staged.directory.relative_to(self.layout.staging))

    def _stage_anew(self, unit: _Unit, workers: Workers) -> bool:
        """Stage a task once more: the lake has moved on since it was planned. Whether there is anything left of it."""
        unit.attempts += 1
        task = unit.task
        if unit.attempts > MAX_RESTAGES:
            raise LakeLockedError(
                f"{task.session} keeps changing while it is imported.",
                hint="Let the other imports end, then run the same command again.",
            )
        digests = {record.source_file: record.source_sha256 for record in unit.staged[-1].lineage}
        state = view_feed(self.layout.root, task.record_type, task.session.feed)
        plan = self.planner.plan_again(task, state, digests)
        self.record.settle(plan.settled)
        for again in plan.tasks:
            unit.task = again
            unit.future = workers.submit(stage_sources, again)
            while not unit.is_done:
                self._wait_for_any([unit], workers)
        return bool(plan.tasks)

    def _report_progress(self) -> None:
        if self.on_progress is not None:
            bytes_read = sum(workers.bytes_read for workers in self.readers)
            self.record.progress.bytes_done = self.bytes_known + bytes_read
            self.on_progress(self.record.progress)

    # ---- after ---------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Write the end of the import down. After a fault this may fail as well; recovery will do it then."""
        if self.options.dry_run:
            return
        after_fault = sys.exc_info()[0] is not None
        record = self.record
        try:
            finish_import(
                self.layout.root, self.import_id, record.status.value, len(record.results), record.settled_lineage
            )
        except GexlakeError:
            if not after_fault:
                raise


def nothing_found(sources: Sequence[Location], found: ScanResult) -> SourceError:
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


def _has_room(under_way: Sequence[_Unit], parallel: int) -> bool:
    """Whether one more may be staged before those that are under way are committed."""
    if len(under_way) < parallel + max(parallel, STAGED_AHEAD):
        return True
    staged_bytes = sum(source.size_bytes for unit in under_way for source in unit.task.sources)
    return len(under_way) < MANY_AHEAD and staged_bytes < SMALL_BYTES


def _size_of(plan: ImportPlan) -> int:
    return sum(source.size_bytes for task in plan.tasks for source in task.sources)


def _take_staged(under_way: list[_Unit]) -> list[_Unit]:
    """Take out what is staged, but for what stands behind a task of the same feed that is not: of two sources with
    other values for one key, that of the earlier date is to have been there first, however long it takes. What failed
    is taken by itself, when all else is committed.
    """
    behind, staged, failed = set[tuple[str, Feed]](), list[_Unit](), list[_Unit]()
    for unit in under_way:
        if unit.feed in behind or not unit.is_done:
            behind.add(unit.feed)
        else:
            (failed if unit.has_failed else staged).append(unit)
    taken = staged or failed
    under_way[:] = [unit for unit in under_way if unit not in taken]
    return taken
