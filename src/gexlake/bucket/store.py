"""A place where a lake is published: a bucket, or a folder that behaves as one.

What is written under a key is there whole or not at all. `create` and `replace` are decided by the store alone, however
many try at once: what rests on them needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from gexlake.bucket.bucket_store import BucketStore
from gexlake.bucket.folder_store import FolderStore
from gexlake.models.location import Location, ObjectUrl


class Stored(NamedTuple):
    """An object as a listing has it; the time is UTC."""

    key: str
    size_bytes: int
    modified: datetime


class Store(Protocol):
    """What keys of a place can be asked for; they are relative to it. Everything raises `StoreError`."""

    @property
    def address(self) -> str:
        """The place, as people write it."""
        ...

    def make(self) -> None:
        """Have the place be there, where places are made."""
        ...

    def put(self, key: str, file: Path) -> None:
        """Have the content of a file under a key, in place of what is there."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Have `data` under a key where nothing is; whether nothing was."""
        ...

    def replace(self, key: str, data: bytes, etag: str) -> bool:
        """Have `data` under a key in place of what `read` gave with this ETag; whether that was there still."""
        ...

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The content of a key and its ETag; None where there is none."""
        ...

    def fetch(self, key: str, into: Path) -> None:
        """Make a new file of what is under a key. Raises `MissingObjectError`."""
        ...

    def iter_stored(self, prefix: str) -> Iterator[Stored]:
        """Everything below a folder of keys, in no certain order."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Have nothing under these keys."""
        ...


def open_place(location: Location) -> Store:
    """The store of a place. Raises `UsageError` where that needs what is not installed."""
    return BucketStore(location) if isinstance(location, ObjectUrl) else FolderStore(location.absolute())
