"""What a mirror asks of the lake's database: what was committed since, and how much that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commits import (
    KeptVersion,
    LiveVersion,
    UnknownCommitError,
    changes_since,
    commits_after,
    kept_versions,
    last_commit,
    live_versions,
)
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.sessions import SESSION_NAMES, keeps_snapshots
from gexlake.models.mirror import PublishedChange
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CommitLog:
    """What was committed until `commit`, in order; with `whole`, one change for each session that is live.

    Changes name no files yet.
    `times` are those of the commits, UTC; `kept` are versions that are kept for `gexlake restore`, only with `whole`.
    """

    commit: int
    times: dict[int, datetime]
    whole: bool
    snapshots_in_database: bool
    changes: list[PublishedChange]
    kept: list[PublishedChange]


@served
def read_commit_log(lake: Path, position: int | None) -> CommitLog:
    """What came after the commit `position`, all of one moment; everything where that is None or unknown here."""
    with open_database(LakeLayout(lake), write=False) as connection:
        connection.begin()
        try:
            commit = last_commit(connection)
            changes = _changes(connection, position)
            whole = changes is None
            return CommitLog(
                commit,
                _times(connection, commit if changes is None or position is None else position),
                whole,
                keeps_snapshots(connection),
                _live(connection, commit) if changes is None else changes,
                _kept(connection, commit) if whole else [],
            )
        finally:
            connection.rollback()


@served
def count_commits(lake: Path, positions: list[int]) -> list[int]:
    """How many commits came after each of these."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return [commits_after(connection, position) for position in positions]


def _times(connection: Connection, position: int) -> dict[int, datetime]:
    """Of later commits, and of the last, by number."""
    rows = connection.execute(
        "SELECT commit, epoch_us(committed_at) FROM commits "
        "WHERE commit > least(?, (SELECT max(commit) FROM commits) - 1)",
        [position],
    ).fetchall()
    return {commit: EPOCH + timedelta(microseconds=time_us) for commit, time_us in rows}


def _changes(connection: Connection, position: int | None) -> list[PublishedChange] | None:
    if position is None:
        return None
    try:
        changes_since(connection, position)
    except UnknownCommitError:
        return None
    rows = connection.execute(
        f"SELECT commit, {SESSION_NAMES}, version, replaced, keep_versions, import_id FROM changes "
        "WHERE commit > ? ORDER BY ALL",
        [position],
    )
    names = [name for name, *_ in rows.description or ()]
    return [PublishedChange(**dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def _live(connection: Connection, commit: int) -> list[PublishedChange]:
    return [_standing(commit, one) for one in live_versions(connection)]


def _kept(connection: Connection, commit: int) -> list[PublishedChange]:
    return [_standing(commit, one) for one in kept_versions(connection)]


def _standing(commit: int, one: LiveVersion | KeptVersion) -> PublishedChange:
    return PublishedChange(
        commit=commit,
        record_type=one.record_type,
        **one.session.feed._asdict(),
        session_date=one.session.session_date,
        version=one.version,
    )
