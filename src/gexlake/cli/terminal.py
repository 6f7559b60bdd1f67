"""Where a command's data goes and where its talk goes: stdout and stderr, never mixed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from rich.console import Console

SHORT_CELL = 40
"""Characters up to which the cells of a column are never folded: only what is long gives way on a narrow screen."""
UNLIMITED_WIDTH = 10_000
"""Of a pipe or file: lines are as long as they have to be."""

STATUS_STYLES = {
    "success": "green",
    "skipped": "dim",
    "complete": "green",
    "partial": "yellow",
    "holes": "yellow",
    "pending": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
    "unsupported": "dim",
    "failed": "red",
    "missing": "red",
    "empty": "red",
    "closed_day_rows": "red",
}
"""A status word -> the colour it has in tables."""


class Output(StrEnum):
    """The form of a command's data on stdout."""

    TABLE = "table"
    JSON = "json"


@dataclass
class Terminal:
    """The two streams of one command. `verbosity` is below 0 with --quiet, above 0 with --verbose."""

    output: str = Output.TABLE
    verbosity: int = 0

    @property
    def wants_json(self) -> bool:
        """Whether data is to be one JSON document."""
        return self.output == Output.JSON

    @property
    def verbose(self) -> bool:
        """Whether everything is to be shown."""
        return self.verbosity > 0

    @property
    def quiet(self) -> bool:
        """Whether only data and errors are to be shown."""
        return self.verbosity < 0

    # ---- talk: stderr --------------------------------------------------------------------------------------

    @cached_property
    def talk_console(self) -> Console:
        """Standard error."""
        return _console(stderr=True)

    def talk(self, text: str, *, style: str = "") -> None:
        """Say something about the work, unless it is to be quiet."""
        if self.quiet:
            return
        if style or "talk_console" in vars(self):  # which may be showing progress
            self.talk_console.print(text, style=style, soft_wrap=True)  # a program may read it line by line
        else:  # Rich, which takes a while to load, would add nothing
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def complain(self, message: str, hint: str = "") -> None:
        """Say what went wrong and what to do."""
        from rich.text import Text

        self.talk_console.print(Text.assemble(("Error: ", "bold red"), message))
        if hint:
            self.talk_console.print(hint)

    # ---- data: stdout --------------------------------------------------------------------------------------

    @cached_property
    def console(self) -> Console:
        """Standard output."""
        return _console(stderr=False)

    def line(self, text: str = "", *, style: str = "") -> None:
        """One line of data."""
        self.console.print(text, style=style)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Lines of a name and what is to be said under it."""
        from rich.text import Text

        listed = list(facts)
        width = max((len(name) for name, _ in listed), default=0)
        for name, fact in listed:
            self.console.print(Text.assemble((f"  {name:<{width}}  ", "dim"), fact))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
        """A table; the columns named in `right` are aligned to the right. Words for a status are coloured on a screen.

        On a screen long cells are folded. What goes to a pipe or file is not, and needs no Rich, which would take
        minutes over a hundred thousand rows.
        """
        if not _is_screen(sys.stdout):
            sys.stdout.writelines(f"{line}\n" for line in table_lines(headers, rows, right=right))
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        cells = [[str(cell) for cell in row] for row in rows]
        for number, header in enumerate(headers):
            is_short = all(len(row[number]) <= SHORT_CELL for row in cells)
            align: Literal["left", "right"] = "right" if header in right else "left"
            table.add_column(header, justify=align, no_wrap=is_short, overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in row))
        self.console.print(table)

    def json(self, document: object) -> None:
        """One JSON document. NaN and infinity, which JSON cannot express, stand as null."""
        sys.stdout.write(json_text(document, indent=2) + "\n")

    def json_line(self, document: object) -> None:
        """One JSON document in a line of its own, at once."""
        sys.stdout.write(json_text(document) + "\n")
        sys.stdout.flush()

    def json_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """One JSON array with an object per line."""
        separator = "["
        for row in rows:
            sys.stdout.write(f"{separator}\n{json_text(row)}")
            separator = ","
        sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def json_text(document: object, *, indent: int | None = None) -> str:
    """The document as JSON; see `Terminal.json`."""
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False, indent=indent)


def _plain(value: object) -> object:
    """A value in the types of JSON: instants and dates as ISO 8601, bytes as base64, exact numbers as numbers."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _plain_rare(value)


def _plain_rare(value: object) -> object:
    from base64 import b64encode
    from datetime import date, time
    from decimal import Decimal

    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    return str(value)


def table_lines(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str]) -> Iterator[str]:
    """A table as lines of text, as wide as it has to be; a cell of several lines makes a row of several lines."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    lines = [line for row in cells for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = [">" if header in right else "<" for header in headers]
    for line in lines:
        parts = (f"{cell:{align}{width}}" for cell, align, width in zip(line, aligns, widths, strict=True))
        yield "  ".join(parts).rstrip()


def _is_screen(stream: TextIO) -> bool:
    return stream.isatty() or "COLUMNS" in os.environ


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    fits_screen = _is_screen(stream)
    return Console(
        file=stream,
        width=None if fits_screen else UNLIMITED_WIDTH,
        soft_wrap=not fits_screen,
        highlight=False,
        markup=False,
        emoji=False,
    )
