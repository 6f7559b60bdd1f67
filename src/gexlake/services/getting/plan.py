"""What each trading day of each feed is, and what is to be asked for. Pure: calendar x feeds x what is there.

The vendor keeps a day for 90 calendar days, and has it in the evening of the day itself. What it had no file of it is
asked for again: later the same day, and the next days. Once it was asked some days after the session and still had
none, there is none. A package that a plan does not have is asked for again after a week, for plans change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gexlake.models.feed import Feed, SessionKey
from gexlake.services.getting.manifest import Event, Mark
from gexlake.services.getting.report import GetDay, GetReport, GetStatus
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE, cash_hours, trading_days

HISTORY_DAYS = 90
HISTORY_AFTER = timedelta(hours=4)
"""Behind the close, an early one too: from then on files of the same day are asked for."""
EOD_AFTER = timedelta(hours=1, minutes=5)
"""The same of the report of the day."""
DUE_AT = time(12, 0)
"""On the day behind the session: by then a file is late."""
SETTLED_AFTER = timedelta(days=3)
"""Behind the session: what is not there by then does not come any more."""
ASK_AGAIN_SAME_DAY = timedelta(hours=1)
ASK_AGAIN_LATER = timedelta(hours=20)
DENIED_FOR = timedelta(days=7)


class Window(NamedTuple):
    """The dates that are looked at, both included."""

    since: date
    until: date


def plan_window(now: datetime, *, since: date | None, until: date | None, eod: bool = False) -> Window:
    """From the oldest day that the vendor still has to the last that it may have, unless other dates are wanted.

    With `eod` the day counts from when its report may be there.
    """
    last = last_session(now, EOD_AFTER if eod else HISTORY_AFTER)
    oldest = _new_york(now).date() - timedelta(days=HISTORY_DAYS)
    return Window(since or oldest, min(until or last, last))


def last_session(now: datetime, after: timedelta) -> date:
    """The last trading day whose close lies so far back at least."""
    day = _new_york(now).date()
    while (close := _close(day)) is None or close + after > now:
        day -= timedelta(days=1)
    return day


def next_due(now: datetime, *, eod: bool) -> datetime:
    """When the vendor may have history next that it has not at this moment."""
    day = _new_york(now).date()
    while True:
        if (close := _close(day)) is not None:
            for after in (EOD_AFTER, HISTORY_AFTER) if eod else (HISTORY_AFTER,):
                if close + after > now:
                    return close + after
        day += timedelta(days=1)


def next_run(now: datetime, report: GetReport | None, *, eod: bool) -> datetime:
    """When a service asks again: in an hour where something may come yet that has not, else when there may be more.

    Without a report the run before did not come to its end.
    """
    due = next_due(now, eod=eod)
    return due if report is not None and _is_done(report) else min(due, now + ASK_AGAIN_SAME_DAY)


def _is_done(report: GetReport) -> bool:
    """Whether nothing of these days is still waited for today."""
    newest = max((day.session_date for day in report.days), default=None)
    is_waited_for = any(
        day.is_open or (day.status is GetStatus.NO_FILE and day.session_date == newest) for day in report.days
    )
    return not is_waited_for and all(result.is_wanted_one for result in report.eod)


def _close(day: date) -> datetime | None:
    """When the exchange closes on a day; None where it does not trade."""
    hours = cash_hours(day)
    return None if hours is None else datetime.fromtimestamp(hours.close_us / 1_000_000, UTC)


def assess_days(
    feeds: Iterable[Feed],
    window: Window,
    *,
    present: Collection[SessionKey],
    marks: Mapping[str, Mark],
    now: datetime,
) -> list[GetDay]:
    """What each trading day of each feed is: the oldest first, for it expires soonest."""
    feeds = list(feeds)
    return [
        _assess(SessionKey(feed, day), present, marks, now)
        for day in trading_days(window.since, window.until)
        for feed in feeds
    ]


def wanted_days(days: Iterable[GetDay], marks: Mapping[str, Mark], *, now: datetime, again: bool) -> list[GetDay]:
    """Those that are to be asked for now, in the same order, but for what failed before: it must not hold up the rest.

    With `again` whatever the vendor said before.
    """
    last = last_session(now, HISTORY_AFTER)
    wanted = [day for day in days if day.session_date <= last and _is_to_be_asked(day, marks, now, again)]
    return sorted(wanted, key=lambda day: day.status is GetStatus.FAILED)


def _is_to_be_asked(day: GetDay, marks: Mapping[str, Mark], now: datetime, again: bool) -> bool:
    match day.status:
        case GetStatus.PRESENT | GetStatus.FETCHED | GetStatus.EXPIRED:
            return False
        case GetStatus.DENIED:
            return again
        case GetStatus.NO_FILE:
            asked = marks[str(day.session)].at
            is_same_day = _new_york(now).date() == day.session_date
            wait = ASK_AGAIN_SAME_DAY if is_same_day else ASK_AGAIN_LATER
            return again or (not _is_settled(day.session_date, asked) and now >= asked + wait)
        case _:
            return True


def _assess(session: SessionKey, present: Collection[SessionKey], marks: Mapping[str, Mark], now: datetime) -> GetDay:
    (ticker, package, category), session_date = session
    day = GetDay(ticker=ticker, package=package, category=category, session_date=session_date, status=GetStatus.PRESENT)
    if session in present:
        return day
    left = (session_date + timedelta(days=HISTORY_DAYS) - _new_york(now).date()).days
    if left < 0:
        day.status = GetStatus.EXPIRED
        return day
    day.expires_in_days = left
    denied = marks.get(package_name(session.feed))
    if denied is not None and denied.event is Event.DENIED and now < denied.at + DENIED_FOR:
        day.status, day.reason = GetStatus.DENIED, denied.reason
        return day
    mark = marks.get(str(session))
    day.status = _STATUS_OF.get(mark.event, GetStatus.MISSING) if mark else GetStatus.MISSING
    day.reason = mark.reason if mark and day.status is not GetStatus.MISSING else None
    day.is_open = is_open(day.status, session_date, mark, now)
    return day


_STATUS_OF = {
    Event.NO_FILE: GetStatus.NO_FILE,
    Event.THROTTLED: GetStatus.THROTTLED,
    Event.FAILED: GetStatus.FAILED,
}
"""What was fetched and is not there any more is missing, as is what only began to come."""


def is_open(status: GetStatus, session_date: date, mark: Mark | None, now: datetime) -> bool:
    """Whether a day is missing and may still come: not one without a file that is not late, or is settled."""
    if status is GetStatus.NO_FILE and mark is not None:
        due = datetime.combine(session_date + timedelta(days=1), DUE_AT, ZoneInfo(EXCHANGE_TIME_ZONE))
        return now >= due and not _is_settled(session_date, mark.at)
    return status in (GetStatus.MISSING, GetStatus.THROTTLED, GetStatus.FAILED)


def package_name(feed: Feed) -> str:
    """What the manifest calls a package of a ticker."""
    return f"{feed.ticker}/{feed.package}"


def _is_settled(session_date: date, asked: datetime) -> bool:
    return _new_york(asked).date() >= session_date + SETTLED_AFTER


def _new_york(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(EXCHANGE_TIME_ZONE))
