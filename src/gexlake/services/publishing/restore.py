"""A lake brought back from its mirror, whole: what is live, what is kept for `gexlake restore`, and every journal."""

from __future__ import annotations

from pathlib import Path

from gexlake.bucket.client import MissingObjectError
from gexlake.bucket.store import Store, open_place
from gexlake.db.commits import kept_versions
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout, make_directories
from gexlake.db.parquet import version_paths
from gexlake.models.location import Location
from gexlake.models.mirror import PullReport
from gexlake.services.publishing.pull import OnProgress, Puller, forget_source


def bring_back(lake: Path, place: Location, *, on_progress: OnProgress | None = None) -> PullReport:
    """Make the lake that was published last in an empty directory; done again after a kill, it does what is left.

    Afterwards it is a lake of its own. Raises `UsageError` for a directory that holds another lake, and what
    `Puller.step` raises.
    """
    layout, store = LakeLayout(lake), open_place(place)
    puller = Puller(layout, store, on_progress=on_progress or (lambda progress: None))
    while puller.step():
        pass
    _fetch_kept(layout, store)
    forget_source(layout)
    return puller.report


def _fetch_kept(layout: LakeLayout, store: Store) -> None:
    """Versions that are kept, as far as they are in the mirror."""
    with open_database(layout, write=False) as connection:
        kept = kept_versions(connection)
    for one in kept:
        for path in version_paths(layout, one.record_type, one.session, one.version).values():
            if path.exists():
                continue
            make_directories(path.parent)
            new = layout.staging / f"pull-{path.name}"
            new.unlink(missing_ok=True)
            try:
                store.fetch(path.relative_to(layout.root).as_posix(), new)
                new.replace(path)
            except MissingObjectError:
                new.unlink(missing_ok=True)
