"""Pull: bring what is published into a lake of one's own, publication by publication, each in one transaction.

The lake keeps the names of versions, and is one like any other. A publication that is applied again, after a kill, does
what is left.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from gexlake.bucket.client import MissingObjectError
from gexlake.bucket.store import Store
from gexlake.db.database import open_database, prepare_lake
from gexlake.db.layout import LakeLayout, make_directories, replace_durably, sync_directory
from gexlake.db.notes import note_files, notes_file
from gexlake.db.parquet import version_paths
from gexlake.errors import LakeError, LakeVersionError, StoreError, UsageError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, content_checksum
from gexlake.models.mirror import PublishedChange, PublishedCommit, PublishedFile, PublishedJournal, PullReport
from gexlake.models.verify_report import SessionProgress
from gexlake.services.publishing.apply import apply_changes, drop_unlisted, paths_not_live
from gexlake.services.publishing.publications import newest_list, read_commit, read_list
from gexlake.services.publishing.transfers import TRANSFERS_AT_ONCE, iter_transferred

if TYPE_CHECKING:
    import duckdb

SESSIONS_AT_ONCE = 32
"""Of a list, which is applied in parts; who is killed goes on behind the last of them."""
LOOK_SECONDS = 10.0
"""How often it is looked whether what was applied is still what is published."""
RETIRED_SECONDS = 60.0
"""So long do files of a version stay whose place another took: somebody may be reading them."""
FETCHED_PREFIX = "pull-"
"""Of a file in `staging/` that is being fetched."""
OnProgress = Callable[[SessionProgress], None]


class Position(BaseModel):
    """Which published lake one follows, and how far."""

    source: str
    mirror: str = ""
    number: int = 0
    commit: int = 0
    committed_at: datetime | None = None


class NothingPublishedError(StoreError):
    """There is no lake in the place, or not any more."""


class Puller:
    """Brings one published lake into one directory, again and again; nobody else writes that."""

    def __init__(
        self,
        layout: LakeLayout,
        store: Store,
        *,
        on_progress: OnProgress = lambda progress: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._layout = layout
        self._store = store
        self._on_progress = on_progress
        self._stop = stop or threading.Event()
        self._looked: float | None = None
        self._retired: deque[tuple[float, Path]] = deque()
        self.report = PullReport(lake=str(layout.root), mirror=store.address, publication=0, commit=0)
        self.position = _begin(layout, store)

    def step(self) -> bool:
        """Apply the next publication; whether there was one.

        Raises `NothingPublishedError` where nothing is published, `StoreError` where the place cannot be read or holds
        what was not written, what the lake raises where it cannot be written, and `StoppedError` once `stop` is set.
        """
        self._remove_retired()
        published = self._next()
        if published is None:
            return False
        self._apply(published)
        return True

    def retire_unused(self) -> None:
        """Have the files of versions that are not live go by and by."""
        with open_database(self._layout, write=True) as connection:
            self._retire(paths_not_live(connection, self._layout))

    # ---- what comes next -----------------------------------------------------------------------------------

    def _next(self) -> PublishedCommit | None:
        if self._looked is None or time.monotonic() - self._looked > LOOK_SECONDS:
            listed = self._look()
            self._looked = time.monotonic()
            if listed is not None:
                return listed
        published = read_commit(self._store, self.position.number + 1)
        if published is not None and published.mirror != self.position.mirror:
            self._looked = None
            return self._next()
        return published

    def _look(self) -> PublishedCommit | None:
        """The list to begin with, where what was applied is not of what is published now, or too far behind it."""
        number, position = newest_list(self._store), self.position
        if number is None:
            raise NothingPublishedError(
                f"No lake is published in {self._store.address}.",
                hint="Its owner does so by the setting `mirror`, or by `gexlake push`.",
            )
        own = read_commit(self._store, position.number) if position.mirror else None
        is_same = own is not None and own.mirror == position.mirror
        if is_same:
            return None
        listed = read_list(self._store, number)
        if listed is not None and listed.mirror == position.mirror and listed.number <= position.number:
            return None
        return listed

    # ---- one publication -----------------------------------------------------------------------------------

    def _apply(self, published: PublishedCommit) -> None:
        known = {change.record_type for change in published.changes} - IMPORTERS.keys()
        if known:
            raise LakeVersionError(
                f"{self._store.address} holds {', '.join(sorted(known))}, which this gexlake does not know.",
                hint="Upgrade gexlake.",
            )
        last = {(change.record_type, change.session): change for change in published.changes}
        self._fetch_journals(published.journals)
        self._fetch_notes(published)
        if published.whole:
            self._apply_in_parts(published, list(last.values()))
        else:
            self._fetch_versions(last.values())
            self._commit(published, published.changes, published.journals)
        self.position = Position(
            source=self._store.address,
            mirror=published.mirror,
            number=published.number,
            commit=published.commit,
            committed_at=published.committed_at,
        )
        _save(self._layout, self.position)
        report = self.report
        report.publication, report.commit = published.number, published.commit
        report.publications += 1
        report.sessions += len(last)

    def _apply_in_parts(self, published: PublishedCommit, changes: Sequence[PublishedChange]) -> None:
        progress = SessionProgress(sessions_total=len(changes))
        progress.bytes_total = sum(file.size for change in changes for file in change.files)
        for start in range(0, len(changes), SESSIONS_AT_ONCE):
            part = changes[start : start + SESSIONS_AT_ONCE]
            self._fetch_versions(part)
            self._commit(published, part, [])
            progress.sessions_done += len(part)
            progress.bytes_done += sum(file.size for change in part for file in change.files)
            progress.current = str(part[-1].session)
            self._on_progress(progress)
        with self._opened(published) as connection:
            drop_unlisted(connection, self._layout, published)
        self._commit(published, [], published.journals)

    def _commit(
        self, published: PublishedCommit, changes: Sequence[PublishedChange], journals: Sequence[PublishedJournal]
    ) -> None:
        with self._opened(published) as connection:
            self._retire(apply_changes(connection, self._layout, published, changes, journals))

    def _opened(self, published: PublishedCommit) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The database; where there is none, one as the owner's is made."""
        return open_database(self._layout, write=True, snapshots_in_database=published.snapshots_in_database)

    # ---- files ---------------------------------------------------------------------------------------------

    def _fetch_versions(self, changes: Iterable[PublishedChange]) -> None:
        wanted = []
        for change in changes:
            if change.version is None:
                continue
            paths = version_paths(self._layout, change.record_type, change.session, change.version)
            named = {file.key: file for file in change.files}
            for path in paths.values():
                key = path.relative_to(self._layout.root).as_posix()
                if key not in named:
                    raise StoreError(
                        f"{self._store.address} does not name {key}, of a session that is live.",
                        hint="Have its owner push to another place.",
                    )
                wanted.append((named[key], path))
        self._fetch_all(wanted)

    def _fetch_journals(self, journals: Iterable[PublishedJournal]) -> None:
        wanted = []
        for journal in journals:
            folder = self._layout.imports / journal.import_id
            wanted += [(file, folder / f"{table}.parquet") for table, file in journal.tables.items()]
            wanted += [(file, self._layout.quarantine / name) for name, file in journal.raw_files.items()]
        self._fetch_all(wanted)

    def _fetch_notes(self, published: PublishedCommit) -> None:
        """Have the notes that are published, and of a list no others."""
        self._fetch_all([(file, notes_file(self._layout, day)) for day, file in published.notes.items()])
        if published.whole:
            for file in note_files(self._layout):
                if date.fromisoformat(file.stem) not in published.notes:
                    file.unlink()

    def _fetch_all(self, wanted: Sequence[tuple[PublishedFile, Path]]) -> None:
        make_directories(self._layout.staging)
        for folder in {path.parent for _, path in wanted}:
            make_directories(folder)
        for fetched in iter_transferred(lambda one: self._fetch(*one), wanted, self._stop, at_once=TRANSFERS_AT_ONCE):
            self.report.files += fetched > 0
            self.report.bytes += fetched
        for folder in {path.parent for _, path in wanted}:
            sync_directory(folder)

    def _fetch(self, wanted: PublishedFile, target: Path) -> int:
        """Have a file that is whole under its name; bytes that were fetched for it."""
        if _is_sound(target, wanted):
            return 0
        # A name for this file alone: journals of two imports may hold the same, and are fetched side by side.
        new = self._layout.staging / f"{FETCHED_PREFIX}{uuid.uuid4().hex}-{target.name}"
        try:
            self._store.fetch(wanted.key, new)
            if not _is_sound(new, wanted):
                raise StoreError(
                    f"{wanted.key} in {self._store.address} is not what was published.",
                    hint="Have its owner push to another place, or put the object back.",
                )
            new.replace(target)
        except MissingObjectError as error:
            raise StoreError(
                f"{wanted.key} is not in {self._store.address}, which names it.", hint="Try again in a moment."
            ) from error
        finally:
            new.unlink(missing_ok=True)
        return wanted.size

    def _retire(self, paths: Iterable[Path]) -> None:
        self._retired.extend((time.monotonic(), path) for path in paths)

    def _remove_retired(self) -> None:
        while self._retired and time.monotonic() - self._retired[0][0] > RETIRED_SECONDS:
            self._retired.popleft()[1].unlink(missing_ok=True)


def _is_sound(path: Path, wanted: PublishedFile) -> bool:
    try:
        if path.stat().st_size != wanted.size:
            return False
        return content_checksum(path) == wanted.checksum
    except (OSError, BrokenSealError):
        return False


def _begin(layout: LakeLayout, store: Store) -> Position:
    """How far the lake is. Raises `UsageError` for a lake that is not one that follows, or follows another."""
    prepare_lake(layout)
    try:
        position = Position.model_validate_json(layout.replica_file.read_bytes())
    except FileNotFoundError:
        if layout.database.exists() or any((layout.root / name).exists() for name in (*IMPORTERS, "versions", "notes")):
            raise UsageError(
                f"{layout.root} is a lake of its own, not a copy of the one published in {store.address}.",
                hint="Name a directory that is empty, or not there yet.",
            ) from None
        position = Position(source=store.address)
        _save(layout, position)
    except ValidationError as error:
        raise LakeError(
            f"{layout.replica_file} is damaged.", hint=f"Remove {layout.root}: all of it is published."
        ) from error
    if position.source != store.address:
        raise UsageError(
            f"{layout.root} follows {position.source}, not {store.address}.",
            hint="Name another directory for another lake.",
        )
    for left in layout.staging.glob(f"{FETCHED_PREFIX}*"):
        with suppress(OSError):
            left.unlink()
    return position


def _save(layout: LakeLayout, position: Position) -> None:
    new = layout.staging / layout.replica_file.name
    replace_durably(layout.replica_file, new, position.model_dump_json().encode())


def forget_source(layout: LakeLayout) -> None:
    """From now on it is a lake of its own."""
    layout.replica_file.unlink(missing_ok=True)
    sync_directory(layout.root)
