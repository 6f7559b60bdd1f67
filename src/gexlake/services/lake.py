"""The public door of Python: a lake, and frames of what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError, LakeLockedError, UsageError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.import_order import ImportOptions, OnProgress
from gexlake.models.location import Location
from gexlake.models.note import Note
from gexlake.models.record_types import kind_of
from gexlake.models.report import ImportReport
from gexlake.services.asking.asof import Wanted, asof_frame, join_asof
from gexlake.services.asking.gaps import GapsReport, find_gaps
from gexlake.services.asking.heatmap import Heatmap, iter_heatmap
from gexlake.services.asking.lake_frames import LakeFrames
from gexlake.services.asking.last_snapshot import latest_snapshot, snapshot_at
from gexlake.services.asking.lineage import list_lineage, list_quarantine
from gexlake.services.asking.moments import Age, Moment, Zone, parse_age, parse_instant, parse_interval
from gexlake.services.asking.notebook import lake_html
from gexlake.services.asking.notes import add_note, change_note, delete_note, list_notes, notes_frame
from gexlake.services.asking.resample import bars
from gexlake.services.asking.session_frames import collect_rows, scan_range
from gexlake.services.asking.status import LakeStatus, lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.statements.query import run_query

if TYPE_CHECKING:
    import polars as pl


class Lake(LakeFrames):
    """A lake on disk. Nothing stays open between calls, so an import can run beside it.

    In every range `start` and `end` are included. A date (`date` or text as 2025-11-14) stands for the session of
    that date; an instant (`datetime`, ISO 8601 text or Unix seconds) for itself. One without a zone is never guessed:
    `tz` (an IANA name, or the zone itself), of the call or else of the lake, says where it is read, or it is refused.
    """

    def __repr__(self) -> str:
        return f"gexlake.open({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return lake_html(self._layout)

    # ---- instants and intervals --------------------------------------------------------------------------

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

        Of many instants at once, ask `asof`.

        `as_of` is its own instant, `age_seconds` how much older it is. It is of the same session, by New York's date,
        unless `max_age` (seconds, or text as 15m, 3d) says how old it may be, of whichever session. A date is its last
        instant in New York.

        >>> lake.at("NQ_NDX", timestamp="2025-11-10 10:00", tz="America/New_York")["as_of"]
        '2025-11-10T15:00:00Z'

        Raises `NoSnapshotError` where there is none, `UsageError` as `snapshots` does.
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

    def asof(
        self,
        frame: pl.DataFrame,
        feed: str | None = None,
        *,
        on: str = "timestamp",
        by: str | None = None,
        max_age: Age | None = None,
        columns: Sequence[str] | None = None,
        distances: bool = False,
        within: float | None = None,
        strikes: Sequence[float] = (),
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """The frame, and behind each row what was known at its instant: the last snapshot at or before it.

        `on` is the column of instants; one without a zone is read in `tz`. `feed` is one word, as `NQ_NDX` or
        `NQ_NDX/state/gamma_zero`; or `by` names the column that has it for each row. `as_of` is the snapshot's own
        instant, `age_seconds` how much older it is. It is of the same session, by New York's date, unless `max_age`
        says how old it may be; where there is none, all is null. `columns` picks some of the snapshot's (else all
        numbers); `distances` adds how far spot is above each level, `within` the share of the ladder's magnitude at
        most so many points from spot, `strikes` the ladder's value at each. A column that the frame has already gets
        `_gex` behind its name.

        >>> bars = lake.bars("NQ_NDX", interval="1m").select("timestamp", "close")
        >>> known = lake.asof(bars, "NQ_NDX", columns=["zero_gamma"], max_age="10s")
        >>> known.columns
        ['timestamp', 'close', 'as_of', 'age_seconds', 'zero_gamma']
        >>> (known["as_of"] <= known["timestamp"]).all()
        True

        Raises `UsageError` for an unknown feed or column, and for instants without a zone.
        """
        wanted = Wanted(columns, distances, within, tuple(strikes), None if max_age is None else parse_age(max_age))

        def answer(one: Feed, instants: pl.Series) -> pl.DataFrame:
            return join_asof(self._layout, self._known(one), instants, wanted)

        return asof_frame(frame, answer, on=on, feed=feed, by=by, tz=tz or self._tz)

    def bars(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        interval: str = "1m",
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """Spot as open, high, low and close per interval (30s, 5m, 1h), and all other numbers at its end.

        A row is named by the end of its interval (`timestamp`, UTC), and uses nothing later.

        >>> lake.bars("NQ_NDX", interval="1h", start="2025-11-10", end="2025-11-10")["timestamp"].dt.hour().to_list()
        [15, 16, 17, 18, 19, 20, 21]

        Raises as `snapshots` does.
        """
        feed = self._known(feed_of(ticker, package, category))
        rows = scan_range(self._layout, "snapshots", feed, self._bounds(start, end, tz))
        return collect_rows(bars(kind_of(feed), rows, parse_interval(interval)))

    def heatmap(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        value: str | None = None,
        interval: str = "1m",
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """Strike by time: `timestamp` (an interval's end), `strike`, and `value` of its last snapshot's ladder.

        `value` is a column of the ladder, `gex_vol` (greeks: `value`) if it is not given.

        >>> lake.heatmap("NQ_NDX", interval="5m", start="2025-11-10").columns
        ['timestamp', 'strike', 'gex_vol']

        Raises as `snapshots` does.
        """
        feed = self._known(feed_of(ticker, package, category))
        ladder = kind_of(feed).ladder
        if ladder is None:
            raise UsageError(f"{feed} has no ladders to make a heatmap of.")
        if value is not None and value not in ladder.names[1:]:
            raise UsageError(f"{feed} has no value {value!r}.", hint=f"It has {', '.join(ladder.names[1:])}.")
        bounds, length = self._bounds(start, end, tz), parse_interval(interval)
        shown = value or ladder.shown[0]
        return Heatmap.join(list(iter_heatmap(self._layout, feed, bounds, length, shown))).frame(shown)

    def sql(self, statement: str, *, limit: int | None = None) -> pl.DataFrame:
        """The rows of one read-only SQL statement, at most `limit`; times come in UTC.

        >>> lake.sql("select count(*) as snapshots from gex_snapshots")["snapshots"].item()
        23385

        Raises `QueryError`.
        """
        return run_query(self.path, statement, limit=limit)

    # ---- notes ---------------------------------------------------------------------------------------------

    def notes(
        self,
        *,
        tickers: Sequence[str] = (),
        packages: Sequence[str] = (),
        categories: Sequence[str] = (),
        start: Moment | None = None,
        end: Moment | None = None,
        tz: Zone | None = None,
    ) -> pl.DataFrame:
        """Notes in order of time, with `id`, feed, `session_date`, `timestamp`, `text`, `created_at` and `changed_at`.

        Of some feeds, else of all; `start` and `end` as in `snapshots`. Times come in UTC.

        >>> lake.notes(tickers=["NQ_NDX"], start="2025-11-10", end="2025-11-14").height
        0

        Raises `UsageError` for an instant without a zone, `LakeError` where a file of notes is damaged.
        """
        bounds = self._bounds(start, end, tz)
        found = list_notes(self.path, tickers=tickers, packages=packages, categories=categories, bounds=bounds)
        return notes_frame(found)

    def add_note(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        timestamp: Moment,
        text: str,
        tz: Zone | None = None,
    ) -> Note:
        r"""Write a note of up to 2,000 characters at an instant of a feed; control characters but \n are refused.

        It belongs to the feed and the instant, whatever becomes of the session. One that is there word for word is not
        written twice. Raises `UsageError` for a text or an instant that is none, and for a feed that is not there;
        `LakeError` for a replica.
        """
        at_us = parse_instant(timestamp, parameter="timestamp", tz=tz or self._tz)
        return add_note(self.path, self._known(feed_of(ticker, package, category)), at_us, text)

    def change_note(self, note_id: str, text: str, *, changed_at: datetime | None = None) -> Note:
        """Give a note another text; with `changed_at`, as it was read, only if nobody has changed it since.

        Raises `UsageError` for a note that is not there, or not as it was read, and as `add_note` does.
        """
        return change_note(self.path, note_id, text, changed_at=changed_at)

    def delete_note(self, note_id: str, *, changed_at: datetime | None = None) -> Note:
        """Delete a note; it is returned as it was. `changed_at` as in `change_note`, and it raises the same."""
        return delete_note(self.path, note_id, changed_at=changed_at)

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
        sources: str | Location | Sequence[str | Location],
        options: ImportOptions | None = None,
        *,
        on_progress: OnProgress | None = None,
    ) -> ImportReport:
        """Import more history into this lake; see `gexlake.import_history`."""
        return import_history(sources, self.path, options, on_progress=on_progress)


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
