"""Snapshots as JSON text, straight from the published files.

`store.py` answers; `session.py` reads one session by its lookup index (`importers/snapshots/lookup.py`), and
`parquet_session.py` one that has none. What a record looks like is decided in `records.py`.
"""

from gexlake.services.store.store import SnapshotStore
from gexlake.services.store.values import Page, PublishedSession, Record

__all__ = ["Page", "PublishedSession", "Record", "SnapshotStore"]
