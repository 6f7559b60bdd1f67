"""The lake in the process that holds it: its database, its snapshot store, and news of what is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from gexlake.db.database import held_database, open_database
from gexlake.db.instances import MEMORY_LIMIT
from gexlake.db.layout import LakeLayout
from gexlake.db.readers import GRACE
from gexlake.db.recovery import recover
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.store.store import SnapshotStore
from gexlake.services.store.values import PublishedSession


@dataclass(frozen=True)
class SessionNews:
    """A session that was committed: the lake holds this version of it from now on."""

    ticker: str
    package: str
    category: str
    session_date: str
    version: str
    snapshots: int


class HeldLake:
    """Holds the lake for as long as it is entered; threads may use everything in it.

    Entering raises what `held_database` raises. `on_news` is told of every session that is committed, in the thread
    that asked for the commit.
    """

    def __init__(
        self,
        layout: LakeLayout,
        *,
        memory: str = MEMORY_LIMIT,
        grace: timedelta = GRACE,
        on_news: Callable[[SessionNews], None] = lambda news: None,
    ) -> None:
        self.layout = layout
        self._memory = memory
        self._grace = grace
        self._on_news = on_news
        self._stack = ExitStack()
        self._sessions: dict[SessionKey, PublishedSession] = {}
        self._refreshing = threading.Lock()
        self.store = SnapshotStore(layout)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(held_database(self.layout, self._memory, grace=self._grace))
            stack.callback(self.store.close)
            with open_database(self.layout, write=True) as connection:
                recover(connection, self.layout)
            self.refresh(tell=False)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def check_present(self) -> None:
        """Raise `LakeError` where the lake's directory has vanished: an import would make a new lake in its place."""
        with open_database(self.layout, write=False):
            pass

    @property
    def sessions(self) -> list[PublishedSession]:
        """Every session that the lake holds, by feed and date."""
        return [self._sessions[key] for key in sorted(self._sessions)]

    def sessions_of(self, feed: Feed) -> list[PublishedSession]:
        """The sessions of one feed by date."""
        return [session for session in self.sessions if session.feed == feed]

    def refresh(self, *, tell: bool = True) -> None:
        """See what has been committed, and tell of it."""
        with self._refreshing:
            found = {session.key: session for session in self._load_sessions()}
            news = [session for key, session in found.items() if self._sessions.get(key) != session]
            if news or len(found) != len(self._sessions):
                self.store.refresh(found.values())
                self._sessions = found
        if tell:
            for session in news:
                self._on_news(
                    SessionNews(*session.feed, session.session_date.isoformat(), session.version, session.snapshots)
                )

    def _load_sessions(self) -> list[PublishedSession]:
        with open_database(self.layout, write=False) as connection:
            rows = connection.execute(
                "SELECT ticker, package, category, session_date, version, snapshots, epoch_us(first_timestamp), "
                "epoch_us(last_timestamp) FROM sessions"
            ).fetchall()
        return [PublishedSession(Feed(*row[:3]), *row[3:]) for row in rows]
