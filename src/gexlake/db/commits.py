"""The commit log: every commit that changes sessions has a number, and what it changed is listed.

Whoever carries the lake elsewhere remembers the last number that it has carried over, and asks what has changed since.
Numbers begin at the time, in Unix milliseconds, at which a log is begun, and go up by one: so a number that another
database of this lake gave, one that was lost, is never a number of this one that means something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from gexlake.db.sessions import SESSION_NAMES, sessions_table
from gexlake.errors import LakeError
from gexlake.models.feed import Feed, SessionKey

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

NOTHING = 0
"""The number before that of the first commit."""


class UnknownCommitError(LakeError):
    """The log does not know the commit from which it is to go on: it was begun anew since."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a session: the version that is live, None where it is gone, and the commit that did it."""

    commit: int
    record_type: str
    session: SessionKey
    version: str | None


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """The version of a session that is live."""

    record_type: str
    session: SessionKey
    version: str


def last_commit(connection: Connection) -> int:
    """The number of the last commit, `NOTHING` where there is none."""
    rows = connection.execute("SELECT max(commit) FROM commits").fetchall()
    return int(rows[0][0] or NOTHING)


def commits_after(connection: Connection, commit: int) -> int:
    """How many commits came after this one."""
    rows = connection.execute("SELECT count(*) FROM commits WHERE commit > ?", [commit]).fetchall()
    return int(rows[0][0])


def changes_since(connection: Connection, commit: int, record_type: str | None = None) -> list[Change]:
    """What has become of every session that a later commit changed, by the last one that did, in the order of commits.

    Raises `UnknownCommitError` where there never was such a commit in this log, apart from `NOTHING`: what was carried
    over until then has to be held to `live_versions`.
    """
    if commit != NOTHING and not connection.execute("SELECT 1 FROM commits WHERE commit = ?", [commit]).fetchall():
        raise UnknownCommitError(
            f"The lake knows no commit {commit}: its database was made anew since.",
            hint="Compare what is there with the versions that are live, and go on from the last commit.",
        )
    rows = connection.execute(
        f"SELECT commit, {SESSION_NAMES}, version FROM changes WHERE commit > ? "
        "AND record_type = coalesce(?, record_type) "
        f"QUALIFY row_number() OVER (PARTITION BY {SESSION_NAMES} ORDER BY commit DESC) = 1 ORDER BY ALL",
        [commit, record_type],
    ).fetchall()
    return [
        Change(number, record_type, SessionKey(Feed(*feed), day), version)
        for number, record_type, *feed, day, version in rows
    ]


def live_versions(connection: Connection) -> list[LiveVersion]:
    """The version of every session, in the order of sessions."""
    rows = connection.execute(f"SELECT {SESSION_NAMES}, version FROM sessions ORDER BY ALL").fetchall()
    return [
        LiveVersion(record_type, SessionKey(Feed(*feed), day), version) for record_type, *feed, day, version in rows
    ]


def versions_listed(connection: Connection) -> list[LiveVersion]:
    """Every version that is live or was, as far as the log says."""
    rows = connection.execute(
        f"SELECT {SESSION_NAMES}, version FROM sessions UNION SELECT {SESSION_NAMES}, unnest([version, replaced]) "
        "FROM changes"
    ).fetchall()
    return [
        LiveVersion(record_type, SessionKey(Feed(*feed), day), version)
        for record_type, *feed, day, version in rows
        if version is not None
    ]


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version whose place another took, or nothing did, in an import; it is kept for `gexlake restore`."""

    record_type: str
    session: SessionKey
    version: str
    import_id: str


def kept_versions(connection: Connection, import_id: str = "") -> list[KeptVersion]:
    """The versions that are kept for `gexlake restore`, the one that was replaced first before the others.

    With `import_id`, those that this import replaced, or imports whose ids begin so.
    """
    rows = connection.execute(
        f"WITH replacing AS (FROM changes WHERE keep_versions IS NOT NULL AND replaced IS NOT NULL), "
        f"kept AS (SELECT {SESSION_NAMES}, arg_max(keep_versions, commit) AS most FROM changes "
        f"WHERE keep_versions IS NOT NULL GROUP BY {SESSION_NAMES}) "
        f"SELECT {SESSION_NAMES}, replaced, import_id FROM replacing JOIN kept USING ({SESSION_NAMES}) "
        f"QUALIFY row_number() OVER (PARTITION BY {SESSION_NAMES} ORDER BY commit DESC) <= most "
        "AND starts_with(import_id, ?) ORDER BY commit",
        [import_id],
    ).fetchall()
    return [
        KeptVersion(record_type, SessionKey(Feed(*feed), day), version, replacing)
        for record_type, *feed, day, version, replacing in rows
    ]


def begin_commit(connection: Connection) -> int:
    """Take the next number, for what the caller's transaction changes."""
    now = datetime.now(UTC)
    rows = connection.execute(
        "INSERT INTO commits SELECT coalesce(max(commit), greatest(?, (SELECT max(commit) FROM changes))) + 1, "
        "make_timestamptz(?) FROM commits RETURNING commit",
        [int(now.timestamp() * 1_000), int(now.timestamp() * 1_000_000)],
    ).fetchall()
    return int(rows[0][0])


class LoggedChange(NamedTuple):
    """What a commit makes of a session, in the order of the columns of `changes`; see there."""

    record_type: str
    session: SessionKey
    version: str | None
    replaced: str | None
    keep_versions: int | None
    import_id: str


def log_changes(connection: Connection, commit: int, changes: Sequence[LoggedChange]) -> None:
    """List what the caller's transaction makes of sessions."""
    names, values = sessions_table([(one.record_type, one.session) for one in changes])
    connection.execute(
        f"INSERT INTO changes BY NAME {names}, ?::BIGINT AS commit, unnest(?::VARCHAR[]) AS version, "
        "unnest(?::VARCHAR[]) AS replaced, unnest(?::INTEGER[]) AS keep_versions, unnest(?::VARCHAR[]) AS import_id",
        [
            *values,
            commit,
            [one.version for one in changes],
            [one.replaced for one in changes],
            [one.keep_versions for one in changes],
            [one.import_id for one in changes],
        ],
    )


def take_note(connection: Connection) -> None:
    """List, as one commit, all that is live, and what is listed and gone: a log is begun.

    Inside the caller's transaction.
    """
    commit = begin_commit(connection)
    connection.execute(
        f"INSERT INTO changes BY NAME WITH listed AS (SELECT {SESSION_NAMES}, version FROM changes QUALIFY "
        f"row_number() OVER (PARTITION BY {SESSION_NAMES} ORDER BY commit DESC) = 1) "
        f"SELECT ?::BIGINT AS commit, {SESSION_NAMES}, sessions.version FROM listed "
        f"FULL JOIN sessions USING ({SESSION_NAMES}) WHERE sessions.version IS NOT NULL "
        "OR listed.version IS NOT NULL",
        [commit],
    )
