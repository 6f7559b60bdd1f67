"""Published sessions that are held open, the ones used last."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from itertools import takewhile

from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import UNKNOWN_VERSION, published_session, version_paths
from gexlake.errors import LakeError
from gexlake.models.feed import SessionKey
from gexlake.models.record_types import kind_of
from gexlake.services.store.lookup_file import NoLookupError
from gexlake.services.store.parquet_session import ParquetSession
from gexlake.services.store.session import LookupSession
from gexlake.services.store.values import PublishedSession, Snapshots

MOST_OPEN = 256
"""A full session takes 0.4 MB and a file descriptor, of which a process has 1,024 by default."""


class OpenedSessions:
    """Opens sessions, and keeps at most `MOST_OPEN` of them. Safe in threads.

    What has been handed out stays usable when it is not kept any more.
    """

    def __init__(self, layout: LakeLayout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._opened: OrderedDict[PublishedSession, Snapshots] = OrderedDict()

    def open(self, session: PublishedSession) -> Snapshots:
        """The session's snapshots. Raises what `LookupSession` and `ParquetSession` raise."""
        with self._lock:
            found = self._opened.get(session)
            if found is not None:
                self._opened.move_to_end(session)
                return found
        opened = open_session(self._layout, session.key, session.version)
        with self._lock:
            self._opened[session] = opened
            while len(self._opened) > MOST_OPEN:
                self._opened.popitem(last=False)
        return opened

    def open_ahead(self, sessions: Iterable[PublishedSession], seconds: float) -> None:
        """Open the newest sessions, as many as are kept, or fewer if that takes longer; damaged ones are left out."""
        newest = sorted(sessions, key=lambda session: session.last_us or 0, reverse=True)
        until = time.monotonic() + seconds
        for session in takewhile(lambda _: time.monotonic() < until, newest[:MOST_OPEN]):
            with suppress(LakeError):
                self.open(session)

    def forget(self, sessions: Iterable[PublishedSession]) -> None:
        """These are not wanted any more."""
        with self._lock:
            for session in sessions:
                self._opened.pop(session, None)


def open_session(layout: LakeLayout, session: SessionKey, version: str) -> Snapshots:
    """A version of a session. Raises what `LookupSession` and `ParquetSession` raise, `LakeError` where all is gone."""
    if not layout.root.is_dir():
        raise LakeError(f"The lake {layout.root} is gone.", hint="Put it back, or end this server.")
    kind = kind_of(session.feed)
    files = version_paths(layout, kind.name, session, version)
    if not any(file.exists() for file in files.values()):  # as in a lake of an older gexlake that only can be read
        shown = published_session(layout, kind.name, session)
        files = shown.files if shown is not None and shown.version in (version, UNKNOWN_VERSION) else files
    try:
        return LookupSession(kind, files, session, version)
    except NoLookupError:
        return ParquetSession(kind, files, session, version)
