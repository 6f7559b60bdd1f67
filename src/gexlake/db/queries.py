"""What an import needs to know of the lake before it begins, and what it writes down of itself."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from gexlake._version import __version__
from gexlake.db.layout import LakeLayout
from gexlake.db.sessions import version_of
from gexlake.importers import IMPORTERS
from gexlake.lineage.records import lineage_row
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.lineage import LINEAGE_COLUMNS, LineageRecord
from gexlake.models.task import KnownSource, Published

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

SessionId = tuple[str, SessionKey]
"""Record type and session."""


@dataclass(frozen=True, slots=True)
class LakeState:
    """The sessions of a lake, and the source files that each has read, as of their latest reading."""

    published: dict[SessionId, Published] = field(default_factory=dict)
    known: dict[SessionId, tuple[KnownSource, ...]] = field(default_factory=dict)


def load_state(connection: Connection, layout: LakeLayout) -> LakeState:
    """Read the state of the whole lake: a row per session and source file, not per snapshot."""
    published = {
        (record_type, SessionKey(Feed(ticker, package, category), day)): published_session(
            layout, record_type, SessionKey(Feed(ticker, package, category), day), version
        )
        for record_type, ticker, package, category, day, version in connection.execute(
            "SELECT record_type, ticker, package, category, session_date, version FROM sessions"
        ).fetchall()
    }
    known: dict[SessionId, list[KnownSource]] = defaultdict(list)
    for record_type, ticker, package, category, day, *source in connection.execute(
        "SELECT record_type, ticker, package, category, session_date, source_file, source_sha256, source_bytes, "
        "import_id, records_duplicate + coalesce((errors->>'key_conflict')::BIGINT, 0), status = 'skipped' "
        "FROM lineage WHERE source_sha256 <> '' QUALIFY row_number() OVER (PARTITION BY record_type, ticker, package, "
        "category, session_date, source_file ORDER BY status = 'skipped', import_timestamp DESC, import_id DESC) = 1"
    ).fetchall():
        known[record_type, SessionKey(Feed(ticker, package, category), day)].append(KnownSource(*source))
    return LakeState(published, {session: tuple(sources) for session, sources in known.items()})


def published_session(layout: LakeLayout, record_type: str, session: SessionKey, version: str) -> Published:
    """A session of the lake with its files."""
    datasets = IMPORTERS[record_type].datasets
    return Published(version, {d.name: layout.dataset_file(record_type, d.name, session) for d in datasets})


def load_sessions(
    connection: Connection, layout: LakeLayout, record_type: str, feed: Feed, days: Iterable[str]
) -> tuple[Published, ...]:
    """Some sessions of one feed."""
    found = []
    for day in days:
        session = SessionKey(feed, date.fromisoformat(day))
        version = version_of(connection, record_type, session)
        if version is not None:
            found.append(published_session(layout, record_type, session, version))
    return tuple(found)


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
