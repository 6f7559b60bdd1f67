"""Carry what is committed over into open tables: once, or as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gexlake.db.followers import forget_follower, retain, retained_by
from gexlake.db.layout import LakeLayout, stamps_of
from gexlake.errors import CatalogError, LakeLockedError, UsageError
from gexlake.models.publishing import OWN_CATALOG, PublishOrder, PublishReport
from gexlake.services.publishing.catalogs import catalog_faults, choose_catalog, open_catalog
from gexlake.services.publishing.outgoing import read_last_commit

POLL_SECONDS = 0.5
"""How often the database is looked at for changes; only where it has some is it opened."""
RETRY_POLLS = 20
"""Until a catalog that refused is asked again, where nothing is committed meanwhile."""


def publish(lake: Path, order: PublishOrder | None = None) -> PublishReport:
    """Carry over what was committed since the last time; the tables as they then stand.

    Raises `UsageError` and `CatalogError`, and what the lake raises where it cannot be read.
    """
    layout, order = LakeLayout(lake.absolute()), order or PublishOrder()
    _check_addresses(layout, order)
    choice = choose_catalog(layout, order.catalog)
    commit = read_last_commit(layout.root)  # where there is no lake, none is begun
    catalog = open_catalog(layout, choice)
    from gexlake.services.publishing.iceberg import Outbox

    with catalog_faults(choice):
        follower = choice.follower(order.namespace)
        if retained_by(layout, follower) is None:  # before the log is read, see `db.followers`
            retain(layout, follower, commit)
        return Outbox(layout, choice.name, follower, catalog, order).run()


def _check_addresses(layout: LakeLayout, order: PublishOrder) -> None:
    """Tables name files by addresses, and what follows a `#` is no part of where an address leads."""
    for address in (order.files or str(layout.root), str(layout.root) if order.catalog == OWN_CATALOG else ""):
        if "#" in address:
            raise UsageError(
                f"{address} has a `#` in it, and readers of open tables would look for what is before that.",
                hint="Publish a lake in another directory, or name a catalog and --files.",
            )


def iter_published(lake: Path, order: PublishOrder) -> Iterator[PublishReport | CatalogError]:
    """Publish now and whenever something was committed, without end.

    What a catalog refuses is given out, and tried again with the next commit, or a while later.
    """
    layout, seen, polls_left = LakeLayout(lake.absolute()), None, 0
    while True:
        there = stamps_of([layout.database, layout.log])  # they change with every commit
        polls_left -= 1
        if there != seen or polls_left == 0:
            with suppress(LakeLockedError):  # somebody is writing, and so there is going to be more to see
                report = _tried(lake, order)
                seen, polls_left = there, RETRY_POLLS if isinstance(report, CatalogError) else 0
                yield report
        time.sleep(POLL_SECONDS)


def _tried(lake: Path, order: PublishOrder) -> PublishReport | CatalogError:
    try:
        return publish(lake, order)
    except CatalogError as error:
        return error


def stop_publishing(lake: Path, order: PublishOrder) -> None:
    """Nothing has to stay for the tables of a catalog any more; they themselves are left as they are."""
    layout = LakeLayout(lake.absolute())
    forget_follower(layout, choose_catalog(layout, order.catalog).follower(order.namespace))
