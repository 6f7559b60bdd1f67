"""A real terminal of a chosen width, and what a command leaves on it."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

_STYLE = re.compile(r"\x1b\[[\d;]*m|\x1b\[\?25[lh]")
_BACK = re.compile(r"[^\n]*(\n\x1b\[1A)?\x1b\[2K")
_NUMBER = re.compile(r"\d(?:[\d.,:-]*\d)?")


class Screen:
    """What was written, to be read when the screen is closed."""

    raw = ""

    @property
    def text(self) -> str:
        """What stays: without colours, and lines that were overwritten."""
        return _BACK.sub("", _STYLE.sub("", self.raw).replace("\r", ""))

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.text.splitlines()]


@contextmanager
def screen(width: int) -> Iterator[Screen]:
    """stdout and stderr go to a pseudo-terminal of so many columns."""
    shown = Screen()
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read, args=(master, pieces))
    reader.start()
    with (
        open(slave, "w", encoding="utf-8") as out,  # noqa: PTH123
        open(os.dup(slave), "w", encoding="utf-8") as err,  # noqa: PTH123
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.dict(os.environ, {"TERM": "xterm-256color"}),
    ):
        yield shown
    reader.join()
    os.close(master)
    shown.raw = b"".join(pieces).decode().replace("\r\n", "\n")


def _read(master: int, pieces: list[bytes]) -> None:
    try:
        while piece := os.read(master, 65536):
            pieces.append(piece)
    except OSError:  # nobody writes to it any more
        pass


def numbers(text: str) -> list[str]:
    """All numbers, dates and times in the text, each whole."""
    return _NUMBER.findall(text)
