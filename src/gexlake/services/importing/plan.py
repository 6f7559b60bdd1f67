"""The plan of an import: which sources are to be read, together by the session that they are planned for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

from gexlake.db.queries import FeedState
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import ImportOptions
from gexlake.models.source import SourceFile
from gexlake.models.task import FeedTask
from gexlake.scanner import ScanResult
from gexlake.scanner.synthetic import SyntheticNotes
from gexlake.services.importing.resume import KnownFeed, Replaced, SourcePlan, hash_sources, plan_source
from gexlake.services.importing.supersede import recorded_readings, segments_last
from gexlake.services.processes.workers import Workers
from gexlake.validation.rules import CLOCK_TOLERANCE_US

FeedId = tuple[str, Feed]


@dataclass(slots=True)
class ImportPlan:
    """What there is to do, in order, and what is settled already."""

    tasks: list[FeedTask] = field(default_factory=list)
    settled: list[SourcePlan] = field(default_factory=list)


class Planner:
    """Plans the sources of an import against what the lake holds; `area` is where to stage, None for a dry run."""

    def __init__(
        self,
        import_id: str,
        lake: Path,
        options: ImportOptions,
        *,
        started: datetime,
        area: Path | None,
        found: ScanResult,
        states: Iterable[FeedState],
    ) -> None:
        self._import_id = import_id
        self._lake = lake
        self._options = options
        self._moment_us = int(started.timestamp() * 1_000_000) + CLOCK_TOLERANCE_US
        self._area = area
        self._files = found.files
        self._listing = found.listing
        self._notes = SyntheticNotes()
        paths = defaultdict[FeedId, set[str]](set)
        for source in self._files:
            paths[_feed_of(source)].add(source.name)
        self._scanned = {feed: frozenset(found) for feed, found in paths.items()}
        self._known: dict[str, str] = {}
        """Digests of objects that were not read for them."""
        self._feeds = {(state.record_type, state.feed): self._known_feed(state) for state in states}

    def plan(self, workers: Workers, *, on_tick: Callable[[], None]) -> ImportPlan:
        """Have the digests taken of what may be known, and part what is to be read from what is settled."""
        digests = self._known = {} if self._options.verify else self._known_digests()
        maybe_known = [s for s in self._files if s.name not in digests and s.size_bytes in self._feed(s).sizes]
        if not self._options.force:
            digests = digests | hash_sources(maybe_known, workers, on_tick=on_tick)
        plan = ImportPlan()
        for index, ((record_type, session), sources) in enumerate(groupby(self._files, key=_session_of)):
            wanted = self._settle(sources, digests, plan)
            if wanted:
                directory = self._area / f"{index:06d}" if self._area else None
                plan.tasks.append(self._task(record_type, session, wanted, directory))
        return plan

    def _known_digests(self) -> dict[str, str]:
        """Of objects, without reading them."""
        return {source.name: digest for source in self._files if (digest := self._feed(source).digest_of(source))}

    @property
    def known_bytes(self) -> int:
        """Of objects that need not even be hashed."""
        return sum(source.size_bytes for source in self._files if source.name in self._known)

    def plan_again(self, task: FeedTask, state: FeedState, digests: Mapping[str, str]) -> ImportPlan:
        """The same for the sources of one task, because the lake has moved on since; `digests` as they were read."""
        others = tuple(known for known in state.known if known.import_id != self._import_id)
        feed = self._known_feed(replace(state, known=others))
        feed.latest = self._known_feed(state).latest  # what this import has read by now is the latest of its file
        self._feeds[task.record_type, task.session.feed] = feed
        plan = ImportPlan()
        wanted = self._settle(task.sources, digests, plan)
        if wanted:
            again = self._task(task.record_type, task.session, wanted, task.directory)
            plan.tasks.append(replace(again, versions={**again.versions, **self._feed(wanted[0]).versions}))
        return plan

    def _settle(self, sources: Iterable[SourceFile], digests: Mapping[str, str], plan: ImportPlan) -> list[SourceFile]:
        """Put those that need not be read into the plan; the others.

        Who relies on a reading that is about to be replaced is read as well: a copy of it, or one that had records of
        which that reading had the keys.
        """
        force = self._options.force
        planned = [
            plan_source(source, self._feed(source), digests, import_id=self._import_id, force=force)
            for source in sources
        ]
        wanted = [one for one in planned if one.reading is None]
        replaced = Replaced()
        while wanted:
            for one in wanted:
                replaced.add(self._feed(one.source).predecessors(_name_of(one.source)))
            wanted = [one for one in planned if one.reading is not None and one.relies_on(replaced)]
            for one in wanted:
                one.reading = one.record = None
        settled = [one for one in planned if one.reading is not None]
        for one in settled:
            one.hashed = one.source.name not in self._known
        plan.settled += settled
        return [one.source for one in planned if one.reading is None]

    def _task(
        self, record_type: str, session: SessionKey, sources: Sequence[SourceFile], directory: Path | None
    ) -> FeedTask:
        feed = self._feed(sources[0])
        day = session.session_date
        return FeedTask(
            import_id=self._import_id,
            record_type=record_type,
            session=session,
            sources=tuple(segments_last(self._lake, sources)),
            lake=self._lake,
            directory=directory,
            versions={day: feed.versions.get(day)},
            predecessors={name: found for name in map(_name_of, sources) if (found := feed.predecessors(name))},
            gone=feed.gone,
            latest=feed.latest,
            recorded=recorded_readings(self._lake, feed.by_path.values(), session),
            force=self._options.force,
            prune=self._options.prune,
            keep_versions=self._options.keep_versions,
            moment_us=self._moment_us,
            naive_zone=self._options.naive_zone,
        )

    def _known_feed(self, state: FeedState) -> KnownFeed:
        scanned = self._scanned.get((state.record_type, state.feed), frozenset())
        return KnownFeed(state, scanned, self._notes, self._listing, knows_zone=self._options.naive_zone is not None)

    def _feed(self, source: SourceFile) -> KnownFeed:
        feed = _feed_of(source)
        if feed not in self._feeds:
            self._feeds[feed] = self._known_feed(FeedState(*feed))
        return self._feeds[feed]


def _feed_of(source: SourceFile) -> FeedId:
    return source.record_type, source.session.feed


def _session_of(source: SourceFile) -> tuple[str, SessionKey]:
    return source.record_type, source.session


def _name_of(source: SourceFile) -> str:
    return source.name
