"""Lakes that are pushed to a place, and pulled from there."""

from __future__ import annotations

from pathlib import Path

from gexlake.bucket.store import Store, open_place
from gexlake.db.layout import LakeLayout
from gexlake.models.location import location_of
from gexlake.models.mirror import PublishedCommit, PullReport, PushReport
from gexlake.services.publishing.publications import read_commit
from gexlake.services.publishing.pull import Puller
from gexlake.services.publishing.push import push
from helpers.lakes import different_tables, lake_content


def place(where: Path | str) -> Store:
    return open_place(location_of(str(where)))


def pushed(lake: Path, where: Path | str, *, take_over: bool = False) -> PushReport:
    return push(lake, location_of(str(where)), take_over=take_over)


def pulled(copy: Path, where: Path | str) -> PullReport:
    """All that is published, in a lake of one's own."""
    puller = Puller(LakeLayout(copy), place(where))
    while puller.step():
        pass
    return puller.report


def publications(where: Path | str) -> list[PublishedCommit]:
    """Those that are there, from the first on."""
    store, found, number = place(where), [], 1
    while (one := read_commit(store, number)) is not None:
        found.append(one)
        number += 1
    return found


def assert_equal_lakes(lake: Path, copy: Path) -> None:
    """Bit for bit, in the database and in files."""
    assert different_tables(lake / "gexlake.duckdb", copy / "gexlake.duckdb") == []
    assert lake_content(lake) == lake_content(copy)
    for file in (copy / "gex").rglob("*.parquet"):
        assert file.read_bytes() == (lake / file.relative_to(copy)).read_bytes()
