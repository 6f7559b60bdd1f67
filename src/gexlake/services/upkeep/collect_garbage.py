"""`gexlake gc`: the process that owns the database removes the files of versions that nobody can ask for any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gexlake.db.collect import collect
from gexlake.db.database import grace_of, open_database
from gexlake.db.layout import LakeLayout
from gexlake.models.gc_report import GcReport
from gexlake.services.owner.served import served


@served
def collect_garbage(lake: Path, *, grace_seconds: int | None = None, dry_run: bool = False) -> GcReport:
    """Remove files of versions and strays, see `db.collect`; `grace_seconds` where it is not to be the owner's own.

    Raises what `open_database` raises.
    """
    layout = LakeLayout(lake)
    grace = grace_of(layout) if grace_seconds is None else timedelta(seconds=grace_seconds)
    there = layout.database.exists()  # else none is made, and opening it says so
    with open_database(layout, write=there and not dry_run) as connection:
        return collect(connection, layout, grace=grace, strays=True, dry_run=dry_run)
