"""One answer: which snapshots of which sessions it is put together from."""

from __future__ import annotations

from collections.abc import Callable

from gexlake.services.store.timeline import Run, Timeline, last_before, pick
from gexlake.services.store.values import SEPARATOR, Page, PublishedSession, Record, Snapshots

Open = Callable[[PublishedSession], Snapshots]


def find_last(timeline: Timeline, open_session: Open, moment_us: int, *, strikes: bool) -> Record | None:
    """The last snapshot at or before a moment; None where there is none."""
    best_us, best = -1, None
    for session in timeline.holding(moment_us):
        snapshots = open_session(session)
        index = last_before(snapshots.timestamps, moment_us)
        if index >= 0 and snapshots.timestamps[index] > best_us:
            best_us, best = int(snapshots.timestamps[index]), (session, snapshots, index)
    if best is None:
        return None
    session, snapshots, index = best
    (text,) = snapshots.texts(index, index + 1, strikes=strikes)
    return Record(best_us, session.session_date, text[: -len(SEPARATOR)])


def collect_page(
    timeline: Timeline, open_session: Open, start_us: int, end_us: int, limit: int, *, descending: bool, strikes: bool
) -> Page:
    """The first `limit` snapshots of a range, both ends included, in the order asked for."""
    buffers: list[memoryview] = []
    instants: list[int] = []
    taken: list[tuple[str, int, int]] = []
    count, more = 0, False
    for group in timeline.groups(start_us, end_us, descending=descending) if start_us <= end_us else ():
        opened = [open_session(session) for session in group]
        runs, available = pick(opened, start_us, end_us, limit - count, last=descending)
        for run in reversed(runs) if descending else runs:
            snapshots = opened[run.source]
            if descending:
                buffers += reversed(snapshots.records(run.first, run.stop, strikes=strikes))
            else:
                buffers += snapshots.texts(run.first, run.stop, strikes=strikes)
            instants += _ends(snapshots, run, descending=descending)
            taken.append((group[run.source].version, run.first, run.stop))
            count += run.stop - run.first
        more = available > sum(run.stop - run.first for run in runs)
        if more:
            break
    first_us, last_us = (instants[0], instants[-1]) if instants else (None, None)
    return Page(buffers, count, first_us, last_us, more, tuple(taken))


def _ends(snapshots: Snapshots, run: Run, *, descending: bool) -> tuple[int, int]:
    first, last = int(snapshots.timestamps[run.first]), int(snapshots.timestamps[run.stop - 1])
    return (last, first) if descending else (first, last)
