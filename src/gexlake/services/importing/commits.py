"""What an import asks of the lake's database: what is there, and to commit what is staged.

Each is one short call, through the server where one holds the lake, so that an import need not know who owns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.collect import collect
from gexlake.db.commit import StaleStageError, commit_session, has_base
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
from gexlake.db.recovery import is_committed, publish_again, recover
from gexlake.errors import LakeError
from gexlake.models.feed import Feed
from gexlake.models.lineage import LineageRecord
from gexlake.models.staged import StagedSession
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
def register_import(lake: Path, import_id: str, sources: list[str], started: datetime) -> list[FeedState]:
    """Write down that an import runs, once what earlier ones left is settled; the lake as it then is.

    Makes the lake where there is none.
    """
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        recover(connection, layout)
        refile(connection, layout)
        begin_import(connection, import_id, sources, started)
        return load_feeds(connection)


@served
def settle_lake(lake: Path) -> int:
    """Settle what imports that are no more have left, where there is a lake; how many they were."""
    layout = LakeLayout(lake)
    if not layout.database.exists():
        return 0
    with open_database(layout, write=True) as connection:
        return len(recover(connection, layout))


@served
def commit_staged(lake: Path, directories: Sequence[str]) -> int:
    """Commit staged work one by one, as far as it goes: how many were; the next one has to be staged anew.

    `directories` are names below the lake's staging directory. What was staged together, up to the one that has the
    lineage, is committed whole or not at all.
    """
    layout = LakeLayout(lake)
    done, group = 0, list[StagedSession]()
    with open_database(layout, write=True) as connection:
        for number, name in enumerate(directories, start=1):
            group.append(_load_staged(layout, name))
            if not group[-1].lineage and number < len(directories):
                continue
            committed = [is_committed(connection, staged) for staged in group]
            if not all(is_in or has_base(connection, staged) for is_in, staged in zip(committed, group, strict=True)):
                return done
            for is_in, staged in zip(committed, group, strict=True):
                try:
                    if is_in:  # asked again, because the answer got lost
                        publish_again(connection, layout, staged)
                    else:
                        commit_session(connection, layout, staged)
                except StaleStageError:
                    return done
                done += 1
            group = []
    return done


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
