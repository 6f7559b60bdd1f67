"""The public door of Python: a lake, and frames of what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError, LakeLockedError, UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.import_order import ImportOptions, OnProgress
from gexlake.models.record_types import kind_of
from gexlake.models.report import ImportReport
from gexlake.services.asking.gaps import GapsReport, find_gaps
from gexlake.services.asking.last_snapshot import latest_snapshot, snapshot_at
from gexlake.services.asking.lineage import list_lineage, list_quarantine
from gexlake.services.asking.moments import Age, Moment, Zone, parse_age, parse_instant
from gexlake.services.asking.session_frames import Bounds, datasets_of, published_feeds, published_files, scan_range
from gexlake.services.asking.status import LakeStatus, lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.statements.query import run_query
from gexlake.validation.zones import find_zone

if TYPE_CHECKING:
    import polars as pl


class Lake:
    """A lake on disk. Nothing stays open between calls, so an import can run beside it.

    In every range `start` and `end` are included. A date (`date` or text as 2025-11-14) stands for the session of
    that date; an instant (`datetime`, ISO 8601 text or Unix seconds) for itself. One without a zone is never guessed:
    `tz` (an IANA name, or the zone itself), of the call or else of the lake, says where it is read, or it is refused.
    """

    def __init__(self, path: str | Path, *, tz: Zone | None = None) -> None:
        self._layout = LakeLayout(Path(path))
        self._tz = None if tz is None else find_zone(tz)

    def __repr__(self) -> str:
        return f"gexlake.open({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The lake's directory."""
        return self._layout.root

    # ---- data ----------------------------------------------------------------------------------------------

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
        (`category="gamma_zero"`, `package="orderflow"`).

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

    def at(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        timestamp: Moment,
        tz: Zone | None = None,
        max_age: Age | None = None,
        strikes: bool = True,
    ) -> dict[str, Any]:
        """The last snapshot at or before an instant, never a later one, in the vendor's shape, as `GET /gex/at`.

        `as_of` is its own instant, `age_seconds` how much older it is. It is of the same session, by New York's date,
        unless `max_age` (seconds, or text as 15m, 3d) says how old it may be, of whichever session. A date is its last
        instant in New York. Raises `NoSnapshotError` where there is none, `UsageError` as `snapshots` does.
        """
        asked_us = parse_instant(timestamp, parameter="timestamp", tz=tz or self._tz)
        age = None if max_age is None else parse_age(max_age)
        feed = self._known(feed_of(ticker, package, category))
        found: dict[str, Any] = snapshot_at(self._layout, feed, asked_us, strikes=strikes, max_age=age)
        return found

    def latest(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        max_age: Age | None = None,
        strikes: bool = True,
    ) -> dict[str, Any]:
        """The last snapshot of the newest session, with `as_of` and its age at this moment, as `GET /gex/latest`.

        Raises `NoSnapshotError` where it is older than `max_age`, `UsageError` for a feed that is not there.
        """
        age = None if max_age is None else parse_age(max_age)
        feed = self._known(feed_of(ticker, package, category))
        found: dict[str, Any] = latest_snapshot(self._layout, feed, strikes=strikes, max_age=age)
        return found

    def sql(self, statement: str, *, limit: int | None = None) -> pl.DataFrame:
        """The rows of one read-only SQL statement, at most `limit`. Raises `QueryError`."""
        return run_query(self.path, statement, limit=limit)

    # ---- about the data ------------------------------------------------------------------------------------

    def status(self) -> LakeStatus:
        """Feeds, sessions, rows, bytes and coverage."""
        return lake_status(self.path)

    def gaps(
        self,
        *,
        tickers: Sequence[str] = (),
        packages: Sequence[str] = (),
        categories: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
    ) -> GapsReport:
        """Missing sessions and holes; see `gexlake gaps`."""
        return find_gaps(self.path, tickers=tickers, packages=packages, categories=categories, since=since, until=until)

    def lineage(
        self,
        *,
        import_id: str | None = None,
        statuses: Sequence[str] = (),
        tickers: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        source: str | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """What became of each source file in each import, the newest first; see `gexlake lineage`."""
        return list_lineage(
            self.path,
            import_id=import_id,
            statuses=statuses,
            tickers=tickers,
            since=since,
            until=until,
            source=source,
            limit=limit,
        )

    def quarantine(
        self,
        *,
        import_id: str | None = None,
        reasons: Sequence[str] = (),
        tickers: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        source: str | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """Refused records with their text; see `gexlake quarantine`."""
        return list_quarantine(
            self.path,
            import_id=import_id,
            reasons=reasons,
            tickers=tickers,
            since=since,
            until=until,
            source=source,
            limit=limit,
        )

    def import_history(
        self,
        sources: str | Path | Sequence[str | Path],
        options: ImportOptions | None = None,
        *,
        on_progress: OnProgress | None = None,
    ) -> ImportReport:
        """Import more history into this lake; see `gexlake.import_history`."""
        return import_history(sources, self.path, options, on_progress=on_progress)

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
        result = scan_range(self._layout, dataset, feed, bounds, strikes=strikes).collect()
        return result if result["timestamp"].is_sorted() else result.sort("timestamp", maintain_order=True)

    def _known(self, feed: Feed) -> Feed:
        if published_files(self._layout, "snapshots", feed):
            return feed
        feeds = ", ".join(map(str, self.feeds())) or "no session yet"
        raise UsageError(f"The lake {self.path} does not hold the feed {feed}.", hint=f"It holds {feeds}.")


def open_lake(path: str | Path = "data", *, tz: Zone | None = None) -> Lake:
    """Open the lake at `path`; `tz` is the zone of instants that are written without one, which are refused else.

    Raises `LakeError` where there is none, `LakeVersionError` for one of a newer gexlake.
    """
    layout = LakeLayout(Path(path))
    if not layout.database.exists():
        what = (
            f"{layout.root} is a file, not a directory"
            if layout.root.is_file()
            else f"There is no lake at {layout.root}"
        )
        raise LakeError(f"{what}.", hint="Make one with `gexlake.import_history(sources, lake)`.")
    with suppress(LakeLockedError), open_database(layout, write=False, wait_seconds=0):
        pass  # opening it says whether it is sound; one that another process writes was sound a moment ago
    return Lake(path, tz=tz)
