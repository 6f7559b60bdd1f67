"""What whoever carries commits elsewhere asks of the lake's database: what has changed since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.commits import UnknownCommitError, changes_since, last_commit, live_versions
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError
from gexlake.models.feed import SessionKey
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class OutgoingSession:
    """What has become of a session: its live version and what that holds, or None where it is gone.

    Timestamps in Unix microseconds, UTC; `rows` are those of the ladder.
    """

    session: SessionKey
    commit: int
    version: str | None
    snapshots: int = 0
    rows: int = 0
    first_us: int | None = None
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The sessions of a record type that changed until `commit`; with `whole`, all that are live and no others."""

    commit: int
    whole: bool
    sessions: list[OutgoingSession]


@served
def read_last_commit(lake: Path) -> int:
    """The number of the lake's last commit, 0 where there is none."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return last_commit(connection)


@served
def read_outgoing(lake: Path, positions: dict[str, int | None]) -> dict[str, Outgoing]:
    """By record type, what has changed since the commit that was carried over last; None where nothing was.

    All of it is of one moment, and so of the same commit. A position that the lake does not know counts as none.
    """
    with open_database(LakeLayout(lake), write=False) as connection:
        connection.begin()
        try:
            commit = last_commit(connection)
            return {name: _read(connection, name, position, commit) for name, position in positions.items()}
        finally:
            connection.rollback()


def _read(connection: Connection, record_type: str, position: int | None, commit: int) -> Outgoing:
    changed, whole = _changed(connection, record_type, position, commit)
    held = _held(connection, [version for _, _, version in changed if version is not None])
    sessions = []
    for session, number, version in changed:
        if version is not None and version not in held:
            raise LakeError(
                f"The commit log has the version {version} of {session} as the live one, and the sessions have not.",
                hint="Run `gexlake verify`.",
            )
        sessions.append(OutgoingSession(session, number, version, *(held[version] if version is not None else ())))
    return Outgoing(commit, whole, sessions)


def _changed(
    connection: Connection, record_type: str, position: int | None, commit: int
) -> tuple[list[tuple[SessionKey, int, str | None]], bool]:
    """Sessions with the commit that changed them last and their version, and whether these are all that are live."""
    if position is not None:
        try:
            changes = changes_since(connection, position, record_type)
            return [(change.session, change.commit, change.version) for change in changes], False
        except UnknownCommitError:
            pass
    live = [one for one in live_versions(connection) if one.record_type == record_type]
    return [(one.session, commit, one.version) for one in live], True


def _held(connection: Connection, versions: list[str]) -> dict[str, tuple[int, int, int | None, int | None]]:
    """Snapshots, ladder rows, first and last timestamp of live versions."""
    rows = connection.execute(
        "SELECT version, snapshots, strike_rows, epoch_us(first_timestamp), epoch_us(last_timestamp) FROM sessions "
        "WHERE version IN (SELECT unnest(?::VARCHAR[]))",
        [versions],
    ).fetchall()
    return {version: tuple(values) for version, *values in rows}
