"""Sessions with snapshots of other dates, as an older gexlake filed them by the date in a file's name: put right.

Each snapshot goes to the session of its own New York date; the readings that gave it stay what they were.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.commit import commit_session
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import dataset_paths, read_footer
from gexlake.db.queries import FEED_COLUMNS, begin_import, end_import
from gexlake.db.recovery import staging_area
from gexlake.db.schema import parquet_file
from gexlake.db.sessions import version_of
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Claim, SourceName
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import new_import_id
from gexlake.models.report import ImportStatus
from gexlake.models.staged import StagedSession
from gexlake.services.importing.stage import write_manifest, write_session

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

ABOUT = "snapshots to the sessions of their own dates"
"""What stands as the source of the import that does this."""
NEW_YORK_DATE = "({} AT TIME ZONE 'America/New_York')::DATE"


def refile(connection: Connection, layout: LakeLayout) -> int:
    """Put the snapshots of misfiled sessions where they belong; how many sessions were misfiled.

    `connection` owns the database. After a crash it is done again: what stands in two sessions by then is taken once.
    """
    misfiled = defaultdict[tuple[str, Feed], list[date]](list)
    first, last = (NEW_YORK_DATE.format(column) for column in ("first_timestamp", "last_timestamp"))
    for record_type, *feed, day in connection.execute(
        f"SELECT {FEED_COLUMNS}, session_date FROM sessions WHERE session_date <> {first} OR session_date <> {last}"
    ).fetchall():
        misfiled[record_type, Feed(*feed)].append(day)
    if misfiled:
        import_id = new_import_id()
        begin_import(connection, import_id, [ABOUT], datetime.now(UTC))
        with staging_area(layout, import_id) as area:
            for (record_type, known_feed), days in misfiled.items():
                _Refiling(connection, layout, area, record_type, known_feed).run(days)
        end_import(connection, import_id, ImportStatus.SUCCESS.value, 0)
        write_journal(connection, layout, import_id)
    return sum(map(len, misfiled.values()))


class _Refiling:
    """The misfiled sessions of one feed."""

    def __init__(self, connection: Connection, layout: LakeLayout, area: Path, record_type: str, feed: Feed) -> None:
        self._connection = connection
        self._layout = layout
        self._area = area
        self._record_type = record_type
        self._feed = feed
        self._given = defaultdict[SourceName, Counter[str]](Counter)

    def run(self, misfiled: Iterable[date]) -> None:
        """First add to the sessions where the snapshots belong, then take them out of where they do not."""
        files = {day: self._files(day) for day in misfiled}
        dates = {day: self._dates_in(found) for day, found in files.items()}
        for day in sorted({date_ for found in dates.values() for date_ in found}):
            others = [files[other] for other, found in dates.items() if other != day and day in found]
            if others:
                self._write(day, self._files(day) if self._version(day) else None, others, keeps_all=True)
        for day, own in files.items():
            self._write(day, own, [], keeps_all=False)
        self._mend_lineage()

    def _files(self, day: date) -> dict[str, Path]:
        return dataset_paths(self._layout, self._record_type, SessionKey(self._feed, day))

    def _version(self, day: date) -> str | None:
        return version_of(self._connection, self._record_type, SessionKey(self._feed, day))

    def _dates_in(self, files: dict[str, Path]) -> list[date]:
        rows = self._connection.execute(
            f"SELECT DISTINCT {NEW_YORK_DATE.format('timestamp')} FROM {parquet_file(files['snapshots'])}"
        ).fetchall()
        return [day for (day,) in rows]

    def _write(self, day: date, own: dict[str, Path] | None, others: list[dict[str, Path]], *, keeps_all: bool) -> None:
        """A session out of its own files and others; with `keeps_all`, what its own have of other dates stays."""
        session = SessionKey(self._feed, day)
        directory = self._area / f"{day.isoformat()}-{'add' if keeps_all else 'strip'}"
        directory.mkdir()
        staged = StagedSession(
            import_id=self._area.name,
            record_type=self._record_type,
            session=session,
            version=f"{self._area.name}/{directory.name}",
            base_version=self._version(day),
            directory=directory,
            lineage=[],
        )
        documents: dict[SourceName, dict[str, Any]] = {}
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=directory) as scratch,
            closing(IMPORTERS[self._record_type].open_session(session, workspace=Path(scratch))) as builder,
        ):
            for files in [own, *others] if own else others:
                builder.keep(files, lambda _: Claim.STANDING, misfiled=keeps_all and files is own)
                sources = read_footer(files["snapshots"])["sources"]
                documents |= {(source["import_id"], source["source_file"]): source for source in sources}
            builder.resolve({})
            staged.summary = builder.summarize()
            staged.removes = staged.summary.snapshots == 0
            for name, runs in builder.runs().items():
                self._given[name][day.isoformat()] = sum(length for _, length in runs)
            if staged.removes:
                staged.summary = None
            else:
                write_session(staged, builder, documents)
        write_manifest(staged)
        commit_session(self._connection, self._layout, staged)

    def _mend_lineage(self) -> None:
        """Lineage says to which sessions a reading gave."""
        imports = set()
        for name, given in self._given.items():
            assert not isinstance(name, int), "nothing was read"
            self._connection.execute(
                "UPDATE lineage SET sessions = ? WHERE import_id = ? AND source_file = ?",
                [json.dumps(given), *name],
            )
            imports.add(name[0])
        for import_id in sorted(imports):
            write_journal(self._connection, self._layout, import_id)
