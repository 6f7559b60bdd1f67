"""The same door to a lake that a service holds, over HTTP: the methods of `Lake`, the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gexlake.errors import LakeError
from gexlake.models.feed import Feed, feed_of
from gexlake.models.import_order import ImportOptions, OnProgress, Progress
from gexlake.models.note import Note
from gexlake.models.record_types import GEX, record_type_of
from gexlake.models.report import ImportReport
from gexlake.services.asking.asof import asof_frame
from gexlake.services.asking.gaps import GapsReport
from gexlake.services.asking.moments import Age, Moment, Zone, iso, parse_age, parse_bound, parse_instant
from gexlake.services.asking.notes import session_date_of
from gexlake.services.asking.status import LakeStatus
from gexlake.services.asking.wire import ARROW, Wire, read_frame
from gexlake.validation.zones import find_zone

if TYPE_CHECKING:
    import polars as pl

INSTANTS_AT_ONCE = 50_000
"""The most that one request may ask for."""
NOTES_AT_ONCE = 10_000
"""Notes of a page."""
MOST_ROWS = 100_000
"""Rows of a listing that the service gives at once."""


class RemoteLake:
    """A lake behind a service. Ranges are those of `Lake`; close it, or use it in a `with`, when done.

    Methods raise what those of `Lake` raise, `LakeError` for a key that is missing or not allowed to, and
    `LakeLockedError`, which is worth trying again, where the service does not answer.
    """

    def __init__(self, url: str, *, api_key: str | None = None, tz: Zone | None = None) -> None:
        self.url = url.rstrip("/")
        self._tz = None if tz is None else find_zone(tz)
        self._wire = Wire(self.url, api_key)

    def __repr__(self) -> str:
        return f"gexlake.connect({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # ---- data ----------------------------------------------------------------------------------------------

    def feeds(self) -> list[Feed]:
        """Every feed of which the lake holds a session."""
        return [Feed(feed.ticker, feed.package, feed.category) for feed in self.status().feeds]

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
        """The snapshots of a feed in order of time, with the columns of its record type's table."""
        return self._wire.frame("/export/snapshots", self._range(feed_of(ticker, package, category), start, end, tz))

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
        """The ladders of a feed by time and strike, with the columns of view `gex_strikes`; `strike` picks some."""
        wanted = self._range(feed_of(ticker, package, category), start, end, tz)
        return self._wire.frame("/export/strikes", {**wanted, "strike": strike})

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
        """The entries of greek profiles by time and strike, with the columns of view `greeks_contracts`."""
        wanted = self._range(feed_of(ticker, package, category), start, end, tz)
        return self._wire.frame("/export/contracts", {**wanted, "strike": strike})

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
        """The last snapshot at or before an instant; see `Lake.at`."""
        asked = iso(parse_instant(timestamp, parameter="timestamp", tz=tz or self._tz))
        return self._snapshot("at", feed_of(ticker, package, category), max_age, strikes, {"timestamp": asked})

    def latest(
        self,
        ticker: str,
        package: str | None = None,
        category: str | None = None,
        *,
        max_age: Age | None = None,
        strikes: bool = True,
    ) -> dict[str, Any]:
        """The last snapshot of the newest session; see `Lake.latest`."""
        return self._snapshot("latest", feed_of(ticker, package, category), max_age, strikes, {})

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
        """The frame, and behind each row what was known at its instant; see `Lake.asof`. Asks in batches."""
        import polars as pl

        asked = {"columns": columns, "distances": distances, "within": within, "strikes": list(strikes)}
        asked["max_age"] = None if max_age is None else parse_age(max_age)

        def answer(one: Feed, instants: pl.Series) -> pl.DataFrame:
            parts = [
                self._at_instants(one, asked, instants.slice(start, INSTANTS_AT_ONCE))
                for start in range(0, max(instants.len(), 1), INSTANTS_AT_ONCE)
            ]
            return pl.concat(parts)

        return asof_frame(frame, answer, on=on, feed=feed, by=by, tz=tz or self._tz)

    def _at_instants(self, feed: Feed, asked: Mapping[str, object], instants: pl.Series) -> pl.DataFrame:
        seconds = (instants.to_physical().fill_null(0) / 1_000_000).to_list()
        order = {**_of_feed(feed), **asked, "timestamps": [int(one) if one.is_integer() else one for one in seconds]}
        return read_frame(self._wire.ask("POST", _path(feed, "at"), json=order, accept=ARROW))

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
        """Spot as open, high, low and close per interval; see `Lake.bars`. The service bounds their number."""
        feed = feed_of(ticker, package, category)
        return self._wire.frame(_path(feed, "bars"), {**self._range(feed, start, end, tz), "interval": interval})

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
        """Strike by time; see `Lake.heatmap`. The service bounds the number of intervals."""
        feed = feed_of(ticker, package, category)
        wanted = {**self._range(feed, start, end, tz), "interval": interval, "value": value}
        return self._wire.frame(_path(feed, "heatmap"), wanted)

    def sql(self, statement: str, *, limit: int | None = None) -> pl.DataFrame:
        """The rows of one read-only SQL statement, at most `limit`; the service has bounds of its own."""
        return read_frame(self._wire.ask("POST", "/sql", json={"statement": statement, "limit": limit}, accept=ARROW))

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
        """Notes in order of time; see `Lake.notes`."""
        import polars as pl

        feeds = {"symbol": tickers, "package": packages, "category": categories}
        wanted = {**feeds, **self._between(start, end, tz), "limit": NOTES_AT_ONCE}
        parts = list(self._wire.iter_pages("/notes", wanted))
        return pl.concat(parts)

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
        """Write a note at an instant of a feed; see `Lake.add_note`. A key needs the scope `import`."""
        at = iso(parse_instant(timestamp, parameter="timestamp", tz=tz or self._tz))
        order = {**_of_feed(feed_of(ticker, package, category)), "timestamp": at, "text": text}
        return Note.model_validate_json(self._wire.ask("POST", "/notes", json=order).content)

    def change_note(self, note_id: str, text: str, *, changed_at: datetime | None = None) -> Note:
        """Give a note another text; see `Lake.change_note`."""
        answer = self._wire.ask("PATCH", _of_note(note_id), json={"text": text}, headers=_if_match(changed_at))
        return Note.model_validate_json(answer.content)

    def delete_note(self, note_id: str, *, changed_at: datetime | None = None) -> Note:
        """Delete a note; see `Lake.delete_note`."""
        answer = self._wire.ask("DELETE", _of_note(note_id), headers=_if_match(changed_at))
        return Note.model_validate_json(answer.content)

    # ---- about the data ------------------------------------------------------------------------------------

    def status(self) -> LakeStatus:
        """Feeds, sessions, rows, bytes and coverage."""
        return self._wire.document("/status", {}, LakeStatus)

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
        wanted = {"symbol": tickers, "package": packages, "category": categories, "start": since, "end": until}
        return self._wire.document("/gaps", wanted, GapsReport)

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
        """What became of each source file in each import, the newest first, 100,000 at most; see `gexlake lineage`."""
        wanted = _records(import_id=import_id, tickers=tickers, since=since, until=until, source=source, limit=limit)
        return self._wire.frame("/lineage", {**wanted, "status": statuses})

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
        """Refused records with their text, 100,000 at most; see `gexlake quarantine`."""
        wanted = _records(import_id=import_id, tickers=tickers, since=since, until=until, source=source, limit=limit)
        return self._wire.frame("/quarantine", {**wanted, "reason": reasons})

    def import_history(
        self,
        source: str | Path,
        options: ImportOptions | None = None,
        *,
        on_progress: OnProgress | None = None,
    ) -> ImportReport:
        """Import a file or folder of the service's machine, inside one of its import roots.

        Of `options`, only `dry_run`, `force`, `prune` and `naive_zone` are the caller's to choose. Returns when it has
        ended.
        """
        chosen = options or ImportOptions()
        order = {
            "source_path": str(source),
            "validate_only": chosen.dry_run,
            "force": chosen.force,
            "prune": chosen.prune,
            "naive_zone": chosen.naive_zone,
        }
        job = self._wire.ask("POST", "/import", json=order).json()
        for document in self._wire.follow(f"/imports/{job['import_id']}/events"):
            job = document
            if on_progress is not None and document["progress"]:
                on_progress(Progress(**{**document["progress"], "damaged": []}))
        if job["report"] is None:
            raise LakeError(f"The import {job['import_id']} ended without a report: {job['error']}")
        return ImportReport.model_validate(job["report"])

    def _range(self, feed: Feed, start: Moment | None, end: Moment | None, tz: Zone | None) -> dict[str, object]:
        return _of_feed(feed) | self._between(start, end, tz)

    def _between(self, start: Moment | None, end: Moment | None, tz: Zone | None) -> dict[str, object]:
        bounds = {
            name: None if moment is None else parse_bound(moment, parameter=name, tz=tz or self._tz)
            for name, moment in (("start", start), ("end", end))
        }
        return {name: iso(one) if isinstance(one, int) else one for name, one in bounds.items()}

    def _snapshot(
        self, what: str, feed: Feed, max_age: Age | None, strikes: bool, when: dict[str, object]
    ) -> dict[str, Any]:
        age = None if max_age is None else parse_age(max_age)
        wanted = {**_of_feed(feed), **when, "max_age": age, "strikes": str(strikes).lower()}
        found: dict[str, Any] = self._wire.ask("GET", _path(feed, what), parameters=wanted).json()
        return found


def connect(url: str = "http://127.0.0.1:8765", *, api_key: str | None = None, tz: Zone | None = None) -> RemoteLake:
    """Open the lake of the service at `url`, `tz` as in `gexlake.open`. Raises `LakeLockedError` where none answers."""
    lake = RemoteLake(url, api_key=api_key, tz=tz)
    lake._wire.ask("GET", "/health")
    return lake


def _path(feed: Feed, what: str) -> str:
    """The route of the feed's record type; a feed of none is asked for as GEX, and the service says what is wrong."""
    return f"/{(record_type_of(feed.category) or GEX).name}/{what}"


def _of_feed(feed: Feed) -> dict[str, object]:
    return {"symbol": feed.ticker, "package": feed.package, "category": feed.category}


def _of_note(note_id: str) -> str:
    session_date_of(note_id)  # what is no id leads elsewhere
    return f"/notes/{note_id}"


def _if_match(changed_at: datetime | None) -> dict[str, str]:
    """Only if it was changed last when it was read."""
    return {} if changed_at is None else {"If-Match": f'"{changed_at.isoformat()}"'}


def _records(
    *,
    import_id: str | None,
    tickers: Sequence[str],
    since: date | None,
    until: date | None,
    source: str | None,
    limit: int | None,
) -> dict[str, object]:
    return {
        "import_id": import_id,
        "symbol": tickers,
        "start": since,
        "end": until,
        "source": source,
        "limit": MOST_ROWS if limit is None else limit,
    }
