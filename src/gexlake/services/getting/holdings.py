"""What the directory and the lake have already, whoever put it there; what is known to have been cut does not count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.lineage import FileStatus
from gexlake.models.source import SourceFile
from gexlake.scanner import scan
from gexlake.services.asking.lineage import list_lineage
from gexlake.services.asking.sessions import list_sessions
from gexlake.services.getting.manifest import Event, Mark
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.plan import Window
from gexlake.validation.rules import Rule
from gexlake.vendor.body import ends_as_array

CUT = frozenset({Rule.TRUNCATED, Rule.ARRAY_NOT_CLOSED, Rule.STREAM_TRUNCATED, Rule.COMPRESSION_DAMAGED})
"""Findings that say that a file lacks its end, or more."""
READ = [status.value for status in (FileStatus.SUCCESS, FileStatus.PARTIAL, FileStatus.FAILED)]


@dataclass(frozen=True, slots=True)
class Holdings:
    """The sessions that are there."""

    files: dict[SessionKey, Path] = field(default_factory=dict)
    """In the directory; several may be in one archive."""
    lake: frozenset[SessionKey] = frozenset()

    @property
    def present(self) -> frozenset[SessionKey]:
        """Wherever they are."""
        return self.lake | self.files.keys()

    @property
    def importable(self) -> dict[SessionKey, Path]:
        """Files of sessions that the lake does not have."""
        return {session: path for session, path in self.files.items() if session not in self.lake}


@dataclass(frozen=True, slots=True)
class _Readings:
    """What the lake says of the files that were read for it."""

    whole: frozenset[SessionKey] = frozenset()
    """Sessions of which a file was read to its end."""
    cut: frozenset[SessionKey] = frozenset()
    """Those of which a file was not."""
    cut_files: dict[str, int] = field(default_factory=dict)
    """Names and sizes of such files."""


def look_around(order: GetOrder, window: Window, marks: Mapping[str, Mark]) -> Holdings:
    """Take stock. Raises `SourceError`, `LakeError`, and `UsageError` where the directory is the lake."""
    if order.directory.resolve() == order.lake.resolve():
        raise UsageError(
            f"{order.directory} is the lake itself.", hint="Name another directory for the files with --to."
        )
    if window.since > window.until:  # none of the days that are wanted has been yet
        return Holdings()
    readings, lake = _Readings(), frozenset[SessionKey]()
    if LakeLayout(order.lake).database.exists():
        readings = _readings(order, window)
        lake = _sessions_of_lake(order, window) - (readings.cut - readings.whole)
    if not order.directory.exists():
        return Holdings(lake=lake)
    found = scan(
        [order.directory],
        tickers=order.tickers,
        packages=order.packages,
        categories=order.categories,
        since=window.since,
        until=window.until,
        exclude=[order.lake],
    )
    whole = (
        file
        for file in found.files
        if readings.cut_files.get(file.name) != file.size_bytes and not _is_cut(file, order.directory, marks)
    )
    return Holdings({file.session: path for file in whole if isinstance(path := file.path, Path)}, lake)


def _sessions_of_lake(order: GetOrder, window: Window) -> frozenset[SessionKey]:
    frame = list_sessions(order.lake, since=window.since, until=window.until)
    rows = frame.select("ticker", "package", "category", "session_date", "snapshots").iter_rows()
    return frozenset(SessionKey(Feed(*names), day) for *names, day, snapshots in rows if snapshots)


def _readings(order: GetOrder, window: Window) -> _Readings:
    """By the newest reading of each file."""
    frame = list_lineage(
        order.lake, statuses=READ, tickers=order.tickers, since=window.since, until=window.until
    )  # the newest first
    columns = ("source_file", "source_bytes", "errors", "ticker", "package", "category", "session_date")
    whole, cut, cut_files, seen = set(), set(), dict[str, int](), set[str]()
    for name, size_bytes, errors, *names, day in frame.select(*columns).iter_rows():
        if name in seen:
            continue
        seen.add(name)
        session = SessionKey(Feed(*names), day if isinstance(day, date) else date.fromisoformat(day))
        if CUT & json.loads(errors or "{}").keys():
            cut.add(session)
            cut_files[name] = size_bytes
        else:
            whole.add(session)
    return _Readings(frozenset(whole), frozenset(cut), cut_files)


def _is_cut(file: SourceFile, directory: Path, marks: Mapping[str, Mark]) -> bool:
    """Whether a file is seen to be shorter than it was, or does not end as it should. Archives check their members."""
    if file.member is not None or not isinstance(file.path, Path):
        return False
    mark = marks.get(str(file.session))
    if mark and mark.event is Event.FETCHED and mark.path and directory / mark.path == file.path:
        return file.size_bytes < (mark.size_bytes or 0)
    try:
        return not ends_as_array(file.path)
    except OSError:  # gone since it was found, or not to be read
        return True
