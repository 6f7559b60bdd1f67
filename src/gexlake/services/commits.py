"""What an import asks of the lake's database: what is there, and to commit what is staged.

Each is one short call, through the server where one holds the lake, so that an import need not know who owns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gexlake.db.commit import OverlapError, StaleStageError, commit_session, publish
from gexlake.db.database import open_database
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout
from gexlake.db.queries import (
    SessionState,
    begin_import,
    end_import,
    insert_lineage,
    load_session_state,
    load_states,
    load_versions,
)
from gexlake.db.recovery import is_committed, recover
from gexlake.errors import LakeError
from gexlake.models.feed import SessionKey
from gexlake.models.lineage import LineageRecord
from gexlake.models.staged import StagedSession
from gexlake.services.served import served


@dataclass(frozen=True)
class StagedWork:
    """A staged session by its directory below the lake, and the overlapping sessions that staging took into account."""

    directory: str
    compared_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommitOutcome:
    """What came of a commit: done, or to be staged anew because of sessions of these dates, or of its own session."""

    committed: bool
    overlapping: tuple[str, ...] = ()


@dataclass(frozen=True)
class SessionView:
    """A session as it stands, and the versions of others of its feed by date."""

    state: SessionState
    versions: dict[str, str] = field(default_factory=dict)


@served
def load_lake(lake: Path) -> list[SessionState]:
    """Every session of the lake with the source files it has read; nothing where there is no lake yet."""
    layout = LakeLayout(lake)
    if not layout.database.exists() and not layout.root.is_file():
        return []
    with open_database(layout, write=False) as connection:
        return load_states(connection)


@served
def register_import(lake: Path, import_id: str, sources: list[str], started: datetime) -> list[SessionState]:
    """Write down that an import runs, once what earlier ones left is settled; the lake as it then is.

    Makes the lake where there is none.
    """
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        recover(connection, layout)
        begin_import(connection, import_id, sources, started)
        return load_states(connection)


@served
def commit_staged(lake: Path, works: Sequence[StagedWork]) -> list[CommitOutcome]:
    """Commit staged sessions one by one, as far as it goes: the outcomes end with the first that is not committed."""
    layout = LakeLayout(lake)
    outcomes: list[CommitOutcome] = []
    with open_database(layout, write=True) as connection:
        for work in works:
            staged = _load_staged(layout, work.directory)
            if is_committed(connection, staged):  # asked again, because the answer got lost
                publish(layout, staged)
                outcomes.append(CommitOutcome(committed=True))
                continue
            try:
                commit_session(connection, layout, staged, compared_with=frozenset(work.compared_with))
            except StaleStageError:
                return [*outcomes, CommitOutcome(committed=False)]
            except OverlapError as overlap:
                return [*outcomes, CommitOutcome(committed=False, overlapping=tuple(overlap.session_dates))]
            outcomes.append(CommitOutcome(committed=True))
    return outcomes


@served
def view_session(lake: Path, record_type: str, session: SessionKey, days: list[str]) -> SessionView:
    """One session as it stands now, and the versions of those of its feed at some dates."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return SessionView(
            load_session_state(connection, record_type, session),
            load_versions(connection, record_type, session.feed, days),
        )


@served
def finish_import(lake: Path, import_id: str, status: str, files: int, skipped: list[LineageRecord]) -> None:
    """Write down how an import ended, and the lineage of files that were skipped."""
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        if skipped:
            insert_lineage(connection, skipped)
        end_import(connection, import_id, status, files)
        write_journal(connection, layout, import_id)


def _load_staged(layout: LakeLayout, name: str) -> StagedSession:
    directory = layout.staging / name
    if not directory.resolve().is_relative_to(layout.staging.resolve()):
        raise LakeError(f"{directory} is not in the lake's staging directory.", hint="Report this as a bug.")
    try:
        return StagedSession.load(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"The staged work in {directory} is not whole: {error}.", hint="Run the same command again."
        ) from error
