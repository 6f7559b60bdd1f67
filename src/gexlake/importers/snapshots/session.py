"""One session of a feed: of all snapshots with one key, which stands; and its files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gexlake.errors import LakeError
from gexlake.importers.base import (
    FOOTER_KEY,
    Claim,
    ClaimOf,
    Conflict,
    Run,
    SourceName,
    SourceTally,
    Succession,
)
from gexlake.importers.snapshots.batch import Batch
from gexlake.importers.snapshots.check import ensure_sound
from gexlake.importers.snapshots.ladders import LadderStore
from gexlake.importers.snapshots.lookup import INTS, LOOKUP_KEY, Scalars, appendix_of, iter_blocks
from gexlake.importers.snapshots.sameness import Sameness
from gexlake.importers.snapshots.writing.dataset import write_dataset
from gexlake.importers.snapshots.writing.frames import (
    Checksum,
    ladder_tables,
    numbered_schema,
    snapshot_frame,
    snapshot_tables,
)
from gexlake.importers.snapshots.writing.ladder_writer import LadderWriter
from gexlake.importers.snapshots.writing.runs import from_runs, runs_of
from gexlake.models.block import ROW_CAPACITY, Doubles, Int, Ints
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType
from gexlake.models.staged import SessionSummary
from gexlake.validation.calendar import cash_hours
from gexlake.validation.gaps import find_holes
from gexlake.validation.rules import Rule
from gexlake.validation.snapshots import Mask, SessionBounds

NO_SUCCESSION = Succession()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where snapshots come from, and what claim they have to stand."""

    name: SourceName
    claim: Claim

    @property
    def number(self) -> int | None:
        """The caller's number, if it is being read."""
        return self.name if isinstance(self.name, int) else None

    @property
    def source_file(self) -> str | None:
        """The path of a reading that the lake has rows of."""
        return None if isinstance(self.name, int) else self.name[1]


class SnapshotSession:
    """A `SessionBuilder` for snapshots; `add` gives it those that are being read.

    Snapshots are numbered as they come; `resolve` decides which of them stand, in time order.
    """

    def __init__(self, kind: RecordType, session: SessionKey, *, workspace: Path | None, writes: bool = False) -> None:
        self._kind = kind
        self._session = session
        self._workspace = workspace
        directory = workspace / session.session_date.isoformat() if workspace is not None else None
        if directory is not None:
            directory.mkdir(exist_ok=True)
        self._ladders = LadderStore(len(kind.ladder_names), directory)
        self._early: LadderWriter | None = None
        if writes and directory is not None and kind.ladder:
            self._early = LadderWriter(directory / f"{kind.ladder.dataset}.parquet", kind)
        self._early_us = -(2**63)
        self._early_snapshots = 0
        self._batches: list[Batch] = []
        self._origins: list[_Origin] = []
        self._origin_of: dict[_Origin, int] = {}
        self._source: Ints = np.empty(0, np.int64)
        self._ints: Ints = np.empty((len(Int), 0), np.int64)
        self._numbers: Doubles = np.empty((kind.number_rows, 0))
        self._extra: dict[int, str] = {}
        self._texts: list[str | None] = []
        self._order: Ints = np.empty(0, np.int64)
        self.differing = 0
        self._unchanged = 0
        """Snapshots of the lake's that were replaced by the same values."""

    # ---- collecting ----------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been added yet."""
        return not self._batches

    def add(self, batch: Batch) -> None:
        """Take snapshots that are being read; `batch.source` has the caller's numbers."""
        origins = {int(number): self._number(int(number), Claim.READ) for number in np.unique(batch.source)}
        lookup = np.zeros(max(origins) + 1, np.int64)
        lookup[list(origins)] = list(origins.values())
        self._write_early(batch)
        self._add(batch._replace(source=lookup[batch.source]))

    def keep(self, files: Mapping[str, Path], claim_of: ClaimOf, *, misfiled: bool = False) -> None:
        """Take what the lake holds of the session; see `SessionBuilder.keep`."""
        import polars as pl

        before = len(self._batches)
        try:
            self._keep(files, claim_of, misfiled=misfiled)
        except (pl.exceptions.PolarsError, FileNotFoundError, KeyError, ValueError) as error:
            del self._batches[before:]
            self._ladders.rewind(before)
            raise LakeError(
                f"{files['snapshots']}, or a file that belongs to it, is damaged: {str(error).partition(chr(10))[0]}.",
                hint="Run `gexlake verify --repair`, or import the sources of that session again with --force.",
            ) from error

    def _keep(self, files: Mapping[str, Path], claim_of: ClaimOf, *, misfiled: bool) -> None:
        import polars as pl

        ensure_sound(self._kind, files)
        footer = json.loads(pl.read_parquet_metadata(files["snapshots"])[FOOTER_KEY])
        stored = pl.read_parquet(files["snapshots"], glob=False, hive_partitioning=False)
        ints, numbers, extra = snapshot_tables(self._kind, stored)
        if self._kind.ladder:
            ints[Int.ROWS] = from_runs(footer["strikes_per_snapshot"])
        owner = self._owners(footer["sources"], ints.shape[1], claim_of)
        if not misfiled:
            owner[~self._is_of_this_date(ints[Int.TIMESTAMP])] = -1
        read_ladder = self._ladder_reader(files)
        ends = np.cumsum(ints[Int.ROWS])
        start = 0
        while start < ints.shape[1]:
            first_row = int(ends[start - 1]) if start else 0
            stop = max(int(np.searchsorted(ends, first_row + ROW_CAPACITY, side="right")), start + 1)
            here = slice(start, stop)
            wanted = owner[here] >= 0
            if wanted.any():
                ladder = read_ladder(first_row, int(ends[stop - 1]) - first_row)
                texts = {i: text for i, text in enumerate(extra[here]) if text is not None}
                self._add(Batch(owner[here], ints[:, here], numbers[:, here], ladder, texts).select(wanted))
            start = stop

    def _ladder_reader(self, files: Mapping[str, Path]) -> Callable[[int, int], Doubles]:
        """What reads so many rows of the stored ladders from one on, as a table."""
        import polars as pl

        kind = self._kind
        if kind.ladder is None:
            return lambda _, count: np.empty((0, count))
        rows = pl.scan_parquet(files[kind.ladder.dataset], glob=False, hive_partitioning=False)
        return lambda first, count: ladder_tables(kind, rows.slice(first, count).collect())

    def _is_of_this_date(self, timestamps: Ints) -> Mask:
        """Which kept snapshots are of this session: one that an older gexlake has misfiled is another's."""
        bounds = SessionBounds.of(self._session.session_date)
        mask: Mask = (timestamps >= bounds.day_start_us) & (timestamps < bounds.day_end_us)
        return mask

    def _owners(self, sources: Iterable[Mapping[str, Any]], count: int, claim_of: ClaimOf) -> Ints:
        """The origin of each stored snapshot; -1 for those that are left out."""
        owner = np.full(count, -1, np.int64)
        for source in sources:
            claim = claim_of(source)
            if claim is not None:
                number = self._number((source["import_id"], source["source_file"]), claim)
                for first, length in source["runs"]:
                    owner[first : first + length] = number
        return owner

    def _number(self, name: SourceName, claim: Claim) -> int:
        origin = _Origin(name, claim)
        if origin not in self._origin_of:
            self._origin_of[origin] = len(self._origins)
            self._origins.append(origin)
        return self._origin_of[origin]

    def _add(self, batch: Batch) -> None:
        rows = batch.rows
        self._ladders.add(batch.ladder, np.cumsum(rows) - rows, rows)
        self._batches.append(batch._replace(ladder=batch.ladder[:, :0]))

    # ---- deciding ------------------------------------------------------------------------------------------

    def resolve(self, tallies: Mapping[int, SourceTally], succession: Succession = NO_SUCCESSION) -> list[Conflict]:
        """Decide which snapshots stand; see `SessionBuilder.resolve`."""
        for number in tallies:
            self._number(number, Claim.READ)  # named in `runs`, though it may have given nothing
        self._ladders.seal()
        self._join()
        timestamps = self._ints[Int.TIMESTAMP]
        conflicts: list[Conflict] = []
        if (np.diff(timestamps) > 0).all():
            order = np.arange(len(timestamps))
        else:
            claims = np.array([origin.claim for origin in self._origins], np.int64)
            order = np.lexsort((~self._is_heir(succession), claims[self._source], timestamps))
            again = np.concatenate(([False], np.diff(timestamps[order]) == 0))
            first = order[np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))]
            conflicts = self._compare(first[again], order[again], tallies)
            order = order[~again]
        self._arrange(self._without_pruned(order, tallies, succession))
        self._count_given(tallies)
        return conflicts

    def _is_heir(self, succession: Succession) -> Mask:
        """Which snapshots are in the place of one that stands in the lake by an earlier reading of the same file.

        Of several files that are read again, the one that has given a snapshot gives it still.
        """
        heirs = np.array([self._heir_of(origin, succession) for origin in self._origins], np.int64)[self._source]
        if (heirs < 0).all():
            return np.zeros(len(self._source), np.bool_)
        _, keys = np.unique(self._ints[Int.TIMESTAMP], return_inverse=True)
        first = keys * len(self._origins)
        mask: Mask = np.isin(first + self._source, (first + heirs)[heirs >= 0])
        return mask

    def _heir_of(self, origin: _Origin, succession: Succession) -> int:
        """The origin that takes the place of a yielding one; -1 where there is none."""
        number = succession.successors.get(origin.source_file or "") if origin.claim is Claim.YIELDING else None
        return -1 if number is None else self._origin_of.get(_Origin(number, Claim.READ), -1)

    def _compare(self, standing: Ints, others: Ints, tallies: Mapping[int, SourceTally]) -> list[Conflict]:
        """Say what became of the snapshots whose key another has taken."""
        sameness = Sameness(self._kind, self._ints, self._numbers, self._ladders)
        same = sameness.of(standing, others)
        for number, count in Counter(self._source[others[same]].tolist()).items():
            tally = self._tally(number, tallies)
            if tally is not None:
                tally.duplicate += count
        conflicts = []
        for stands, other, is_same in zip(standing.tolist(), others.tolist(), same.tolist(), strict=True):
            tally = self._tally(int(self._source[other]), tallies)
            if tally is None:  # the lake's own, which has been replaced
                self._unchanged += is_same
                winner = self._tally(int(self._source[stands]), tallies)
                self.differing += not is_same
                if winner is not None and not is_same:
                    winner.corrected += 1
            elif not is_same:
                tally.refused[Rule.KEY_CONFLICT] += 1
                conflicts.append(self._conflict(stands, other, sameness))
            elif self._extra.get(stands) != self._extra.get(other) and _differ(
                self._extra.get(stands), self._extra.get(other)
            ):
                tally.warnings[Rule.EXTRA_DIFFERS] += 1
        return sorted(conflicts, key=lambda conflict: (conflict.source, conflict.byte_offset))

    def _tally(self, origin: int, tallies: Mapping[int, SourceTally]) -> SourceTally | None:
        number = self._origins[origin].number
        return None if number is None else tallies[number]

    def _conflict(self, stands: int, other: int, sameness: Sameness) -> Conflict:
        number = self._origins[int(self._source[other])].number
        assert number is not None
        start, end = int(self._ints[Int.START, other]), int(self._ints[Int.END, other])
        origin = self._origins[int(self._source[stands])]
        second = int(self._ints[Int.TIMESTAMP, other]) / 1_000_000
        return Conflict(
            source=number,
            record_index=int(self._ints[Int.INDEX, other]),
            byte_offset=start,
            length=end - start,
            other=origin.name,
            message=f"timestamp {second:.15g} of {self._session.feed} is there already with another "
            f"{sameness.first_difference(stands, other)}",
        )

    def _without_pruned(self, order: Ints, tallies: Mapping[int, SourceTally], succession: Succession) -> Ints:
        """Count what the successors of earlier readings lack, and leave out what is to be pruned of it."""
        stands = np.ones(len(order), np.bool_)
        for index, origin in enumerate(self._origins):
            number = succession.successors.get(origin.source_file or "")
            if number is None or number not in tallies or origin.claim is not Claim.YIELDING:
                continue
            mine = self._source[order] == index
            count = int(np.count_nonzero(mine))
            if number in succession.prunes:
                tallies[number].pruned += count
                stands &= ~mine
            else:
                tallies[number].kept += count
        return order[stands]

    def _count_given(self, tallies: Mapping[int, SourceTally]) -> None:
        day = self._session.session_date.isoformat()
        for origin, count in Counter(self._source.tolist()).items():
            tally = self._tally(origin, tallies)
            if tally is not None:
                tally.given[day] = count

    def _arrange(self, order: Ints) -> None:
        """Keep the snapshots that stand, in time order; their ladders go on by the numbers in `order`."""
        in_order = len(order) == self._early_snapshots and (order == np.arange(len(order))).all()
        if not in_order:
            self._abandon_early()
        if len(order) < len(self._source) or (np.diff(order) != 1).any():
            self._ints, self._numbers = self._ints[:, order], self._numbers[:, order]
            self._source = self._source[order]
        self._texts = [self._extra.get(i) for i in order.tolist()]
        self._order = order

    def _join(self) -> None:
        batches = self._batches
        if batches:
            self._source = np.concatenate([batch.source for batch in batches])
            self._ints = np.concatenate([batch.ints for batch in batches], axis=1)
            self._numbers = np.concatenate([batch.numbers for batch in batches], axis=1)
        offset = 0
        for batch in batches:
            self._extra.update({offset + i: text for i, text in batch.extra.items()})
            offset += batch.ints.shape[1]
        self._batches = []

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
        """Which snapshots of the result came from which source; those that the lake had before come first."""
        kept: dict[SourceName, list[Run]] = {}
        read: dict[SourceName, list[Run]] = {o.name: [] for o in self._origins if o.number is not None}
        for number, first, count in runs_of(self._source):
            origin = self._origins[number]
            (kept if origin.number is None else read).setdefault(origin.name, []).append((first, count))
        return {**kept, **read}

    def brought_back(self) -> int:
        """How many snapshots stand by `Claim.READ` that the lake does not hold, or holds with other values."""
        by_claim = [index for index, origin in enumerate(self._origins) if origin.claim is Claim.READ]
        return int(np.isin(self._source, by_claim).sum()) - self._unchanged

    def checksum(self) -> str:
        """The checksum that `write` would return."""
        checksum = Checksum(self._kind)
        checksum.add_snapshots(self._ints, self._numbers, self._texts)
        for batch in self._ladders.batches(self._order) if self._kind.ladder else ():
            checksum.add_ladder(self._ladders.rows_of[batch], self._ladders.gather(batch))
        return checksum.hexdigest()

    def write(self, directory: Path, *, import_ids: Mapping[SourceName, str], footer: Mapping[str, object]) -> str:
        """Write `snapshots.parquet` and the file of the ladders, if there are any; the checksum of their content."""
        document, checksum = dict(footer), Checksum(self._kind)
        if self._kind.ladder:
            rows_of = [[rows, count] for rows, _, count in runs_of(self._ladders.rows_of[self._order])]
            document["strikes_per_snapshot"] = rows_of
            checksum = self._write_ladders(directory / f"{self._kind.ladder.dataset}.parquet", document)
        checksum.add_snapshots(self._ints, self._numbers, self._texts)
        document["checksum"] = checksum.hexdigest()
        ids = [import_ids.get(origin.name, "") for origin in self._origins]
        owners = [ids[number] for number in self._source.tolist()]
        snapshots = snapshot_frame(self._kind, self._ints, self._numbers, self._texts, owners)
        appendix = b""
        if self._kind.ladder is None and snapshots.height:
            appendix, document[LOOKUP_KEY] = appendix_of(self._scalars(), self._ints[Int.TIMESTAMP])
        write_dataset(
            snapshots.lazy(),
            directory / "snapshots.parquet",
            document,
            schema=numbered_schema(self._kind),
            appendix=appendix,
        )
        return checksum.hexdigest()

    def _write_ladders(self, path: Path, document: Mapping[str, object]) -> Checksum:
        """What has been written on the way is complete now, or all is written in the order that was decided."""
        if self._early is not None:
            checksum = self._early.finish(document, iter_blocks(self._scalars()))
            self._early.path.replace(path)
            self._early = None
            return checksum
        writer = LadderWriter(path, self._kind)
        start = 0
        for batch in self._ladders.batches(self._order):
            timestamps = self._ints[Int.TIMESTAMP, start : start + len(batch)]
            writer.add(timestamps, self._ladders.rows_of[batch], self._ladders.gather(batch))
            start += len(batch)
        return writer.finish(document, iter_blocks(self._scalars()))

    def _scalars(self) -> Scalars:
        """What goes into the scalar blocks of the lookup index."""
        return Scalars(self._ints[list(INTS)], self._numbers, self._texts)

    # ---- writing on the way ----------------------------------------------------------------------------------

    def _write_early(self, batch: Batch) -> None:
        """Write ladders as they come, while each is later than the one before: mostly that is how they will stand."""
        if self._early is None:
            return
        timestamps = batch.timestamps
        if timestamps[0] > self._early_us and (np.diff(timestamps) > 0).all():
            self._early.add(timestamps, batch.rows, batch.ladder)
            self._early_us = int(timestamps[-1])
            self._early_snapshots += len(timestamps)
        else:
            self._abandon_early()

    def _abandon_early(self) -> None:
        if self._early is not None:
            self._early.abandon()
            self._early = None

    def close(self) -> None:
        """Let go of files and threads; after `write` there is nothing to let go of."""
        self._abandon_early()


def _differ(left: str | None, right: str | None) -> bool:
    """Whether two records have other unknown fields; what an envelope says does not count."""
    return _without_envelope(left) != _without_envelope(right)


def _without_envelope(text: str | None) -> object:
    if text is None:
        return {}
    extra = json.loads(text)
    extra.pop("envelope", None)
    return extra
