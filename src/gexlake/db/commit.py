"""Commit: staged sessions become visible, those staged together all or none, in the process that owns the database.

What is to be committed is taken in batches: one transaction and one number for all of it, and what the disk has to make
durable is made so together. The Parquet files get their final names first, to which nothing refers yet. The transaction
is the commit point. The names for globs follow; `recovery` does that again when a crash came between.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.checkpoint import LOG_BYTES, checkpoint
from gexlake.db.commits import LoggedChange, begin_commit, log_changes
from gexlake.db.database import refresh_views
from gexlake.db.layout import LakeLayout, make_unsynced, sync_directories, sync_log
from gexlake.db.parquet import version_paths
from gexlake.db.schema import parquet_path
from gexlake.db.sessions import SessionId, SessionRow, insert_sessions, remove_sessions
from gexlake.db.standing import Standing, changes_session, id_of
from gexlake.db.versions import hide_session, make_places, place_unsynced, show_version
from gexlake.errors import LakeError
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.lineage.quarantine import QUARANTINE_GLOB
from gexlake.models.feed import Feed
from gexlake.models.staged import Outcome, StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Group = Sequence[StagedSession]
"""What was staged together; the last may carry lineage of all."""

BATCH_SECONDS = 0.25
"""So long a batch is gathered; writing it takes about as long again, and whoever wants to write waits for that."""
BATCH_SNAPSHOTS = 200_000
"""Rows of one transaction, which DuckDB holds in memory: some 40 MB."""


class StaleStageError(Exception):
    """The session changed in the lake after this work began; it has to be staged anew."""

    def __init__(self, staged: StagedSession) -> None:
        super().__init__(f"{staged.session} changed meanwhile")
        self.staged = staged


def commit_session(connection: Connection, layout: LakeLayout, staged: StagedSession) -> None:
    """Make one staged session visible and durable.

    Raises `StaleStageError`, with nothing changed, when it must be staged anew.
    """
    (outcome,) = commit_groups(connection, layout, [[staged]])
    if isinstance(outcome, Exception):
        raise outcome
    if outcome is not Outcome.COMMITTED:
        raise StaleStageError(staged)


def commit_groups(
    connection: Connection, layout: LakeLayout, groups: Iterable[Group], *, in_order: bool = True
) -> list[Outcome | Exception]:
    """Make staged sessions visible and durable, group by group as far as they can be: what has become of each.

    Of a group all are committed or none. One that is stale or cannot be committed fails alone, with its fault for its
    outcome; with `in_order` what follows of its feed is held back, because the order decides which of two sources
    stands. What is committed already is only published again.

    A staging directory keeps lineage and refused records until the import has ended and its journal has them, so that
    `rebuild` finds them should the database be lost meanwhile.
    Raises `OSError` and what DuckDB raises where the disk or the database is at fault.
    """
    batches = _Batches(connection, layout, in_order)
    for group in groups:
        batches.take(group)
    batches.commit()
    return batches.outcomes


@dataclass(slots=True)
class _Taken:
    """A group that waits for its batch: its place among all, and why it cannot be committed even if it fits."""

    number: int
    group: Group
    fault: LakeError | None
    new: list[StagedSession] = field(default_factory=list)
    """What of it is not committed yet."""

    @property
    def feed(self) -> tuple[str, Feed]:
        return self.group[0].record_type, self.group[0].session.feed


@dataclass(slots=True)
class _Batches:
    connection: Connection
    layout: LakeLayout
    in_order: bool
    outcomes: list[Outcome | Exception] = field(default_factory=list)
    _held_back: set[tuple[str, Feed]] = field(default_factory=set)
    _waiting: list[_Taken] = field(default_factory=list)
    _sessions: set[SessionId] = field(default_factory=set)
    _snapshots: int = 0
    _began: float = 0.0

    def take(self, group: Group) -> None:
        """Add a group to the batch, and commit that when it is large enough; each changes a session once."""
        sessions = {id_of(staged) for staged in group}
        if self._sessions & sessions:
            self.commit()
        if not self._waiting:
            self._began = time.monotonic()
        self._waiting.append(_Taken(len(self.outcomes), group, _fault_of(group)))
        self.outcomes.append(Outcome.HELD_BACK)
        self._sessions |= sessions
        self._snapshots += sum(staged.summary.snapshots for staged in group if staged.summary)
        if time.monotonic() - self._began > BATCH_SECONDS or self._snapshots > BATCH_SNAPSHOTS:
            self.commit()

    def commit(self) -> None:
        """Commit what is in the batch."""
        batch, self._waiting, self._snapshots = self._waiting, [], 0
        self._sessions.clear()
        if not batch:
            return
        standing = Standing.load(self.connection, [staged for taken in batch for staged in taken.group])
        ready = [taken for taken in batch if self._is_ready(taken, standing)]
        new = [staged for taken in ready for staged in taken.new]
        if new and not self._write_all(ready, new):
            return
        for taken in ready:
            self.outcomes[taken.number] = Outcome.COMMITTED
        publish(self.layout, [staged for taken in ready for staged in taken.group if standing.is_live(staged)])
        refresh_views(self.connection, self.layout)
        checkpoint(self.connection, self.layout, log_bytes=LOG_BYTES)

    def _is_ready(self, taken: _Taken, standing: Standing) -> bool:
        if taken.feed in self._held_back:
            return False
        if not standing.fits(taken.group):
            self._fail(taken, Outcome.STALE)
            return False
        taken.new = [staged for staged in taken.group if not standing.is_committed(staged)]
        if taken.new and taken.fault is not None:
            self._fail(taken, taken.fault)
            return False
        standing.advance(taken.new)
        return True

    def _write_all(self, ready: Sequence[_Taken], new: Sequence[StagedSession]) -> bool:
        """Write what is new in one transaction; where something is wrong with that, group by group."""
        import duckdb

        try:
            _write(self.connection, self.layout, new)
        except (LakeError, FileNotFoundError, duckdb.InvalidInputException) as error:
            if len(ready) == 1:
                self._fail(ready[0], error)
            for taken in ready if len(ready) > 1 else ():
                self._waiting = [taken]
                self.commit()
            return False
        return True

    def _fail(self, taken: _Taken, outcome: Outcome | Exception) -> None:
        self.outcomes[taken.number] = outcome
        if self.in_order:
            self._held_back.add(taken.feed)


# ---- what can be known beforehand ------------------------------------------------------------------------------------


def _fault_of(group: Group) -> LakeError | None:
    """Why staged work cannot be committed, whatever the lake has: it must be what was written, to the byte.

    It may have lain here since an import that was cut off.
    """
    for staged in group:
        for record in staged.lineage:
            if not record.balanced:
                return LakeError(f"{record.source_file}: the records do not add up.", hint="Report this as a bug.")
        for path in sorted(_directory(staged).glob("*.parquet")):
            try:
                check_file(path)
            except BrokenSealError as error:
                return LakeError(f"The staged work in {path} is damaged: {error}.", hint="Import again.")
    return None


# ---- writing ---------------------------------------------------------------------------------------------------------


def _write(connection: Connection, layout: LakeLayout, new: Sequence[StagedSession]) -> None:
    """Name the files of staged sessions, and commit them."""
    import duckdb

    _place(layout, new)
    rows = [(SessionRow.of_staged(staged, files), files) for staged, files in _files_of(layout, new)]
    connection.begin()
    try:
        changed = [staged for staged in new if changes_session(staged)]
        if changed:
            remove_sessions(connection, [id_of(staged) for staged in changed if staged.base_version is not None])
            insert_sessions(connection, rows)
            log_changes(connection, begin_commit(connection), list(map(_logged, changed)))
        _insert_records(connection, new)
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # it has ended already where the commit itself failed
            connection.rollback()
        raise


def _place(layout: LakeLayout, new: Sequence[StagedSession]) -> None:
    """Give the files their names, and make the folders that are needed behind the transaction, all of it durable."""
    changed = set[Path]()
    for staged in new:
        if staged.changes_data:
            changed |= make_places(layout, staged.record_type, staged.session)
            changed |= place_unsynced(layout, staged)
        if staged.raw_files:
            changed |= make_unsynced(layout.quarantine)
    sync_directories(changed)


def _files_of(layout: LakeLayout, new: Sequence[StagedSession]) -> list[tuple[StagedSession, dict[str, Path]]]:
    return [
        (staged, version_paths(layout, staged.record_type, staged.session, staged.version))
        for staged in new
        if staged.changes_data
    ]


def _logged(staged: StagedSession) -> LoggedChange:
    return LoggedChange(
        staged.record_type,
        staged.session,
        None if staged.removes else staged.version,
        replaced=staged.base_version,
        keep_versions=staged.keep_versions,
        import_id=staged.version.partition("/")[0],
    )


def _insert_records(connection: Connection, new: Sequence[StagedSession]) -> None:
    with_lineage = [staged for staged in new if staged.lineage]
    append_files(connection, "lineage", [_directory(staged) / "lineage.parquet" for staged in with_lineage])
    refused = [_directory(staged).glob(QUARANTINE_GLOB) for staged in with_lineage if staged.has_quarantine]
    append_files(connection, "quarantine", [file for files in refused for file in sorted(files)])


def append_files(connection: Connection, table: str, files: Sequence[Path]) -> None:
    """Copy rows of Parquet files into a table, column by name."""
    if files:
        paths = ", ".join(parquet_path(str(file)) for file in files)
        append_rows(connection, table, f"read_parquet([{paths}], hive_partitioning = false, union_by_name = true)")


def append_rows(connection: Connection, table: str, source: str) -> None:
    """Copy rows into a table, column by name; `source` is an expression of SQL, such as `schema.parquet_file` gives."""
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {source}")


def publish(layout: LakeLayout, committed: Sequence[StagedSession]) -> None:
    """Have globs find committed sessions, and keep their large refused records; done again, it does what is left."""
    sync_log(layout)
    changed = set[Path]()
    for staged in committed:
        if staged.removes:
            changed |= hide_session(layout, staged.record_type, staged.session)
        elif staged.changes_data:
            changed |= show_version(layout, staged.record_type, staged.session, staged.version)
        for name in staged.raw_files:
            source, target = _directory(staged) / name, layout.quarantine / name
            if source.exists():
                changed |= make_unsynced(target.parent)
                source.replace(target)
                changed.add(target.parent)
    sync_directories(changed)


def _directory(staged: StagedSession) -> Path:
    assert staged.directory is not None, "a dry run cannot be committed"
    return staged.directory
