"""What a session consists of until an instant, in few bytes: who has drawn it sees by that whether it still stands.

Ladders count by what pictures show of them, and as a sum over their rows: in whichever order, and in however many
parts, they are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xxhash

from gexlake.db.layout import LakeLayout
from gexlake.models.feed import Feed
from gexlake.models.record_type import Ladder, RecordType
from gexlake.services.asking.session_frames import Bounds, published_files

if TYPE_CHECKING:
    import polars as pl

Integers = npt.NDArray[np.int64]

SESSIONS_KEPT = 32
"""A session of a day takes some 400 kB here; while it grows, each of its versions is one."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class LadderSums:
    """Of the ladders of a session, in order of their instants, the sum of all until then."""

    instants_us: Integers
    sums: npt.NDArray[np.uint64]

    def until(self, until_us: int) -> np.uint64:
        """The sum of those at or before an instant."""
        count = int(np.searchsorted(self.instants_us, until_us, side="right"))
        return self.sums[count - 1] if count else np.uint64(0)


def session_digest(
    kind: RecordType, snapshots: pl.DataFrame, times: Integers, ladders: Iterable[LadderSums], until_us: int
) -> str:
    """Of the instants and numbers of the snapshots at or before an instant, and of their ladders if they are given."""
    count = int(np.searchsorted(times, until_us, side="right"))
    digest = xxhash.xxh3_64(times[:count].tobytes())
    for name in kind.numbers:
        values = snapshots[name].to_numpy()[:count]
        digest.update(np.where(np.isnan(values), np.nan, values).tobytes())  # there is more than one NaN
    digest.update(np.array([one.until(until_us) for one in ladders], np.uint64).sum().tobytes())
    return digest.hexdigest()


def sums_of_ladders(rows: pl.LazyFrame, ladder: Ladder) -> LadderSums:
    """Of the rows of ladders, a strike each."""
    found = rows.select("timestamp", "strike", *ladder.shown).collect()
    times = found["timestamp"].to_physical().to_numpy()
    mixed = times.astype(np.uint64)
    for name in ("strike", *ladder.shown):
        values = found[name].to_numpy()
        mixed ^= (np.where(np.isnan(values), np.nan, values) + 0.0).view(np.uint64)  # one NaN, and one 0
        mixed *= _ODD
        mixed ^= mixed >> _HALF
    if np.any(times[1:] < times[:-1]):
        order = np.argsort(times, kind="stable")
        times, mixed = times[order], mixed[order]
    last = np.flatnonzero(np.append(times[1:] != times[:-1], len(times) > 0))
    return LadderSums(times[last], np.cumsum(mixed)[last])


def sums_of_published(layout: LakeLayout, feed: Feed, day: date, ladder: Ladder) -> Sequence[LadderSums]:
    """Of what the lake has published of a session; none of nothing. A version stays what it is, and is read once."""
    files = published_files(layout, ladder.dataset, feed, Bounds.between(day, day))
    return [_sums_of_file(file, ladder) for file in files]


@lru_cache(maxsize=SESSIONS_KEPT)
def _sums_of_file(file: Path, ladder: Ladder) -> LadderSums:
    import polars as pl

    return sums_of_ladders(pl.scan_parquet(file), ladder)
