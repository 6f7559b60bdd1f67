"""What an import needs to know of the lake before it begins, and what it writes down of itself."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gexlake._version import __version__
from gexlake.lineage.records import lineage_row
from gexlake.models.feed import Feed
from gexlake.models.lineage import LINEAGE_COLUMNS, FileStatus, LineageRecord
from gexlake.models.task import KnownSource

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class FeedState:
    """What the lake has of a feed: the version of each session by date, and the import that last changed it.

    `known` are the source files that were met, once for each content: the latest reading of it, or a look at a copy.
    """

    record_type: str
    feed: Feed
    versions: dict[str, str] = field(default_factory=dict)
    changed_by: dict[str, str] = field(default_factory=dict)
    known: tuple[KnownSource, ...] = ()


FEED_COLUMNS = "record_type, ticker, package, category"
FEED_FILTER = "record_type = ? AND ticker = ? AND package = ? AND category = ?"


def load_feeds(connection: Connection) -> list[FeedState]:
    """Read the state of the whole lake: a row per session and source file, not per snapshot."""
    return _load_feeds(connection, "true", [])


def load_feed(connection: Connection, record_type: str, feed: Feed) -> FeedState:
    """The state of one feed, also where the lake has nothing of it."""
    states = _load_feeds(connection, FEED_FILTER, [record_type, *feed])
    return states[0] if states else FeedState(record_type, feed)


def _load_feeds(connection: Connection, condition: str, values: list[str]) -> list[FeedState]:
    sessions, known = defaultdict[Any, list[Any]](list), defaultdict[Any, list[KnownSource]](list)
    for row in connection.execute(
        f"SELECT {FEED_COLUMNS}, session_date::VARCHAR, version, import_id FROM sessions WHERE {condition}", values
    ).fetchall():
        sessions[row[:4]].append(row[4:])
    for row in connection.execute(
        f"SELECT {FEED_COLUMNS}, source_file, source_sha256, source_bytes, import_id, status, "
        "records_duplicate + coalesce((errors->>'key_conflict')::BIGINT, 0), records_seen, records_quarantined, "
        "records_pruned, errors, message, sessions, arg_max(source_etag, import_timestamp) OVER (PARTITION BY "
        f"{FEED_COLUMNS}, source_file, source_sha256), session_date::VARCHAR, "
        f"row_number() OVER (PARTITION BY {FEED_COLUMNS}, source_file ORDER BY {_LATEST_FIRST}) = 1 "
        f"FROM lineage WHERE source_sha256 <> '' AND carried_from IS NULL AND {condition} QUALIFY row_number() OVER "
        f"(PARTITION BY {FEED_COLUMNS}, source_file, source_sha256 ORDER BY {_LATEST_FIRST}) = 1",
        values,
    ).fetchall():
        known[row[:4]].append(_known_source(row[4:]))
    return [
        FeedState(
            record_type=key[0],
            feed=Feed(*key[1:]),
            versions={day: version for day, version, _ in sessions[key]},
            changed_by={day: import_id for day, _, import_id in sessions[key]},
            known=tuple(known[key]),
        )
        for key in {**dict.fromkeys(list(sessions)), **dict.fromkeys(list(known))}
    ]


_LATEST_FIRST = "status = 'skipped', import_timestamp DESC, import_id DESC"


def _known_source(row: Sequence[Any]) -> KnownSource:
    path, sha256, size, import_id, status, yielded, seen, quarantined, pruned, errors, message, days, *others = row
    etag, session_date, latest = others
    return KnownSource(
        source_file=path,
        sha256=sha256,
        size_bytes=size,
        import_id=import_id,
        status=FileStatus(status),
        yielded=yielded,
        records_seen=seen,
        records_quarantined=quarantined,
        records_pruned=pruned,
        errors=json.loads(errors),
        message=message,
        sessions=json.loads(days),
        is_latest=latest,
        etag=etag,
        session_date=session_date,
    )


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


def insert_lost_imports(connection: Connection) -> None:
    """Add a row for every import that only its lineage is left of."""
    connection.execute(
        "INSERT INTO imports BY NAME SELECT import_id, "
        "if(bool_and(status IN ('success', 'skipped')), 'success', 'partial') AS status, '[]' AS sources, "
        "min(import_timestamp) AS started_at, max(import_timestamp) AS finished_at, count(*) AS files, "
        "sum(records_seen)::BIGINT AS records_seen, sum(records_imported)::BIGINT AS records_imported, "
        "sum(records_duplicate)::BIGINT AS records_duplicate, "
        "sum(records_quarantined)::BIGINT AS records_quarantined "
        "FROM lineage ANTI JOIN imports USING (import_id) GROUP BY import_id"
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
