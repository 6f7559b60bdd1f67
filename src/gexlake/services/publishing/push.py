"""Push: carry what was committed to a mirror, files first, then the publication that names them.

A kill at any moment leaves files that nothing names, or a publication that the next push takes for its own. Of two
owners that publish at once one loses, and is told so.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gexlake._version import __version__
from gexlake.bucket.store import Store, open_place
from gexlake.db.followers import EVERYTHING, retain, retained_by
from gexlake.db.journal import JOURNAL_TABLES
from gexlake.db.layout import LakeLayout, stamps_of
from gexlake.db.mirrors import (
    SeenJournal,
    load_state,
    new_state,
    pushing,
    save_state,
)
from gexlake.db.notes import check_notes, note_files
from gexlake.db.parquet import version_paths
from gexlake.db.published import check_published
from gexlake.db.replicas import refuse_replica
from gexlake.errors import DamagedSessionError, GexlakeError, LakeError, LakeLockedError, StorageError, StoreError
from gexlake.importers.seal import BrokenSealError, checksum_of, content_checksum
from gexlake.models.location import Location
from gexlake.models.mirror import (
    FOLDERS,
    PublishedChange,
    PublishedCommit,
    PublishedFile,
    PublishedJournal,
    PushReport,
    commit_key,
    list_key,
)
from gexlake.services.publishing.lease import Lease, OwnerError
from gexlake.services.publishing.mirror_log import CommitLog, count_commits, read_commit_log
from gexlake.services.publishing.publications import fold, newest_commit, newest_list, read_commit, read_list
from gexlake.services.publishing.sweep import collect_unnamed, is_due
from gexlake.services.publishing.transfers import TRANSFERS_AT_ONCE, StoppedError, iter_transferred

LIST_EVERY = 100
"""Publications after which all that is live is listed again: so many does who begins have to read at most."""
POLL_SECONDS = 0.2
"""How often the lake's files are looked at for changes."""
RETRY_SECONDS = 10.0
"""Until a place that refused is tried again."""
TAKE_OVER = "If this lake is to be the owner from now on: `gexlake push --take-over`."


def push(lake: Path, place: Location, *, take_over: bool = False) -> PushReport:
    """Carry over what was committed since the last time.

    Raises `OwnerError` where another lake publishes there, `LakeLockedError` where another process is at it,
    `StoreError`, `DamagedSessionError`, and what the lake raises where it cannot be read.
    """
    layout, store = LakeLayout(lake.absolute()), open_place(place)
    count_commits(layout.root, [])  # where there is no lake, none is begun
    refuse_replica(layout)
    with pushing(layout, store.address):
        pusher = Pusher(layout, store, take_over=take_over)
        try:
            return pusher.run()
        finally:
            pusher.release()


def iter_pushed(lake: Path, place: Location, stop: threading.Event) -> Iterator[PushReport | GexlakeError]:
    """Push now and whenever something was committed, until `stop` is set; what went wrong is given out, and tried anew.

    The lease is held all the time.
    """
    layout, store = LakeLayout(lake.absolute()), open_place(place)
    count_commits(layout.root, [])
    with pushing(layout, store.address):
        pusher, seen, due = Pusher(layout, store, stop=stop), None, 0.0
        try:
            while not stop.is_set():
                # They change with every commit, journal and note.
                there = stamps_of([layout.database, layout.log, layout.imports, layout.notes])
                if there != seen or due <= 0:
                    with suppress(LakeLockedError):  # somebody is writing, and so there is going to be more to see
                        report = pusher.tried()
                        seen, due = there, RETRY_SECONDS
                        yield report
                        if isinstance(report, GexlakeError):
                            seen = None
                            stop.wait(RETRY_SECONDS)
                stop.wait(POLL_SECONDS)
                due -= POLL_SECONDS
        except StoppedError:
            return
        finally:
            pusher.release()


@dataclass
class _Files:
    """Local files by the key that they are to have."""

    paths: dict[str, Path]

    def entry(self, key: str, file: Path, checksum: str) -> PublishedFile:
        self.paths[key] = file
        return PublishedFile(key=key, size=file.stat().st_size, checksum=checksum)


class Pusher:
    """Carries one lake to one place, again and again."""

    def __init__(
        self, layout: LakeLayout, store: Store, *, take_over: bool = False, stop: threading.Event | None = None
    ) -> None:
        self._layout = layout
        self._store = store
        self._take_over = take_over
        self._stop = stop or threading.Event()
        self._state = load_state(layout, store.address) or new_state(store.address)
        self._lease = Lease(store, self._state.owner)
        self._is_settled = False
        self._sent: dict[str, tuple[int, int]] = {}
        """Of the journals that are being published, what their folders were."""

    def run(self) -> PushReport:
        """Publish what is not published yet. Raises as `push` does."""
        if not self._state.number:
            self._store.make()
        self._lease.hold()
        if not self._is_settled:
            self._settle()
        if self._state.commit is None:
            retain(self._layout, self._follower, EVERYTHING)  # before the log is read, see `db.followers`
        files = _Files({})
        journals = self._changed_journals(files)
        log = read_commit_log(self._layout.root, self._state.commit)
        with TemporaryDirectory(prefix="gexlake-notes-") as copies:
            notes = self._changed_notes(files, Path(copies), whole=log.whole)
            has_news = log.changes or journals or notes or self._is_new(log)
            report = self._publish(log, journals, notes, files) if has_news else self._report()
        if retained_by(self._layout, self._follower) != log.commit:
            retain(self._layout, self._follower, log.commit)
        is_time = is_due(self._state.collected_at)
        unlisted = self._state.number - self._state.listed
        if self._state.listed == 0 or unlisted >= LIST_EVERY or (is_time and unlisted):
            self._write_list()
        if is_time:
            collect_unnamed(self._layout, self._store)
            self._update(collected_at=datetime.now(UTC))
        self._update(problem="")
        return report

    def tried(self) -> PushReport | GexlakeError:
        """The same, with what went wrong as the answer."""
        try:
            return self.run()
        except LakeLockedError:
            raise
        except GexlakeError as error:
            self._is_settled = False
            self._update(problem=error.message)
            return error

    def release(self) -> None:
        """Let others have the place; who cannot be reached finds out by the time."""
        try:
            self._lease.release()
        except StoreError:
            return

    @property
    def _follower(self) -> str:
        return f"mirror {self._store.address}"

    def _is_new(self, log: CommitLog) -> bool:
        return log.whole or self._state.number == 0

    def _report(self, **facts: int) -> PushReport:
        state = self._state
        return PushReport(
            lake=str(self._layout.root),
            mirror=state.address,
            publication=state.number,
            commit=state.commit or 0,
            changed=bool(facts),
            **facts,
        )

    def _update(self, **facts: object) -> None:
        """Write down what has changed of the state."""
        changed = self._state.model_copy(update=facts)
        if changed != self._state:
            self._state = changed
            save_state(self._layout, changed)

    # ---- whose place it is ---------------------------------------------------------------------------------

    def _settle(self) -> None:
        """See that what is published there is what this lake has published; go on behind it."""
        if self._state.number and not self._has_own(self._state.number):
            self._update(number=0, listed=0, commit=None, journals={}, notes={}, mirror=uuid.uuid4().hex)
        if not self._state.number:
            last = newest_commit(self._store)
            if last is not None and last.owner != self._state.owner:
                self._follow_on(last)
            save_state(self._layout, self._state)  # before anything is written there in its name
        while (following := read_commit(self._store, self._state.number + 1)) is not None:
            if following.owner == self._state.owner:
                self._take_down(following)  # it was killed behind it
            else:
                self._follow_on(newest_commit(self._store) or following)
        self._is_settled = True

    def _has_own(self, number: int) -> bool:
        """Whether the last publication is there; where it is not, `--take-over` begins anew or goes on behind another.

        Raises `OwnerError` where another owner's is in its place, `StoreError` where nothing is.
        """
        found = read_commit(self._store, number)
        if found is not None and found.owner == self._state.owner:
            return True
        if self._take_over:
            return False
        if found is not None:
            raise self._refused(found)
        raise StoreError(
            f"{self._store.address} does not hold what was published in it, publication {number} and before.",
            hint="Is it mounted? If it was emptied: `gexlake push --take-over` begins anew.",
        )

    def _follow_on(self, last: PublishedCommit) -> None:
        """Go on behind what another owner has published, with all that is live, where that is asked for."""
        if not self._take_over:
            raise self._refused(last)
        self._update(mirror=last.mirror, number=last.number, commit=None)

    def _refused(self, found: PublishedCommit) -> OwnerError:
        return OwnerError(
            f"{self._store.address} is the mirror of another lake, or of this one elsewhere: publication "
            f"{found.number} there was not made by {self._layout.root}.",
            hint=f"Name another place, or `gexlake rebuild --from` it. {TAKE_OVER}",
        )

    def _take_down(self, published: PublishedCommit) -> None:
        """The state behind a publication of this lake."""
        journals = {one.import_id: SeenJournal(folder=(0, 0), published=one) for one in published.journals}
        for import_id, folder in self._sent.items():
            if import_id in journals:
                journals[import_id].folder = folder
        self._update(
            number=published.number,
            commit=published.commit,
            pushed_at=datetime.now(UTC),
            journals=self._state.journals | journals,
            notes=published.notes if published.whole else self._state.notes | published.notes,
        )

    # ---- one publication -----------------------------------------------------------------------------------

    def _publish(
        self,
        log: CommitLog,
        journals: list[PublishedJournal],
        notes: dict[date, PublishedFile],
        files: _Files,
    ) -> PushReport:
        live = {(change.record_type, change.session): change.version for change in log.changes}
        changes = [
            self._change(change, files, is_live=live[change.record_type, change.session] == change.version)
            for change in log.changes
        ]
        for kept in log.kept:
            self._change(kept, files, is_live=False)
        sent = self._send(files, known=self._stored() if log.whole else {})
        state = self._state
        document = PublishedCommit(
            mirror=state.mirror,
            number=state.number + 1,
            before=state.number,
            owner=state.owner,
            commit=log.commit,
            times=log.times,
            gexlake_version=__version__,
            whole=log.whole,
            snapshots_in_database=log.snapshots_in_database,
            changes=changes,
            journals=journals,
            notes=notes,
        )
        self._lease.hold()
        self._create(document)
        self._take_down(document)
        counts = {"sessions": len(changes), "imports": len(journals), "notes": len(notes)}
        return self._report(**counts, files=len(files.paths), bytes=sent)

    def _create(self, document: PublishedCommit) -> None:
        data = document.to_json()
        if not self._store.create(commit_key(document.number), data):
            there = self._store.read(commit_key(document.number))
            if there is None or there[0] != data:  # else the answer to our own request was lost
                self._is_settled = False
                raise self._refused(document)

    def _change(self, change: PublishedChange, files: _Files, *, is_live: bool) -> PublishedChange:
        """Raises `DamagedSessionError` where a live version is damaged; one that is not is left out."""
        if self._stop.is_set():
            raise StoppedError
        self._lease.hold()  # every byte is looked at here, which may take its time
        named: list[PublishedFile] = []
        if change.version is not None:
            paths = version_paths(self._layout, change.record_type, change.session, change.version)
            try:
                check_published(paths.values())
                named = [
                    files.entry(path.relative_to(self._layout.root).as_posix(), path, checksum_of(path))
                    for path in paths.values()
                ]
            except (DamagedSessionError, OSError):
                if is_live:
                    raise
        return change.model_copy(update={"files": named})

    def _changed_journals(self, files: _Files) -> list[PublishedJournal]:
        """The journals that were written since they were published, and are not what was published."""
        if not self._layout.imports.is_dir():
            return []
        known, same, changed = self._state.journals, {}, []
        self._sent = {}
        for folder in sorted(path for path in self._layout.imports.iterdir() if path.is_dir()):
            before, facts = known.get(folder.name), _folder_facts(folder)
            if before is not None and before.folder == facts:
                continue
            of_journal = _Files({})
            journal = self._journal(folder, of_journal)
            if before is not None and before.published == journal:
                same[folder.name] = SeenJournal(folder=facts, published=journal)
                continue
            self._sent[folder.name] = facts
            files.paths |= of_journal.paths
            changed.append(journal)
        if same:
            self._update(journals=known | same)
        return changed

    def _journal(self, folder: Path, files: _Files) -> PublishedJournal:
        """Raises `LakeError` where it is damaged."""
        tables = {}
        try:
            for table in JOURNAL_TABLES:
                file = folder / f"{table}.parquet"
                checksum = content_checksum(file)
                tables[table] = files.entry(f"imports/{folder.name}/{table}-{checksum}.parquet", file, checksum)
            raw_files = {
                path.name: files.entry(f"quarantine/{path.name}", path, content_checksum(path))
                for path in _raw_files(self._layout, folder)
            }
        except (BrokenSealError, OSError) as error:
            raise LakeError(
                f"The journal {folder} is damaged: {error}.", hint="Run `gexlake verify --repair`."
            ) from error
        return PublishedJournal(import_id=folder.name, tables=tables, raw_files=raw_files)

    def _changed_notes(self, files: _Files, copies: Path, *, whole: bool) -> dict[date, PublishedFile]:
        """The files of notes that are not what was published, `whole`: all, as copies: somebody may write meanwhile.

        Raises `LakeError` where one is damaged.
        """
        changed = {}
        for file in note_files(self._layout):
            day = date.fromisoformat(file.stem)
            known = self._state.notes.get(day)
            if known is not None and not whole and content_checksum(file) == known.checksum:
                continue
            copy = _copied(file, copies)
            check_notes(copy)
            checksum = content_checksum(copy)
            changed[day] = files.entry(f"notes/{day}-{checksum}{file.suffix}", copy, checksum)
        return changed

    def _stored(self) -> dict[str, int]:
        """What lies there already, from a push that was cut off: keys and sizes."""
        found: dict[str, int] = {}
        for prefix in FOLDERS:
            found |= {one.key: one.size_bytes for one in self._store.iter_stored(prefix)}
        return found

    def _send(self, files: _Files, *, known: dict[str, int]) -> int:
        """Bytes sent."""

        def send(item: tuple[str, Path]) -> int:
            key, path = item
            size = path.stat().st_size
            if known.get(key) == size:
                return 0
            self._store.put(key, path)
            return size

        sent = 0
        for size in iter_transferred(send, list(files.paths.items()), self._stop, at_once=TRANSFERS_AT_ONCE):
            sent += size
            self._lease.hold()
        return sent

    # ---- lists ---------------------------------------------------------------------------------------------

    def _write_list(self) -> None:
        """List all that is live behind the last publication: the list before, and what was published since."""
        number = newest_list(self._store) or 0
        listed = read_list(self._store, number) if number else None
        since = [read_commit(self._store, one) for one in range(number + 1, self._state.number + 1)]
        whole = fold([one for one in (listed, *since) if one is not None])
        self._store.create(list_key(whole.number), whole.to_json())
        self._update(listed=whole.number)


def _copied(file: Path, folder: Path) -> Path:
    """Raises `StorageError`."""
    try:
        return Path(shutil.copy(file, folder))
    except OSError as error:
        raise StorageError(f"{error.filename or folder}: {error.strerror}.", hint="Free some space.") from error


def _folder_facts(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_ino, status.st_mtime_ns


def _raw_files(layout: LakeLayout, folder: Path) -> list[Path]:
    """The files of refused records that an import's quarantine names, as far as they are there."""
    import polars as pl

    column = pl.read_parquet(folder / "quarantine.parquet", columns=["raw_file"], glob=False)["raw_file"]
    names = sorted({Path(name).name for name in column.drop_nulls().to_list()})
    return [path for path in (layout.quarantine / name for name in names) if path.is_file()]
