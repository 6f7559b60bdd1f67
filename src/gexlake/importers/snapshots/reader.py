"""The sources of a feed as they are read: every record goes to the session of its own New York date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from gexlake.importers.base import RefusalSink, SourceTally
from gexlake.importers.snapshots.batch import Batch
from gexlake.importers.snapshots.days import DaySpool
from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.records import Scratch
from gexlake.importers.snapshots.session import SnapshotSession
from gexlake.importers.stream import SourceStream
from gexlake.models.block import ROW_CAPACITY, Block, Int, Ints
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType
from gexlake.validation.calendar import new_york_day
from gexlake.validation.rules import Rule
from gexlake.validation.snapshots import Mask, SessionBounds, count_warnings

MIN_US = 946_684_800_000_000
"""2000-01-01 in Unix microseconds."""


class SnapshotReader:
    """A `FeedReader` for snapshots.

    What is of the planned date goes straight into its session, as nearly always all is; other dates are set aside.
    """

    def __init__(
        self,
        kind: RecordType,
        session: SessionKey,
        *,
        workspace: Path | None,
        moment_us: int,
        writes: bool,
        naive_zone: str | None = None,
    ) -> None:
        self._kind = kind
        self._feed, self._day = session
        self._workspace = workspace
        zone = ZoneInfo(naive_zone) if naive_zone else None
        self._expect = Expectation(kind, session.feed.ticker, MIN_US, moment_us, naive_zone=zone)
        self._bounds = SessionBounds.of(session.session_date)
        self._planned = SnapshotSession(kind, session, workspace=workspace, writes=writes)
        self._others = DaySpool(workspace)
        self._scratch = Scratch(kind)
        self._begun: list[tuple[int, int]] = []
        """Sources with records in the scratch's block, as (number, first record)."""
        self._last: tuple[int, int] = (-1, 0)
        """Source and timestamp of the last record of the block before."""
        self._warnings: dict[int, Counter[Rule]] = {}
        self._days: dict[int, Counter[str]] = {}

    def read(self, stream: SourceStream, source: int, sink: RefusalSink) -> SourceTally:
        """Decode one source to its end; see `FeedReader.read`."""
        self._begun.append((source, self._scratch.block.records))
        decoder = Decoder(stream, self._expect, self._scratch)
        for event in decoder.full_blocks():
            if isinstance(event, Block):
                self._add_block(event)
                self._begun = [(source, 0)]
            else:
                sink.take(event)
        return SourceTally(
            seen=decoder.seen,
            refused=Counter(sink.counts),
            findings=[*stream.findings, *decoder.findings.findings],
            container=decoder.findings.container,
        )

    def finish(self, tallies: Mapping[int, SourceTally]) -> list[date]:
        """Complete days and warnings; see `FeedReader.finish`."""
        if self._scratch.block.records:
            self._add_block(self._scratch.block)
        for number, warnings in self._warnings.items():
            tallies[number].warnings = warnings
        for number, days in self._days.items():
            tallies[number].days = days
        planned = [] if self._planned.is_empty else [self._day]
        return sorted({*planned, *self._others.days()})

    def open_session(self, day: date) -> SnapshotSession:
        """The session of a date with its records; see `FeedReader.open_session`."""
        if day == self._day:
            return self._planned
        session = SnapshotSession(self._kind, SessionKey(self._feed, day), workspace=self._workspace)
        for batch in self._others.batches(day):
            session.add(batch)
        return session

    def close(self) -> None:
        """Let go of what was begun for the planned date."""
        self._planned.close()

    def _add_block(self, block: Block) -> None:
        numbers, firsts = zip(*self._begun, strict=True)
        source = np.repeat(np.array(numbers, np.int64), np.diff(firsts, append=block.records))
        days = list(self._iter_days(block.column(Int.TIMESTAMP)))
        self._count(block, source, days)
        ladder = block.filled_ladder
        batch = Batch(
            source,
            block.ints[:, : block.records].copy(),
            block.filled_numbers.copy(),
            ladder if block.rows > ROW_CAPACITY // 2 else ladder.copy(),
            block.extra,
        )
        for bounds, mask in days:
            mine = batch.select(mask)
            if bounds is self._bounds:
                self._planned.add(mine)
            else:
                self._others.add(bounds.day, mine)

    def _iter_days(self, timestamps: Ints) -> Iterator[tuple[SessionBounds, Mask]]:
        """The New York dates of a block, each with the mask of its records."""
        left = np.ones(len(timestamps), np.bool_)
        bounds = self._bounds
        while True:
            mask = left & (timestamps >= bounds.day_start_us) & (timestamps < bounds.day_end_us)
            if mask.any():
                yield bounds, mask
            left &= ~mask
            if not left.any():
                return
            bounds = SessionBounds.of(new_york_day(int(timestamps[left][0])))

    def _count(self, block: Block, source: Ints, days: list[tuple[SessionBounds, Mask]]) -> None:
        last_source, last_us = self._last
        previous_us = last_us if last_source == source[0] else MIN_US
        for number, counts in count_warnings(
            self._kind, block, source, days, previous_us, planned=self._bounds
        ).items():
            self._warnings.setdefault(number, Counter()).update(counts)
        self._last = int(source[-1]), int(block.column(Int.TIMESTAMP)[-1])
        for bounds, mask in days:
            for number, count in zip(*np.unique(source[mask], return_counts=True), strict=True):
                self._days.setdefault(int(number), Counter())[bounds.day.isoformat()] += int(count)
