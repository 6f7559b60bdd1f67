"""A few strikes through time, as Polars frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.db.published import session_of
from gexlake.db.readers import reading
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import kind_of
from gexlake.services.asking.session_frames import Bounds, collect_rows, files_of_range, scan_files, scan_range
from gexlake.services.processes.workers import cores
from gexlake.services.store.ladder_rows import StrikeRows, pick_strikes
from gexlake.services.store.lookup_file import LookupFile, NoLookupError

if TYPE_CHECKING:
    import polars as pl

SESSIONS_AHEAD = 3
"""While one becomes a frame, the next are opened and read."""


class _Asked(NamedTuple):
    """What is asked for."""

    dataset: str
    feed: Feed
    bounds: Bounds
    strikes: Sequence[float]


class _UnderWay(NamedTuple):
    """A session whose row groups are read in threads; without a file where it has no lookup index."""

    path: Path
    file: LookupFile | None = None
    groups: Sequence[Future[StrikeRows | None]] = ()


def read_strikes(
    layout: LakeLayout, dataset: str, feed: Feed, bounds: Bounds, strikes: Sequence[float]
) -> pl.DataFrame:
    """All rows of some strikes of a feed in a range; raises as `iter_strikes` does."""
    import polars as pl

    frames = list(iter_strikes(layout, dataset, feed, bounds, strikes, ahead=SESSIONS_AHEAD))
    return pl.concat(frames) if frames else collect_rows(scan_range(layout, dataset, feed, bounds).head(0))


def iter_strikes(
    layout: LakeLayout,
    dataset: str,
    feed: Feed,
    bounds: Bounds,
    strikes: Sequence[float],
    *,
    descending: bool = False,
    ahead: int = 0,
) -> Iterator[pl.DataFrame]:
    """The rows of some strikes of a feed by session, each by time and strike, with the columns of the view.

    A session that has none may be left out. So many sessions are read `ahead` of the one that is given. The feed has to
    be one of which a session is published; raises `LakeError` where a file is damaged or has gone.
    """
    asked = _Asked(dataset, feed, bounds, strikes)
    with reading(), ThreadPoolExecutor(cores()) as threads:
        files = files_of_range(layout, dataset, feed, bounds)
        under_way: deque[_UnderWay] = deque()
        for file in reversed(files) if descending else files:
            under_way.append(_begin(threads, asked, file))
            if len(under_way) > ahead:
                yield from _finish(asked, under_way.popleft())
        while under_way:
            yield from _finish(asked, under_way.popleft())


def _begin(threads: ThreadPoolExecutor, asked: _Asked, path: Path) -> _UnderWay:
    try:
        file = LookupFile.open_whole(path, len(kind_of(asked.feed).ladder_names))
    except NoLookupError:
        return _UnderWay(path)
    first, stop = asked.bounds.snapshots_of(file.index.timestamps)
    wanted = np.array([float(strike) for strike in asked.strikes])
    numbers = range(len(file.index.group_ends)) if first < stop else ()
    groups = [threads.submit(pick_strikes, file, wanted, number, first, stop) for number in numbers]
    return _UnderWay(path, file, groups)


def _finish(asked: _Asked, one: _UnderWay) -> Iterator[pl.DataFrame]:
    """The session's rows, if there are any."""
    if one.file is None:
        yield collect_rows(scan_files([one.path], asked.dataset, asked.feed, asked.bounds, strikes=asked.strikes))
        return
    parts = [rows for rows in (group.result() for group in one.groups) if rows is not None]
    one.file.check_unchanged()
    if parts:
        yield _frame_of(session_of(one.path), parts)


def _frame_of(session: SessionKey, parts: list[StrikeRows]) -> pl.DataFrame:
    import polars as pl

    names = kind_of(session.feed).ladder_names
    cells = np.concatenate([part.cells for part in parts], axis=1)
    instants = pl.Series("timestamp", np.concatenate([part.timestamps for part in parts]))
    identity = zip(
        ("ticker", "package", "category", "session_date"), (*session.feed, session.session_date), strict=True
    )
    return pl.DataFrame([instants, *map(pl.Series, names, cells)]).select(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        *(pl.lit(value).alias(name) for name, value in identity),
        pl.col(names).fill_nan(None),
    )
