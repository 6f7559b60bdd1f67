"""Where a command's data goes and where its talk goes: stdout and stderr, never mixed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TextIO

from gexlake.cli.layout import GAP, Layout, lay_out
from gexlake.cli.text import FOLD_MARK, cells, fold
from gexlake.models.text import plain, plain_json, plain_lines

if TYPE_CHECKING:
    from rich.console import Console

UNKNOWN_WIDTH = 80
"""Of a screen that does not say how wide it is."""
HEIGHT = 25
"""Of a screen, where Rich asks for it: nothing here depends on it."""
MIN_WIDTH = 16
"""Text is never folded into less, however narrow the screen: it folds the rest by itself."""

STATUS_STYLES = {
    "success": "green",
    "skipped": "dim",
    "complete": "green",
    "present": "green",
    "fetched": "green",
    "partial": "yellow",
    "holes": "yellow",
    "pending": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
    "throttled": "yellow",
    "unsupported": "dim",
    "no file": "dim",
    "denied": "dim",
    "expired": "dim",
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


class RowsOutput(StrEnum):
    """The form of rows on stdout."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


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
        return _console(sys.stderr)

    def talk(self, text: str, *, style: str = "") -> None:
        """Say something about the work, unless it is to be quiet."""
        if self.quiet:
            return
        lines = _folded(plain(text), sys.stderr)
        if style or "talk_console" in vars(self):  # which may be showing progress
            _print(self.talk_console, lines, style)
        else:  # Rich, which takes a while to load, would add nothing
            sys.stderr.writelines(f"{line}\n" for line in lines)
            sys.stderr.flush()

    def complain(self, message: str, hint: str = "") -> None:
        """Say what went wrong and what to do."""
        from rich.text import Text

        start = "Error:"
        first, *others = _folded(plain(f"{start} {message}"), sys.stderr)
        rest = first.removeprefix(start)
        lines = [rest, *others, *(_folded(plain(hint), sys.stderr) if hint else [])]
        self.talk_console.print(Text.assemble((start, "bold red"), "\n".join(lines)), soft_wrap=True)

    # ---- data: stdout --------------------------------------------------------------------------------------

    @cached_property
    def console(self) -> Console:
        """Standard output."""
        return _console(sys.stdout)

    def line(self, text: str = "", *, style: str = "", whole: bool = False) -> None:
        """One line of data, folded on a screen, unless it is to stay `whole`: a command to paste."""
        text = plain(text)
        _print(self.console, [text] if whole else _folded(text, sys.stdout), style)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Lines of a name and what is to be said under it."""
        listed = [(name, plain(fact)) for name, fact in facts]
        width = max((len(name) for name, _ in listed), default=0)
        for name, fact in listed:
            self._fact(f"  {name:<{width}}  ", _folded(fact, sys.stdout, indent=width + 4))

    def _fact(self, name: str, lines: Sequence[str], style: str = "") -> None:
        """A name, and beside it the lines of what it names."""
        from rich.text import Text

        for number, line in enumerate(lines):
            start = name if number == 0 else " " * len(name)
            self.console.print(Text.assemble((start, "dim"), (line, style)), soft_wrap=True)

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Collection[str] = (),
        folds: Collection[str] = (),
        least: Sequence[str] = (),
        lines: Collection[str] = (),
    ) -> None:
        """A table; the columns named in `right` are aligned to the right. Words for a status are coloured on a screen.

        On a screen the cells of `folds`, and long ones, go on in the next line. Where that is not enough, columns of
        `least` are left out, the first of them first, and named below; where that is not enough, rows stand one below
        the other, whole. What goes to a pipe or file is as wide as it has to be, and needs no Rich, which would take
        minutes over a hundred thousand rows. Only cells of `lines` are of several lines.
        """
        names = [plain(header) for header in headers]
        keeps_lines = [header in lines for header in headers]
        texts = (
            [(plain_lines if keeps else plain)(str(cell)) for cell, keeps in zip(row, keeps_lines, strict=True)]
            for row in rows
        )
        width = screen_width(sys.stdout)
        if width is None:
            sys.stdout.writelines(f"{line}\n" for line in table_lines(names, texts, right=right))
            return
        listed = list(texts)
        layout = lay_out(names, listed, folds=folds, numbers=right, least=least, width=width)
        if layout is None:
            self._records(names, listed)
        else:
            self._columns(names, listed, layout, right)

    def _columns(
        self, headers: Sequence[str], rows: Iterable[Sequence[str]], layout: Layout, right: Collection[str]
    ) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
        for number, width in layout.widths.items():
            header = headers[number]
            align: Literal["left", "right"] = "right" if header in right else "left"
            table.add_column(_cell(header, width), justify=align, no_wrap=True, width=width)
        for row in rows:
            shown = [(row[number], width) for number, width in layout.widths.items()]
            table.add_row(*(Text(_cell(cell, width), style=STATUS_STYLES.get(cell, "")) for cell, width in shown))
        self.console.print(table)
        if layout.left_out:
            number = len(layout.left_out)
            self.line(
                f"{number} column{'s' if number > 1 else ''} left out: {', '.join(layout.left_out)}; "
                "widen the terminal, or -o json",
                style="dim",
            )

    def _records(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        width = max(map(cells, headers))
        for number, row in enumerate(rows):
            if number:
                self.line()
            for header, cell in zip(headers, row, strict=True):
                name = f"{header}{' ' * (width - cells(header))}  "
                folded = [line for text in cell.split("\n") for line in _folded(text, sys.stdout, indent=width + GAP)]
                self._fact(name, folded, STATUS_STYLES.get(cell, ""))
        if not rows:
            self.line(f"No rows; the columns are {', '.join(headers)}.")

    def text(self, text: str) -> None:
        """Lines for a program, such as CSV, to the letter; on a screen nothing in them acts."""
        sys.stdout.write(text if screen_width(sys.stdout) is None else plain_lines(text))

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
    encoding = (sys.stdout.encoding or "utf-8").lower()
    escaped = not encoding.startswith("utf")  # what the encoding does not have would be no JSON any more
    return plain_json(json.dumps(_plain(document), ensure_ascii=escaped, allow_nan=False, indent=indent))


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


def table_lines(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str]) -> Iterator[str]:
    """A table as lines of text, as wide as it has to be; a cell of several lines makes a row of several lines."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    lines = [line for row in cells for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = [">" if header in right else "<" for header in headers]
    for line in lines:
        parts = (f"{cell:{align}{width}}" for cell, align, width in zip(line, aligns, widths, strict=True))
        yield "  ".join(parts).rstrip()


def screen_width(stream: TextIO) -> int | None:
    """Columns of the terminal that the stream goes to; None where it goes to a pipe or file.

    COLUMNS goes before what the terminal says; to a pipe or file it means nothing.
    """
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_WIDTH
    except OSError:
        return UNKNOWN_WIDTH


def _folded(text: str, stream: TextIO, *, indent: int = 0) -> list[str]:
    width = screen_width(stream)
    return [text] if width is None else fold(text, max(width - indent, MIN_WIDTH))


def _cell(text: str, width: int) -> str:
    return "\n".join(piece for line in text.split("\n") for piece in fold(line, width, mark=FOLD_MARK))


def _print(console: Console, lines: Iterable[str], style: str = "") -> None:
    """Write the lines as they are, at once: Rich breaks none, and a program may read them one by one."""
    from rich.text import Text

    console.print(Text("\n".join(lines), style=style), soft_wrap=True)


def _console(stream: TextIO) -> Console:
    from rich.console import Console, ConsoleDimensions

    class StreamConsole(Console):
        """As wide as its own stream, whatever the other streams are, and what TERM says: a bar follows the window."""

        @property  # type: ignore[misc]  # nobody sets it
        def size(self) -> ConsoleDimensions:
            return ConsoleDimensions(screen_width(stream) or UNKNOWN_WIDTH, HEIGHT)

    return StreamConsole(file=stream, highlight=False, markup=False, emoji=False)
