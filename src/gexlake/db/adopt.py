"""The files of a lake that an older gexlake wrote get the names of their versions; none is removed before it has one.

It kept the live files of a session under the names for globs alone, and those of versions that were replaced in
`previous/`, in folders named after the version that took their place. Done again after a crash, it does what is left.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gexlake.db.commits import LoggedChange, begin_commit, live_versions, log_changes
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import UNKNOWN_VERSION, dataset_paths, read_footer, told_version, version_paths
from gexlake.db.published import session_of
from gexlake.db.versions import give_second_name, name_version, place_version
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Dataset
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.staged import StagedSession

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


class _Replaced(NamedTuple):
    """A version and the one that took its place; `kept` of its session are kept."""

    replaced_by: str
    record_type: str
    session: SessionKey
    version: str
    kept: int


def adopt_lake(connection: Connection, layout: LakeLayout, staged: list[StagedSession]) -> None:
    """Name all files, and list what is kept for `gexlake restore`, with the database to say what is live.

    `staged` is what lies in staging: a crash may have come between the commit and the renames that followed it then.
    """
    live = {(one.record_type, one.session): one.version for one in live_versions(connection)}
    removed = {(one.record_type, one.session): one.version for one in staged if one.removes}
    for one in staged:
        if one.changes_data and live.get((one.record_type, one.session)) == one.version:
            place_version(layout, one)
    adopt_previous(connection, layout, {session: {version} for session, version in live.items()})
    replaced = []
    for record_type, session, told in name_shown(layout):
        version = live.get((record_type, session))
        if version is not None:
            name_version(layout, record_type, session, version)
        replaced_by = version or removed.get((record_type, session))
        if len(told) == 1 and told != {version} and replaced_by:
            replaced.append(_Replaced(replaced_by, record_type, session, told.pop(), 1))
    _list(connection, replaced)


def adopt_previous(
    connection: Connection, layout: LakeLayout, live: Mapping[tuple[str, SessionKey], Collection[str]]
) -> None:
    """Name what is kept for `gexlake restore`, and list it; `drop_previous` removes the names that it had.

    What is live, and alone so, was about to be replaced by work that is yet to be committed, and is not listed.
    """
    replaced = [
        one for one in _name_previous(layout) if live.get((one.record_type, one.session), set()) != {one.version}
    ]
    counts = defaultdict[tuple[str, SessionKey], int](int)
    for one in replaced:
        counts[one.record_type, one.session] += 1
    _list(connection, [one._replace(kept=counts[one.record_type, one.session]) for one in replaced])


def drop_previous(layout: LakeLayout) -> None:
    """Remove what was kept in folders, when all of it has its names and is listed."""
    shutil.rmtree(_previous(layout), ignore_errors=True)


def name_shown(layout: LakeLayout) -> Iterator[tuple[str, SessionKey, set[str]]]:
    """Name what globs find after the versions that the files tell; which these are, session by session."""
    for record_type, importer in IMPORTERS.items():
        for session in sorted(set(_sessions_shown(layout, record_type, importer.datasets))):
            shown = dataset_paths(layout, record_type, session)
            told = {told_version(file) for file in shown.values()} - {UNKNOWN_VERSION}
            for version in told:
                name_version(layout, record_type, session, version)
            yield record_type, session, told


def _sessions_shown(layout: LakeLayout, record_type: str, datasets: Sequence[Dataset]) -> Iterator[SessionKey]:
    for dataset in datasets:
        for file in layout.dataset_files(record_type, dataset.name):
            with suppress(ValueError):  # else its folders are of no session: a stray
                yield session_of(file)


def _name_previous(layout: LakeLayout) -> Iterator[_Replaced]:
    """What is damaged is left out."""
    for record_type, importer in IMPORTERS.items():
        for folder in sorted((_previous(layout) / record_type).glob("*/*/*/*/*")):
            files = {dataset.name: folder / f"{dataset.name}.parquet" for dataset in importer.datasets}
            try:
                (footer, *_) = [read_footer(file) for file in files.values()]
            except LakeError:
                continue
            *feed, day = footer["session"]
            session = SessionKey(Feed(*feed), date.fromisoformat(day))
            for name, named in version_paths(layout, record_type, session, footer["version"]).items():
                if not named.exists():
                    give_second_name(files[name], named)
            yield _Replaced(folder.name.replace("+", "/"), record_type, session, footer["version"], 0)


def _list(connection: Connection, replaced: list[_Replaced]) -> None:
    """List in the commit log, in the order of time, what is not listed there."""
    listed = set(connection.execute("SELECT replaced FROM changes WHERE replaced IS NOT NULL").fetchall())
    new = sorted(one for one in replaced if (one.version,) not in listed)
    for replaced_by, together in groupby(new, lambda one: one.replaced_by):
        connection.begin()
        log_changes(
            connection,
            begin_commit(connection),
            [
                LoggedChange(
                    one.record_type,
                    one.session,
                    replaced_by,
                    replaced=one.version,
                    keep_versions=one.kept,
                    import_id=replaced_by.partition("/")[0],
                )
                for one in together
            ],
        )
        connection.commit()


def _previous(layout: LakeLayout) -> Path:
    return layout.root / "previous"
