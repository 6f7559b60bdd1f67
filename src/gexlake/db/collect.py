"""Garbage collection: files of versions go once nobody can ask for them any more.

A version is never collected
    while it is live, or kept for `gexlake restore`;
    while a follower's readers may ask for it (`db.followers`);
    while somebody is at work who began before it was replaced: an import, or a reader in this process (`db.readers`);
    until the grace is over, for readers in other processes, who were told of it and have yet to open it.

Files that no commit has listed are collected when nothing has touched them for the grace, unless staged work waits for
its commit with them. Nothing but files is changed: after a crash, the next collection does what is left.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gexlake.db.commits import NOTHING, kept_versions, versions_listed
from gexlake.db.followers import oldest_retained
from gexlake.db.layout import LakeLayout, session_folder
from gexlake.db.parquet import version_paths
from gexlake.db.published import session_of
from gexlake.db.readers import GRACE, oldest_reader
from gexlake.db.recovery import iter_staged
from gexlake.db.sessions import SESSION_NAMES
from gexlake.importers import IMPORTERS
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.gc_report import CollectedVersion, Garbage, GcReport, Stay

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_NAME = re.compile(r"\.?(?P<dataset>[a-z]+)(-(?P<version>[^/]+))?\.parquet(\.new)?")
"""Of the files that gexlake puts in `versions/`, those under way to a name included."""


class _Ended(NamedTuple):
    """A version that is not live any more: when that came to be, and by which commit."""

    record_type: str
    session: SessionKey
    version: str
    why: Garbage
    since: datetime
    commit: int


_EndedRow = tuple[Any, ...]
"""The same as it is read, session by session: `SESSION_NAMES`, version, whether nothing took its place, since when in
Unix microseconds, commit."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Until when a version must have been replaced for its files to go."""

    retained: int | None
    read: datetime | None
    grace: datetime

    def stay_of(self, since: datetime, commit: int) -> Stay | None:
        """Why files stay that were needed until then; None where they may go."""
        if self.retained is not None and commit > self.retained:
            return Stay.FOLLOWED
        if self.read is not None and since >= self.read:
            return Stay.READ
        return Stay.GRACE if since > self.grace else None


def collect(
    connection: Connection,
    layout: LakeLayout,
    *,
    grace: timedelta = GRACE,
    strays: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
) -> GcReport:
    """Remove the files of versions that are not needed any more; with `strays`, also what no commit has listed.

    `connection` owns the database, so that nothing is committed meanwhile; for a dry run it may be a reader's. Without
    `strays` only the commit log is looked through, with it all of `versions/`. Raises `OSError` where the disk refuses.
    """
    now = now or datetime.now(UTC)
    report = GcReport(lake=str(layout.root), dry_run=dry_run, grace_seconds=grace.total_seconds())
    staying = Counter[Stay]()
    found = [*_with_files(layout, _ended_versions(connection, all_listed=strays))]
    found += _find_strays(connection, layout) if strays else []
    kept = {(one.record_type, one.session, one.version) for one in kept_versions(connection)} if found else set()
    bounds = _Bounds(oldest_retained(layout), _oldest_work(connection), now - grace)  # what may go is chosen before
    for one, files in found:
        stay = Stay.RESTORE if one[:3] in kept else bounds.stay_of(one.since, one.commit)
        if stay is not None:
            staying[stay] += 1
            continue
        report.collected.append(_collected(one, files))
        for file in files if not dry_run else ():
            file.unlink(missing_ok=True)
    report.staying = dict(staying)
    return report


def _collected(one: _Ended, files: list[Path]) -> CollectedVersion:
    return CollectedVersion(
        record_type=one.record_type,
        session=str(one.session),
        version=one.version,
        why=one.why,
        since=one.since,
        files=len(files),
        bytes=sum(file.stat().st_size for file in files),
    )


def _with_files(layout: LakeLayout, ended: Iterable[_EndedRow]) -> Iterator[tuple[_Ended, list[Path]]]:
    """Those versions of which there are files, and these.

    The log lists what went long ago as well, so each folder is looked into once, whatever the number of its versions.
    """
    for (record_type, *feed, day), rows in groupby(ended, key=itemgetter(slice(5))):
        session = SessionKey(Feed(*feed), day)
        there = _versions_there(layout, record_type, session)
        for *_, version, removed, since_us, commit in rows:
            if layout.version_label(version) in there:
                why = Garbage.REMOVED if removed else Garbage.REPLACED
                paths = version_paths(layout, record_type, session, version).values()
                if files := [file for file in paths if file.exists()]:
                    yield _Ended(record_type, session, version, why, _instant(since_us), commit), files


def _versions_there(layout: LakeLayout, record_type: str, session: SessionKey) -> set[str]:
    """The labels of the versions that have a file."""
    found, folder = set[str](), session_folder(session)
    for dataset in IMPORTERS[record_type].datasets:
        with suppress(FileNotFoundError, NotADirectoryError):
            names = os.listdir(f"{layout.versions}/{record_type}/{dataset.name}/{folder}")  # noqa: PTH208 (there may be 100,000)
            found.update(named["version"] for name in names if (named := _NAME.fullmatch(name)) and named["version"])
    return found


def _ended_versions(connection: Connection, *, all_listed: bool) -> list[_EndedRow]:
    """Every version that the log lists as replaced and that is not live, with the last commit that replaced it.

    With `all_listed`, also versions that the log only took note of, and later of another. Of a commit of a database
    that was lost, the time is not known: it was before the log began.
    """
    ends = (
        f"SELECT {SESSION_NAMES}, replaced AS version, commit, version AS next FROM changes WHERE replaced IS NOT NULL"
    )
    if all_listed:
        ends += (
            f" UNION ALL SELECT {SESSION_NAMES}, version, lead(commit) OVER later, lead(version) OVER later "
            f"FROM changes WINDOW later AS (PARTITION BY {SESSION_NAMES} ORDER BY commit)"
        )
    rows: list[_EndedRow] = connection.execute(
        f"WITH ends AS ({ends}), last AS (SELECT {SESSION_NAMES}, version, max(commit) AS commit, "
        "arg_max(next IS NULL, commit) AS removed FROM ends WHERE version IS NOT NULL AND commit IS NOT NULL "
        "GROUP BY ALL) "
        f"SELECT {SESSION_NAMES}, version, removed, epoch_us(coalesce(committed_at, (SELECT min(committed_at) "
        f"FROM commits))), commit FROM last ANTI JOIN sessions USING ({SESSION_NAMES}, version) "
        "LEFT JOIN commits USING (commit) ORDER BY ALL"
    ).fetchall()
    return rows


def _find_strays(connection: Connection, layout: LakeLayout) -> list[tuple[_Ended, list[Path]]]:
    """Files in `versions/` of no version that is listed, nor of staged work; each by itself.

    Where a follower's readers may ask for what was live before the log began, these may be it.
    """
    known = {
        file
        for one in versions_listed(connection)
        for file in version_paths(layout, one.record_type, one.session, one.version).values()
    }
    for directory in layout.staging.glob("*/"):
        for staged in iter_staged(directory):
            known.update(version_paths(layout, staged.record_type, staged.session, staged.version).values())
    ((began,),) = connection.execute("SELECT coalesce(min(commit), ?) FROM commits", [NOTHING]).fetchall()
    return [(_stray(file, began), [file]) for file in _iter_files(layout) if file not in known]


def _iter_files(layout: LakeLayout) -> Iterator[Path]:
    """What has a name that gexlake gives: anything else is not ours to remove, and named by `verify`."""
    for record_type, importer in IMPORTERS.items():
        for dataset in importer.datasets:
            for file in sorted((layout.versions / record_type / dataset.name).glob("*/*/*/*/*")):
                named = _NAME.fullmatch(file.name)
                with suppress(ValueError):
                    if named and named["dataset"] == dataset.name and session_of(file) and not file.is_symlink():
                        yield file


def _stray(file: Path, commit: int) -> _Ended:
    status = file.stat()
    touched = datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)
    named = _NAME.fullmatch(file.name)
    version = (named and named["version"]) or file.name
    return _Ended(file.parents[5].name, session_of(file), version, Garbage.STRAY, touched, commit)


def _oldest_work(connection: Connection) -> datetime | None:
    """Since when an import is at work, or a reader in this process; None where nobody is."""
    rows = connection.execute(
        "SELECT epoch_us(min(started_at)) FROM imports WHERE status = 'running' HAVING count(*) > 0"
    ).fetchall()
    began = [_instant(began_us) for (began_us,) in rows]
    reader = oldest_reader()
    return min([*began, *([reader] if reader else [])], default=None)


def _instant(unix_us: int) -> datetime:
    return datetime.fromtimestamp(unix_us / 1_000_000, UTC)
