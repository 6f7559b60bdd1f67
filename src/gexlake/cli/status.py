"""`gexlake status`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption
from gexlake.cli.terminal import Terminal
from gexlake.models.record_types import RECORD_TYPES

if TYPE_CHECKING:
    from gexlake.models.last_get import LastGet
    from gexlake.models.mirror import MirrorStatus
    from gexlake.services.asking.status import FeedStatus, LakeStatus

HEADERS = ["feed", "sessions", "from", "to", "snapshots", "strike rows", "parquet", "days", "time", "gaps"]
LEAST = ["parquet", "strike rows", "from", "snapshots", "to"]
RIGHT = ["sessions", "snapshots", "strike rows", "parquet", "days", "time", "gaps"]


@command("status", example="gexlake status --lake data")
def show_status(terminal: Terminal, lake: LakeOption = DEFAULT_LAKE) -> None:
    """Show what is in the lake: feeds by record type, sessions, rows, bytes, coverage.

    Days is the share of trading days between a feed's first and last session that have snapshots, time the share of
    their cash hours outside holes longer than 5 s.
    """
    from gexlake.services.asking.status import lake_status

    status = lake_status(lake)
    if terminal.wants_json:
        terminal.json(status.model_dump())
        return
    terminal.line(f"Lake {lake}: {_contents(status)}", style="bold")
    terminal.facts(_facts(status))
    by_type = {name: list(feeds) for name, feeds in groupby(status.feeds, key=lambda feed: feed.record_type)}
    for name, feeds in by_type.items():
        terminal.line()
        if len(by_type) > 1:
            words = RECORD_TYPES[name].words
            terminal.line(f"{words[0].upper()}{words[1:]}", style="bold")
        terminal.table(HEADERS, map(_feed_row, feeds), right=RIGHT, least=LEAST)


def _contents(status: LakeStatus) -> str:
    if not status.feeds:
        return "no session yet"
    return ", ".join(
        [
            values.plural(len(status.feeds), "feed"),
            values.plural(status.sessions, "session"),
            values.plural(status.snapshots, "snapshot"),
            values.plural(status.strike_rows, "strike row"),
        ]
    )


def _mirror(mirror: MirrorStatus) -> str:
    behind = f"{values.plural(mirror.commits_behind, 'commit')} behind" if mirror.commits_behind else "up to date"
    problem = f": {mirror.problem}" if mirror.problem else ""
    return f"{mirror.mirror}, {behind}{problem}"


def _facts(status: LakeStatus) -> list[tuple[str, str]]:
    facts = [
        (
            "size",
            f"{values.size(status.source_bytes)} of sources as {values.size(status.parquet_bytes)} of Parquet "
            f"and {values.size(status.database_bytes)} of database",
        ),
    ]
    last = status.last_import
    if last is not None:
        imports = values.plural(status.imports, "import")
        facts.append(("last import", f"{last.import_id}, {last.status}, {values.instant(last.started_at)} ({imports})"))
    if status.last_get is not None:
        facts.append(("last get", _last_get(status.last_get)))
    if status.records_quarantined:
        facts.append(("quarantine", f"{values.plural(status.records_quarantined, 'record')}: see `gexlake quarantine`"))
    if status.records_kept:
        words = f"{values.plural(status.records_kept, 'snapshot')} that their files no longer have"
        facts.append(("kept", f"{words}; `gexlake import --prune` takes them out"))
    for damaged in status.damaged:
        facts.append(("damaged", f"{damaged.session}: {damaged.problem}; run `gexlake verify --repair`"))
    for mirror in status.mirrors:
        facts.append(("mirror", _mirror(mirror)))
    for staged in status.staged:
        what = "is running" if staged.running else "was stopped; the next import settles what it left"
        facts.append(("staging", f"import {staged.import_id} {what}"))
    if status.synthetic_sources:
        facts.append(("synthetic", f"not real history: {', '.join(status.synthetic_sources)}"))
    return facts


def _last_get(last: LastGet) -> str:
    missing = "nothing missing"
    if last.missing:
        left = values.plural(last.expires_in_days or 0, "day")
        missing = f"{values.plural(last.missing, 'day')} of feeds missing, the oldest still to be had for {left}"
    return f"{values.instant(last.ended_at)}, {values.plural(last.files_fetched, 'file')} fetched, {missing}"


def _feed_row(feed: FeedStatus) -> list[str]:
    return [
        f"{feed.ticker}/{feed.package}/{feed.category}",
        values.count(feed.sessions),
        str(feed.first_session),
        str(feed.last_session),
        values.count(feed.snapshots),
        values.count(feed.strike_rows),
        values.size(feed.parquet_bytes),
        values.share(feed.session_coverage),
        values.share(feed.time_coverage),
        values.count(feed.gaps),
    ]
