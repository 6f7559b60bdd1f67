"""Text of others, made harmless to show: names of files, tickers and refused records are anybody's. Pure."""

from __future__ import annotations

import json


def plain(text: str) -> str:
    r"""The text with everything written out that would act on a terminal or not be seen: \x1b, \n, \u202e.

    Bytes that are not UTF-8 stand as \xNN.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def plain_lines(text: str) -> str:
    """Several lines, each as `plain` has it."""
    return "\n".join(map(plain, text.split("\n")))


def plain_json(text: str) -> str:
    """JSON in which what `plain` writes out is escaped, so that it says the same. Line breaks are the document's."""
    if text.isascii() and "\x7f" not in text:  # json escapes the other control characters itself
        return text
    return "".join(char if char.isprintable() or char == "\n" else _json_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that the file system's encoding did not know
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def _json_escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if char == "\x7f" else json.dumps(char)[1:-1]
