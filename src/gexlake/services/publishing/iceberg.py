"""The outbox to Iceberg: what the commit log has since the last time, one snapshot in each table.

The lake's own files are named in the tables, none is written or read. What was carried over is said by the newest
snapshot of each table (`gexlake.commit` in its summary) and nothing else, and a file is added where the table does not
have it, so a run that was cut off anywhere is simply done again. Ladders go first, then their snapshots, and when all
tables stand at one commit, each gets the tag `gexlake-<commit>` there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import Table

from gexlake.db.followers import EVERYTHING, retain, retained_by
from gexlake.db.layout import LakeLayout
from gexlake.models.publishing import PublishedTable, PublishOrder, PublishReport
from gexlake.services.publishing.iceberg_expiry import expire, needed_from
from gexlake.services.publishing.iceberg_files import data_file, files_of, write_snapshot
from gexlake.services.publishing.iceberg_tables import (
    COMMIT_PROPERTY,
    OPEN_TABLES,
    TAG_PREFIX,
    OpenTable,
    commit_of,
    load_open_table,
    make_open_table,
)
from gexlake.services.publishing.outgoing import Outgoing, OutgoingSession, read_outgoing

ATTEMPTS = 5
"""Times that a commit is made anew because somebody else was quicker."""


@dataclass(slots=True)
class Outbox:
    """One run. Raises `CatalogError`, what pyiceberg raises, and what the lake raises where it cannot be read."""

    layout: LakeLayout
    name: str
    follower: str
    catalog: Catalog
    order: PublishOrder
    tables: dict[OpenTable, Table] = field(default_factory=dict)

    @property
    def files(self) -> str:
        return (self.order.files or f"file://{self.layout.root}").rstrip("/")

    def run(self) -> PublishReport:
        """Carry over what there is, and let go of what is not to stay."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._expired(self._carry_over())
            except (CommitFailedException, CommitStateUnknownException):
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _carry_over(self) -> PublishReport:
        found = {
            table: load_open_table(self.catalog, self.order.namespace, table, files=self.files) for table in OPEN_TABLES
        }
        self.tables = {table: there for table, there in found.items() if there is not None}
        outgoing = read_outgoing(self.layout.root, self._positions())
        report = PublishReport(lake=str(self.layout.root), catalog=self.name, commit=0)
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

    def _positions(self) -> dict[str, int | None]:
        """By record type, the last commit that all its tables have."""
        positions: dict[str, int | None] = {}
        for table in OPEN_TABLES:
            there = self.tables.get(table)
            own = commit_of(there) if there is not None else None
            known = positions.get(table.record_type, own)
            positions[table.record_type] = None if own is None or known is None else min(own, known)
        return positions

    def _carry(self, table: OpenTable, there: Table, out: Outgoing) -> PublishedTable:
        position = commit_of(there)
        sessions = [session for session in out.sessions if out.whole or position is None or session.commit > position]
        wanted = {self._path(table, session): session for session in sessions if table.rows_of(session)}
        asked = None if out.whole else [one.session for one in sessions]
        has = {file.file_path: file for file in files_of(there, asked)}
        added = [data_file(table, there, path, wanted[path]) for path in sorted(wanted.keys() - has.keys())]
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
            tag = there.refs().get(name)
            if snapshot is not None and (tag is None or tag.snapshot_id != snapshot.snapshot_id):
                there.manage_snapshots().create_tag(snapshot.snapshot_id, name).commit()
        return name

    def _expired(self, report: PublishReport) -> PublishReport:
        """Let go of snapshots, where that was asked for, and then of what the lake keeps for them."""
        if self.order.expiry is None or not self.tables:
            return report
        report.expired = expire(self.tables.values(), self.order.expiry)
        before = retained_by(self.layout, self.follower) or EVERYTHING
        retain(self.layout, self.follower, max(before, needed_from(self.tables.values(), report.commit)))
        return report
