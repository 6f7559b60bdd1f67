"""Sessions as an older gexlake filed them, put right: by the date in a file's name, and by a ticker as it was spelt.

Each snapshot goes to the session of its own New York date, of the ticker in capitals; the readings that gave it stay
what they were.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.commit import commit_session
from gexlake.db.journal import write_journal
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer, version_paths
from gexlake.db.queries import FEED_COLUMNS, begin_import, end_import
from gexlake.db.recovery import staging_area
from gexlake.db.sessions import version_of
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Claim, ReadingId, SourceName
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import new_import_id
from gexlake.models.report import ImportStatus
from gexlake.models.staged import StagedSession
from gexlake.services.importing.stage import write_manifest, write_session
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

ABOUT = "snapshots to the sessions of their own dates and tickers"
"""What stands as the source of the import that does this."""
NEW_YORK_DATE = "({} AT TIME ZONE 'America/New_York')::DATE"


def refile(connection: Connection, layout: LakeLayout) -> int:
    """Put the snapshots of misfiled sessions where they belong; how many sessions were misfiled.

    `connection` owns the database. After a crash it is done again: what stands in two sessions by then is taken once.
    """
    first, last = (NEW_YORK_DATE.format(column) for column in ("first_timestamp", "last_timestamp"))
    misfiled = _by_feed(connection, f"session_date <> {first} OR session_date <> {last}")
    spelt_low = _by_feed(connection, "ticker <> upper(ticker)")
    if misfiled or spelt_low:
        import_id = new_import_id()
        begin_import(connection, import_id, [ABOUT], datetime.now(UTC))
        with staging_area(layout, import_id) as area:
            for (record_type, feed), days in misfiled.items():
                _Refiling(connection, layout, area, record_type, feed).part_by_date(days)
            for (record_type, feed), days in spelt_low.items():
                _Refiling(connection, layout, area, record_type, feed).spell_in_capitals(days)
        end_import(connection, import_id, ImportStatus.SUCCESS.value, 0)
        write_journal(connection, layout, import_id)
    return sum(map(len, (*misfiled.values(), *spelt_low.values())))


def _by_feed(connection: Connection, condition: str) -> dict[tuple[str, Feed], list[date]]:
    found = defaultdict[tuple[str, Feed], list[date]](list)
    for record_type, *feed, day in connection.execute(
        f"SELECT {FEED_COLUMNS}, session_date FROM sessions WHERE {condition} ORDER BY ALL"
    ).fetchall():
        found[record_type, Feed(*feed)].append(day)
    return found


@dataclass
class _Refiling:
    """The misfiled sessions of one feed. Lineage is put right first, so that a crash leaves nothing to be found out."""

    connection: Connection
    layout: LakeLayout
    area: Path
    record_type: str
    feed: Feed

    def part_by_date(self, misfiled: Sequence[date]) -> None:
        """First add to the sessions where the snapshots belong, then take them out of where they do not."""
        files = {day: self._files(day) for day in misfiled}
        given = {day: _given_by(found) for day, found in files.items()}
        self._mend_lineage(given.values())
        dates = {day: {date.fromisoformat(d) for days in found.values() for d in days} for day, found in given.items()}
        for day in sorted(set().union(*dates.values())):
            others = [files[other] for other, found in dates.items() if other != day and day in found]
            if others:
                session = SessionKey(self.feed, day)
                self._write(session, self._files_of(session), others, keeps_all=True)
        for day in files:
            self._write(SessionKey(self.feed, day), self._files(day), [], keeps_all=False)

    def spell_in_capitals(self, days: Sequence[date]) -> None:
        """The sessions of a ticker that was written in lower case go to those of the same one in capitals."""
        capitals = self.feed._replace(ticker=self.feed.ticker.upper())
        self.connection.execute(
            "UPDATE lineage SET ticker = upper(ticker) WHERE record_type = ? AND ticker = ?",
            [self.record_type, self.feed.ticker],
        )
        for day in days:
            session = SessionKey(capitals, day)
            if self._write(session, self._files_of(session), [self._files(day)], keeps_all=True):
                self._write(SessionKey(self.feed, day), None, [], keeps_all=False)
        self._write_journals()

    def _files(self, day: date) -> dict[str, Path]:
        files = self._files_of(SessionKey(self.feed, day))
        assert files is not None, "it is one of the sessions that were found"
        return files

    def _files_of(self, session: SessionKey) -> dict[str, Path] | None:
        version = version_of(self.connection, self.record_type, session)
        return version_paths(self.layout, self.record_type, session, version) if version else None

    def _write(
        self, session: SessionKey, own: dict[str, Path] | None, others: list[dict[str, Path]], *, keeps_all: bool
    ) -> bool:
        """A session out of its own files and others; with `keeps_all`, what its own have of other dates stays.

        Nothing is written, and the answer is False, where two of them have other values for one key.
        """
        directory = self.area / f"{sum(1 for _ in self.area.iterdir()):06d}"
        directory.mkdir()
        staged = StagedSession(
            import_id=self.area.name,
            record_type=self.record_type,
            session=session,
            version=f"{self.area.name}/{directory.name}",
            base_version=version_of(self.connection, self.record_type, session),
            directory=directory,
            lineage=[],
        )
        documents: dict[SourceName, dict[str, Any]] = {}
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=directory) as scratch,
            closing(IMPORTERS[self.record_type].open_session(session, workspace=Path(scratch))) as builder,
        ):
            for files in [own, *others] if own else others:
                builder.keep(files, lambda _: Claim.STANDING, misfiled=keeps_all and files is own)
                sources = read_footer(files["snapshots"])["sources"]
                documents |= {
                    (source["import_id"], source["source_file"]): {**source, "ticker": session.feed.ticker}
                    for source in sources
                }
            builder.resolve({})
            if builder.differing:
                return False
            staged.summary = builder.summarize()
            staged.removes = staged.summary.snapshots == 0
            if staged.removes:
                staged.summary = None
            else:
                write_session(staged, builder, documents)
        write_manifest(staged)
        commit_session(self.connection, self.layout, staged)
        return True

    def _mend_lineage(self, given: Iterable[Mapping[ReadingId, Counter[str]]]) -> None:
        """Say to which sessions each reading gave, where it is not said yet: it was that of its file's name."""
        for readings in given:
            for (import_id, name), days in readings.items():
                self.connection.execute(
                    "UPDATE lineage SET sessions = ? WHERE import_id = ? AND source_file = ? "
                    "AND sessions = json_object(session_date::VARCHAR, records_imported)::VARCHAR",
                    [json.dumps(days), import_id, name],
                )
        self._write_journals()

    def _write_journals(self) -> None:
        rows = self.connection.execute(
            "SELECT DISTINCT import_id FROM lineage JOIN imports USING (import_id) WHERE imports.status <> 'running' "
            "AND record_type = ? AND upper(ticker) = upper(?)",
            [self.record_type, self.feed.ticker],
        ).fetchall()
        for (import_id,) in rows:
            write_journal(self.connection, self.layout, import_id)


def _given_by(files: Mapping[str, Path]) -> dict[ReadingId, Counter[str]]:
    """How many of a session's snapshots each reading gave, by New York date."""
    import polars as pl

    timestamps = pl.read_parquet(files["snapshots"], columns=["timestamp"], glob=False, hive_partitioning=False)
    days = timestamps["timestamp"].dt.convert_time_zone(EXCHANGE_TIME_ZONE).dt.date().cast(pl.String).to_list()
    given: dict[ReadingId, Counter[str]] = {}
    for source in read_footer(files["snapshots"])["sources"]:
        counted = given.setdefault((source["import_id"], source["source_file"]), Counter())
        for first, length in source["runs"]:
            counted.update(days[first : first + length])
    return given
