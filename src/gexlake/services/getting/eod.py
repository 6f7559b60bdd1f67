"""The report of a day: one ZIP of all feeds that a plan has, of the last session that is done.

Which day it is of, the answer says, and no request can choose. So it is asked for every day, or the day is gone for
those whose plan has nothing else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gexlake.archive import read_directory
from gexlake.scanner.names import parse_path
from gexlake.services.getting.fetch import SessionFetcher
from gexlake.services.getting.manifest import Event, Mark
from gexlake.services.getting.places import eod_part_path, eod_path, held_part, place_part
from gexlake.services.getting.report import EodResult, GetStatus
from gexlake.vendor.body import Body, inspect_archive
from gexlake.vendor.download import IDENTITY, Version, write_body
from gexlake.vendor.trouble import LimitedError, NotHistoryError, RefusedError, TroubleError

NOT_YET = "The vendor has none yet."
OLDER = "The vendor still gives the report of {day}."
EOD = "eod"


@dataclass(frozen=True, slots=True)
class _Came:
    """A report that has come: its day, and what lies in the part; None where it lay there already."""

    day: date
    body: Body | None


async def fetch_eod(fetcher: SessionFetcher, ticker: str, wanted: date) -> EodResult:
    """Fetch the report, unless it is there. What went wrong is in the result; raises `VendorError`, `StorageError`."""

    def missing(status: GetStatus, reason: str) -> EodResult:
        return EodResult(ticker=ticker, session_date=wanted, status=status, reason=reason)

    def there(status: GetStatus, day: date, reason: str | None = None) -> EodResult:
        path = str(eod_path(fetcher.directory, ticker, day).relative_to(fetcher.directory))
        return EodResult(ticker=ticker, session_date=day, status=status, path=path, reason=reason)

    try:
        came = await _fetch(fetcher, ticker, wanted)
    except (RefusedError, LimitedError) as error:
        return missing(GetStatus.THROTTLED, error.message)
    except TroubleError as error:
        return missing(GetStatus.FAILED, error.message)
    if came is None:
        return missing(GetStatus.NO_FILE, NOT_YET)
    reason = OLDER.format(day=came.day) if came.day < wanted else None
    if came.body is not None:
        return there(GetStatus.FETCHED, came.day, reason)
    return missing(GetStatus.NO_FILE, reason) if reason else there(GetStatus.PRESENT, came.day)


async def _fetch(fetcher: SessionFetcher, ticker: str, wanted: date) -> _Came | None:
    """The report, there under its name; None where the vendor has none."""
    part = eod_part_path(fetcher.directory, ticker)
    async with held_part(part, eod_path(fetcher.directory, ticker, wanted).exists) as descriptor:
        if descriptor is None:
            return _Came(wanted, None)
        came: _Came | None = await fetcher.line.retrying()(_try, fetcher, ticker, wanted, part, descriptor)
        if came is not None and came.body is not None:
            await asyncio.to_thread(os.fsync, descriptor)
            _keep(fetcher, ticker, came.day, came.body)
        return came


async def _try(fetcher: SessionFetcher, ticker: str, wanted: date, part: Path, descriptor: int) -> _Came | None:
    line = fetcher.line
    await line.wait_for_turn(f"{ticker}/{EOD}")
    async with line.history.eod(ticker) as report:
        if report is None:
            return None
        if report.session_date and eod_path(fetcher.directory, ticker, report.session_date).exists():
            return _Came(report.session_date, None)
        if report.response is not None:
            await write_body(report.response, descriptor, on_version=_ignore, on_bytes=fetcher.on_bytes)
        else:
            os.ftruncate(descriptor, 0)
            await line.store.fetch(
                report.url or "", descriptor, accept=IDENTITY, on_version=_ignore, on_bytes=fetcher.on_bytes
            )
    try:
        body = await asyncio.to_thread(inspect_archive, part)
    except NotHistoryError:
        os.ftruncate(descriptor, 0)
        raise
    return _Came(report.session_date or _day_within(part) or wanted, body)


def _ignore(_: Version) -> None:
    """A report is not gone on with: the next one may be of another day."""


def _day_within(archive: Path) -> date | None:
    """The day that names in the archive speak of, where the answer had none."""
    days = {parse_path(folders, last).session_date for *folders, last in _split(read_directory(archive).members)}
    days.discard(None)
    return days.pop() if len(days) == 1 else None


def _split(names: Iterable[str]) -> Iterator[list[str]]:
    return (name.split("/") for name in names)


def _keep(fetcher: SessionFetcher, ticker: str, day: date, body: Body) -> None:
    target = eod_path(fetcher.directory, ticker, day)
    fetcher.manifest.add(
        Mark(
            what=f"{ticker}/{EOD}/{day.isoformat()}",
            event=Event.FETCHED,
            at=fetcher.manifest.now(),
            path=str(target.relative_to(fetcher.directory)),
            size_bytes=body.size_bytes,
            sha256=body.sha256,
        )
    )
    place_part(eod_part_path(fetcher.directory, ticker), target)
