"""Find the objects below the given URLs, and say what each is, by the rules that hold for files in folders.

A key is a path: its parts are the folders. Listing opens nothing; then the first bytes of each object are read, of some
dozens at a time, unless it was read before in the version that the store has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from gexlake.archive import archive_kind, names_in_head
from gexlake.bucket.client import ObjectError
from gexlake.bucket.objects import ObjectFacts, list_objects, look_at, read_range
from gexlake.bucket.requests import iter_results
from gexlake.errors import SourceError
from gexlake.models.location import ObjectUrl, is_url
from gexlake.models.source import SYNTHETIC_NOTE, Form, ReadObject, RefusedFile, SourceFile
from gexlake.packing import Compression
from gexlake.scanner.classify import Importable, classify, source_of
from gexlake.scanner.heads import HEAD_BYTES, Head, bytes_behind, unpack_head
from gexlake.scanner.names import Hints, parse_path, says_feed
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.unfinished import UNFINISHED, is_unfinished_folder, names_of_unfinished

AT_A_TIME = 32
"""Objects of which the first bytes are asked for."""
HINT = "Name a bucket, folder or object that holds GEX history, as s3://bucket/history."


@dataclass
class Listing:
    """What was listed of buckets: the URLs that were named, and all objects below them."""

    named: list[str] = field(default_factory=list)
    objects: set[str] = field(default_factory=set)

    def is_gone(self, name: str) -> bool:
        """Whether an object, by its name in lineage, should have been found and was not."""
        return is_url(name) and name not in self.objects and any(_is_below(name, url) for url in self.named)


def _is_below(name: str, url: str) -> bool:
    return name == url or name.startswith(f"{url}/")


class ObjectWalk:
    """One pass over the sources that are URLs; `ignored` and `listing` are complete once `iter_files` has ended.

    Raises `SourceError` if there is nothing under a URL or it cannot be listed, `StoreError` if the store is away.
    """

    def __init__(self, sources: Iterable[ObjectUrl], read_before: Mapping[str, ReadObject]) -> None:
        self._sources = tuple(dict.fromkeys(sources))
        self._read_before = read_before
        self.ignored = 0
        """Objects with a hidden part in their key, marks of folders, and notes that call a folder synthetic."""
        self.listing = Listing()

    def iter_files(self) -> Iterator[SourceFile | RefusedFile]:
        """All objects, each once."""
        for source in self._sources:
            found = [facts for facts in _list(source) if str(facts.url) not in self.listing.objects]
            self.listing.named.append(str(source))
            self.listing.objects.update(str(facts.url) for facts in found)
            sorting = _Sorting(source, found)
            self.ignored += sorting.ignored
            yield from sorting.refused
            new = list[ObjectFacts]()
            for facts in sorting.wanted:
                before = self._read_before.get(str(facts.url))
                if before is not None and (before.etag, before.size_bytes) == (facts.etag, facts.size_bytes):
                    yield _unchanged(facts, before, is_synthetic=sorting.is_synthetic(facts.url))
                else:
                    new.append(facts)
            yield from iter_results(partial(_examine, sorting), new, AT_A_TIME)


# ---- the listing -----------------------------------------------------------------------------------------------------


def _list(source: ObjectUrl) -> list[ObjectFacts]:
    """The object of that name, if there is one, and those below it."""
    try:
        found = [itself] if source.key and (itself := _look_for(source)) else []
        found += list_objects(source)
    except ObjectError as error:
        raise SourceError(f"The source {source} cannot be listed: {error}.", hint=HINT) from error
    if not found:
        raise SourceError(f"The source {source} does not exist.", hint=HINT)
    return sorted(found, key=lambda facts: facts.url.parts)


def _look_for(url: ObjectUrl) -> ObjectFacts | None:
    """What there is of that very name; nothing as well where the store only lists: what is denied then says so."""
    try:
        return look_at(url)
    except ObjectError:
        return None


class _Sorting:
    """Which of the objects below a source are to be looked at, and which folders a note calls synthetic."""

    def __init__(self, source: ObjectUrl, found: Sequence[ObjectFacts]) -> None:
        self.ignored = 0
        self.wanted: list[ObjectFacts] = []
        self._refused: dict[ObjectUrl, RefusedFile] = {}
        self._depth = len(source.parts) - (len(found) == 1 and found[0].url == source)
        above = [source.at("/".join(source.parts[1:depth])) for depth in range(1, len(source.parts))]
        self._synthetic = {folder for folder in above if _look_for(_note_in(folder))}
        self._synthetic |= {_folder_of(facts.url) for facts in found if facts.url.name == SYNTHETIC_NOTE}
        folders = {url for facts in found for url in _folders_of(facts.url)}
        names = defaultdict[ObjectUrl, list[str]](list)
        for facts in found:
            names[_folder_of(facts.url)].append(facts.url.name)
        self._unfinished = {folder: names_of_unfinished(here) for folder, here in names.items()}
        for facts in found:
            self._sort(facts, is_folder=facts.url in folders)

    @property
    def refused(self) -> list[RefusedFile]:
        """Those that are so by their names."""
        return list(self._refused.values())

    def is_synthetic(self, url: ObjectUrl) -> bool:
        """Whether a note in a folder of the object says so."""
        return not self._synthetic.isdisjoint(_folders_of(url))

    def _sort(self, facts: ObjectFacts, *, is_folder: bool) -> None:
        url, below = facts.url, facts.url.parts[self._depth :]
        if url.name == SYNTHETIC_NOTE or any(part.startswith(".") for part in below):
            self.ignored += 1
        elif facts.size_bytes == 0 and (is_folder or "." not in url.name):
            self.ignored += 1  # with this, programs that show folders mark one
        elif unfinished := [f for f in _folders_of(url) if len(f.parts) > self._depth and is_unfinished_folder(f.name)]:
            self._refuse(unfinished[0], 0)
        elif url.name in self._unfinished[_folder_of(url)]:
            self._refuse(url, facts.size_bytes)
        else:
            self.wanted.append(facts)

    def _refuse(self, url: ObjectUrl, size_bytes: int) -> None:
        self._refused[url] = RefusedFile(url, size_bytes, UNFINISHED.code, UNFINISHED.reason)


def _folders_of(url: ObjectUrl) -> list[ObjectUrl]:
    """The bucket, and the folders down to that of the object."""
    return [url.at("/".join(url.parts[1:depth])) for depth in range(1, len(url.parts))]


def _folder_of(url: ObjectUrl) -> ObjectUrl:
    return url.at(url.key.rpartition("/")[0])


def _note_in(folder: ObjectUrl) -> ObjectUrl:
    return folder.at(f"{folder.key}/{SYNTHETIC_NOTE}" if folder.key else SYNTHETIC_NOTE)


def _unchanged(facts: ObjectFacts, before: ReadObject, *, is_synthetic: bool) -> SourceFile:
    """An object of which is known what it is; its form is told when it is read, if ever."""
    url = facts.url
    return SourceFile(
        url,
        before.record_type,
        before.session,
        facts.size_bytes,
        Compression.NONE,
        Form.ARRAY,
        claims_date=parse_path(url.parts[:-1], url.name).session_date is not None,
        etag=facts.etag,
        synthetic=is_synthetic,
    )


# ---- what each is ----------------------------------------------------------------------------------------------------


def _examine(sorting: _Sorting, facts: ObjectFacts) -> SourceFile | RefusedFile:
    url, size_bytes = facts.url, facts.size_bytes
    try:
        facts, start = _read_start(facts)
        size_bytes = facts.size_bytes
        head = unpack_head(start, is_whole=len(start) >= size_bytes)
    except ObjectError as error:
        head = Refusal("unreadable", f"It cannot be read: {error}.")
    result = _classify(parse_path(url.parts[:-1], url.name), head) if isinstance(head, Head) else head
    if isinstance(result, Refusal):
        return RefusedFile(url, size_bytes, result.code, result.reason)
    return source_of(url, size_bytes, result, etag=facts.etag, synthetic=sorting.is_synthetic(url))


def _read_start(facts: ObjectFacts) -> tuple[ObjectFacts, bytes]:
    """The first bytes, as many as tell what it is, and what the object is by now."""
    if facts.size_bytes == 0:
        return facts, b""
    facts, start = read_range(facts.url, 0, HEAD_BYTES)
    if (more := bytes_behind(start)) and len(start) < facts.size_bytes:
        facts, rest = read_range(facts.url, len(start), more)
        start += rest
    return facts, start


def _classify(hints: Hints, head: Head) -> Importable | Refusal:
    if not head.is_archive:
        return classify(hints, head)
    is_history = hints.claims_history or says_feed(names_in_head(head.text))
    kind = archive_kind(head.text)
    reason = f"It is a {kind} archive in a bucket, which is not opened there; fetch it, and import the file."
    return Refusal("packed_archive" if is_history else "not_gex", reason)
