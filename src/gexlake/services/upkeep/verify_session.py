"""Verify one session, in any process and without the database: its Parquet files, and its sources against them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gexlake.db.parquet import read_footer
from gexlake.db.segments import is_segment
from gexlake.db.sessions import SessionRow
from gexlake.db.versions import name_problem
from gexlake.errors import LakeError, SourceError, StoreError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import (
    Claim,
    Conflict,
    OversizedChunk,
    ReadingId,
    Refusal,
    SessionBuilder,
    SourceTally,
    Succession,
)
from gexlake.importers.seal import BrokenSealError, check_file, checksum_of
from gexlake.importers.stream import SourceStream, hash_file
from gexlake.models.checks import Check
from gexlake.models.feed import SessionKey
from gexlake.models.source import SourcePlace
from gexlake.models.task import Published
from gexlake.scanner.find import find_source
from gexlake.validation.rules import Rule
from gexlake.validation.snapshots import SessionBounds
from gexlake.zone import noted_zone

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class LineageFacts:
    """What lineage says of a reading: what it `gave` to the session; `copies` are other paths with the same bytes."""

    import_id: str
    source_file: str
    gave: int
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyTask:
    """A session as the database has it, and the readings that fed it."""

    record_type: str
    session: SessionKey
    row: Mapping[str, Any]
    published: Published
    shown: Mapping[str, Path]
    """The names by which globs find its files, by data set."""
    lineage: tuple[LineageFacts, ...]
    moment_us: int
    read_sources: bool
    live: Path
    """Where what is recorded live is."""

    @property
    def day(self) -> str:
        """The session's date."""
        return self.session.session_date.isoformat()

    @property
    def readings(self) -> dict[ReadingId, LineageFacts]:
        """By import and source file."""
        return {(facts.import_id, facts.source_file): facts for facts in self.lineage}

    @property
    def bytes_to_read(self) -> int:
        """What there is to look at."""
        return int(self.row["parquet_bytes"]) + (int(self.row["source_bytes"]) if self.read_sources else 0)


@dataclass(slots=True)
class SessionChecks:
    """What came of it."""

    findings: list[tuple[Check, str]] = field(default_factory=list)
    sources_read: int = 0
    sources_missing: int = 0

    def add(self, check: Check, message: str) -> None:
        """Add a finding or note."""
        self.findings.append((check, message))


def verify_session(task: VerifyTask, *, on_bytes: OnBytes | None = None) -> SessionChecks:
    """Hold a session's files to the database's row, to each other and, if asked to, to its sources."""
    checks = SessionChecks()
    footer = _check_footers(task, checks)
    if footer is None:
        return checks
    _check_names(task, checks)
    checks.findings += IMPORTERS[task.record_type].check_files(task.published.files, footer)
    _check_lineage(task, footer, checks)
    if task.read_sources and not {Check.PARQUET_DAMAGED, Check.SESSION_DATE} & {check for check, _ in checks.findings}:
        _check_sources(task, footer, checks, on_bytes)
    return checks


# ---- Parquet against the database ----------------------------------------------------------------------------------


def _check_footers(task: VerifyTask, checks: SessionChecks) -> dict[str, Any] | None:
    """The footer of the snapshots where all files are there, of this session and of this version."""
    footers = {}
    for name, path in task.published.files.items():
        if not path.exists():
            checks.add(Check.PARQUET_MISSING, f"{path} is missing")
            continue
        if not _check_bytes(task, name, path, checks):
            continue
        try:
            footers[name] = read_footer(path)
        except LakeError as error:
            checks.add(Check.PARQUET_DAMAGED, error.message)
    for name, footer in footers.items():
        path = task.published.files[name]
        if footer["session"] != [*task.session.feed, task.session.session_date.isoformat()]:
            checks.add(Check.PARQUET_DAMAGED, f"{path} is a file of another session: {'/'.join(footer['session'])}")
        elif footer["version"] != task.published.version:
            checks.add(
                Check.PARQUET_VERSION,
                f"{path} is version {footer['version']}, the database has {task.published.version}",
            )
    if checks.findings:
        return None
    footer = footers["snapshots"]
    _check_row(task, footer, checks)
    _check_date(task, footer, checks)
    return footer


def _check_names(task: VerifyTask, checks: SessionChecks) -> None:
    """What globs find is that very file, or a sound copy of it where the file system has no links."""
    for name, file in task.published.files.items():
        problem = name_problem(task.shown[name], file)
        if problem:
            checks.add(Check.PARQUET_NAME, f"{task.shown[name]} {problem}")


def _check_date(task: VerifyTask, footer: dict[str, Any], checks: SessionChecks) -> None:
    """An older gexlake filed records by the date in their file's name."""
    bounds = SessionBounds.of(task.session.session_date)
    first_us, last_us = footer["summary"]["first_us"], footer["summary"]["last_us"]
    if first_us is not None and (first_us < bounds.day_start_us or last_us >= bounds.day_end_us):
        checks.add(
            Check.SESSION_DATE, "it holds snapshots of other dates in New York; `gexlake rebuild` puts them right"
        )


def _check_bytes(task: VerifyTask, name: str, path: Path, checks: SessionChecks) -> bool:
    """Whether a file is byte for byte what was written; what is not is not decoded either."""
    expected = json.loads(task.row["file_checksums"] or "{}").get(name)
    try:
        found = check_file(path) or checksum_of(path)
    except BrokenSealError as error:
        checks.add(Check.PARQUET_BYTES, f"{path} is damaged: {error}")
        return False
    except OSError as error:
        checks.add(Check.PARQUET_DAMAGED, f"{path} cannot be read: {error.strerror or error}")
        return False
    if expected not in (None, found) and _is_of_version(path, task.published.version):
        checks.add(Check.PARQUET_BYTES, f"{path} has the checksum {found}, the database has {expected}")
        return False
    return True


def _is_of_version(path: Path, version: str) -> bool:
    """Whether a file says that it is of a version; another one is told by that."""
    try:
        return bool(read_footer(path).get("version") == version)
    except LakeError:
        return True


def _check_row(task: VerifyTask, footer: dict[str, Any], checks: SessionChecks) -> None:
    written = SessionRow.of_footer(footer, task.published.files).by_column
    for name, expected in written.items():
        found = task.row[name]
        if found != expected and name != "file_checksums":
            checks.add(Check.DATABASE_SESSION, f"`{name}` is {found!r} in the database, {expected!r} by its files")


def _check_lineage(task: VerifyTask, footer: dict[str, Any], checks: SessionChecks) -> None:
    """A reading gave at least what stands of it; of the latest import, all that it gave stands."""
    readings = task.readings
    for source in footer["sources"]:
        name, stands = source["source_file"], sum(count for _, count in source["runs"])
        facts = readings.get((source["import_id"], name))
        if facts is None:
            checks.add(Check.LINEAGE_MISSING, f"{name} gave {stands:,} snapshots in import {source['import_id']}")
        elif stands > facts.gave:
            checks.add(
                Check.LINEAGE_IMPORTED,
                f"{name} gave {stands:,} snapshots by the footer, {facts.gave:,} by its lineage",
            )
    standing = {
        source["source_file"]: sum(count for _, count in source["runs"])
        for source in footer["sources"]
        if source["import_id"] == footer["import_id"]
    }
    for facts in task.lineage:
        stands = standing.get(facts.source_file, 0)
        if facts.import_id == footer["import_id"] and stands < facts.gave:
            checks.add(
                Check.LINEAGE_IMPORTED,
                f"{facts.source_file} gave {facts.gave:,} snapshots by its lineage, {stands:,} by the footer",
            )


# ---- the sources ---------------------------------------------------------------------------------------------------


class RefusalCounter:
    """A sink that counts refusals and keeps nothing."""

    def __init__(self) -> None:
        self.counts: Counter[Rule] = Counter()

    def take(self, event: Refusal | OversizedChunk) -> None:
        if isinstance(event, Refusal):
            self.counts[event.rule] += 1


@dataclass(frozen=True, slots=True)
class _Source:
    """A source of the footer that is there and has not changed, at `place`."""

    document: Mapping[str, Any]
    place: SourcePlace

    @property
    def name(self) -> str:
        """As it stands in lineage."""
        return str(self.document["source_file"])


def _check_sources(task: VerifyTask, footer: dict[str, Any], checks: SessionChecks, on_bytes: OnBytes | None) -> None:
    """Decode the sources again, in the order in which they were imported: the first of equal keys stands.

    Where that comes to something else, several were read again at a time: then the one that the footer says stands.
    """
    sources = [found for source in footer["sources"] if (found := _find_source(task, source, checks))]
    sources.sort(key=lambda source: is_segment(source.name, task.live))  # which yield to all others
    checks.sources_read = len(sources)
    if not sources:
        return
    _compare_recorded(task, footer, sources, checks)
    decoded = None
    try:
        with tempfile.TemporaryDirectory(prefix="gexlake-verify-") as scratch:
            if len(sources) == len(footer["sources"]):
                builder, _ = _read_sources(task, sources, Path(scratch), on_bytes)
                if builder.checksum() == footer["checksum"]:
                    return
                decoded = builder.summarize().snapshots
                del builder  # its ladders, before others are collected
                builder, tallies = _read_sources(task, sources, Path(scratch), on_bytes, below=True)
                if builder.checksum() == footer["checksum"] and not any(tally.kept for tally in tallies.values()):
                    return
                del builder
            if any(source.document["import_id"] < (footer.get("revised_by") or "") for source in sources):
                checks.add(Check.SOURCE_REVISED, f"import {footer['revised_by']} took out or brought back snapshots")
                return
            _name_differences(task, sources, decoded, checks, Path(scratch))
    except (SourceError, StoreError) as error:
        checks.add(Check.SOURCE_UNREADABLE, error.message)
    except LakeError as error:  # of a session that overlaps this one, and has its own finding
        checks.add(Check.SOURCE_UNREADABLE, f"it could not be held to its sources: {error.message}")


def _compare_recorded(
    task: VerifyTask, footer: Mapping[str, Any], sources: list[_Source], checks: SessionChecks
) -> None:
    """Say in what the segments of a session differ from the vendor's file that took their place."""
    recorded = [source for source in sources if is_segment(source.name, task.live)]
    of_footer = {is_segment(source["source_file"], task.live) for source in footer["sources"]}
    if not recorded or of_footer == {True}:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="gexlake-verify-") as scratch:
            _, tallies, conflicts = _decide(task, recorded, Path(scratch), claim=Claim.STANDING)
    except (SourceError, StoreError, LakeError):
        return  # which is said of the source or the file anyway
    seen = sum(tally.seen for tally in tallies.values())
    if conflicts:
        first = min(conflicts, key=lambda one: (one.source, one.byte_offset))
        checks.add(
            Check.LIVE_DIFFERS,
            f"{len(conflicts):,} of {seen:,} records that were recorded live differ from the file that took their "
            f"place; the first: {first.message}",
        )
    runs = [
        run for source in footer["sources"] if is_segment(source["source_file"], task.live) for run in source["runs"]
    ]
    if alone := sum(count for _, count in runs):
        checks.add(
            Check.LIVE_DIFFERS, f"{alone:,} snapshots were recorded live, and are not in the file that came later"
        )


def _find_source(task: VerifyTask, source: Mapping[str, Any], checks: SessionChecks) -> _Source | None:
    """A source where it was, or else a copy of it that an import has skipped; None with a finding or note."""
    name = source["source_file"]
    facts = task.readings.get((source["import_id"], name))
    try:
        there = [found for found in map(find_source, (name, *(facts.copies if facts else ()))) if found]
        for found in there:
            if found.size_bytes == source["source_bytes"] and hash_file(found.place) == source["source_sha256"]:
                return _Source(source, found.place)
    except (SourceError, StoreError, OSError) as error:
        checks.add(Check.SOURCE_UNREADABLE, f"{name} cannot be read: {error}")
        return None
    if not there:
        if is_segment(name, task.live) and not source["runs"]:
            return None  # it was recorded live, has been superseded and may be deleted
        checks.sources_missing += 1
        checks.add(Check.SOURCE_MISSING, f"{name} is not there any more")
        return None
    if any(later.import_id > source["import_id"] and later.source_file == name for later in task.lineage):
        checks.sources_missing += 1
        checks.add(Check.SOURCE_MISSING, f"what {name} held in import {source['import_id']} is not there any more")
    else:
        checks.add(Check.SOURCE_CHANGED, f"{name} has changed since it was imported; import it again")
    return None


def _read_sources(
    task: VerifyTask,
    sources: list[_Source],
    scratch: Path,
    on_bytes: OnBytes | None = None,
    *,
    on_top: bool = False,
    below: bool = False,
) -> tuple[SessionBuilder, dict[int, SourceTally]]:
    """The session as its sources alone give it; or, with `on_top`, with what the lake holds before them.

    With `below`, each of them in the place of what the lake holds from it.
    """
    claim = Claim.STANDING if on_top else Claim.YIELDING if below else None
    builder, tallies, _ = _decide(task, sources, scratch, on_bytes, claim=claim)
    return builder, tallies


def _decide(
    task: VerifyTask, sources: list[_Source], scratch: Path, on_bytes: OnBytes | None = None, *, claim: Claim | None
) -> tuple[SessionBuilder, dict[int, SourceTally], list[Conflict]]:
    """The sources read again, with what the lake holds under a claim, or without it for None; and what conflicts."""
    zones = (noted_zone(source.document.get("message")) for source in sources)
    reader = IMPORTERS[task.record_type].open_reader(
        task.session, workspace=scratch, moment_us=task.moment_us, naive_zone=next(filter(None, zones), None)
    )
    tallies = {}
    for number, source in enumerate(sources):
        with SourceStream(source.place, on_bytes=on_bytes) as stream:
            tallies[number] = reader.read(stream, number, RefusalCounter())
    reader.finish(tallies)
    builder = reader.open_session(task.session.session_date)
    if claim is not None:
        builder.keep(task.published.files, lambda _: claim)
    conflicts = builder.resolve(tallies, Succession({source.name: number for number, source in enumerate(sources)}))
    return builder, tallies, conflicts


def _name_differences(
    task: VerifyTask, sources: list[_Source], decoded: int | None, checks: SessionChecks, scratch: Path
) -> None:
    """Read the sources on top of what the lake holds: every record should be there already.

    `decoded` is how many snapshots the sources alone come to, None where some of them are missing.
    """
    builder, tallies = _read_sources(task, sources, scratch, on_top=True)
    for number, source in enumerate(sources):
        tally, document = tallies[number], source.document
        conflicts = tally.refused[Rule.KEY_CONFLICT] - json.loads(document["errors"]).get(Rule.KEY_CONFLICT, 0)
        if tally.seen != document["records_seen"]:
            words = f"holds {tally.seen:,} records, {document['records_seen']:,} were seen"
            checks.add(Check.SOURCE_CONTENT, f"{source.name} {words}")
        if lacking := tally.given[task.day]:
            checks.add(Check.SOURCE_CONTENT, f"{source.name} holds {lacking:,} snapshots that the lake lacks")
        if conflicts > 0:
            checks.add(Check.SOURCE_CONTENT, f"{source.name} holds other values for {conflicts:,} snapshots")
    summary = builder.summarize()
    unknown = summary.snapshots - decoded if decoded is not None else 0
    if unknown > 0:
        checks.add(Check.SOURCE_CONTENT, f"{unknown:,} snapshots of the lake are in none of its sources")
    if decoded is not None and all(check is not Check.SOURCE_CONTENT for check, _ in checks.findings):
        checks.add(Check.SOURCE_CONTENT, "its sources, read again, come to another checksum than what is stored")
