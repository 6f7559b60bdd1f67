"""Frames of what a lake holds over a range, for `Lake`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.record_types import kind_of
from gexlake.services.asking.moments import Moment, Zone
from gexlake.services.asking.nearness import what_it_holds
from gexlake.services.asking.session_frames import (
    Bounds,
    datasets_of,
    published_days,
    published_feeds,
    scan_range,
    session_days,
)
from gexlake.services.asking.strike_frames import read_strikes
from gexlake.validation.zones import find_zone

if TYPE_CHECKING:
    import polars as pl


class LakeFrames:
    """The part of `Lake` that reads ranges: whole frames, lazy ones, and one session after the other.

    Here and in `Lake` `_layout` says where the lake is, `_tz` in which zone an instant without one is read.
    """

    def __init__(self, path: str | Path, *, tz: Zone | None = None) -> None:
        self._layout = LakeLayout(Path(path))
        self._tz = None if tz is None else find_zone(tz)

    @property
    def path(self) -> Path:
        """The lake's directory."""
        return self._layout.root

    def feeds(self) -> list[Feed]:
        """Every feed of which the lake holds a session."""
        return published_feeds(self._layout)

    def snapshots(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """The snapshots of a feed in order of time, with the columns of its record type's table, as `gex_snapshots`.

        Without `package` and `category` it is classic gex_zero; one of them says the other where it can
        (`category="gamma_zero"`, `package="orderflow"`). `start` and `end` are included; a date is the whole of its
        session, an instant without a zone is read in `tz`. Times come in UTC.

        >>> lake.snapshots("NQ_NDX", start="2025-11-10 10:00", end="2025-11-10 10:05", tz="America/New_York").height
        301

        Raises `UsageError` for a feed that the lake does not hold, and for an instant without a zone.
        """
        return self._read("snapshots", feed_of(ticker, package, category), self._bounds(start, end, tz))

    def strikes(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        strike: float | Sequence[float] | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """The ladders of a feed by time and strike, with the columns of view `gex_strikes`; `strike` picks some.

        >>> lake.strikes("NQ_NDX", start="2025-11-10T15:00:00Z", end="2025-11-10T15:00:01Z")["strike"].n_unique()
        21

        Raises `UsageError` for a feed that the lake does not hold, and for an instant without a zone.
        """
        return self._read("strikes", feed_of(ticker, package, category), self._bounds(start, end, tz), strike)

    def contracts(
        self,
        ticker: str,
        package: str | None = None,
        category: str = "gamma_zero",
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        strike: float | Sequence[float] | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """The entries of greek profiles by time and strike, with the columns of view `greeks_contracts`.

        Raises as `strikes` does.
        """
        return self._read("contracts", feed_of(ticker, package, category), self._bounds(start, end, tz), strike)

    def scan_snapshots(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.LazyFrame:
        """`snapshots` as a lazy frame: nothing is read before it is collected, and then what it needs.

        >>> lake.scan_snapshots("NQ_NDX").select("spot").max().collect().item() > 25_000
        True

        Raises as `snapshots` does.
        """
        feed = self._known(feed_of(ticker, package, category))
        return scan_range(self._layout, "snapshots", feed, self._bounds(start, end, tz))

    def scan_strikes(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.LazyFrame:
        """The ladder rows of a feed of any record type that has them, as a lazy frame: years of them fit.

        >>> lake.scan_strikes("NQ_NDX").select("strike").unique().count().collect().item() >= 21
        True

        Raises as `snapshots` does.
        """
        feed = self._known(feed_of(ticker, package, category))
        ladder = kind_of(feed).ladder
        if ladder is None:
            raise UsageError(f"{feed} has no ladders.", hint="Scan its snapshots.")
        return scan_range(self._layout, ladder.dataset, feed, self._bounds(start, end, tz))

    def iter_sessions(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> Iterator[tuple[date, pl.LazyFrame]]:
        """Session by session, its date and its snapshots as a lazy frame: memory is that of one session.

        >>> [(str(session_date), frame.collect().height) for session_date, frame in lake.iter_sessions("NQ_NDX")]
        [('2025-11-10', 23385)]

        Raises as `snapshots` does.
        """
        feed = self._known(feed_of(ticker, package, category))
        bounds = self._bounds(start, end, tz)
        for day in published_days(self._layout, feed, bounds):
            of_day = Bounds(first_day=day, last_day=day, first_us=bounds.first_us, last_us=bounds.last_us)
            yield date.fromisoformat(day), scan_range(self._layout, "snapshots", feed, of_day)

    def _bounds(self, start: Moment | None, end: Moment | None, tz: Zone | None) -> Bounds:
        return Bounds.of(start, end, tz=tz or self._tz)

    def _read(
        self,
        dataset: str,
        feed: Feed,
        bounds: Bounds,
        strike: float | Sequence[float] | None = None,
    ) -> pl.DataFrame:
        """Read the feed's own files.

        Polars was five times as fast here as a query to DuckDB (a ladder 12 ms against 90, with the connection), and
        it takes no lock that an import would have to wait for.
        """
        feed = self._known(feed)
        if dataset not in datasets_of(feed):
            ladder = kind_of(feed).ladder
            hint = f"Ask for its `{ladder.dataset}`." if ladder else "Ask for its `snapshots`."
            raise UsageError(f"The feed {feed}, of {kind_of(feed).words}, has no {dataset}.", hint=hint)
        strikes = [strike] if isinstance(strike, int | float) else strike
        if strikes is None:
            result = scan_range(self._layout, dataset, feed, bounds).collect()
        else:
            result = read_strikes(self._layout, dataset, feed, bounds, strikes)
        return result if result["timestamp"].is_sorted() else result.sort("timestamp", maintain_order=True)

    def _known(self, feed: Feed) -> Feed:
        if session_days(self._layout, feed):
            return feed
        raise UsageError(f"The lake {self.path} does not hold the feed {feed}.", hint=what_it_holds(feed, self.feeds()))
