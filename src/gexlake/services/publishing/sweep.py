"""What no publication names any more is removed from a mirror, after a time in which readers may still ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from gexlake.bucket.store import Store
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import version_paths
from gexlake.models.mirror import COMMITS, FOLDERS, LISTS, PublishedCommit, number_of
from gexlake.services.publishing.mirror_log import read_commit_log
from gexlake.services.publishing.publications import read_commit, read_list

GRACE = timedelta(days=1)
"""So long may a reader be away and go on where it was; who was away for longer begins at the newest list."""
EVERY = timedelta(hours=6)


def is_due(last: datetime | None) -> bool:
    """Whether it is time to look again."""
    return last is None or datetime.now(UTC) - last > EVERY


def collect_unnamed(layout: LakeLayout, store: Store, *, grace: timedelta = GRACE) -> int:
    """Remove what nothing names since `grace`; how many objects went.

    What stays: all that a list of before that time, and every publication since, names; what is kept for
    `gexlake restore`; and whatever was written since, as it may be of a publication under way.
    """
    before = datetime.now(UTC) - grace
    lists = {
        number: one for one in store.iter_stored(LISTS) if (number := number_of(one.key)) and one.modified < before
    }
    if not lists:
        return 0
    oldest = max(lists)
    named = _named_since(store, oldest) | _kept(layout)
    unnamed = [
        one.key
        for prefix in FOLDERS
        for one in store.iter_stored(prefix)
        if one.key not in named and one.modified < before
    ]
    passed = [
        one.key
        for prefix in (COMMITS, LISTS)
        for one in store.iter_stored(prefix)
        if (number := number_of(one.key)) is not None and number < oldest
    ]
    store.delete([*passed, *unnamed])
    return len(passed) + len(unnamed)


def _named_since(store: Store, oldest: int) -> set[str]:
    listed = read_list(store, oldest)
    named = _keys(listed) if listed else set()
    for number in count(oldest):
        published = read_commit(store, number)
        if published is None and number > oldest:
            return named
        named |= _keys(published) if published else set()
    raise AssertionError("numbers have no end")


def _keys(published: PublishedCommit) -> set[str]:
    files = [file for change in published.changes for file in change.files]
    for journal in published.journals:
        files += [*journal.tables.values(), *journal.raw_files.values()]
    files += published.notes.values()
    return {file.key for file in files}


def _kept(layout: LakeLayout) -> set[str]:
    return {
        path.relative_to(layout.root).as_posix()
        for one in read_commit_log(layout.root, None).kept
        if one.version is not None
        for path in version_paths(layout, one.record_type, one.session, one.version).values()
    }
