"""Where the vendor's service is, and names of feeds and files as it spells them in paths."""

from __future__ import annotations

import re
from datetime import date

from gexlake.models.feed import PACKAGES, Feed, SessionKey, category_of

BASE_URL = "https://api.gex.bot/v2"
"""Where the vendor's service is."""

_TICKER = re.compile(r"[A-Z0-9^.]{1,12}(_[A-Z0-9^.]{1,12})?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_FILE = re.compile(rf"(\d{{4}}-\d\d-\d\d)_(.+)_({'|'.join(PACKAGES)})_(.+)\.json\.gz")


def ticker_of(word: str) -> str | None:
    """The ticker that a word of a path stands for, whatever its case; None where it is none."""
    ticker = word.upper()
    return ticker if _TICKER.fullmatch(ticker) else None


def feed_of(ticker: str, package: str, category: str) -> Feed | None:
    """The feed of a path, the category by its name or a short one; None where the vendor has none such."""
    known = category_of(package, category)
    named = ticker_of(ticker)
    return Feed(named, package, known) if named and known else None


def date_of(word: str) -> date | None:
    """The date of a path; month and day may lack their zeros. None where it is no date."""
    found = _DATE.fullmatch(word)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def history_name(session: SessionKey) -> str:
    """The name of a session's history file: the last part of its URL."""
    return f"{session.session_date.isoformat()}_{'_'.join(session.feed)}.json.gz"


def session_of_name(name: str) -> SessionKey | None:
    """The session of a history file by its name; None where the vendor has none such."""
    found = _FILE.fullmatch(name)
    if not found:
        return None
    feed, day = feed_of(found[2], found[3], found[4]), date_of(found[1])
    return SessionKey(feed, day) if feed and day else None


def report_name(ticker: str, day: date) -> str:
    """The name of an EOD report."""
    return f"eod_report_{ticker}_{day.isoformat()}.zip"


def report_member(session: SessionKey) -> str:
    """The name of a session's history in an EOD report."""
    return f"{'/'.join(session.feed)}/{history_name(session)}"
