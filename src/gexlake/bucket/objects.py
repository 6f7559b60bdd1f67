"""List, look at and fetch objects. Where one waits for a store, Ctrl-C ends that, but in `read_range`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from gexlake.bucket.client import ChangedObjectError, open_store, translated
from gexlake.bucket.requests import wait_for
from gexlake.errors import StoreError
from gexlake.models.location import ObjectUrl

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

CHUNK_BYTES = 1 << 18
"""So much may be lost of what has come when a download is cut."""
LIST_CHUNK = 1000
MOST_CHANGES = 3
"""Times that a fetch is begun anew because the object changed meanwhile."""
MOST_FAILURES = 2
"""Times in a row that nothing at all comes; each time the store has been asked again for a minute."""


class ObjectFacts(NamedTuple):
    """What a store says of an object; `etag` tells versions apart, None where it would not for certain."""

    url: ObjectUrl
    size_bytes: int
    etag: str | None


def _facts(url: ObjectUrl, meta: ObjectMeta) -> ObjectFacts:
    etag = meta["e_tag"]
    return ObjectFacts(url, meta["size"], None if etag is None or etag.startswith("W/") else etag)


def look_at(url: ObjectUrl) -> ObjectFacts:
    """What there is under a URL; gives up soon. Raises `ObjectError` where there is nothing, `StoreError`."""
    import obstore

    store = open_store(url, quick=True)
    with translated(url):
        return _facts(url, wait_for(lambda: obstore.head(store, url.key)))


def list_objects(folder: ObjectUrl) -> list[ObjectFacts]:
    """All objects below a folder, in no certain order."""
    store = open_store(folder)
    with translated(folder):
        metas = wait_for(lambda: list_metas(store, folder.key or None))
    return [_facts(folder.at(meta["path"]), meta) for meta in metas]


def list_metas(store: ObjectStore, prefix: str | None) -> list[ObjectMeta]:
    """What a store says of all that lies under a prefix, in no certain order."""
    import obstore

    return [meta for metas in obstore.list(store, prefix, chunk_size=LIST_CHUNK) for meta in metas]


def read_range(url: ObjectUrl, start: int, count: int) -> tuple[ObjectFacts, bytes]:
    """What an object is by now, and up to so many of its bytes from `start` on."""
    import obstore

    with translated(url):
        result = obstore.get(open_store(url), url.key, options={"range": (start, start + count)})
        return _facts(url, result.meta), bytes(result.bytes())


def fetch(
    url: ObjectUrl, into: BinaryIO, *, etag: str | None = None, on_tick: Callable[[], None] = lambda: None
) -> ObjectFacts:
    """Copy an object into an empty file; with `etag`, only in that version.

    What is cut off is gone on with where it broke off; where the object has changed meanwhile, all is begun anew.
    `on_tick` is called a few times a second. Raises `ObjectError`, `StoreError`, and what `into` and `on_tick` raise.
    """
    work = _Fetch(url, into, etag)
    try:
        return wait_for(work.run, on_tick)
    finally:
        work.given_up.set()


class _Fetch:
    def __init__(self, url: ObjectUrl, into: BinaryIO, etag: str | None) -> None:
        self._url = url
        self._into = into
        self._wanted = etag
        self._found: ObjectFacts | None = None
        """The version that is being fetched."""
        self._at = 0
        self.given_up = threading.Event()
        """Nobody waits for it any more."""

    def run(self) -> ObjectFacts:
        changes = failures = 0
        while self._found is None or (self._at < self._found.size_bytes and not self.given_up.is_set()):
            before = self._at
            try:
                with translated(self._url):
                    self._go_on()
            except ChangedObjectError as error:
                changes += 1
                if self._wanted is not None or changes > MOST_CHANGES:
                    raise ChangedObjectError("it changes while it is read") from error
                self._begin_anew()
            except StoreError:
                failures = 0 if self._at > before else failures + 1
                if failures == MOST_FAILURES:
                    raise
        return self._found

    def _go_on(self) -> None:
        """Fetch what is left, as far as it goes."""
        import obstore

        if self._found is None or self._found.etag is None:  # nothing says that the rest would be of the same version
            self._begin_anew()
        options: GetOptions = {}
        if etag := self._found.etag if self._found else self._wanted:
            options["if_match"] = etag
        if self._at:
            options["range"] = {"offset": self._at}
        result = obstore.get(open_store(self._url), self._url.key, options=options)
        found = _facts(self._url, result.meta)
        if self._found is not None and found != self._found:  # there are stores that overlook the condition
            raise ChangedObjectError("it has changed")
        self._found = found
        for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
            if self.given_up.is_set():
                return
            self._into.write(chunk)
            self._at += len(chunk)

    def _begin_anew(self) -> None:
        self._into.seek(0)
        self._into.truncate()
        self._at, self._found = 0, None
