"""`gexlake notes list`, `add`, `change` and `delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import app, command
from gexlake.cli.options import (
    DEFAULT_LAKE,
    Categories,
    End,
    FeedName,
    LakeOption,
    Packages,
    Start,
    Tickers,
    ZoneOfInstants,
    words,
)
from gexlake.cli.terminal import RowsOutput, Terminal
from gexlake.errors import UsageError

if TYPE_CHECKING:
    from gexlake.models.note import Note

group = typer.Typer(
    name="notes",
    help="Write, list, change and delete notes at seconds of sessions.\n\n\b\nExample:\n"
    '  gexlake notes add NQ_NDX --at 2025-11-14T15:30:00Z "swept the call wall, faded"',
    short_help="Write, list, change and delete notes at seconds of sessions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group)


FEED = ("ticker", "package", "category")

NoteId = Annotated[str, typer.Argument(metavar="ID", help="As `gexlake notes list` shows it.", show_default=False)]
Text = Annotated[
    str, typer.Argument(metavar="TEXT", help="Up to 2,000 characters; - reads them from stdin.", show_default=False)
]


@command(
    "list",
    group=group,
    outputs=RowsOutput,
    example="gexlake notes list --ticker NQ_NDX --start 2025-11-10\ngexlake notes list -o csv > notes.csv",
)
def list_notes(
    terminal: Terminal,
    *,
    tickers: Tickers = None,
    packages: Packages = None,
    categories: Categories = None,
    start: Start = None,
    end: End = None,
    tz: ZoneOfInstants = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Show notes in order of time, of all feeds or of some."""
    from gexlake.services.lake import open_lake
    from gexlake.services.owner.frames import csv_text

    frame = open_lake(lake, tz=tz).notes(
        tickers=words(tickers), packages=words(packages), categories=words(categories), start=start, end=end
    )
    if terminal.output == RowsOutput.CSV:
        terminal.text(csv_text(frame, header=True))
        return
    if terminal.wants_json:
        terminal.json_rows(frame.iter_rows(named=True))
        return
    terminal.table(
        ["second", "feed", "text", "id"],
        (
            (values.instant(row["timestamp"]), "/".join(row[name] for name in FEED), row["text"], row["id"])
            for row in frame.iter_rows(named=True)
        ),
        folds=["text"],
        least=["id"],
        lines=["text"],
    )


@command(
    "add",
    group=group,
    example='gexlake notes add NQ_NDX --at 2025-11-14T15:30:00Z "swept the call wall, faded"\n'
    'gexlake notes add NQ_NDX/state/gamma_zero --at "2025-11-14 10:30" --tz America/New_York - < note.txt',
)
def add_note(
    terminal: Terminal,
    feed: FeedName,
    text: Text,
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="WHEN", help="The instant, with its offset or --tz.", show_default=False)
    ],
    tz: ZoneOfInstants = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Write a note at an instant of a feed. It stays, whatever becomes of the session, and is in every mirror."""
    from gexlake.services.lake import open_lake

    _show(terminal, open_lake(lake, tz=tz).add_note(feed, timestamp=at, text=_text(text)))


@command("change", group=group, example='gexlake notes change 20251114T153000.000000-242a2351 "swept it twice"')
def change_note(terminal: Terminal, note_id: NoteId, text: Text, *, lake: LakeOption = DEFAULT_LAKE) -> None:
    """Give a note another text; feed and instant stay."""
    from gexlake.services.asking import notes

    _show(terminal, notes.change_note(lake, note_id, _text(text)))


@command("delete", group=group, example="gexlake notes delete 20251114T153000.000000-242a2351")
def delete_note(terminal: Terminal, note_id: NoteId, *, lake: LakeOption = DEFAULT_LAKE) -> None:
    """Delete a note, and show it as it was."""
    from gexlake.services.asking import notes

    _show(terminal, notes.delete_note(lake, note_id), what="Deleted: ")


def _text(argument: str) -> str:
    """Raises `UsageError` for bytes that are not UTF-8."""
    try:
        return sys.stdin.read() if argument == "-" else argument
    except UnicodeDecodeError as error:
        raise UsageError(f"The text on stdin is not UTF-8: {error.reason} at byte {error.start}.") from None


def _show(terminal: Terminal, note: Note, *, what: str = "") -> None:
    if terminal.wants_json:
        terminal.json(note.model_dump(mode="json"))
    else:
        terminal.line(f"{what}{note.id}  {note.feed}  {values.instant(note.timestamp)}", whole=True)
        terminal.text(f"{note.text}\n")
