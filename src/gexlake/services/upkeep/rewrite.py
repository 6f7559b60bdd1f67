"""What a repair asks of the lake's database, in short calls: rows and journals are written again from what is sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.compare import find_unreadable_journals
from gexlake.db.database import open_database
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout, sync_directories
from gexlake.db.parquet import read_footer, told_version, version_paths
from gexlake.db.published import content_problems
from gexlake.db.sessions import SESSION_FILTER, SessionRow, replace_session, session_id, version_of
from gexlake.db.versions import name_version, show_version
from gexlake.errors import LakeError
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.services.owner.served import served
from gexlake.services.upkeep.inspect_lake import SessionVersion

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@served
def rewrite_rows(lake: Path, sessions: Sequence[SessionVersion]) -> list[str | None]:
    """Write what the database holds of these sessions from their files, if those are sound; what keeps it from that."""
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        problems: list[str | None] = []
        for one in sessions:
            try:
                _rewrite_rows(connection, layout, one)
            except LakeError as error:
                problems.append(str(error))
            else:
                problems.append(None)
    return problems


def _rewrite_rows(connection: Connection, layout: LakeLayout, one: SessionVersion) -> None:
    if version_of(connection, one.record_type, one.session) != one.version:
        raise LakeError("it was replaced meanwhile; verify it again")
    files = version_paths(layout, one.record_type, one.session, one.version)
    _check_sound(one.record_type, files)
    row = SessionRow.of_footer(read_footer(files["snapshots"]), files)
    connection.begin()
    try:
        replace_session(connection, row, files)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@served
def name_again(lake: Path, sessions: Sequence[SessionVersion]) -> list[bool]:
    """Give the files of these sessions the name that they have lost, of two; whether all are there, and sound."""
    layout = LakeLayout(lake)
    named = []
    with open_database(layout, write=True) as connection:
        for one in sessions:
            version = version_of(connection, one.record_type, one.session) or one.version
            name_version(layout, one.record_type, one.session, version)
            sync_directories(show_version(layout, one.record_type, one.session, version))
            files = version_paths(layout, one.record_type, one.session, version)
            named.append(all(_is_sound(file, version) for file in files.values()))
    return named


def _is_sound(file: Path, version: str) -> bool:
    try:
        check_file(file)
    except (BrokenSealError, OSError):
        return False
    return told_version(file) == version


@served
def rewrite_journals(lake: Path) -> list[str]:
    """Write the journals anew that are lost or cannot be read; the ids of their imports."""
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        import_ids = list(find_unreadable_journals(connection, layout))
        for import_id in import_ids:
            write_journal(connection, layout, import_id)
    return import_ids


@served
def stored_checksum(lake: Path, session: SessionVersion) -> str | None:
    """The checksum of a session's content as the database has it now, whatever its version."""
    with open_database(LakeLayout(lake), write=False) as connection:
        row = connection.execute(
            f"SELECT checksum FROM sessions WHERE {SESSION_FILTER}", session_id(session.record_type, session.session)
        ).fetchone()
    return str(row[0]) if row else None


@served
def load_sources(lake: Path, session: SessionVersion) -> list[tuple[str, str, int, list[str]]]:
    """The sources that gave a session snapshots, in the order they came: path, SHA-256, size, and where copies were."""
    feed = "(record_type, ticker, package, category) = (?, ?, ?, ?)"
    with open_database(LakeLayout(lake), write=False) as connection:
        rows = connection.execute(
            f"WITH r AS (FROM lineage WHERE {feed} AND source_sha256 <> '') "
            "SELECT source_file, source_sha256, source_bytes, (SELECT list(DISTINCT c.source_file) FROM r AS c "
            "WHERE c.source_sha256 = r.source_sha256 AND c.source_file <> r.source_file) FROM r "
            "WHERE status <> 'skipped' AND carried_from IS NULL QUALIFY row_number() OVER (PARTITION BY source_file "
            "ORDER BY import_timestamp DESC, import_id DESC) = 1 AND (sessions->>?)::BIGINT > 0 "
            "ORDER BY import_timestamp",
            [session.record_type, *session.session.feed, session.session.session_date.isoformat()],
        ).fetchall()
    return [(name, sha256, size, copies or []) for name, sha256, size, copies in rows]


def _check_sound(record_type: str, files: dict[str, Path]) -> None:
    try:
        sealed = [check_file(path) for path in files.values()]
    except (BrokenSealError, OSError) as error:
        raise LakeError(f"its files are damaged: {error}") from error
    if not all(sealed):
        for problem in content_problems(record_type, files):
            raise LakeError(problem)
