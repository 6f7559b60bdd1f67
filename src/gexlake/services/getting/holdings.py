"""What the directory and the lake have already, whoever put it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.source import SourceFile
from gexlake.scanner import scan
from gexlake.services.asking.sessions import list_sessions
from gexlake.services.getting.manifest import Event, Mark
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.plan import Window
from gexlake.vendor.body import ends_as_array


@dataclass(frozen=True, slots=True)
class Holdings:
    """The sessions that are there; files that are seen to be cut do not count."""

    files: dict[SessionKey, Path] = field(default_factory=dict)
    """In the directory; several may be in one archive."""
    lake: frozenset[SessionKey] = frozenset()

    @property
    def present(self) -> frozenset[SessionKey]:
        """Wherever they are."""
        return self.lake | self.files.keys()

    def importable(self) -> list[Path]:
        """Files of sessions that the lake does not have."""
        return sorted({path for session, path in self.files.items() if session not in self.lake})


def look_around(order: GetOrder, window: Window, marks: Mapping[str, Mark]) -> Holdings:
    """Take stock. Raises `SourceError`, `LakeError`, and `UsageError` where the directory is the lake."""
    if order.directory.resolve() == order.lake.resolve():
        raise UsageError(
            f"{order.directory} is the lake itself.", hint="Name another directory for the files with --to."
        )
    lake = _sessions_of_lake(order, window)
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
    whole = (file for file in found.files if not _is_cut(file, order.directory, marks))
    return Holdings({file.session: file.path for file in whole}, lake)


def _sessions_of_lake(order: GetOrder, window: Window) -> frozenset[SessionKey]:
    if not LakeLayout(order.lake).database.exists():
        return frozenset()
    frame = list_sessions(order.lake, since=window.since, until=window.until)
    wanted = set(order.feeds())
    rows = frame.select("ticker", "package", "category", "session_date", "snapshots").iter_rows()
    sessions = (
        SessionKey(feed, day) for *names, day, snapshots in rows if snapshots and (feed := _feed(names)) in wanted
    )
    return frozenset(sessions)


def _feed(names: list[str]) -> Feed:
    return Feed(*names)


def _is_cut(file: SourceFile, directory: Path, marks: Mapping[str, Mark]) -> bool:
    """Whether a file is seen to be shorter than it was, or does not end as it should. Archives check their members."""
    if file.member is not None:
        return False
    mark = marks.get(str(file.session))
    if mark and mark.event is Event.FETCHED and mark.path and directory / mark.path == file.path:
        return file.size_bytes < (mark.size_bytes or 0)
    try:
        return not ends_as_array(file.path)
    except OSError:  # gone since it was found, or not to be read
        return True
