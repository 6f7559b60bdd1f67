"""How far each mirror of a lake is: a small file each, beside the database and not in it.

A database that is made anew must not forget what it has published, nor a copy of the lake think that it is its owner:
the file is of one lake in one directory.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from gexlake.db.layout import LakeLayout, make_directories, replace_durably, try_lock
from gexlake.errors import LakeLockedError
from gexlake.models.mirror import PublishedFile, PublishedJournal


class SeenJournal(BaseModel):
    """A journal as it was published, and what its folder was then: inode and time of change in ns."""

    folder: tuple[int, int]
    published: PublishedJournal


class MirrorState(BaseModel):
    """What a lake knows of one of its mirrors. `commit` None: it has published nothing there yet."""

    address: str
    owner: str
    mirror: str
    number: int = 0
    commit: int | None = None
    listed: int = 0
    """The last publication of which there is a list."""
    collected_at: datetime | None = None
    pushed_at: datetime | None = None
    problem: str = ""
    journals: dict[str, SeenJournal] = {}
    notes: dict[date, PublishedFile] = {}


def new_state(address: str) -> MirrorState:
    """Of a mirror that nobody has begun."""
    return MirrorState(address=address, owner=uuid.uuid4().hex, mirror=uuid.uuid4().hex)


def load_state(layout: LakeLayout, address: str) -> MirrorState | None:
    """What is known of a mirror; None where nothing is."""
    return _load(_file(layout, address))


def load_states(layout: LakeLayout) -> list[MirrorState]:
    """What is known of each mirror, by address."""
    found = [_load(file) for file in layout.mirrors.glob("*.json")]
    return sorted((one for one in found if one is not None), key=lambda one: one.address)


def save_state(layout: LakeLayout, state: MirrorState) -> None:
    """Write down, durably, what is known of a mirror."""
    file = _file(layout, state.address)
    make_directories(file.parent)
    replace_durably(file, file.with_suffix(".new"), state.model_dump_json().encode())


@contextmanager
def pushing(layout: LakeLayout, address: str) -> Iterator[None]:
    """Let no other process of this machine push the lake there meanwhile. Raises `LakeLockedError`."""
    file = _file(layout, address).with_suffix(".lock")
    make_directories(file.parent)
    with file.open("ab") as lock:
        if not try_lock(lock.fileno()):
            raise LakeLockedError(
                f"Another process pushes the lake {layout.root} to {address}.",
                hint="`gexlake serve` does so by itself where the setting `mirror` says so.",
            )
        yield


def _load(file: Path) -> MirrorState | None:
    try:
        return MirrorState.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _file(layout: LakeLayout, address: str) -> Path:
    return layout.mirrors / f"{hashlib.blake2b(address.encode(), digest_size=8).hexdigest()}.json"
