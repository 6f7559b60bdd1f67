"""What goes into the store and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from gexlake.models.feed import Feed, SessionKey

SEPARATOR = b",\n"
"""Stands behind every record of a text; no record holds a newline."""


class PublishedSession(NamedTuple):
    """A session as the database has it: `first_us` and `last_us` in Unix microseconds, None where it is empty."""

    feed: Feed
    session_date: date
    version: str
    snapshots: int
    first_us: int | None
    last_us: int | None

    @property
    def key(self) -> SessionKey:
        """Its identity, which all its versions share."""
        return SessionKey(self.feed, self.session_date)


class Record(NamedTuple):
    """One snapshot: its instant in Unix microseconds, and its JSON object as UTF-8 without a separator."""

    timestamp_us: int
    session_date: date
    text: memoryview


@dataclass(frozen=True, slots=True)
class Page:
    """Snapshots one after the other: buffers of one or more JSON objects, each object with `,\\n` behind it.

    `first_us` and `last_us` are the instants of its first and last snapshot in the order of the page, in Unix
    microseconds, None where it is empty; `last_us` is the `after_us` of the page behind it, if `more` follow. `runs`
    says of which versions of sessions they are, and which of their snapshots, as (version, first, stop).
    """

    buffers: list[memoryview]
    count: int
    first_us: int | None
    last_us: int | None
    more: bool
    runs: tuple[tuple[str, int, int], ...] = ()

    def array(self) -> bytes:
        """The snapshots as one JSON array."""
        return b"[" + b"".join(self.buffers)[: -len(SEPARATOR)] + b"]"

    def lines(self) -> bytes:
        """The snapshots as JSON Lines, each ended by a newline."""
        # Splitting at single bytes is 20 times as fast as replacing two.
        return b"\n".join(line[:-1] for line in b"".join(self.buffers).split(b"\n")[:-1]) + b"\n" * bool(self.buffers)


class Snapshots(Protocol):
    """The snapshots of one version of one session, wherever their text comes from."""

    @property
    def timestamps(self) -> Sequence[int]:
        """Unix microseconds, ascending."""

    def texts(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The records first … stop - 1 in few buffers, a separator behind each."""

    def records(self, first: int, stop: int, *, strikes: bool) -> list[memoryview]:
        """The same, a buffer each."""
