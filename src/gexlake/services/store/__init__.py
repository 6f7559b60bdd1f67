"""Snapshots as JSON text, ready to be sent: rendered once per session, memory-mapped, and from Parquet until then.

`store.py` answers; how a record looks is `_render.c` alone, for both ways.
"""

from gexlake.services.store.build import build_rendered
from gexlake.services.store.rendered import BuildTask, Built
from gexlake.services.store.store import SnapshotStore
from gexlake.services.store.values import ColdError, Page, PublishedSession, Record, SessionReplacedError, Statistics

__all__ = [
    "BuildTask",
    "Built",
    "ColdError",
    "Page",
    "PublishedSession",
    "Record",
    "SessionReplacedError",
    "SnapshotStore",
    "Statistics",
    "build_rendered",
]
