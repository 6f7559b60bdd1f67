"""Rebuild: the DuckDB file made anew from the Parquet tree alone, equal to the one that was lost."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.adopt import adopt_previous, drop_previous, name_shown
from gexlake.db.checkpoint import checkpoint
from gexlake.db.commit import append_rows
from gexlake.db.commits import take_note
from gexlake.db.database import create_schema, open_database, refresh_views
from gexlake.db.faults import translated_faults
from gexlake.db.instances import settings
from gexlake.db.journal import JOURNAL_TABLES
from gexlake.db.layout import LakeLayout, partition_values, place_new, sync_directory, sync_file
from gexlake.db.migrate import fill_new_columns
from gexlake.db.owner import owned_database
from gexlake.db.parquet import UNKNOWN_VERSION, read_footer, told_version, version_paths
from gexlake.db.published import content_problems, session_of
from gexlake.db.queries import insert_lost_imports
from gexlake.db.recovery import finish_publishing, is_running, staging_area
from gexlake.db.replicas import refuse_replica
from gexlake.db.schema import parquet_file
from gexlake.db.sessions import SessionRow, keeps_snapshots, replace_session
from gexlake.db.standing import is_committed
from gexlake.errors import LakeError, LakeLockedError, LakeVersionError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.lineage.quarantine import QUARANTINE_GLOB
from gexlake.lineage.records import table_frame, write_rows
from gexlake.models.checks import Check
from gexlake.models.feed import Feed
from gexlake.models.lineage import LINEAGE_COLUMNS
from gexlake.models.staged import StagedSession
from gexlake.models.verify_report import Finding, RebuildReport, SessionProgress
from gexlake.services.importing.refile import refile
from gexlake.services.upkeep.indexes import add_indexes

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

OnProgress = Callable[[SessionProgress], None]


def rebuild_database(
    lake: Path, *, snapshots_in_database: bool | None = None, on_progress: OnProgress | None = None
) -> RebuildReport:
    """Make `gexlake.duckdb` from the Parquet tree alone; an old one stays in place until the new one is whole.

    With `snapshots_in_database` it has tables of snapshots, else views; None: as the old one has it, and tables where
    that is lost.

    What cannot be used is named in the report and left out: the next import brings it in again where its sources are
    still there. Raises `LakeError` where there is no tree, `LakeLockedError` while an import runs or another
    process holds the database, `StorageError` when the disk refuses.
    """
    layout = LakeLayout(lake)
    refuse_replica(layout)
    if not any((layout.root / folder).is_dir() for folder in (*IMPORTERS, layout.imports.name)):
        raise LakeError(
            f"There is nothing to rebuild at {layout.root}: it has no Parquet tree.", hint="Name a lake with --lake."
        )
    before = _close_database(layout)
    if snapshots_in_database is None:
        snapshots_in_database = before is not False
    with translated_faults(layout), owned_database(layout) as descriptor:
        _refuse_running(layout)
        with staging_area(layout, f"rebuild-{uuid.uuid4().hex[:8]}") as area:
            new = area / layout.database.name
            report = _Rebuild(layout, area, snapshots_in_database, on_progress).run(new)
            _move_into_place(layout, new, replace=descriptor is not None)
    drop_previous(layout)
    with open_database(layout, write=True) as connection:
        report.sessions_refiled = refile(connection, layout)
        report.sessions_indexed = add_indexes(connection, layout, on_progress)
    return report


def _close_database(layout: LakeLayout) -> bool | None:
    """Leave no log beside a sound database: it must never be applied to the new one, nor be lost before that stands.

    Its `snapshots_in_database`; None where there is none that is sound.
    """
    if not layout.database.exists():
        return None
    try:
        with open_database(layout, write=True) as connection:
            checkpoint(connection, layout)
            return keeps_snapshots(connection)
    except (LakeLockedError, LakeVersionError):
        raise
    except LakeError:
        return None  # it is damaged, which is why it is rebuilt


def _refuse_running(layout: LakeLayout) -> None:
    running = [path.name for path in sorted(layout.staging.glob("*/")) if is_running(path)]
    if running:
        raise LakeLockedError(
            f"The lake {layout.root} is being written by {', '.join(running)}.",
            hint="Run it again when that has ended.",
        )


def _move_into_place(layout: LakeLayout, new: Path, *, replace: bool) -> None:
    sync_file(new)
    if replace:
        layout.log.unlink(missing_ok=True)
        layout.before_image.unlink(missing_ok=True)
        sync_directory(layout.root)  # they must never come back beside another database
        new.replace(layout.database)
        sync_directory(layout.root)
    elif not place_new(new, layout.database):
        raise LakeLockedError(
            f"{layout.database} has been made meanwhile by another process.", hint="Run `gexlake verify`."
        )


@dataclass(slots=True)
class _Rebuild:
    layout: LakeLayout
    area: Path
    snapshots_in_database: bool
    on_progress: OnProgress | None
    report: RebuildReport = field(init=False)
    progress: SessionProgress = field(default_factory=SessionProgress)
    sources: list[dict[str, Any]] = field(default_factory=list)
    """What the footers say of every source that gave snapshots."""
    versions: dict[tuple[str, Feed, str], str] = field(default_factory=dict)
    """Of the sessions, by record type, feed and date."""

    def run(self, new: Path) -> RebuildReport:
        import duckdb

        started = time.perf_counter()
        self.report = RebuildReport(lake=str(self.layout.root))
        shown = {(record_type, session): told for record_type, session, told in name_shown(self.layout)}
        staged = finish_publishing(self.layout)
        with closing(duckdb.connect(str(new), config=settings(self.layout.staging))) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            create_schema(connection, snapshots_in_database=self.snapshots_in_database)
            self._insert_journal(connection)
            adopt_previous(connection, self.layout, shown)
            self._insert_staged(connection, staged)
            self._insert_sessions(connection)
            self._insert_lost_lineage(connection)
            fill_new_columns(connection)
            insert_lost_imports(connection)
            take_note(connection)
            refresh_views(connection, self.layout)
            self._count(connection)
            connection.execute("CHECKPOINT")
        self.report.duration_seconds = round(time.perf_counter() - started, 3)
        return self.report

    # ---- the journal ---------------------------------------------------------------------------------------

    def _insert_journal(self, connection: Connection) -> None:
        if not self.layout.imports.is_dir():
            return
        folders = sorted(path for path in self.layout.imports.iterdir() if path.is_dir())
        for table in JOURNAL_TABLES:
            files = [folder / f"{table}.parquet" for folder in folders]
            for file in files:
                if not file.exists():
                    self._find(Check.JOURNAL, f"{file} is missing.")
            present = [file for file in files if file.exists()]
            sound = [file for file in present if self._is_sound(file)]
            if len(sound) < len(present) or not self._insert_journals(connection, table):
                for file in sound:
                    self._insert_journal_file(connection, table, file)

    def _insert_journals(self, connection: Connection, table: str) -> bool:
        """Insert all of one table at once; False where a damaged one without a seal keeps DuckDB from it."""
        try:
            append_rows(connection, table, parquet_file(self.layout.imports, f"*/{table}.parquet"))
        except Exception:  # whatever DuckDB makes of it
            return False
        return True

    def _is_sound(self, file: Path) -> bool:
        try:
            check_file(file)
        except (BrokenSealError, OSError) as error:
            self._find(Check.JOURNAL, f"{file} is damaged: {error}")
            return False
        return True

    def _insert_journal_file(self, connection: Connection, table: str, file: Path) -> None:
        try:
            append_rows(connection, table, parquet_file(file))
        except Exception as error:
            self._find(Check.JOURNAL, f"{file} cannot be read: {str(error).splitlines()[0]}")

    def _insert_staged(self, connection: Connection, staged: list[StagedSession]) -> None:
        """Records of an import that was cut off between two renames: its journal was never written."""
        for session in staged:
            if not session.lineage or is_committed(connection, session):
                continue  # another session carries it; or only the staging directory was not removed any more
            assert session.directory is not None
            append_rows(connection, "lineage", parquet_file(session.directory / "lineage.parquet"))
            if session.has_quarantine:
                append_rows(connection, "quarantine", parquet_file(session.directory, QUARANTINE_GLOB))

    # ---- the sessions --------------------------------------------------------------------------------------

    def _insert_sessions(self, connection: Connection) -> None:
        rows = list(self._iter_rows())
        self.progress.sessions_total = len(rows)
        self.progress.bytes_total = sum(row.parquet_bytes for row, _ in rows)
        for row, files in rows:
            self._insert_session(connection, row, files)
            self.progress.sessions_done += 1
            self.progress.bytes_done += row.parquet_bytes
            self.progress.current = str(row.session)
            if self.on_progress is not None:
                self.on_progress(self.progress)

    def _insert_session(self, connection: Connection, row: SessionRow, files: dict[str, Path]) -> None:
        import duckdb

        connection.begin()
        try:
            replace_session(connection, row, files)
        except (duckdb.InvalidInputException, LakeError) as error:
            connection.rollback()
            self._find(Check.PARQUET_DAMAGED, f"{str(error).splitlines()[0]}", session=str(row.session))
        else:
            connection.commit()

    def _iter_rows(self) -> Iterator[tuple[SessionRow, dict[str, Path]]]:
        """The row and files of every session of the tree whose footers are sound."""
        for record_type, importer in IMPORTERS.items():
            names = [dataset.name for dataset in importer.datasets]
            first = {
                path.parent.relative_to(self.layout.root / record_type / name): path
                for name in names
                for path in self.layout.dataset_files(record_type, name)
            }
            for place in sorted(first):
                shown = {name: self.layout.root / record_type / name / place / f"{name}.parquet" for name in names}
                files = self._files_of_version(record_type, shown)
                row = self._read_row(record_type, place, files)
                if row is not None:
                    yield row, files

    def _files_of_version(self, record_type: str, shown: dict[str, Path]) -> dict[str, Path]:
        """Those of the version of which the files that globs find are; these themselves where they do not agree."""
        told = {told_version(file) for file in shown.values()} - {UNKNOWN_VERSION}
        try:
            (version,), session = told, session_of(next(iter(shown.values())))
        except ValueError:
            return shown
        return version_paths(self.layout, record_type, session, version)

    def _read_row(self, record_type: str, place: Path, files: dict[str, Path]) -> SessionRow | None:
        session = "/".join(partition_values(place.parts))
        try:
            footers = {name: read_footer(file) for name, file in files.items()}
            (footer, *others) = footers.values()
            row = SessionRow.of_footer(footer, files)
        except (LakeError, KeyError, TypeError, ValueError) as error:
            self._find(Check.PARQUET_DAMAGED, str(error), session=session)
            return None
        if str(row.session) != session or row.record_type != record_type:
            self._find(Check.PARQUET_DAMAGED, f"{files} are of session {row.session}.", session=session)
            return None
        if any(other["version"] != row.version for other in others):
            self._find(Check.PARQUET_VERSION, "Its files are of different versions.", session=session)
            return None
        if not self._are_usable(record_type, files, session):
            return None
        self.sources += [
            {name: value for name, value in source.items() if name != "runs"} for source in footer["sources"]
        ]
        self.versions[record_type, row.session.feed, row.session.session_date.isoformat()] = row.version
        return row

    def _are_usable(self, record_type: str, files: dict[str, Path], session: str) -> bool:
        """Whether the database can be made from a session's files; what is damaged in the others is named all the same.

        A session is not given up because of its ladders: its snapshots stand, and `verify --repair` can do the rest.
        """
        damaged, sealed = set(), True
        for name, file in files.items():
            try:
                sealed &= check_file(file) is not None
            except (BrokenSealError, OSError) as error:
                damaged.add(name)
                self._find(Check.PARQUET_BYTES, f"{file} is damaged: {error}", session=session)
        if not damaged and not sealed:
            for problem in content_problems(record_type, files):
                self._find(Check.PARQUET_CHECKSUM, problem, session=session)
        return not any(dataset.in_database and dataset.name in damaged for dataset in IMPORTERS[record_type].datasets)

    # ---- what the journal lacks ----------------------------------------------------------------------------

    def _insert_lost_lineage(self, connection: Connection) -> None:
        """Lineage of sources that gave snapshots, from the footers, where the journal does not have it."""
        known = set(connection.execute("SELECT import_id, source_file, session_date::VARCHAR FROM lineage").fetchall())
        lost = [
            {
                **source,
                "session_date": date.fromisoformat(source["session_date"]),
                "import_timestamp": datetime.fromisoformat(source["import_timestamp"]).astimezone(UTC),
            }
            for source in self.sources
            if (source["import_id"], source["source_file"], source["session_date"]) not in known
            and not self._is_unfinished(source)
        ]
        if lost:
            file = self.area / "lost.parquet"
            once = {(source["import_id"], source["source_file"]): source for source in lost}
            write_rows(table_frame(list(once.values()), LINEAGE_COLUMNS), file)
            append_rows(connection, "lineage", parquet_file(file))

    def _is_unfinished(self, source: Mapping[str, Any]) -> bool:
        """Whether a reading gave to a session that has not been committed since: then its source is to be read again.

        Versions begin with the id of their import, and ids are in the order of time.
        """
        feed = Feed(source["ticker"], source["package"], source["category"])
        given = [day for day, count in json.loads(source["sessions"] or "{}").items() if count]
        versions = (self.versions.get((source["record_type"], feed, day), "") for day in given)
        return any(version < source["import_id"] for version in versions) and not any(
            other["source_file"] == source["source_file"] and other["import_id"] > source["import_id"]
            for other in self.sources
        )

    def _count(self, connection: Connection) -> None:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM sessions), (SELECT coalesce(sum(snapshots), 0)::BIGINT FROM sessions), "
            "(SELECT coalesce(sum(strike_rows), 0)::BIGINT FROM sessions), (SELECT count(*) FROM imports), "
            "(SELECT count(*) FROM lineage), (SELECT count(*) FROM quarantine), "
            "(SELECT count(*) FROM imports WHERE gexlake_version IS NULL)"
        ).fetchone()
        assert row is not None
        report = self.report
        report.sessions, report.snapshots, report.strike_rows, report.imports, *rest = row
        report.lineage_records, report.quarantined_records, report.imports_without_journal = rest

    def _find(self, code: Check, message: str, *, session: str | None = None) -> None:
        self.report.findings.append(Finding(code=code, session=session, message=message))
