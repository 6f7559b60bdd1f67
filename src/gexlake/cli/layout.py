"""How a table fits a screen: what folds, which columns are left out, and when its rows become records. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gexlake.cli.text import cells

GAP = 2
"""Blanks between columns."""
FOLDED_WIDTH = 20
"""A column that may fold is never narrower, unless all of it is."""
LONG_CELL = 40
"""A column with longer cells may fold, whatever it holds."""


class Layout(NamedTuple):
    """The columns that are shown with their widths, by number, and the names of the others."""

    widths: dict[int, int]
    left_out: list[str]


def lay_out(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    folds: Collection[str],
    numbers: Collection[str],
    least: Sequence[str],
    width: int,
) -> Layout | None:
    """Fit the table into so many columns of a screen; None where that is not possible, not even without the least.

    Columns in `folds` may be narrower than what they hold, those in `numbers` never. Those in `least` may be left out,
    the first of them first.
    """
    contents = [[row[number] for row in rows] for number in range(len(headers))]
    wants = [max(_width([header]), _width(column)) for header, column in zip(headers, contents, strict=True)]
    needs = [
        want if want <= LONG_CELL and header not in folds else min(want, max(FOLDED_WIDTH, header_width))
        for want, header, header_width in zip(wants, headers, map(_header_need, headers), strict=True)
    ]
    needs = [
        max(need, _width(column)) if header in numbers else need
        for need, header, column in zip(needs, headers, contents, strict=True)
    ]
    shown = set(range(len(headers)))
    dropped: list[int] = []
    while (spare := width - sum(needs[number] for number in shown) - GAP * (len(shown) - 1)) < 0:
        if len(dropped) == len(least):
            return None
        dropped.append(headers.index(least[len(dropped)]))
        shown.remove(dropped[-1])
    for number in reversed(dropped):  # a wide one that went last may have made room for one that went before
        if needs[number] + GAP <= spare:
            shown.add(number)
            spare -= needs[number] + GAP
    return Layout(
        _share(wants, needs, sorted(shown), spare),
        [header for number, header in enumerate(headers) if number not in shown],
    )


def _width(column: Sequence[str]) -> int:
    return max((cells(line) for cell in column for line in cell.split("\n")), default=0)


def _header_need(header: str) -> int:
    """A name is not folded, unless it is a whole expression."""
    return cells(header) if cells(header) <= LONG_CELL else FOLDED_WIDTH


def _share(wants: Sequence[int], needs: Sequence[int], shown: Sequence[int], spare: int) -> dict[int, int]:
    """Widths of the columns: what they need, and of what is to spare as much as each wants, in fair parts."""
    widths = {number: needs[number] for number in shown}
    greedy = sorted(shown, key=lambda number: wants[number] - needs[number])
    for position, number in enumerate(greedy):
        more = min(wants[number] - needs[number], spare // (len(greedy) - position))
        widths[number] += more
        spare -= more
    return widths
