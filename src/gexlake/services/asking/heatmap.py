"""Strike by time: what the last snapshot of each interval says, and nothing later.

Of a session only those snapshots are read, by its lookup index; of a session without one its whole file is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.db.readers import reading
from gexlake.models.block import Doubles, Ints
from gexlake.models.feed import Feed
from gexlake.models.record_types import kind_of
from gexlake.services.asking.resample import last_of_intervals
from gexlake.services.asking.session_frames import Bounds, are_in_order, collect_rows, scan_files, sessions_of_range
from gexlake.services.store.ladder_rows import pick_snapshots
from gexlake.services.store.lookup_file import LookupFile, NoLookupError

if TYPE_CHECKING:
    import polars as pl


class Heatmap(NamedTuple):
    """One column of the ladder of each interval's last snapshot, in order of time.

    ends     (m,) Unix microseconds, each the end of an interval
    rows     (m,) rows of each ladder
    strikes  (n,) of the ladders, one behind the other
    values   (n,) NaN for NULL
    """

    ends: Ints
    rows: Ints
    strikes: Doubles
    values: Doubles

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Several, one behind the other; an empty one of none."""
        if len(parts) == 1:
            return parts[0]
        empty = cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
        return cls(*map(np.concatenate, zip(empty, *parts, strict=True)))

    def frame(self, value: str) -> pl.DataFrame:
        """A row per cell: `timestamp` (the interval's end), `strike`, and the column under its name."""
        import polars as pl

        return pl.DataFrame(
            {
                "timestamp": pl.Series(np.repeat(self.ends, self.rows)).cast(pl.Datetime("us", "UTC")),
                "strike": self.strikes,
                value: pl.Series(self.values, nan_to_null=True),
            }
        )

    def matrix(self) -> tuple[Doubles, Ints, Doubles]:
        """The same as (n,) strikes, (m,) ends of the intervals that have any, and their (n, m) values.

        NaN where a ladder has no such strike; of two rows of one strike the later stands.
        """
        some = self.rows > 0
        ends, rows = self.ends[some], self.rows[some]
        if len(rows) and (rows == rows[0]).all():
            ladders = self.strikes.reshape(len(rows), -1)
            if (np.diff(ladders[0]) > 0).all() and (ladders == ladders[0]).all():  # as mostly
                return ladders[0], ends, np.ascontiguousarray(self.values.reshape(len(rows), -1).T)
        strikes, row = np.unique(self.strikes, return_inverse=True)
        values = np.full((len(strikes), len(ends)), np.nan)
        values[row, np.repeat(np.arange(len(ends)), rows)] = self.values
        return strikes, ends, values


class _Asked(NamedTuple):
    """What is asked for, of any session."""

    feed: Feed
    bounds: Bounds
    seconds: int
    value: str


class _Session(NamedTuple):
    """A session in the range, or several of an older lake; without a file where there is no lookup index.

    snapshots  (m,) Unix microseconds of the last one of each interval
    numbers    (m,) their numbers in the session
    ends       (m,) the ends of the intervals
    """

    paths: Sequence[Path]
    file: LookupFile | None
    snapshots: Ints
    numbers: Ints
    ends: Ints

    def until(self, after: Self) -> Self:
        """The same, without an interval in which the session after it goes on."""
        if after.ends[0] != self.ends[-1]:
            return self
        return self._replace(snapshots=self.snapshots[:-1], numbers=self.numbers[:-1], ends=self.ends[:-1])


def iter_heatmap(
    layout: LakeLayout,
    feed: Feed,
    bounds: Bounds,
    seconds: int,
    value: str,
    *,
    on_intervals: Callable[[int], None] = lambda _: None,
) -> Iterator[Heatmap]:
    """The heatmap of `value`, a column of the feed's ladder, in intervals of so many seconds, by session.

    A session without a snapshot in the range is left out. `on_intervals` is told how many intervals there are so far
    before their ladders are read, and may raise. The feed has to be one of which a session is published; raises
    `LakeError` where a file is damaged or has gone.
    """
    asked = _Asked(feed, bounds, seconds, value)
    count = 0
    with reading():
        for session in _iter_disjoint(_iter_sessions(asked, layout)):
            count += len(session.ends)
            on_intervals(count)
            yield _read(asked, session)


def _iter_sessions(asked: _Asked, layout: LakeLayout) -> Iterator[_Session]:
    """Those that have a snapshot in the range, in order; of an older lake all together where they are in none."""
    datasets = "snapshots", kind_of(asked.feed).indexed_dataset
    sessions = sessions_of_range(layout, datasets, asked.feed, asked.bounds)
    snapshots, ladders = ([session.files[name] for session in sessions] for name in datasets)
    opened: Iterable[_Session] = (
        map(partial(_open, asked), snapshots, ladders)
        if are_in_order(sessions)
        else [_open_unindexed(asked, snapshots, ladders)]
    )
    return (session for session in opened if len(session.ends))


def _iter_disjoint(sessions: Iterator[_Session]) -> Iterator[_Session]:
    """The same, with an interval that two sessions share in the later of them alone."""
    before: _Session | None = None
    for session in sessions:
        if before is not None:
            yield before.until(session)
        before = session
    if before is not None:
        yield before


def _open(asked: _Asked, snapshots: Path, ladders: Path) -> _Session:
    try:
        file = LookupFile.open_whole(ladders, len(kind_of(asked.feed).ladder_names))
    except NoLookupError:
        return _open_unindexed(asked, [snapshots], [ladders])
    timestamps = file.index.timestamps
    first, stop = asked.bounds.snapshots_of(timestamps)
    last, ends = last_of_intervals(timestamps[first:stop], asked.seconds)
    return _Session([ladders], file, timestamps[first + last], first + last, ends)


def _read(asked: _Asked, session: _Session) -> Heatmap:
    file = session.file
    if file is None:
        return _read_unindexed(asked, session)
    columns = [kind_of(asked.feed).ladder_names.index(name) for name in ("strike", asked.value)]
    strikes, values = pick_snapshots(file, session.numbers, columns)
    file.check_unchanged()
    return Heatmap(session.ends, file.index.rows[session.numbers], strikes, values)


# ---- sessions of an older lake, without a lookup index or out of order --------------------------------------------


def _open_unindexed(asked: _Asked, snapshots: Sequence[Path], ladders: Sequence[Path]) -> _Session:
    rows = collect_rows(scan_files(snapshots, "snapshots", asked.feed, asked.bounds).select("timestamp"))
    timestamps = rows["timestamp"].sort().to_physical().to_numpy()
    last, ends = last_of_intervals(timestamps, asked.seconds)
    return _Session(ladders, None, timestamps[last], last, ends)


def _read_unindexed(asked: _Asked, session: _Session) -> Heatmap:
    import polars as pl

    wanted = pl.Series(session.snapshots).cast(pl.Datetime("us", "UTC")).implode()
    ladders = scan_files(session.paths, kind_of(asked.feed).indexed_dataset, asked.feed, asked.bounds)
    rows = ladders.select("timestamp", "strike", asked.value).filter(pl.col("timestamp").is_in(wanted))
    found = collect_rows(rows.sort("timestamp", maintain_order=True))
    stops = found["timestamp"].to_physical().to_numpy().searchsorted(session.snapshots, "right")
    strikes, values = (found[name].to_numpy() for name in ("strike", asked.value))
    return Heatmap(session.ends, np.diff(stops, prepend=0), strikes, values)
