"""What an import asks of the lake's database: what is there, and to commit what is staged.

Each is one short call, through the server where one holds the lake, so that an import need not know who owns it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.collect import collect
from gexlake.db.commit import commit_groups
from gexlake.db.commits import KeptVersion, kept_versions
from gexlake.db.database import grace_of, open_database
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout
from gexlake.db.queries import (
    FeedState,
    begin_import,
    end_import,
    insert_lineage,
    load_feed,
    load_feeds,
)
from gexlake.db.recovery import recover
from gexlake.db.replicas import refuse_replica
from gexlake.db.sessions import keeps_snapshots
from gexlake.errors import LakeError, UsageError
from gexlake.models.feed import Feed
from gexlake.models.lineage import LineageRecord
from gexlake.models.staged import Outcome, StagedSession
from gexlake.services.importing.refile import refile
from gexlake.services.owner.served import served

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@served
def load_lake(lake: Path) -> list[FeedState]:
    """Every feed of the lake with the source files that it has met; nothing where there is no lake yet."""
    layout = LakeLayout(lake)
    if not layout.database.exists() and not layout.root.is_file():
        return []
    with open_database(layout, write=False) as connection:
        return load_feeds(connection)


@served
def register_import(
    lake: Path, import_id: str, sources: list[str], started: datetime, snapshots_in_database: bool | None = None
) -> list[FeedState]:
    """Write down that an import runs, once what earlier ones left is settled; the lake as it then is.

    Makes the lake where there is none, with tables of snapshots unless `snapshots_in_database` says otherwise. Raises
    `UsageError` for a lake that has it otherwise, `LakeError` for a replica.
    """
    layout = LakeLayout(lake)
    refuse_replica(layout)
    with open_database(layout, write=True, snapshots_in_database=snapshots_in_database is not False) as connection:
        if snapshots_in_database not in (None, keeps_snapshots(connection)):
            option = f"--{'' if snapshots_in_database else 'no-'}snapshots-in-database"
            raise UsageError(
                f"The lake {lake} {'has no' if snapshots_in_database else 'has'} tables of snapshots in its database.",
                hint=f"Leave {option} out, or change the lake once with `gexlake rebuild {option}`.",
            )
        recover(connection, layout)
        refile(connection, layout)
        states = load_feeds(connection)  # first: of a damaged database it is known before anything is written
        begin_import(connection, import_id, sources, started)
        return states


@served
def settle_lake(lake: Path) -> int:
    """Settle what imports that are no more have left, where there is a lake; how many they were."""
    layout = LakeLayout(lake)
    if not layout.database.exists():
        return 0
    with open_database(layout, write=True) as connection:
        return len(recover(connection, layout))


@served
def commit_staged(lake: Path, groups: Sequence[Sequence[str]]) -> list[Outcome]:
    """Commit what was staged together, group by group as far as they can be: what has become of each.

    The names are of directories below the lake's staging directory. See `db.commit.commit_groups`; the first that
    fails by itself is raised, once all others are committed that can be. Raises `LakeError` for a group of nothing.
    """
    if not all(groups):
        raise LakeError("A group of staged work names no directory.", hint="Report this as a bug.")
    layout, faults = LakeLayout(lake), list[Exception]()
    with open_database(layout, write=True) as connection:
        outcomes = commit_groups(connection, layout, _iter_groups(layout, groups, faults))
        faults = [*(outcome for outcome in outcomes if isinstance(outcome, Exception)), *faults]
        if faults:
            raise faults[0]
    return [outcome for outcome in outcomes if isinstance(outcome, Outcome)]


@served
def view_feed(lake: Path, record_type: str, feed: Feed) -> FeedState:
    """One feed as it stands now."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return load_feed(connection, record_type, feed)


@served
def versions_replaced_by(lake: Path, import_id: str) -> list[KeptVersion]:
    """The versions of sessions that are kept and that an import replaced, or one whose id begins so; in their order."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return kept_versions(connection, import_id)


@served
def finish_import(lake: Path, import_id: str, status: str, files: int, skipped: list[LineageRecord]) -> None:
    """Write down how an import ended, and the lineage of files that were skipped; then collect, see `db.collect`."""
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        if skipped:
            insert_lineage(connection, skipped)
        end_import(connection, import_id, status, files)
        write_journal(connection, layout, import_id)
        with suppress(OSError):  # the next import, or `gexlake gc`, does what is left
            collect(connection, layout, grace=grace_of(layout))


def _iter_groups(
    layout: LakeLayout, groups: Sequence[Sequence[str]], faults: list[Exception]
) -> Iterator[list[StagedSession]]:
    """What is whole; the first that is not is the last that is looked at, and a fault."""
    for names in groups:
        try:
            yield [_load_staged(layout, name) for name in names]
        except LakeError as error:
            faults.append(error)
            return


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
