"""Forget and restore: a source's snapshots leave the lake, or what an import took comes back; each as an import.

Nothing is read but what the lake holds. The version before is kept, so that each can itself be undone.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from gexlake.db.commits import KeptVersion
from gexlake.db.database import prepare_lake
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import published_session, read_footer, version_paths
from gexlake.db.queries import FeedState
from gexlake.db.recovery import staging_area
from gexlake.errors import LakeError, LakeLockedError, SourceError, UsageError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Claim, ClaimOf, SourceName
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import new_import_id
from gexlake.models.lineage import FileStatus, LineageRecord
from gexlake.models.location import Location, location_text
from gexlake.models.report import ImportStatus
from gexlake.models.revision import RevisedSession, RevisionReport
from gexlake.models.staged import Outcome, StagedSession
from gexlake.models.task import KnownSource, Published
from gexlake.services.importing.commits import (
    commit_staged,
    finish_import,
    load_lake,
    register_import,
    settle_lake,
    versions_replaced_by,
)
from gexlake.services.importing.stage import write_manifest, write_session

MAX_ATTEMPTS = 5
FeedId = tuple[str, Feed]


def forget_source(lake: Path, source: Location, *, dry_run: bool = False) -> RevisionReport:
    """Take out of the lake what a source file gave, or all files below a folder: it is not to count any more.

    The file itself is not touched, and need not be there. Raises `SourceError` where the lake knows of no such source.
    """
    return _Revision(lake, dry_run=dry_run, about=f"forget {location_text(source)}").run(_Forget(location_text(source)))


def restore_import(lake: Path, import_id: str, *, dry_run: bool = False) -> RevisionReport:
    """Bring back what an import took out of the lake or corrected, as far as the versions before it are kept.

    `import_id` may be the beginning of one. What came into the lake since stays. Raises `UsageError` where no version
    that such an import replaced is kept.
    """
    return _Revision(lake, dry_run=dry_run, about=f"restore {import_id}").run(_Restore(import_id))


@dataclass(frozen=True)
class _Change:
    """What is to become of a session: out of these files, each with the claim of its rows."""

    record_type: str
    session: SessionKey
    current: Published | None
    inputs: Sequence[tuple[Published, ClaimOf]]


@dataclass
class _Forget:
    """Sessions without the rows of some sources."""

    source: str
    forgotten: dict[FeedId, list[KnownSource]] = field(default_factory=dict)
    removed: Counter[str] = field(default_factory=Counter)
    """Snapshots that are taken out, by source."""

    def changes(self, layout: LakeLayout, states: Iterable[FeedState]) -> list[_Change]:
        """Every session to which they gave."""
        found = []
        self.removed.clear()
        for state in states:
            known = [k for k in state.known if self._is_meant(k.source_file) and not k.is_copy]
            if not known:
                continue
            self.forgotten[state.record_type, state.feed] = known
            for day in sorted(state.versions.keys() & {day for one in known for day in one.sessions}):
                session = SessionKey(state.feed, date.fromisoformat(day))
                current = published_session(layout, state.record_type, session)
                if current is not None and self._count(current):
                    found.append(_Change(state.record_type, session, current, [(current, self._claim_of)]))
        if not self.forgotten:
            raise SourceError(
                f"The lake has read no source {self.source}.", hint="`gexlake lineage --source NAME` lists what it has."
            )
        return found

    def lineage(self, import_id: str) -> list[LineageRecord]:
        """One record for each forgotten source: what it gave counts no more, so others may give it."""
        return [
            self._record(import_id, record_type, feed, [one for one in known if one.source_file == path])
            for (record_type, feed), known in self.forgotten.items()
            for path in dict.fromkeys(one.source_file for one in known)
        ]

    def _record(self, import_id: str, record_type: str, feed: Feed, readings: list[KnownSource]) -> LineageRecord:
        latest = max(readings, key=lambda one: one.import_id)
        days = sorted({day for one in readings for day in one.sessions})
        return LineageRecord(
            import_id=import_id,
            source_file=latest.source_file,
            source_sha256=latest.sha256,
            source_bytes=latest.size_bytes,
            record_type=record_type,
            ticker=feed.ticker,
            package=feed.package,
            category=feed.category,
            session_date=days[0],
            status=FileStatus.FORGOTTEN,
            import_timestamp=datetime.now(UTC),
            records_pruned=self.removed[latest.source_file],
            sessions=dict.fromkeys(days, 0),
            message="what it gave was taken out, as was asked for",
        )

    def _is_meant(self, path: str) -> bool:
        return path == self.source or path.startswith((f"{self.source}/", f"{self.source}!"))

    def _count(self, current: Published) -> int:
        """How many snapshots of a session they gave."""
        found = 0
        for source in read_footer(current.files["snapshots"])["sources"]:
            if self._is_meant(source["source_file"]):
                count = sum(length for _, length in source["runs"])
                self.removed[source["source_file"]] += count
                found += count
        return found

    def _claim_of(self, document: Mapping[str, Any]) -> Claim | None:
        return None if self._is_meant(document["source_file"]) else Claim.STANDING


@dataclass
class _Restore:
    """Sessions with the rows of a version that an import replaced: where it gave others, and where none are now."""

    import_id: str

    def changes(self, layout: LakeLayout, states: Iterable[FeedState]) -> list[_Change]:
        """Every session of which it replaced a version that is kept."""
        kept = reversed(versions_replaced_by(layout.root, self.import_id))
        oldest = {(version.record_type, version.session): version for version in kept}
        changes = [self._change(layout, version) for version in oldest.values()]
        found = [change for change in changes if change is not None]
        if not found:
            raise UsageError(
                f"No version of a session that import {self.import_id} replaced is kept.",
                hint="`gexlake imports` lists imports; how many versions are kept is said by --keep-versions.",
            )
        return found

    def lineage(self, import_id: str) -> list[LineageRecord]:
        """Nothing is read."""
        return []

    def _change(self, layout: LakeLayout, previous: KeptVersion) -> _Change | None:
        """None where the files of the version are damaged or lost."""
        files = version_paths(layout, previous.record_type, previous.session, previous.version)
        try:
            for file in files.values():
                read_footer(file)
        except LakeError:
            return None
        current = published_session(layout, previous.record_type, previous.session)
        inputs: list[tuple[Published, ClaimOf]] = []
        if current is not None:
            is_latest = str(read_footer(current.files["snapshots"])["import_id"]).startswith(self.import_id)
            inputs.append((current, (lambda _: Claim.YIELDING) if is_latest else self._claim_of))
        inputs.append((Published(previous.version, files), lambda _: Claim.READ))
        return _Change(previous.record_type, previous.session, current, inputs)

    def _claim_of(self, document: Mapping[str, Any]) -> Claim:
        """What the import gave yields; what came later stands."""
        return Claim.YIELDING if document["import_id"].startswith(self.import_id) else Claim.STANDING


@dataclass
class _Revision:
    lake: Path
    dry_run: bool
    about: str
    import_id: str = field(default_factory=new_import_id)

    def run(self, what: _Forget | _Restore) -> RevisionReport:
        layout = LakeLayout(self.lake)
        report = RevisionReport(import_id=self.import_id, dry_run=self.dry_run, lake=str(self.lake))
        with ExitStack() as stack:
            if self.dry_run:
                states = load_lake(self.lake)
                area = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gexlake-")))
            else:
                settle_lake(self.lake)  # what this very command has left, should it have been killed
                what.changes(layout, load_lake(self.lake))  # raises where there is nothing to do
                prepare_lake(layout)
                area = stack.enter_context(staging_area(layout, self.import_id))
                states = register_import(self.lake, self.import_id, [self.about], started=datetime.now(UTC))
            self._revise(layout, what, states, area, report)
            if not self.dry_run:
                finish_import(self.lake, self.import_id, ImportStatus.SUCCESS.value, len(report.sources), [])
        return report

    def _revise(
        self, layout: LakeLayout, what: _Forget | _Restore, states: list[FeedState], area: Path, report: RevisionReport
    ) -> None:
        for attempt in range(MAX_ATTEMPTS):
            staged = self._stage(what.changes(layout, states), area / str(attempt), report)
            lineage = what.lineage(self.import_id)
            report.sources = [record.source_file for record in lineage]
            if self.dry_run:
                return
            names = [self._finish(layout, one) for one in self._with_lineage(staged, lineage, area / str(attempt))]
            outcomes = commit_staged(self.lake, [names] if names else [])  # all or none
            if all(outcome is Outcome.COMMITTED for outcome in outcomes):
                return
            states = load_lake(self.lake)
        raise LakeLockedError(
            f"The lake {self.lake} keeps changing.", hint="Let the imports end, then run the same command again."
        )

    def _stage(self, changes: Sequence[_Change], area: Path, report: RevisionReport) -> list[StagedSession]:
        report.sessions = []
        staged = []
        for index, change in enumerate(changes):
            directory = area.with_name(f"{area.name}-{index:06d}")
            directory.mkdir(parents=True)
            one, revised = self._stage_session(change, directory)
            if revised.removed or revised.restored:
                staged.append(one)
                report.sessions.append(revised)
        return staged

    def _stage_session(self, change: _Change, directory: Path) -> tuple[StagedSession, RevisedSession]:
        current = change.current
        documents: dict[SourceName, dict[str, Any]] = {}
        before = 0
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=directory) as scratch,
            closing(IMPORTERS[change.record_type].open_session(change.session, workspace=Path(scratch))) as builder,
        ):
            for published, claim_of in change.inputs:
                builder.keep(published.files, claim_of)
                footer = read_footer(published.files["snapshots"])
                documents |= {
                    (document["import_id"], document["source_file"]): document for document in footer["sources"]
                }
                before += footer["summary"]["snapshots"] if published is current else 0
            builder.resolve({})
            summary = builder.summarize()
            staged = StagedSession(
                import_id=self.import_id,
                record_type=change.record_type,
                session=change.session,
                version=f"{self.import_id}/{directory.name}",
                base_version=current.version if current is not None else None,
                directory=directory,
                lineage=[],
                removes=summary.snapshots == 0,
                revised_by=self.import_id,
            )
            if not staged.removes:
                staged.summary = summary
                if not self.dry_run:
                    write_session(staged, builder, documents)
            restored = builder.brought_back()
        revised = RevisedSession(
            **change.session.feed._asdict(),
            session_date=change.session.session_date,
            snapshots_before=before,
            snapshots_after=summary.snapshots,
            removed=max(0, before - summary.snapshots),
            restored=restored,
        )
        return staged, revised

    def _with_lineage(
        self, staged: list[StagedSession], lineage: list[LineageRecord], area: Path
    ) -> list[StagedSession]:
        """The lineage goes with the last session; where there is none, by itself."""
        if not lineage:
            return staged
        if not staged:
            first = lineage[0]
            directory = area.with_name(f"{area.name}-lineage")
            session = SessionKey(
                Feed(first.ticker, first.package, first.category), date.fromisoformat(first.session_date)
            )
            staged = [
                StagedSession(
                    import_id=self.import_id,
                    record_type=first.record_type,
                    session=session,
                    version=f"{self.import_id}/{directory.name}",
                    base_version=None,
                    directory=directory,
                    lineage=[],
                )
            ]
        staged[-1].lineage = lineage
        return staged

    def _finish(self, layout: LakeLayout, staged: StagedSession) -> str:
        assert staged.directory is not None
        write_manifest(staged)
        return str(staged.directory.relative_to(layout.staging))
