"""Repair: what verify has found is made good where that can be done without losing or guessing anything.

A session with a damaged file is staged anew from its sources, if they are all there with the bytes that were imported
and come to the very content that was stored. Rows of the database that differ are written again from sound files, and
a journal that cannot be read from the database.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer
from gexlake.db.published import check_published
from gexlake.db.replicas import refuse_replica
from gexlake.errors import GexlakeError, LakeError, SourceError
from gexlake.importers import IMPORTERS
from gexlake.importers.stream import SourceStream, hash_file
from gexlake.models.checks import Check
from gexlake.models.import_order import ImportOptions
from gexlake.models.location import location_text
from gexlake.models.source import SourcePlace
from gexlake.models.verify_report import Repair, VerifyReport
from gexlake.scanner.find import find_source
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.inspect_lake import SessionFacts, SessionVersion, inspect_lake
from gexlake.services.upkeep.rewrite import (
    load_sources,
    name_again,
    rewrite_journals,
    rewrite_rows,
    stored_checksum,
)
from gexlake.services.upkeep.verify_session import RefusalCounter
from gexlake.zone import noted_zone

OF_FILES = frozenset(
    {
        Check.PARQUET_MISSING,
        Check.PARQUET_DAMAGED,
        Check.PARQUET_BYTES,
        Check.PARQUET_VERSION,
        Check.PARQUET_ROWS,
        Check.PARQUET_KEYS,
        Check.PARQUET_CHECKSUM,
        Check.PARQUET_SOURCES,
    }
)
OF_NAMES = frozenset({Check.PARQUET_MISSING, Check.PARQUET_NAME})
OF_ROWS = frozenset({Check.DATABASE_ROWS, Check.DATABASE_VALUES, Check.DATABASE_SESSION})


class _CannotRepairError(Exception):
    """Why a session has to stay as it is."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A source as it was read: where it was, or copies of it were, and what its bytes were."""

    name: str
    sha256: str
    size_bytes: int
    copies: tuple[str, ...] = ()
    naive_zone: str | None = None


def repair_lake(lake: Path, report: VerifyReport) -> list[Repair]:
    """Make good what the report names, as far as that goes; what was done, and what could not be, and why.

    Raises `LakeError` for a replica.
    """
    layout = LakeLayout(lake)
    refuse_replica(layout)
    facts = {str(one.session): one for one in inspect_lake(lake).sessions}
    repairs = _name_again(lake, [facts[name] for name in _sessions_with(report, OF_NAMES) if name in facts])
    whole = {one.session for one in repairs} - set(_sessions_with(report, OF_FILES - OF_NAMES))
    damaged = [name for name in _sessions_with(report, OF_FILES) if name not in whole]
    repairs += repair_sessions(layout, [facts[name] for name in damaged if name in facts])
    differing = [name for name in _sessions_with(report, OF_ROWS) if name not in damaged]
    unmarked = [
        name for name, one in facts.items() if one.row["file_checksums"] is None and name not in {*damaged, *differing}
    ]
    versions = [_version(facts[name]) for name in (*differing, *unmarked) if name in facts]
    for one, problem in zip(versions, rewrite_rows(lake, versions), strict=True):
        words = "its rows and checksums in the database were written from its Parquet files"
        repairs.append(Repair(session=str(one.session), repaired=problem is None, message=problem or words))
    for import_id in rewrite_journals(lake):
        words = f"the journal of import {import_id} was written from the database"
        repairs.append(Repair(session=None, repaired=True, message=words))
    return repairs


def _name_again(lake: Path, sessions: Sequence[SessionFacts]) -> list[Repair]:
    """A file that has lost one of its two names gets it again; of those that have lost both, nothing is said."""
    versions = [_version(facts) for facts in sessions]
    words = "its files have their names again, and globs find them"
    return [
        Repair(session=str(one.session), repaired=True, message=words)
        for one, named in zip(versions, name_again(lake, versions) if versions else (), strict=True)
        if named
    ]


def repair_sessions(layout: LakeLayout, sessions: Iterable[SessionFacts]) -> list[Repair]:
    """Stage damaged sessions anew from their sources."""
    repairs = []
    for facts in sessions:
        try:
            words = _stage_anew(layout, facts)
        except (_CannotRepairError, GexlakeError) as error:
            repairs.append(Repair(session=str(facts.session), repaired=False, message=str(error)))
            with suppress(LakeError):
                check_published(facts.published(layout).files.values())  # which leaves word of it for status
        else:
            repairs.append(Repair(session=str(facts.session), repaired=True, message=words))
    return repairs


# ---- from the sources ------------------------------------------------------------------------------------------------


def _stage_anew(layout: LakeLayout, facts: SessionFacts) -> str:
    sources = _sources_of(layout, facts)
    places = [_find(source) for source in sources]
    zone = next((source.naive_zone for source in sources if source.naive_zone), None)
    if _checksum_of_sources(facts, places, zone) != facts.row["checksum"]:
        raise _CannotRepairError("its sources come to other content than was stored; import them with --force")
    feed = facts.session.feed
    options = ImportOptions(
        tickers=(feed.ticker,),
        packages=(feed.package,),
        categories=(feed.category,),
        force=True,
        naive_zone=zone,
    )
    named = {location_text(place.path): place.path for place in places}
    import_history([named[text] for text in sorted(named)], layout.root, options)
    if stored_checksum(layout.root, _version(facts)) != facts.row["checksum"]:
        raise _CannotRepairError("it was staged anew from its sources, and is not what it was; see `gexlake lineage`")
    count = "1 source" if len(places) == 1 else f"{len(places)} sources"
    return f"staged anew from {count}, with the same content"


def _sources_of(layout: LakeLayout, facts: SessionFacts) -> list[_Source]:
    """What gave the session its snapshots: by a footer that is sound, else by lineage."""
    for path in facts.published(layout).files.values():
        try:
            footer = read_footer(path)
        except LakeError:
            continue
        if footer["version"] == facts.row["version"]:
            return [_of_document(document, facts) for document in footer["sources"]]
    return _sources_by_lineage(layout.root, _version(facts))


def _of_document(document: dict[str, Any], facts: SessionFacts) -> _Source:
    name = document["source_file"]
    copies = {copy for known in facts.lineage if known.source_file == name for copy in known.copies}
    zone = noted_zone(document.get("message"))
    return _Source(name, document["source_sha256"], document["source_bytes"], tuple(sorted(copies)), zone)


def _sources_by_lineage(lake: Path, session: SessionVersion) -> list[_Source]:
    return [_Source(name, sha256, size, tuple(copies)) for name, sha256, size, copies in load_sources(lake, session)]


def _find(source: _Source) -> SourcePlace:
    """Where the bytes are that were imported."""
    there = [found for found in map(find_source, (source.name, *source.copies)) if found]
    for found in there:
        if found.size_bytes == source.size_bytes and hash_file(found.place) == source.sha256:
            return found.place
    what = "has changed since it was imported" if there else "is not there any more"
    raise _CannotRepairError(f"{source.name} {what}; put back the file with SHA-256 {source.sha256}")


def _checksum_of_sources(facts: SessionFacts, places: Sequence[SourcePlace], naive_zone: str | None) -> str:
    """The checksum of the content that the sources come to now."""
    importer = IMPORTERS[facts.record_type]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gexlake-repair-") as scratch,
            closing(
                importer.open_reader(
                    facts.session, workspace=Path(scratch), moment_us=facts.moment_us, naive_zone=naive_zone
                )
            ) as reader,
        ):
            tallies = {}
            for number, place in enumerate(places):
                with SourceStream(place) as stream:
                    tallies[number] = reader.read(stream, number, RefusalCounter())
            reader.finish(tallies)
            builder = reader.open_session(facts.session.session_date)
            builder.resolve(tallies)
            return builder.checksum()
    except SourceError as error:
        raise _CannotRepairError(str(error)) from error


def _sessions_with(report: VerifyReport, codes: frozenset[Check]) -> list[str]:
    return list(dict.fromkeys(one.session for one in report.findings if one.session and one.code in codes))


def _version(facts: SessionFacts) -> SessionVersion:
    return SessionVersion(facts.record_type, facts.session, facts.row["version"])
