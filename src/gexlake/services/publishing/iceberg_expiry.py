"""Expiry: which snapshots of the open tables can still be asked for, and what follows for the lake's own files.

A snapshot stands for as long as a tag of ours names it, or a tag or branch of somebody else's. The library takes the
others out of the table, and their manifests go here. How far back the lake's own files have to stay is said by
`db.followers`.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Iterable
from contextlib import suppress

from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot

from gexlake.models.publishing import Expiry
from gexlake.services.publishing.iceberg_tables import TAG_PREFIX, commit_in

_TAG = re.compile(rf"{re.escape(TAG_PREFIX)}(\d+)")


def expire(tables: Iterable[Table], expiry: Expiry) -> int:
    """Take out of the tables what is not to stay; how many snapshots went. The newest commit always stays.

    A kill between the tables' change and the last of their manifests leaves files that nobody names, and nothing else.
    """
    tables = list(tables)
    kept = _kept(tables, expiry)
    return sum(_expire(table, kept) for table in tables)


def needed_from(tables: Iterable[Table], commit: int) -> int:
    """The oldest commit of which some snapshot names files; `commit` is that at which the tables stand."""
    return min(_last_commit_of(table, snapshot, commit) for table in tables for snapshot in table.snapshots())


def _kept(tables: Collection[Table], expiry: Expiry) -> set[int]:
    """The commits whose tags stay."""
    published: dict[int, int] = {}
    for table in tables:
        for commit, snapshot in _tagged(table):
            published[commit] = max(published.get(commit, 0), snapshot.timestamp_ms)
    newest = sorted(published, reverse=True)
    return {
        commit
        for place, commit in enumerate(newest)
        if place < max(1, expiry.keep) or published[commit] >= expiry.since_ms
    }


def _expire(table: Table, kept: set[int]) -> int:
    tags = [f"{TAG_PREFIX}{commit}" for commit, _ in _tagged(table) if commit not in kept]
    if tags:
        with table.manage_snapshots() as change:
            for tag in tags:
                change.remove_tag(tag)
    named = {ref.snapshot_id for ref in table.refs().values()}
    expired = [snapshot for snapshot in table.snapshots() if snapshot.snapshot_id not in named]
    if not expired:
        return 0
    files = _metadata_of(table, expired)
    table.maintenance.expire_snapshots().by_ids([snapshot.snapshot_id for snapshot in expired]).commit()
    for file in files - _metadata_of(table, _bordering(table, expired)):
        with suppress(OSError):
            table.io.delete(file)
    return len(expired)


def _bordering(table: Table, expired: Iterable[Snapshot]) -> list[Snapshot]:
    """The snapshots that may share manifests with those that went.

    A manifest that has left the table does not come back, so of the table's own the nearest before and behind each are
    enough: there may be a hundred, and in object storage each takes a request. Others' branches go their own way.
    """
    kept = sorted(table.snapshots(), key=_sequence)
    places = [_sequence(snapshot) for snapshot in kept]
    found = {}
    for snapshot in expired:
        place = bisect(places, _sequence(snapshot))
        found.update({one.snapshot_id: one for one in kept[max(0, place - 1) : place + 1]})
    others = {ref.snapshot_id for name, ref in table.refs().items() if name != MAIN_BRANCH and not _TAG.fullmatch(name)}
    return [*found.values(), *(one for one in kept if one.snapshot_id in others)]


def _sequence(snapshot: Snapshot) -> int:
    return snapshot.sequence_number or 0


def _metadata_of(table: Table, snapshots: Iterable[Snapshot]) -> set[str]:
    """The manifest lists of these snapshots, and the manifests in them."""
    found = set()
    for snapshot in snapshots:
        found.add(snapshot.manifest_list)
        found.update(manifest.manifest_path for manifest in snapshot.manifests(table.io))
    return found


def _tagged(table: Table) -> list[tuple[int, Snapshot]]:
    """The commits that a table has tags of, and the snapshots that these name."""
    found = []
    for name, ref in table.refs().items():
        match = _TAG.fullmatch(name)
        snapshot = table.snapshot_by_id(ref.snapshot_id)
        if match and snapshot is not None:
            found.append((int(match[1]), snapshot))
    return found


def _last_commit_of(table: Table, snapshot: Snapshot, commit: int) -> int:
    """The last commit of which it is known that a snapshot is the table as it stood then."""
    current = table.current_snapshot()
    if current is not None and snapshot.snapshot_id == current.snapshot_id:
        return commit
    known = [number for number, tagged in _tagged(table) if tagged.snapshot_id == snapshot.snapshot_id]
    return max([commit_in(snapshot) or 0, *known])
