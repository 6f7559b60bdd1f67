"""A folder of a bucket as a place where a lake is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.bucket.client import ChangedObjectError, MissingObjectError, ObjectError, open_store, translated
from gexlake.bucket.objects import fetch, list_metas
from gexlake.bucket.requests import wait_for
from gexlake.errors import StoreError
from gexlake.models.location import ObjectUrl

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from gexlake.bucket.store import Stored

PART_BYTES = 8 << 20
"""Of a file that is uploaded in parts: each has to be through before the store's silence counts as one."""
PARTS_AT_ONCE = 2


class BucketStore:
    """See `store.Store`. Safe in threads; Ctrl-C ends the waiting for a request."""

    def __init__(self, url: ObjectUrl) -> None:
        self._url = url
        open_store(url)

    @property
    def address(self) -> str:
        return str(self._url)

    def make(self) -> None:
        """Buckets are made by whoever pays for them."""

    def put(self, key: str, file: Path) -> None:
        import obstore

        with self._known(key, "written"):
            wait_for(
                lambda: obstore.put(
                    self._store, self._key(key), file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
            )

    def create(self, key: str, data: bytes) -> bool:
        import obstore

        try:
            with self._known(key, "written"):
                wait_for(lambda: obstore.put(self._store, self._key(key), data, mode="create"))
        except ChangedObjectError:
            return False
        return True

    def replace(self, key: str, data: bytes, etag: str) -> bool:
        import obstore

        try:
            with self._known(key, "written"):
                wait_for(lambda: obstore.put(self._store, self._key(key), data, mode={"e_tag": etag}))
        except (ChangedObjectError, MissingObjectError):
            return False
        return True

    def read(self, key: str) -> tuple[bytes, str] | None:
        import obstore

        def get() -> tuple[bytes, str]:
            result = obstore.get(self._store, self._key(key))
            return bytes(result.bytes()), result.meta["e_tag"] or ""

        try:
            with self._known(key):
                return wait_for(get)
        except MissingObjectError:
            return None

    def fetch(self, key: str, into: Path) -> None:
        with self._known(key), into.open("xb") as opened:
            fetch(self._url.at(self._key(key)), opened)

    def iter_stored(self, prefix: str) -> Iterator[Stored]:
        from gexlake.bucket.store import Stored

        with self._known(prefix):
            metas = wait_for(lambda: list_metas(self._store, self._key(prefix)))
        cut = len(self._key(""))
        for meta in metas:
            yield Stored(meta["path"][cut:], meta["size"], meta["last_modified"])

    def delete(self, keys: Iterable[str]) -> None:
        import obstore

        if paths := [self._key(key) for key in keys]:
            with self._known(paths[0], "written"):
                wait_for(lambda: obstore.delete(self._store, paths))

    @property
    def _store(self) -> ObjectStore:
        return open_store(self._url)

    def _key(self, key: str) -> str:
        return f"{self._url.key}/{key}" if self._url.key else key

    @contextmanager
    def _known(self, key: str, verb: str = "read") -> Iterator[None]:
        """Faults as ours: what is refused for one object is refused for the place."""
        try:
            with translated(self._url, verb):
                yield
        except (ChangedObjectError, MissingObjectError):
            raise
        except ObjectError as error:
            raise StoreError(
                f"{self._url.at(self._key(key))}: {error}.", hint="Look at what the key may do."
            ) from error
