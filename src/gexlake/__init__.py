"""gexlake: a folder of GEXBot history becomes a verified lake that can prove where every number came from.

    import gexlake

    gexlake.import_history("outputs/gex_bridge/history", "data")
    lake = gexlake.open("data")
    lake.snapshots("NQ_NDX", start="2025-11-14")
    lake.strikes("NQ_NDX", start="2025-11-14T15:30:00Z", end="2025-11-14T15:30:00Z")
    lake.at("NQ_NDX", timestamp="2025-11-14 10:30", tz="America/New_York")
    lake.sql("SELECT session_date, count(*) FROM gex_snapshots GROUP BY ALL")

    lake = gexlake.connect("http://127.0.0.1:8765")     # the same, of a lake that `gexlake serve` holds

What `__all__` lists is promised; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gexlake._version import __version__
from gexlake.errors import (
    CatalogError,
    DamagedSessionError,
    GexlakeError,
    LakeError,
    LakeLockedError,
    LakeVersionError,
    NoSnapshotError,
    QueryError,
    SourceError,
    StorageError,
    StoreError,
    UsageError,
    VendorError,
    WorkerError,
)

if TYPE_CHECKING:
    from gexlake.models.import_order import ImportOptions
    from gexlake.models.report import ImportReport
    from gexlake.services.importing.import_history import import_history
    from gexlake.services.lake import Lake
    from gexlake.services.lake import open_lake as open  # noqa: A004 - as `gzip.open`, read with its module
    from gexlake.services.remote_lake import RemoteLake, connect

__all__ = [
    "CatalogError",
    "DamagedSessionError",
    "GexlakeError",
    "ImportOptions",
    "ImportReport",
    "Lake",
    "LakeError",
    "LakeLockedError",
    "LakeVersionError",
    "NoSnapshotError",
    "QueryError",
    "RemoteLake",
    "SourceError",
    "StorageError",
    "StoreError",
    "UsageError",
    "VendorError",
    "WorkerError",
    "__version__",
    "connect",
    "import_history",
    "open",
]

_HOMES = {
    "ImportOptions": ("gexlake.models.import_order", "ImportOptions"),
    "ImportReport": ("gexlake.models.report", "ImportReport"),
    "Lake": ("gexlake.services.lake", "Lake"),
    "RemoteLake": ("gexlake.services.remote_lake", "RemoteLake"),
    "connect": ("gexlake.services.remote_lake", "connect"),
    "import_history": ("gexlake.services.importing.import_history", "import_history"),
    "open": ("gexlake.services.lake", "open_lake"),
}
"""Where a name lives that is loaded on first use: these pull in Pydantic, and later DuckDB and Polars."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
