"""What the lake has of staged work: asked of the database once for many sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gexlake.db.sessions import SESSION_NAMES, SessionId, sessions_of, sessions_table
from gexlake.models.feed import SessionKey
from gexlake.models.staged import StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@dataclass(slots=True)
class Standing:
    """The versions of sessions as they are, or as they will be once the work before is committed; see `advance`."""

    versions: dict[SessionId, str]
    logged: set[str]
    """Of the versions of staged work, those that the commit log lists."""
    readings: set[tuple[str, str]]
    """Of the first readings of staged work, import and source, those that have lineage."""

    @classmethod
    def load(cls, connection: Connection, staged: Iterable[StagedSession]) -> Standing:
        """What there is of this work, and of the sessions that it follows."""
        work = list(staged)
        sessions = {id_of(one) for one in work} | {other for one in work for other in _followed(one)}
        firsts = [(one.lineage[0].import_id, one.lineage[0].source_file) for one in work if one.lineage]
        names, values = sessions_table(sorted(sessions))
        found = connection.execute(
            f"SELECT {SESSION_NAMES}, version FROM sessions SEMI JOIN ({names}) USING ({SESSION_NAMES})", values
        ).fetchall()
        logged = connection.execute(
            "SELECT version FROM changes WHERE version IN (SELECT unnest(?::VARCHAR[]))",
            [[one.version for one in work]],
        ).fetchall()
        readings = connection.execute(
            "SELECT import_id, source_file FROM lineage SEMI JOIN (SELECT unnest(?::VARCHAR[]) AS import_id, "
            "unnest(?::VARCHAR[]) AS source_file) USING (import_id, source_file)",
            [[import_id for import_id, _ in firsts], [source for _, source in firsts]],
        ).fetchall()
        versions = [str(version) for *_, version in found]
        return cls(dict(zip(sessions_of(found), versions, strict=True)), {v for (v,) in logged}, set(readings))

    def is_committed(self, staged: StagedSession) -> bool:
        """Whether the lake has this very work: by the log, or, where it changes no session, by its lineage, which the
        transaction writes that commits it.
        """
        if staged.changes_data:
            return staged.version in self.logged
        if staged.lineage:
            first = staged.lineage[0]
            return (first.import_id, first.source_file) in self.readings
        return id_of(staged) not in self.versions

    def is_live(self, staged: StagedSession) -> bool:
        """Whether the session is as this work, which is committed, has left it; always where it changes none."""
        return not changes_session(staged) or self.versions.get(id_of(staged)) == (
            staged.version if staged.changes_data else None
        )

    def fits(self, group: Sequence[StagedSession]) -> bool:
        """Whether all that was staged together builds on the sessions as they are, or is committed already."""
        before = dict(self.versions)
        try:
            for staged in group:
                if not self.is_committed(staged):
                    if not self._has_base(staged):
                        return False
                    self.advance([staged])
            return True
        finally:
            self.versions = before

    def advance(self, group: Iterable[StagedSession]) -> None:
        """Take it that this work is committed."""
        for staged in group:
            if staged.removes:
                self.versions.pop(id_of(staged), None)
            elif staged.changes_data:
                self.versions[id_of(staged)] = staged.version

    def _has_base(self, staged: StagedSession) -> bool:
        """The session must be what this work builds on, and what else its sources gave must be there."""
        is_there = not changes_session(staged) or self.versions.get(id_of(staged)) == staged.base_version
        return is_there and all(self.versions.get(other) == version for other, version in _followed(staged).items())


def id_of(staged: StagedSession) -> SessionId:
    """The session of staged work."""
    return staged.record_type, staged.session


def changes_session(staged: StagedSession) -> bool:
    """Whether it has more than lineage."""
    return staged.changes_data or staged.removes


def is_committed(connection: Connection, staged: StagedSession) -> bool:
    """Whether the lake has this very work, see `Standing`."""
    return Standing.load(connection, [staged]).is_committed(staged)


def _followed(staged: StagedSession) -> dict[SessionId, str]:
    feed = staged.session.feed
    return {
        (staged.record_type, SessionKey(feed, date.fromisoformat(day))): version
        for day, version in staged.follows.items()
    }
