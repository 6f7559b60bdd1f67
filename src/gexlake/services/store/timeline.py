"""The sessions of one feed in time, and which of them an answer needs. Pure.

Sessions hardly ever overlap, but a record outside its session's hours is kept, so they may; no instant stands in two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from gexlake.services.store.values import PublishedSession, Snapshots


class Timeline:
    """Immutable; sessions without a snapshot are left out."""

    def __init__(self, sessions: Iterable[PublishedSession]) -> None:
        spans = sorted(map(_span, (session for session in sessions if session.snapshots)), key=lambda span: span[:2])
        self.sessions = [session for *_, session in spans]
        self._firsts = [first for first, *_ in spans]
        self._reach = list(accumulate((last for _, last, _ in spans), max))
        """The last instant of each session and all before it."""

    def holding(self, moment_us: int) -> list[PublishedSession]:
        """The sessions that may hold the last snapshot at or before the moment; each has one at or before it."""
        stop = bisect_right(self._firsts, moment_us)
        if stop == 0:
            return []
        return self.sessions[self._begin_of_group(stop - 1, 0) : stop]

    def groups(self, start_us: int, end_us: int, *, descending: bool) -> Iterator[list[PublishedSession]]:
        """The sessions whose spans touch the range, both ends included, in order; those that overlap are together.

        One group at a time: a page needs the first or two of a range that may hold thousands.
        """
        first, stop = bisect_left(self._reach, start_us), bisect_right(self._firsts, end_us)
        while first < stop:
            if descending:
                begin, end = self._begin_of_group(stop - 1, first), stop
                stop = begin
            else:
                begin, end = first, self._end_of_group(first, stop)
                first = end
            yield self.sessions[begin:end]

    def _begin_of_group(self, index: int, first: int) -> int:
        while index > first and self._reach[index - 1] >= self._firsts[index]:
            index -= 1
        return index

    def _end_of_group(self, index: int, stop: int) -> int:
        index += 1
        while index < stop and self._reach[index - 1] >= self._firsts[index]:
            index += 1
        return index


def _span(session: PublishedSession) -> tuple[int, int, PublishedSession]:
    assert session.first_us is not None
    assert session.last_us is not None
    return session.first_us, session.last_us, session


class Run(NamedTuple):
    """The snapshots first … stop - 1 of one session, which stand side by side in time."""

    source: int
    first: int
    stop: int


def last_before(timestamps: Sequence[int], moment_us: int) -> int:
    """The index of the last instant at or before the moment; -1 where there is none."""
    return bisect_right(timestamps, moment_us) - 1


def pick(views: Sequence[Snapshots], start_us: int, end_us: int, room: int, *, last: bool) -> tuple[list[Run], int]:
    """The first (or last) `room` snapshots of a range, both ends included, over sessions that may overlap.

    Runs in order of time, and how many snapshots the range holds.
    """
    spans = [(bisect_left(view.timestamps, start_us), bisect_right(view.timestamps, end_us)) for view in views]
    count = sum(stop - first for first, stop in spans)
    if len(views) == 1:
        ((first, stop),) = spans
        run = Run(0, max(first, stop - room), stop) if last else Run(0, first, min(stop, first + room))
        return ([run] if run.stop > run.first else []), count
    source = np.concatenate([np.full(stop - first, i) for i, (first, stop) in enumerate(spans)])
    index = np.concatenate([np.arange(first, stop) for first, stop in spans])
    instants = np.concatenate(
        [np.array(view.timestamps[first:stop], np.int64) for view, (first, stop) in zip(views, spans, strict=True)]
    )
    order = np.argsort(instants, kind="stable")
    order = order[max(count - room, 0) :] if last else order[:room]
    source, index = source[order], index[order]
    breaks = np.flatnonzero((np.diff(source) != 0) | (np.diff(index) != 1)) + 1
    bounds = [0, *breaks.tolist(), len(order)] if len(order) else []
    runs = [Run(int(source[a]), int(index[a]), int(index[b - 1]) + 1) for a, b in pairwise(bounds)]
    return runs, count
