"""A lake as a notebook shows it: its feeds, from when to when, and how full their last sessions are."""

from __future__ import annotations

from html import escape
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.db.published import sound_footer
from gexlake.errors import GexlakeError
from gexlake.models.record_types import kind_of
from gexlake.services.asking.session_frames import Bounds, published_feeds, published_files, session_days

SHOWN_SESSIONS = 30
BARS = "▁▂▃▄▅▆▇█"
HEADERS = ("feed", "holds", "sessions", "from", "to", "snapshots of the last sessions")


def lake_html(layout: LakeLayout) -> str:
    """A table with a row per feed; no database is opened."""
    rows = []
    for feed in published_feeds(layout):
        days = session_days(layout, feed)
        shown = Bounds(first_day=days[-SHOWN_SESSIONS:][0])
        counts = [_snapshots(file) for file in published_files(layout, "snapshots", feed, shown)]
        rows.append((str(feed), kind_of(feed).words, str(len(days)), days[0], days[-1], sparkline(counts)))
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in HEADERS)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else "no session yet"
    return f"<div><b>gexlake</b> {escape(str(layout.root))}{table}</div>"


def sparkline(counts: list[int]) -> str:
    """A bar for each number, as high as its share of the largest; a dot for none."""
    most = max(counts, default=0)
    return "".join(BARS[round((len(BARS) - 1) * count / most)] if count else "·" for count in counts)


def _snapshots(file: Path) -> int:
    try:
        count: int = sound_footer(file)["summary"]["snapshots"]
    except GexlakeError:  # damaged: `verify` says what to do, and the other feeds are shown
        return 0
    return count
