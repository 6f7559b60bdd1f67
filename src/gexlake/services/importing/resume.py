"""Resume: which sources need to be read, by what the lake has read before; the others keep their verdict.

A source is known by its bytes, which is to say by their SHA-256. It is taken of whatever has the size of something that
was read; only that of an object under an ETag of which lineage has the digest is believed. Pure but for the look at
which files are still there, and at their bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from gexlake.db.queries import FeedState
from gexlake.errors import SourceError
from gexlake.importers.stream import SourceStream, hash_file
from gexlake.models.feed import SessionKey
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.location import is_url
from gexlake.models.source import ReadObject, SourceFile
from gexlake.models.task import KnownSource
from gexlake.scanner.find import SourceFacts, find_source
from gexlake.scanner.objects import Listing
from gexlake.scanner.synthetic import SyntheticNotes
from gexlake.services.importing.reading import blank_record
from gexlake.services.processes.workers import OnBytes, Workers, iter_done
from gexlake.validation.rules import Rule

FORGOTTEN = "what it gave was forgotten, as was asked for; --force reads it again"


@dataclass
class KnownFeed:
    """What the lake knows of a feed: its sessions, and the source files that it has met."""

    state: FeedState
    scanned: frozenset[str] = frozenset()
    """Sources of the feed that are there now, by path."""
    notes: SyntheticNotes = field(default_factory=SyntheticNotes)
    listing: Listing = field(default_factory=Listing)
    """What was listed of buckets this time."""
    knows_zone: bool = False
    """Whether it is said this time in which zone times are that name none."""

    @cached_property
    def versions(self) -> dict[date, str]:
        """By session date."""
        return {date.fromisoformat(day): version for day, version in self.state.versions.items()}

    @cached_property
    def by_path(self) -> dict[str, KnownSource]:
        """The latest of each path."""
        return {known.source_file: known for known in self.state.known if known.is_latest}

    @cached_property
    def _readings(self) -> dict[str, list[KnownSource]]:
        """All readings of each path."""
        found = defaultdict[str, list[KnownSource]](list)
        for known in self.state.known:
            if not known.is_copy:
                found[known.source_file].append(known)
        return found

    @cached_property
    def by_sha256(self) -> dict[str, KnownSource]:
        """Readings by the bytes that were read, the latest of each."""
        readings = [known for known in self.state.known if not known.is_copy]
        return {k.sha256: k for k in readings if k.status is not FileStatus.FORGOTTEN}

    @cached_property
    def sizes(self) -> set[int]:
        """Only a file of such a size can be one that was read."""
        return {known.size_bytes for known in self.state.known}

    @cached_property
    def latest(self) -> dict[str, str]:
        """The import of the latest reading of each path that was read more than once."""
        again = {known.source_file for known in self.state.known if not known.is_latest}
        return {path: self.by_path[path].import_id for path in again}

    @cached_property
    def gone(self) -> frozenset[str]:
        """Files that gave snapshots and are no more."""
        missing = {name for name, facts in self._elsewhere.items() if facts is None}
        return frozenset(missing | {name for name in self._not_scanned if self.listing.is_gone(name)})

    @cached_property
    def _not_scanned(self) -> set[str]:
        """Sources that gave snapshots and are not among those scanned."""
        return {k.source_file for k in self.state.known if not k.is_copy and any(k.sessions.values())} - self.scanned

    @cached_property
    def _elsewhere(self) -> dict[str, SourceFacts | None]:
        """Those of them that are files, as they are now; None for one that is gone.

        An object that was not listed is taken to be there: a request for each that the lake knows would take too long.
        """
        return {name: find_source(name) for name in self._not_scanned if not is_url(name)}

    def _other_names(self, name: str) -> set[str]:
        """Under what other names the lake knows the very file that is now called so, by a link or a mount."""
        names = {other for other, facts in self._elsewhere.items() if facts is not None}
        here = find_source(name) if names and not is_url(name) else None
        return {other for other in names if here and (found := self._elsewhere[other]) and _is_same(found, here)}

    def digest_of(self, source: SourceFile) -> str | None:
        """The SHA-256 of an object that its store still has in the version of which lineage tells; else None."""
        known = self.by_path.get(source.name) if source.etag else None
        is_same = known is not None and (known.etag, known.size_bytes) == (source.etag, source.size_bytes)
        return known.sha256 if known is not None and is_same else None

    def reading_of(self, path: str, sha256: str) -> KnownSource | None:
        """The reading that a file with these bytes needs no other than; None where it has to be read."""
        mine = self.by_path.get(path)
        if mine is not None and mine.sha256 != sha256:
            return None
        found = mine if mine is not None and not mine.is_copy else self.by_sha256.get(sha256)
        if found is None or self._has_lost(found) or self._is_open(found, is_copy=found.source_file != path):
            return None
        return found

    def _has_lost(self, known: KnownSource) -> bool:
        """Whether a session to which it gave snapshots is no more."""
        return any(count and day not in self.state.versions for day, count in known.sessions.items())

    def _is_open(self, known: KnownSource, *, is_copy: bool) -> bool:
        """Whether its verdict depended on something that has changed since: the clock, or what else the lake holds."""
        if Rule.TIMESTAMP_FUTURE in known.errors or (self.knows_zone and Rule.TIMESTAMP_WITHOUT_ZONE in known.errors):
            return True
        if not known.yielded and not is_copy:
            return False
        if any(taker.import_id > known.import_id and taker.sessions.keys() & known.sessions for taker in self._takers):
            return True
        if Rule.KEY_CONFLICT not in known.errors:
            return False
        changed = any(self.state.changed_by.get(day, "") > known.import_id for day in known.sessions)
        return changed or any(
            other.sessions.keys() & known.sessions for other in self.state.known if other.source_file in self.gone
        )

    @cached_property
    def _takers(self) -> list[KnownSource]:
        """What has taken snapshots out of the lake, so that others of the same key can stand."""
        return [known for known in self.state.known if known.status is FileStatus.FORGOTTEN or known.records_pruned]

    def predecessors(self, path: str) -> tuple[KnownSource, ...]:
        """The readings in whose place a new one of this path comes."""
        found = list(self._readings.get(path, ()))
        latest = self.by_path.get(path)
        if latest is not None and latest.is_copy:
            found += [k for k in self.state.known if k.sha256 == latest.sha256 and k.source_file in self.gone]
        for other in self._other_names(path):
            found += self._readings.get(other, ())
        return tuple(found)


def read_objects(states: Iterable[FeedState]) -> dict[str, ReadObject]:
    """Objects by name as they were when the lake last read them: what is unchanged need not be looked at again."""
    return {
        known.source_file: ReadObject(
            known.etag,
            known.size_bytes,
            state.record_type,
            SessionKey(state.feed, date.fromisoformat(known.session_date)),
        )
        for state in states
        for known in state.known
        if known.is_latest and known.etag
    }


def _is_same(left: SourceFacts, right: SourceFacts) -> bool:
    """Whether two names lead to one file. On some mounts all files have one number, so the bytes have the last word."""
    if left.identity != right.identity or left.size_bytes != right.size_bytes:
        return False
    try:
        return hash_file(left.place) == hash_file(right.place)
    except SourceError:
        return False


@dataclass(slots=True)
class Replaced:
    """Readings that are about to be replaced: their paths, and the dates to which they gave."""

    paths: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def add(self, readings: Iterable[KnownSource]) -> None:
        """These as well."""
        for reading in readings:
            self.paths.add(reading.source_file)
            self.days.update(reading.sessions)


@dataclass(slots=True)
class SourcePlan:
    """A source that is to be read; or one that is not, because of an earlier reading of the same bytes."""

    source: SourceFile
    reading: KnownSource | None = None
    record: LineageRecord | None = None
    """What lineage is to say of one that is not read."""
    hashed: bool = True
    """Whether its bytes were looked at for that."""

    def relies_on(self, replaced: Replaced) -> bool:
        """Whether what it could give was left to one of these readings."""
        reading = self.reading
        assert reading is not None
        is_copy = reading.source_file != self.source.name
        return (is_copy and reading.source_file in replaced.paths) or (
            reading.yielded > 0 and not replaced.days.isdisjoint(reading.sessions)
        )


def plan_source(
    source: SourceFile, feed: KnownFeed, digests: Mapping[str, str], *, import_id: str, force: bool
) -> SourcePlan:
    """Whether a source is to be read. One whose digest was not taken has changed, or is new."""
    path = source.name
    digest = digests.get(path)
    known = None if force or digest is None else feed.reading_of(path, digest)
    if known is None or digest is None:
        return SourcePlan(source)
    record = blank_record(import_id, source, synthetic=feed.notes.cover(source))
    record.source_sha256 = digest
    record.status = FileStatus.SKIPPED
    if known.status in (FileStatus.PARTIAL, FileStatus.FAILED):
        record.status, record.errors, record.carried_from = known.status, dict(known.errors), known.import_id
        record.message = f"unchanged since import {known.import_id}: {known.message or ', '.join(known.errors)}"
    elif known.status is FileStatus.FORGOTTEN:
        record.message = FORGOTTEN
    return SourcePlan(source, known, record)


def hash_sources(sources: Iterable[SourceFile], workers: Workers, *, on_tick: Callable[[], None]) -> dict[str, str]:
    """The SHA-256 of sources that may be known, by name; one that cannot be read has none."""
    wanted = {source.name: source for source in sources}
    digests: dict[str, str] = {}
    for source, future in iter_done(workers, _hash, wanted.values(), on_tick=on_tick):
        with suppress(SourceError):  # the worker that is to read it will say so
            if digest := future.result():
                digests[source.name] = digest
    return digests


def _hash(source: SourceFile, *, on_bytes: OnBytes) -> str | None:
    """None for an object that is no more as it was found: who is to read it takes it as it is then."""
    with SourceStream(source, on_bytes=on_bytes) as stream:
        stream.drain()
        return stream.sha256 if stream.etag == source.etag else None
