"""Write the NYSE table `src/gexlake/validation/nyse.json` from the installed `exchange_calendars`.

Update the library when the exchange announces a closure or another year's holidays, run this, and review what
changed:

    python tools/make_calendar.py
    python tools/make_calendar.py --last-year 2028
"""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

from gexlake.validation.calendar import (
    EXCHANGE_TIME_ZONE,
    REGULAR_CLOSE,
    REGULAR_OPEN,
    CashHours,
    iter_days,
    library_hours,
)

TABLE_PATH = Path(__file__).parents[1] / "src" / "gexlake" / "validation" / "nyse.json"


class Table(TypedDict):
    """What `nyse.json` holds: dates in ISO form, closing times in exchange time."""

    source: str
    first_date: str
    last_date: str
    closed_weekdays: list[str]
    early_closes: dict[str, str]


def main() -> None:
    """Write the table and say what is in it."""
    options = _parse_options()
    first, last = date(options.first_year, 1, 1), date(options.last_year, 12, 31)
    table = make_table(first, last)
    TABLE_PATH.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(
        f"{TABLE_PATH.name}: {first} to {last}, {len(table['closed_weekdays'])} closed weekdays, "
        f"{len(table['early_closes'])} early closes, from {table['source']}"
    )


def make_table(first: date, last: date) -> Table:
    """Closed weekdays and early closes from `first` to `last`, both inclusive.

    Raises ValueError for a session the table has no way to say: on a weekend, or with an unusual opening.
    """
    hours = library_hours(first, last)
    for day, session in hours.items():
        _check_expressible(day, session)
    return {
        "source": f"exchange_calendars {version('exchange_calendars')} XNYS",
        "first_date": first.isoformat(),
        "last_date": last.isoformat(),
        "closed_weekdays": [
            day.isoformat() for day in iter_days(first, last) if day.isoweekday() <= 5 and day not in hours
        ],
        "early_closes": {
            day.isoformat(): f"{_exchange_time(session.close_us):%H:%M}"
            for day, session in hours.items()
            if session.early_close
        },
    }


def _check_expressible(day: date, session: CashHours) -> None:
    opened, closed = _exchange_time(session.open_us), _exchange_time(session.close_us)
    if day.isoweekday() > 5 or opened.time() != REGULAR_OPEN or (closed.time() != REGULAR_CLOSE) != session.early_close:
        raise ValueError(f"The table cannot hold the session {opened:%a %Y-%m-%d %H:%M} to {closed:%H:%M}; extend it.")


def _exchange_time(timestamp_us: int) -> datetime:
    return datetime.fromtimestamp(timestamp_us // 1_000_000, ZoneInfo(EXCHANGE_TIME_ZONE))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--first-year", type=int, default=2010, help="default: %(default)s")
    parser.add_argument("--last-year", type=int, default=2027, help="default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()
