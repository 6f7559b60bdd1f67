"""An import as it is asked for, and how far it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import TypeAdapter

from gexlake.errors import UsageError
from gexlake.models.report import DEFAULT_MAX_ERROR_RATE, FileResult
from gexlake.zone import zone_name


def new_import_id() -> str:
    """An id for an import that begins now; ids are in the order of time, to the microsecond."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{uuid.uuid4().hex[:3]}"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What to import and how. `workers` None means one per core; dates are inclusive.

    With `prune`, what changed sources no longer have leaves the lake; without it, nothing does. `keep_versions` of
    each session that changes are kept for `gexlake restore`.
    With `verify`, objects in buckets are read and hashed even where their ETag says that they are unchanged.
    `naive_zone` names the zone of times that have none, as America/New_York; without it they are refused.
    `cluster` is the address of the cluster that stages, as dask://host:8786 or ray://host:10001; None: worker processes
    here do.
    Raises `UsageError` for a zone that there is not, and for `workers` of a cluster.
    """

    tickers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    dry_run: bool = False
    force: bool = False
    verify: bool = False
    workers: int | None = None
    max_error_rate: float = DEFAULT_MAX_ERROR_RATE
    prune: bool = False
    keep_versions: int = 1
    snapshots_in_database: bool | None = None
    """Whether a new lake copies snapshots into tables of its database, which it does unless told otherwise; None
    takes a lake as it is."""
    within: tuple[Path, ...] | None = None
    """Links that lead out of these folders are not followed; None: all are."""
    naive_zone: str | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.cluster is not None and self.workers is not None:
            raise UsageError(
                "A cluster has as many workers as were started for it.", hint="Leave out either --workers or --cluster."
            )
        if self.naive_zone is not None:
            try:
                zone_name(self.naive_zone)
            except ValueError as error:
                raise UsageError(f"naive_zone: {error}") from error


@dataclass(slots=True)
class Progress:
    """How far an import is; `files` and `bytes` are out of totals that stand from the first call on."""

    files_total: int = 0
    bytes_total: int = 0
    files_done: int = 0
    bytes_done: int = 0
    records_imported: int = 0
    records_quarantined: int = 0
    current: str = ""
    damaged: list[FileResult] = field(default_factory=list)
    """Files that have turned out partial or failed, in the order found."""


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class ImportOrder:
    """What is to be imported, into which lake, by a process of its own."""

    import_id: str
    sources: tuple[Path, ...]
    lake: Path
    options: ImportOptions


ORDER = TypeAdapter(ImportOrder)
"""Reads and writes an order as JSON."""
