"""Text on a terminal: no number or word of it is cut. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

FOLD_MARK = "↵"
"""Stands where a word was broken that goes on in the next line."""

_WORD = re.compile(r"( *)([^ ]+)")
_GOOD_BREAK = re.compile(r"[/_;=]|,(?!\d)")
"""What a long word is best broken after: a path between its parts, never a number at its comma."""
_NUMBER_AT_END = re.compile(r"[\d.,:+-]+$")
_WORD_AT_END = re.compile(r"[\w.,:+-]+$")


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def beginning(text: str, length: int) -> str:
    """The text, or its beginning with … at the end: at most so many characters, no number or word half."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    if re.match(r"[\w.,:+-]", text[length - 1]):
        head = _WORD_AT_END.sub("", head) or head
    return f"{head}…"


def fold(text: str, width: int, *, mark: str = "") -> list[str]:
    """Lines of at most `width` columns, broken between words.

    A longer word stays whole, for a terminal to fold and people to copy. With a mark it is broken, where it can be
    between the parts of a path and outside of numbers, and each part but the last ends with the mark.
    """
    if cells(text) <= width:
        return [text]
    lines = [""]
    for spaces, word in _WORD.findall(text):
        if lines[-1] and cells(lines[-1] + spaces + word) <= width:
            lines[-1] += spaces + word
            continue
        pieces = list(_iter_pieces(word, width, mark)) if mark else [word]
        if lines[-1]:
            lines += pieces
        else:
            indent = spaces if cells(spaces + pieces[0]) <= width else ""
            lines = [indent + pieces[0], *pieces[1:]]
    return lines


def _iter_pieces(word: str, width: int, mark: str) -> Iterator[str]:
    while cells(word) > width:
        stop = _break(word, max(width - cells(mark), 2))
        yield word[:stop] + mark
        word = word[stop:]
    yield word


def _break(word: str, room: int) -> int:
    """Where to break a word so that what is before takes at most `room` columns."""
    stop = room if word.isascii() else max((n for n in range(1, room + 1) if cells(word[:n]) <= room), default=1)
    good = [match.end() for match in _GOOD_BREAK.finditer(word) if stop // 2 <= match.end() <= stop]
    if good:
        return good[-1]
    number = _NUMBER_AT_END.search(word, 0, stop)
    if number and number.start() and _NUMBER_AT_END.search(word, stop, stop + 1):
        return number.start()
    return stop
