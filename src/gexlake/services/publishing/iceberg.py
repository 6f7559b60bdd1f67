"""The outbox to Iceberg: what the commit log has since the last time, one snapshot in each table.

The lake's own files are named in the tables, none is written or read. What was carried over is said by the newest
snapshot of each table (`gexlake.commit` in its summary) and nothing else, and a file is added where the table does not
have it, so a run that was cut off anywhere is simply done again. Ladders go first, then their snapshots, and when all
tables stand at one commit, each gets the tag `gexlake-<commit>` there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.followers import retain, retained_by
from gexlake.db.layout import LakeLayout
from gexlake.models.publish_report import PublishedTable, PublishReport
from gexlake.services.publishing.catalogs import OWN, CatalogChoice, catalog_faults, choose_catalog, open_catalog
from gexlake.services.publishing.outgoing import Outgoing, OutgoingSession, read_last_commit, read_outgoing

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from gexlake.services.publishing.iceberg_tables import OpenTable

COMMIT_PROPERTY = "gexlake.commit"
TAG_PREFIX = "gexlake-"
NAMESPACE = "gexlake"
ATTEMPTS = 5
"""Times that a commit is made anew because somebody else was quicker."""


@dataclass(frozen=True, slots=True)
class PublishOrder:
    """Where to publish: the catalog, the namespace in it, and below which URL readers find the lake's files.

    Without `files` that is the lake's own folder.
    """

    catalog: str = OWN
    namespace: str = NAMESPACE
    files: str | None = None


def publish(lake: Path, order: PublishOrder | None = None) -> PublishReport:
    """Carry over what was committed since the last time; the tables as they then stand.

    Raises `UsageError` and `CatalogError`, and what the lake raises where it cannot be read.
    """
    layout, order = LakeLayout(lake.absolute()), order or PublishOrder()
    choice = choose_catalog(layout, order.catalog)
    catalog = open_catalog(layout, choice)
    with catalog_faults(choice):
        return _Outbox(layout, choice, catalog, order).run()


@dataclass(slots=True)
class _Outbox:
    layout: LakeLayout
    choice: CatalogChoice
    catalog: Catalog
    order: PublishOrder
    tables: dict[OpenTable, Table] = field(default_factory=dict)

    @property
    def files(self) -> str:
        return (self.order.files or f"file://{self.layout.root}").rstrip("/")

    def run(self) -> PublishReport:
        from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

        if retained_by(self.layout, self.choice.follower) is None:  # before the log is read, see db.followers
            retain(self.layout, self.choice.follower, read_last_commit(self.layout.root))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._carry_over()
            except (CommitFailedException, CommitStateUnknownException):
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _carry_over(self) -> PublishReport:
        from gexlake.services.publishing.iceberg_tables import OPEN_TABLES, load_open_table, make_open_table

        found = {
            table: load_open_table(self.catalog, self.order.namespace, table, files=self.files) for table in OPEN_TABLES
        }
        self.tables = {table: there for table, there in found.items() if there is not None}
        outgoing = read_outgoing(self.layout.root, self._positions(OPEN_TABLES))
        report = PublishReport(lake=str(self.layout.root), catalog=self.choice.name, commit=0)
        for table in OPEN_TABLES:
            out = outgoing[table.record_type]
            report.commit = out.commit
            if not out.sessions and table not in self.tables:
                continue
            there = self.tables.get(table) or make_open_table(
                self.catalog, self.order.namespace, table, files=self.files
            )
            self.tables[table] = there
            report.tables.append(self._carry(table, there, out))
        report.tag = self._tag(report.commit) if self.tables else None
        return report

    def _positions(self, tables: Iterable[OpenTable]) -> dict[str, int | None]:
        """By record type, the last commit that all its tables have."""
        positions: dict[str, int | None] = {}
        for table in tables:
            there = self.tables.get(table)
            own = position_of(there) if there is not None else None
            known = positions.get(table.record_type, own)
            positions[table.record_type] = None if own is None or known is None else min(own, known)
        return positions

    def _carry(self, table: OpenTable, there: Table, out: Outgoing) -> PublishedTable:
        from gexlake.services.publishing.iceberg_files import data_file, files_of, write_snapshot

        position = position_of(there)
        sessions = [session for session in out.sessions if out.whole or position is None or session.commit > position]
        wanted = {self._path(table, session): session for session in sessions if session.version is not None}
        asked = None if out.whole else [one.session for one in sessions]
        has = {file.file_path: file for file in files_of(there, asked)}
        added = [data_file(table, there, path, wanted[path]) for path in wanted if path not in has]
        removed = [file for path, file in has.items() if path not in wanted]
        if added or removed or (position != out.commit and (sessions or out.whole)):
            write_snapshot(there, added, removed, {COMMIT_PROPERTY: str(out.commit)})
        snapshot = there.current_snapshot()
        assert snapshot is not None, "a table that has been written has a snapshot"
        summary = snapshot.summary
        return PublishedTable(
            table=".".join(there.name()),
            files_added=len(added),
            files_removed=len(removed),
            files=int(summary["total-data-files"] or 0) if summary else 0,
            rows=int(summary["total-records"] or 0) if summary else 0,
            snapshot_id=snapshot.snapshot_id,
        )

    def _path(self, table: OpenTable, session: OutgoingSession) -> str:
        assert session.version is not None
        file = self.layout.version_file(table.record_type, table.dataset, session.session, session.version)
        return f"{self.files}/{file.relative_to(self.layout.root).as_posix()}"

    def _tag(self, commit: int) -> str:
        """Give every table the tag of a commit at which all of them stand."""
        name = f"{TAG_PREFIX}{commit}"
        for there in self.tables.values():
            snapshot = there.current_snapshot()
            if snapshot is not None and name not in there.refs():
                there.manage_snapshots().create_tag(snapshot.snapshot_id, name).commit()
        return name


def position_of(table: Table) -> int | None:
    """The commit that a table was carried over to; None where its newest snapshot is not ours."""
    snapshot = table.current_snapshot()
    if snapshot is None or snapshot.summary is None:
        return None
    number = snapshot.summary[COMMIT_PROPERTY]
    return None if number is None else int(number)
