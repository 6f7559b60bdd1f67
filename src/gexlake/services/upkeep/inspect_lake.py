"""What verify asks of the lake's database, in short calls, so that imports and a server can run beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.compare import check_database, check_journal, compare_session
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.notes import find_damaged_notes
from gexlake.db.parquet import version_paths
from gexlake.db.sessions import load_rows, version_of
from gexlake.db.strays import find_strays
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.models.checks import Check
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.task import Published
from gexlake.models.verify_report import Finding
from gexlake.services.owner.served import served
from gexlake.services.upkeep.verify_session import LineageFacts
from gexlake.validation.rules import CLOCK_TOLERANCE_US

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class SessionFacts:
    """A session as the database has it: its row of `sessions` by column, and its sources by path.

    Timestamps are in Unix microseconds, `moment_us` that of the latest import that read one of its sources.
    """

    record_type: str
    session: SessionKey
    row: dict[str, Any]
    lineage: tuple[LineageFacts, ...]
    moment_us: int

    def published(self, layout: LakeLayout) -> Published:
        """Its version and where the files of that are."""
        version = self.row["version"]
        return Published(version, version_paths(layout, self.record_type, self.session, version))


@dataclass(frozen=True)
class LakeFacts:
    """Every session, and what is wrong with the lake as a whole."""

    sessions: list[SessionFacts]
    findings: list[Finding]


@dataclass(frozen=True)
class SessionVersion:
    """A session in one of its versions."""

    record_type: str
    session: SessionKey
    version: str


@served
def inspect_lake(lake: Path) -> LakeFacts:
    """What the database holds of each session, and the findings that are of none."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        findings = [
            *check_database(connection, layout),
            *check_journal(connection, layout),
            *find_strays(connection, layout),
            *find_damaged_notes(layout),
        ]
        lineage = _load_lineage(connection)
        moments = dict(connection.execute("SELECT import_id, epoch_us(started_at) FROM imports").fetchall())
        sessions = []
        for (record_type, session), row in load_rows(connection).items():
            known = tuple(lineage.get((record_type, session), ()))
            latest_us = max((moments.get(facts.import_id, 0) for facts in known), default=0)
            moment_us = latest_us + CLOCK_TOLERANCE_US
            sessions.append(SessionFacts(record_type, session, row, known, moment_us))
    return LakeFacts(sessions, findings)


@served
def compare_tables(lake: Path, sessions: Sequence[SessionVersion]) -> list[list[tuple[Check, str]] | None]:
    """Tables against the Parquet files of these sessions: what differs, None for one that was replaced meanwhile.

    What keeps a file from being read is left for those who read the files.
    """
    import duckdb

    layout = LakeLayout(lake)
    compared: list[list[tuple[Check, str]] | None] = []
    with open_database(layout, write=False) as connection:
        for one in sessions:
            if version_of(connection, one.record_type, one.session) != one.version:
                compared.append(None)
                continue
            files = version_paths(layout, one.record_type, one.session, one.version)
            problems: list[tuple[Check, str]] = []
            with suppress(duckdb.Error, BrokenSealError, OSError, UnicodeDecodeError):
                for dataset in IMPORTERS[one.record_type].datasets:
                    if dataset.in_database:
                        check_file(files[dataset.name])
                problems += compare_session(connection, one.record_type, one.session, files)
            compared.append(problems)
    return compared


@served
def find_replaced_sessions(lake: Path, sessions: Sequence[SessionVersion]) -> list[bool]:
    """Whether each of these sessions has another version by now."""
    with open_database(LakeLayout(lake), write=False) as connection:
        return [version_of(connection, one.record_type, one.session) != one.version for one in sessions]


def _load_lineage(connection: Connection) -> dict[tuple[str, SessionKey], list[LineageFacts]]:
    """By session: every reading that gave to it, or was planned for it, and where else the same bytes were found."""
    found: dict[tuple[str, SessionKey], list[LineageFacts]] = defaultdict(list)
    for record_type, ticker, package, category, day, name, import_id, given, copies in connection.execute(
        "WITH readings AS (SELECT * EXCLUDE (session_date), s.key::DATE AS session_date, s.value::BIGINT AS given "
        "FROM lineage, json_each(sessions) AS s WHERE source_sha256 <> '' AND status <> 'skipped' "
        "AND carried_from IS NULL), "
        "copies AS (SELECT record_type, ticker, package, category, source_sha256, "
        "list(DISTINCT source_file) AS files FROM lineage WHERE status = 'skipped' GROUP BY ALL) "
        "SELECT record_type, ticker, package, category, session_date, source_file, import_id, given, "
        "list_sort(list_filter(files, lambda file: file <> source_file)) FROM readings LEFT JOIN copies "
        "USING (record_type, ticker, package, category, source_sha256)"
    ).fetchall():
        facts = LineageFacts(import_id, name, given, tuple(copies or ()))
        found[record_type, SessionKey(Feed(ticker, package, category), day)].append(facts)
    return found
