"""The publications of a place: read, found, and what is newest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from pydantic import ValidationError

from gexlake.bucket.store import Store
from gexlake.errors import LakeVersionError, StoreError
from gexlake.models.feed import SessionKey
from gexlake.models.mirror import (
    FORMAT,
    LISTS,
    PublishedChange,
    PublishedCommit,
    PublishedFile,
    PublishedJournal,
    commit_key,
    list_key,
    number_of,
)


def read_commit(store: Store, number: int) -> PublishedCommit | None:
    """A publication; None where there is none of that number, or none any more."""
    return _read(store, commit_key(number))


def read_list(store: Store, number: int) -> PublishedCommit | None:
    """The list after a publication; None where there is none."""
    return _read(store, list_key(number))


def newest_list(store: Store) -> int | None:
    """The number of the newest list; None where there is none, and so nothing is published yet."""
    return max((number for one in store.iter_stored(LISTS) if (number := number_of(one.key)) is not None), default=None)


def newest_commit(store: Store) -> PublishedCommit | None:
    """The last publication; None where there is none."""
    number = newest_list(store)
    last = read_list(store, number) if number is not None else None
    following = read_commit(store, (last.number if last else 0) + 1)
    while following is not None:
        last, following = following, read_commit(store, following.number + 1)
    return last


def fold(published: Sequence[PublishedCommit]) -> PublishedCommit:
    """All that is live behind the last of some publications in a row, of which the first is whole."""
    live: dict[tuple[str, SessionKey], PublishedChange] = {}
    journals: dict[str, PublishedJournal] = {}
    notes: dict[date, PublishedFile] = {}
    for one in published:
        if one.whole:
            live, notes = {}, {}
        for change in one.changes:
            live[change.record_type, change.session] = change
        journals |= {journal.import_id: journal for journal in one.journals}
        notes |= one.notes
    last = published[-1]
    stands = [
        change.model_copy(update={"replaced": None, "keep_versions": None, "import_id": None})
        for _, change in sorted(live.items())
        if change.version is not None
    ]
    together = {"whole": True, "changes": stands, "journals": list(journals.values()), "notes": notes}
    return last.model_copy(update=together)


def _read(store: Store, key: str) -> PublishedCommit | None:
    found = store.read(key)
    if found is None:
        return None
    try:
        return PublishedCommit.model_validate_json(found[0])
    except ValidationError as error:
        if _format(found[0]) > FORMAT:
            raise LakeVersionError(
                f"{key} in {store.address} was written by a newer gexlake.", hint="Upgrade gexlake."
            ) from error
        raise StoreError(
            f"{key} in {store.address} is damaged, or not of a lake.",
            hint="Push the lake to another place, and let this one be.",
        ) from error


def _format(data: bytes) -> int:
    try:
        return int(json.loads(data)["format"])
    except (ValueError, KeyError, TypeError):
        return 0
