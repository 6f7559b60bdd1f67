"""Small damaged or unusual files, each with the counts a correct import gives for it.

Every case has a session of its own, so that cases never contradict each other. A case is a function from
`Material` to files; `CASES` names them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gexlake.sample.faults.containers import CONTAINER_CASES
from gexlake.sample.faults.material import FaultFile, Material
from gexlake.sample.faults.records import RECORD_CASES
from gexlake.sample.faults.strangers import STRANGER_CASES
from gexlake.sample.feeds import SampleFeed
from gexlake.sample.sessions import sessions_before

FAULT_SNAPSHOTS = 200
FEWEST_FAULT_SNAPSHOTS = 40
"""Fewer would leave no good records between the bad ones."""

CASES = {**CONTAINER_CASES, **RECORD_CASES, **STRANGER_CASES}
"""Name of the fault -> what makes its files. The order decides only which session each case gets."""


def iter_fault_files(
    feed: SampleFeed, start: date, *, seed: int, snapshots: int | None, strikes: int
) -> Iterator[tuple[str, FaultFile]]:
    """All cases as (name of the case, file), each on a session of its own before `start`, latest first."""
    count = max(min(snapshots or FAULT_SNAPSHOTS, FAULT_SNAPSHOTS), FEWEST_FAULT_SNAPSHOTS)
    sessions = sessions_before(start, len(CASES))
    for (name, case), session in zip(CASES.items(), sessions, strict=True):
        for file in case(Material(feed, session.date, seed, count, strikes)):
            yield name, file
