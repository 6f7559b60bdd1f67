"""Who is reading in this process, and since when: what was live then is not collected meanwhile (`db.collect`)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

GRACE = timedelta(days=1)
"""For so long files stay that were replaced, for readers in other processes."""
LEAST_GRACE = timedelta(minutes=1)
"""Who was told just now which version is live is given this long to open it, in this process too."""

MOST_GRACE = timedelta(days=366)

_lock = threading.Lock()
_began: dict[object, datetime] = {}


@contextmanager
def reading() -> Iterator[None]:
    """Keep the files of all versions that are live now, for as long as this lasts; for what opens them by their names.

    Who has a file open, or a link to it, needs none: what is removed can be read to the end by those.
    """
    reader = object()
    with _lock:
        _began[reader] = datetime.now(UTC)
    try:
        yield
    finally:
        with _lock:
            del _began[reader]


def oldest_reader() -> datetime | None:
    """When the reader began that has been at work for longest; None where there is none."""
    with _lock:
        return min(_began.values(), default=None)
