"""One session of a GEX feed, put together from its sources and from what the lake already holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gexlake.errors import LakeError
from gexlake.importers.base import FOOTER_KEY, Conflict, RefusalSink, Run, SourceName, SourceTally
from gexlake.importers.gex.careful import Expectation
from gexlake.importers.gex.dataset import write_dataset
from gexlake.importers.gex.decoder import GexDecoder
from gexlake.importers.gex.frames import Checksum, snapshot_frame, snapshot_tables, strike_tables
from gexlake.importers.gex.ladders import LadderStore
from gexlake.importers.gex.records import Scratch
from gexlake.importers.gex.runs import from_runs, runs_of
from gexlake.importers.gex.strike_writer import StrikeWriter
from gexlake.importers.stream import SourceStream
from gexlake.models.feed import SessionKey
from gexlake.models.gex_block import ROW_CAPACITY, Block, Doubles, Ints
from gexlake.models.gex_columns import NUMBER_ROWS, Int
from gexlake.models.staged import SessionSummary
from gexlake.validation.calendar import cash_hours
from gexlake.validation.gaps import find_holes
from gexlake.validation.rules import Rule
from gexlake.validation.snapshots import Mask, SessionBounds, count_warnings

MIN_US = 946_684_800_000_000
"""2000-01-01 in Unix microseconds."""
COMPARED_INTS = [Int.MIN_DTE, Int.SEC_MIN_DTE, Int.ROWS, Int.MAX_PRIORS]
COMPARED_SNAPSHOTS = 1000
"""Ladders are compared this many at a time, to bound memory."""


class _Part(NamedTuple):
    """The snapshots of one block, without their ladders; `source` numbers the source of each."""

    source: Ints
    ints: Ints
    numbers: Doubles
    extra: dict[int, str]


class GexSession:
    """A `SessionBuilder` for GEX snapshots.

    Snapshots are numbered as they come, kept ones first; `resolve` decides which of them stand, in time order.
    """

    def __init__(self, session: SessionKey, *, workspace: Path | None, moment_us: int, writes: bool) -> None:
        self._session = session
        self._expect = Expectation(session.feed.ticker, MIN_US, moment_us)
        self._bounds = SessionBounds.of(session.session_date)
        self._ladders = LadderStore(workspace)
        self._early = StrikeWriter(workspace / "strikes.parquet") if writes and workspace is not None else None
        self._early_us = MIN_US
        self._parts: list[_Part] = []
        self._names: list[SourceName] = []
        self._foreign: set[int] = set()
        self._scratch = Scratch()
        self._begun: list[tuple[int, int]] = []
        """Sources with records in the scratch's block, as (number, first record)."""
        self._last: tuple[int, int] = (-1, 0)
        """Source and timestamp of the last record of the block before."""
        self._warnings: dict[int, Counter[Rule]] = {}
        self._source: Ints = np.empty(0, np.int64)
        self._ints: Ints = np.empty((len(Int), 0), np.int64)
        self._numbers: Doubles = np.empty((NUMBER_ROWS, 0))
        self._extra: dict[int, str] = {}

    # ---- collecting ----------------------------------------------------------------------------------------

    def keep(self, files: Mapping[str, Path], *, replaced: frozenset[str], foreign: bool = False) -> None:
        """Take what the lake holds of a session; see `SessionBuilder.keep`."""
        import polars as pl

        if foreign:
            self._abandon_early()
        try:
            self._keep(files, replaced, foreign=foreign)
        except (pl.exceptions.PolarsError, FileNotFoundError, KeyError, ValueError) as error:
            raise LakeError(
                f"{files['snapshots']}, or its strikes, is damaged: {str(error).partition(chr(10))[0]}.",
                hint="Run `gexlake verify`, then import the sources of that session again with --force.",
            ) from error

    def _keep(self, files: Mapping[str, Path], replaced: frozenset[str], *, foreign: bool) -> None:
        import polars as pl

        footer = json.loads(pl.read_parquet_metadata(files["snapshots"])[FOOTER_KEY])
        ints, numbers, extra = snapshot_tables(pl.read_parquet(files["snapshots"], glob=False, hive_partitioning=False))
        ints[Int.ROWS] = from_runs(footer["strikes_per_snapshot"])
        owner = self._owners(footer["sources"], ints.shape[1], replaced, foreign=foreign)
        strikes = pl.scan_parquet(files["strikes"], glob=False, hive_partitioning=False)
        ends = np.cumsum(ints[Int.ROWS])
        start = 0
        while start < ints.shape[1]:
            first_row = int(ends[start - 1]) if start else 0
            stop = max(int(np.searchsorted(ends, first_row + ROW_CAPACITY, side="right")), start + 1)
            ladder = strike_tables(strikes.slice(first_row, int(ends[stop - 1]) - first_row).collect())
            here = slice(start, stop)
            texts = {i: text for i, text in enumerate(extra[here]) if text is not None}
            self._add(_Part(owner[here], ints[:, here], numbers[:, here], texts), ladder)
            start = stop

    def _owners(self, sources: list[dict[str, object]], count: int, replaced: frozenset[str], *, foreign: bool) -> Ints:
        """The number of the source of each stored snapshot; -1 for those of replaced ones."""
        owner = np.full(count, -1, np.int64)
        for source in sources:
            if source["source_file"] in replaced:
                continue
            number = self._number(str(source["source_file"]))
            if foreign:
                self._foreign.add(number)
            for first, length in source["runs"]:  # type: ignore[attr-defined]
                owner[first : first + length] = number
        return owner

    def read(self, stream: SourceStream, source: int, sink: RefusalSink) -> SourceTally:
        """Decode one source to its end; its warnings are counted by the time of `resolve`."""
        number = self._number(source)
        self._begun.append((number, self._scratch.block.records))
        decoder = GexDecoder(stream, self._expect, self._scratch)
        for event in decoder.full_blocks():
            if isinstance(event, Block):
                self._add_block(event)
                self._begun = [(number, 0)]
            else:
                sink.take(event)
        return SourceTally(
            seen=decoder.seen,
            refused=Counter(sink.counts),
            findings=[*stream.findings, *decoder.findings.findings],
            container=decoder.findings.container,
        )

    def _add_block(self, block: Block) -> None:
        numbers, firsts = zip(*self._begun, strict=True)
        source = np.repeat(np.array(numbers, np.int64), np.diff(firsts, append=block.records))
        last_source, last_us = self._last
        previous_us = last_us if last_source == source[0] else MIN_US
        for number, counts in count_warnings(block, source, self._bounds, previous_us).items():
            self._warnings.setdefault(number, Counter()).update(counts)
        self._last = int(source[-1]), int(block.column(Int.TIMESTAMP)[-1])
        part = _Part(source, block.ints[:, : block.records].copy(), block.filled_numbers.copy(), block.extra)
        ladder = block.filled_ladder
        self._add(part, ladder if block.rows > ROW_CAPACITY // 2 else ladder.copy())

    def _number(self, name: SourceName) -> int:
        self._names.append(name)
        return len(self._names) - 1

    def _add(self, part: _Part, ladder: Doubles) -> None:
        rows = part.ints[Int.ROWS]
        wanted = part.source >= 0
        if not wanted.all():
            ladder = ladder[:, np.repeat(wanted, rows)]
            extra = [part.extra.get(int(i)) for i in np.flatnonzero(wanted)]
            texts = {i: text for i, text in enumerate(extra) if text is not None}
            part = _Part(part.source[wanted], part.ints[:, wanted], part.numbers[:, wanted], texts)
            rows = part.ints[Int.ROWS]
        if len(rows):
            self._ladders.add(ladder, np.cumsum(rows) - rows, rows)
            self._parts.append(part)
            self._write_early(part.ints[Int.TIMESTAMP], rows, ladder)

    # ---- deciding ------------------------------------------------------------------------------------------

    def resolve(self, tallies: Mapping[int, SourceTally]) -> list[Conflict]:
        """Decide which snapshots stand; see `SessionBuilder.resolve`. Of equal keys the first stands."""
        if self._scratch.block.records:
            self._add_block(self._scratch.block)
        for number, counts in self._warnings.items():
            name = self._names[number]
            if isinstance(name, int):
                tallies[name].warnings = counts
        self._ladders.seal()
        self._join()
        timestamps = self._ints[Int.TIMESTAMP]
        if (np.diff(timestamps) > 0).all():
            self._arrange(self._without_foreign(np.arange(len(timestamps))))
            return []
        order = np.argsort(timestamps, kind="stable")
        again = np.concatenate(([False], np.diff(timestamps[order]) == 0))
        first = order[np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))]
        later, earlier = order[again], first[again]
        same = self._same_content(earlier, later)
        duplicates = Counter(self._source[later[same]].tolist())
        for number, count in duplicates.items():
            name = self._names[number]
            if isinstance(name, int):
                tallies[name].duplicate += count
        conflicts = [self._conflict(int(i), tallies) for i in np.sort(later[~same])]
        self._arrange(self._without_foreign(order[~again]))
        return conflicts

    def _arrange(self, order: Ints) -> None:
        """Keep the snapshots that stand, in time order; their ladders go on by the numbers in `order`."""
        if len(order) < len(self._source):
            self._abandon_early()
        if len(order) < len(self._source) or (np.diff(order) != 1).any():
            self._ints, self._numbers = self._ints[:, order], self._numbers[:, order]
            self._source = self._source[order]
        self._texts = [self._extra.get(i) for i in order.tolist()]
        self._order = order

    def _join(self) -> None:
        parts = self._parts
        if parts:
            self._source = np.concatenate([part.source for part in parts])
            self._ints = np.concatenate([part.ints for part in parts], axis=1)
            self._numbers = np.concatenate([part.numbers for part in parts], axis=1)
        offset = 0
        for part in parts:
            self._extra.update({offset + i: text for i, text in part.extra.items()})
            offset += part.ints.shape[1]
        self._parts = []

    def _without_foreign(self, order: Ints) -> Ints:
        return order[~np.isin(self._source[order], list(self._foreign))] if self._foreign else order

    def _conflict(self, snapshot: int, tallies: Mapping[int, SourceTally]) -> Conflict:
        source = self._names[int(self._source[snapshot])]
        assert isinstance(source, int), "what the lake keeps comes first, so it is never the later one"
        tallies[source].refused[Rule.KEY_CONFLICT] += 1
        start, end = int(self._ints[Int.START, snapshot]), int(self._ints[Int.END, snapshot])
        second = int(self._ints[Int.TIMESTAMP, snapshot]) // 1_000_000
        message = f"timestamp {second} of {self._session.feed} is there already, with other values"
        return Conflict(source, int(self._ints[Int.INDEX, snapshot]), start, end - start, message)

    def _same_content(self, earlier: Ints, later: Ints) -> Mask:
        """Whether two snapshots of one timestamp hold the same values; what an envelope says does not count."""
        counts = self._ints[COMPARED_INTS]
        same: Mask = (counts[:, earlier] == counts[:, later]).all(axis=0)
        same &= _equal(self._numbers[:, earlier], self._numbers[:, later]).all(axis=0)
        for i in np.flatnonzero(same):
            texts = self._extra.get(int(earlier[i])), self._extra.get(int(later[i]))
            same[i] = texts[0] == texts[1] or _without_envelope(texts[0]) == _without_envelope(texts[1])
        candidates = np.flatnonzero(same)
        for start in range(0, len(candidates), COMPARED_SNAPSHOTS):
            some = candidates[start : start + COMPARED_SNAPSHOTS]
            cells = _equal(self._ladders.gather(earlier[some]), self._ladders.gather(later[some])).all(axis=0)
            rows = self._ladders.rows_of[earlier[some]]
            same[some] = np.logical_and.reduceat(cells, np.cumsum(rows) - rows)
        return same

    # ---- the result ----------------------------------------------------------------------------------------

    def summarize(self) -> SessionSummary:
        """Counts, first and last timestamp, and the holes in cash hours."""
        timestamps = self._ints[Int.TIMESTAMP]
        hours = cash_hours(self._session.session_date)
        holes = find_holes(timestamps, hours) if hours else []
        return SessionSummary(
            snapshots=len(timestamps),
            rows=int(self._ladders.rows_of[self._order].sum()),
            first_us=int(timestamps[0]) if len(timestamps) else None,
            last_us=int(timestamps[-1]) if len(timestamps) else None,
            holes=[(hole.start_us, hole.end_us) for hole in holes],
        )

    def runs(self) -> dict[SourceName, list[Run]]:
        """Which snapshots of the result came from which source."""
        result: dict[SourceName, list[Run]] = {
            name: [] for number, name in enumerate(self._names) if number not in self._foreign
        }
        for number, first, count in runs_of(self._source):
            result[self._names[number]].append((first, count))
        return result

    def checksum(self) -> str:
        """The checksum that `write` would return."""
        checksum = Checksum()
        checksum.add_snapshots(self._ints, self._numbers, self._texts)
        for batch in self._ladders.batches(self._order):
            checksum.add_ladder(self._ladders.rows_of[batch], self._ladders.gather(batch))
        return checksum.hexdigest()

    def write(self, directory: Path, *, import_ids: Mapping[SourceName, str], footer: Mapping[str, object]) -> str:
        """Write `snapshots.parquet` and `strikes.parquet`; the checksum of their content."""
        rows_of = [[rows, count] for rows, _, count in runs_of(self._ladders.rows_of[self._order])]
        document = {**footer, "strikes_per_snapshot": rows_of}
        checksum = self._write_strikes(directory / "strikes.parquet", document)
        checksum.add_snapshots(self._ints, self._numbers, self._texts)
        document["checksum"] = checksum.hexdigest()
        ids = [import_ids.get(name, "") for name in self._names]
        owners = [ids[number] for number in self._source.tolist()]
        snapshots = snapshot_frame(self._ints, self._numbers, self._texts, owners)
        write_dataset(snapshots.lazy(), directory / "snapshots.parquet", document)
        return checksum.hexdigest()

    def _write_strikes(self, path: Path, document: Mapping[str, object]) -> Checksum:
        """What has been written on the way is complete now, or all is written in the order that was decided."""
        if self._early is not None:
            checksum = self._early.finish(document)
            self._early.path.replace(path)
            self._early = None
            return checksum
        writer = StrikeWriter(path)
        start = 0
        for batch in self._ladders.batches(self._order):
            timestamps = self._ints[Int.TIMESTAMP, start : start + len(batch)]
            writer.add(timestamps, self._ladders.rows_of[batch], self._ladders.gather(batch))
            start += len(batch)
        return writer.finish(document)

    # ---- writing on the way ----------------------------------------------------------------------------------

    def _write_early(self, timestamps: Ints, rows: Ints, ladder: Doubles) -> None:
        """Write ladders as they come, while each is later than the one before: mostly that is how they will stand."""
        if self._early is None:
            return
        if timestamps[0] > self._early_us and (np.diff(timestamps) > 0).all():
            self._early.add(timestamps, rows, ladder)
            self._early_us = int(timestamps[-1])
        else:
            self._abandon_early()

    def _abandon_early(self) -> None:
        if self._early is not None:
            self._early.abandon()
            self._early = None

    def close(self) -> None:
        """Let go of files and threads; after `write` there is nothing to let go of."""
        self._abandon_early()


def _equal(left: Doubles, right: Doubles) -> Mask:
    both: Mask = (left == right) | (np.isnan(left) & np.isnan(right))
    return both


def _without_envelope(text: str | None) -> object:
    if text is None:
        return {}
    extra = json.loads(text)
    extra.pop("envelope", None)
    return extra
