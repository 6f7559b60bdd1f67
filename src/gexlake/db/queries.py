"""What an import needs to know of the lake before it begins, and what it writes down of itself."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gexlake._version import __version__
from gexlake.db.layout import LakeLayout
from gexlake.db.sessions import SESSION_FILTER, session_id, version_of
from gexlake.importers import IMPORTERS
from gexlake.lineage.records import lineage_row
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.lineage import LINEAGE_COLUMNS, LineageRecord
from gexlake.models.task import KnownSource, Published

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session in the lake: its version, None where nothing of it is stored, and the source files it has read.

    Of each source file it is the latest reading.
    """

    record_type: str
    session: SessionKey
    version: str | None
    known: tuple[KnownSource, ...] = ()


def load_states(connection: Connection) -> list[SessionState]:
    """Read the state of the whole lake: a row per session and source file, not per snapshot."""
    return _load_states(connection, "true", [])


def load_session_state(connection: Connection, record_type: str, session: SessionKey) -> SessionState:
    """The state of one session, also where the lake has nothing of it."""
    states = _load_states(connection, SESSION_FILTER, session_id(record_type, session))
    return states[0] if states else SessionState(record_type, session, None)


def _load_states(connection: Connection, condition: str, values: list[str]) -> list[SessionState]:
    identity = "record_type, ticker, package, category, session_date"
    versions = {
        _key(row): row[-1]
        for row in connection.execute(f"SELECT {identity}, version FROM sessions WHERE {condition}", values).fetchall()
    }
    known: dict[tuple[str, SessionKey], list[KnownSource]] = defaultdict(list)
    for row in connection.execute(
        f"SELECT {identity}, source_file, source_sha256, source_bytes, import_id, "
        "records_duplicate + coalesce((errors->>'key_conflict')::BIGINT, 0), status = 'skipped' "
        f"FROM lineage WHERE source_sha256 <> '' AND {condition} QUALIFY row_number() OVER (PARTITION BY {identity}, "
        "source_file ORDER BY status = 'skipped', import_timestamp DESC, import_id DESC) = 1",
        values,
    ).fetchall():
        known[_key(row)].append(KnownSource(*row[5:]))
    return [SessionState(*key, versions.get(key), tuple(known.get(key, ()))) for key in {**versions, **known}]


def _key(row: Sequence[Any]) -> tuple[str, SessionKey]:
    record_type, ticker, package, category, day = row[:5]
    return record_type, SessionKey(Feed(ticker, package, category), day)


def published_session(layout: LakeLayout, record_type: str, session: SessionKey, version: str) -> Published:
    """A session of the lake with its files."""
    datasets = IMPORTERS[record_type].datasets
    return Published(version, {d.name: layout.dataset_file(record_type, d.name, session) for d in datasets})


def load_versions(connection: Connection, record_type: str, feed: Feed, days: Iterable[str]) -> dict[str, str]:
    """The versions of some sessions of one feed by date, as far as the lake has them."""
    found = {day: version_of(connection, record_type, SessionKey(feed, date.fromisoformat(day))) for day in days}
    return {day: version for day, version in found.items() if version is not None}


def begin_import(connection: Connection, import_id: str, sources: list[str], started: datetime) -> None:
    """Write down that an import runs."""
    connection.execute(
        "INSERT INTO imports (import_id, status, sources, started_at, gexlake_version) VALUES (?, 'running', ?, "
        "make_timestamptz(?), ?)",
        [import_id, json.dumps(sources), _microseconds(started), __version__],
    )


def end_import(connection: Connection, import_id: str, status: str, files: int) -> None:
    """Write down how an import ended."""
    connection.execute(
        "UPDATE imports SET status = ?, finished_at = make_timestamptz(?), files = ? WHERE import_id = ?",
        [status, _microseconds(datetime.now(UTC)), files, import_id],
    )
    sum_import(connection, import_id)


def sum_import(connection: Connection, import_id: str) -> None:
    """Write the sums of an import's lineage into its row; one that ended without a word was interrupted."""
    connection.execute(
        "UPDATE imports SET status = if(status = 'running', 'interrupted', status), "
        "finished_at = coalesce(finished_at, make_timestamptz(?)), files = coalesce(imports.files, s.files), "
        "records_seen = s.seen, records_imported = s.imported, records_duplicate = s.duplicate, "
        "records_quarantined = s.quarantined "
        "FROM (SELECT count(*) AS files, coalesce(sum(records_seen), 0) AS seen, "
        "coalesce(sum(records_imported), 0) AS imported, coalesce(sum(records_duplicate), 0) AS duplicate, "
        "coalesce(sum(records_quarantined), 0) AS quarantined FROM lineage WHERE import_id = ?) AS s "
        "WHERE import_id = ?",
        [_microseconds(datetime.now(UTC)), import_id, import_id],
    )


def insert_lineage(connection: Connection, records: Sequence[LineageRecord]) -> None:
    """Add lineage records that no staged session carries."""
    rows = [lineage_row(record) for record in records]
    values = [
        "make_timestamptz(unnest(?::BIGINT[]))" if sql_type == "TIMESTAMPTZ" else f"unnest(?::{sql_type}[])"
        for _, sql_type, _ in LINEAGE_COLUMNS
    ]
    columns = [
        [_microseconds(row[name]) if sql_type == "TIMESTAMPTZ" else row[name] for row in rows]
        for name, sql_type, _ in LINEAGE_COLUMNS
    ]
    connection.execute(f"INSERT INTO lineage SELECT {', '.join(values)}", columns)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
