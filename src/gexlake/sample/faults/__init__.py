"""Small damaged or unusual files, each with the counts a correct import gives for it.

Every case has a session of its own, so that cases never contradict each other. A case is a function from
`Material` to files; `CASES` names them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from gexlake.sample.faults.containers import CONTAINER_CASES, GEX_CONTAINER_CASES
from gexlake.sample.faults.material import Case, FaultFile, Material
from gexlake.sample.faults.records import (
    GEX_RECORD_CASES,
    GREEK_RECORD_CASES,
    LADDER_CASES,
    RECORD_CASES,
    VALUE_CASES,
)
from gexlake.sample.faults.strangers import STRANGER_CASES
from gexlake.sample.feeds import RecordType, SampleFeed, record_type
from gexlake.sample.sessions import sessions_before

FAULT_SNAPSHOTS = 200
FEWEST_FAULT_SNAPSHOTS = 40
"""Fewer would leave no good records between the bad ones."""

CASES = {**CONTAINER_CASES, **RECORD_CASES, **STRANGER_CASES, **VALUE_CASES}
"""Name of the fault -> what makes its files. The order decides only which session each case gets."""

NOT_FOR = {
    RecordType.GEX: GREEK_RECORD_CASES,
    RecordType.GREEK: GEX_CONTAINER_CASES | GEX_RECORD_CASES,
    RecordType.ORDERFLOW: GEX_CONTAINER_CASES | GEX_RECORD_CASES | GREEK_RECORD_CASES | LADDER_CASES,
}
"""Record type -> faults that its records cannot have."""


def iter_fault_files(
    feeds: Sequence[SampleFeed], start: date, *, seed: int, snapshots: int | None, strikes: int
) -> Iterator[tuple[str, FaultFile]]:
    """All cases of the first feed of each record type as (name of the case, file).

    Each case has a session of its own before `start`, latest first. What is of no record type stands there once.
    """
    count = max(min(snapshots or FAULT_SNAPSHOTS, FAULT_SNAPSHOTS), FEWEST_FAULT_SNAPSHOTS)
    firsts: dict[RecordType, SampleFeed] = {}
    for feed in feeds:
        firsts.setdefault(record_type(feed), feed)
    chosen = [
        (name, case, feed)
        for kind, feed in firsts.items()
        for name, case in _cases_of(kind, with_strangers=feed == feeds[0])
    ]
    sessions = sessions_before(start, len(chosen))
    for (name, case, feed), session in zip(chosen, sessions, strict=True):
        for file in case(Material(feed, session.date, seed, count, strikes)):
            yield name, file


def _cases_of(kind: RecordType, *, with_strangers: bool) -> list[tuple[str, Case]]:
    left_out = NOT_FOR[kind] if with_strangers else NOT_FOR[kind] | STRANGER_CASES.keys()
    return [(name, case) for name, case in CASES.items() if name not in left_out]
