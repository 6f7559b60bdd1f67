"""Snapshots as the vendor's JSON, from columns. Pure."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexlake.importers.gex.decoding.careful import dump_extra
from gexlake.importers.gex.rendering._render import render, render_strikes
from gexlake.models.gex_block import Doubles, Ints
from gexlake.models.gex_columns import NUMBERS

SEPARATOR = b",\n"
"""Stands behind every record of a text; no record holds a newline."""
Offsets = NDArray[np.uint64]
Places = NDArray[np.uint16]
NO_PLACE = 0xFFFF
"""Of a record that is not made by putting its ladder into it."""

IDENTITY_FIELDS = ("timestamp", "ticker")
FIELDS = frozenset((*NUMBERS, "min_dte", "sec_min_dte", "strikes", "max_priors"))
"""Fields with columns. One whose value the columns cannot hold stands in `extra` under its own name."""


class Light(NamedTuple):
    """Records without their ladders: text, offsets into it as `SnapshotRenderer.render` gives them, and in each record
    the place where `ladder_texts` goes in, or `NO_PLACE`.
    """

    text: bytes
    offsets: Offsets
    places: Places


def ladder_texts(ladder: Doubles, rows: Ints) -> tuple[bytes, Offsets]:
    """The ladders of some snapshots as they stand in records, `rows[i]` columns of the (8, n) `ladder` for each."""
    offsets = np.empty(len(rows) + 1, np.uint64)
    return render_strikes(np.ascontiguousarray(ladder), rows, offsets), offsets


class SnapshotRenderer:
    """Renders snapshots of one ticker.

    `ints` (9, n) as `gex_columns.Int` says, with strikes per snapshot in ROWS; `numbers` (21, n) as in `Block`;
    `extra` n JSON objects or None.
    """

    def __init__(self, ticker: str, ints: Ints, numbers: Doubles, extra: list[str | None]) -> None:
        self._ticker = json.dumps(ticker).encode()
        self._ints, self._numbers = np.ascontiguousarray(ints), np.ascontiguousarray(numbers)
        self._overrides: dict[int, dict[str, Any]] = {}
        tails = [self._tail(index, text) for index, text in enumerate(extra)]
        self._tails = b"".join(tails)
        self._tail_ends = np.cumsum(np.fromiter(map(len, tails), np.int64, len(tails)))

    def _tail(self, index: int, extra: str | None) -> bytes:
        """What goes in front of the closing brace, where that is all that `extra` asks for."""
        if extra is None or not (members := unknown_members(extra)):
            return b""
        if members.keys() & FIELDS:
            self._overrides[index] = members
            return b""
        return b"," + dump_extra(members)[1:-1].encode()

    def render(self, first: int, stop: int, ladder: Doubles | None) -> tuple[bytes, Offsets]:
        """The records first … stop - 1, a separator behind each, and (stop - first + 1) offsets into their text.

        `ladder` (8, m) holds just their strike rows; None leaves `strikes` out.
        """
        offsets = np.empty(stop - first + 1, np.uint64)
        if ladder is not None:
            ladder = np.ascontiguousarray(ladder)
        text = self._render(first, stop, ladder, offsets, None)
        unusual = self._unusual(first, stop)
        return self._overridden(text, offsets, first, unusual, ladder is not None) if unusual else (text, offsets)

    def render_light(self, first: int, stop: int) -> Light:
        """The records first … stop - 1 without ladders, and where those would stand."""
        offsets, places = np.empty(stop - first + 1, np.uint64), np.empty(stop - first, np.uint16)
        text = self._render(first, stop, None, offsets, places)
        unusual = self._unusual(first, stop)
        if unusual:
            text, offsets = self._overridden(text, offsets, first, unusual, False)
            places[[index - first for index in unusual]] = NO_PLACE
        return Light(text, offsets, places)

    def _unusual(self, first: int, stop: int) -> list[int]:
        return [index for index in self._overrides if first <= index < stop]

    def _render(self, first: int, stop: int, ladder: Doubles | None, offsets: Offsets, places: Places | None) -> bytes:
        tables = self._ticker, self._ints, self._numbers, ladder, self._tails, self._tail_ends
        return render(*tables, first, stop, offsets, places)

    def _overridden(
        self, text: bytes, offsets: Offsets, first: int, unusual: list[int], strikes: bool
    ) -> tuple[bytes, Offsets]:
        bounds = offsets.tolist()
        records = [text[start:end] for start, end in pairwise(bounds)]
        for index in unusual:
            document = json.loads(records[index - first][: -len(SEPARATOR)])
            document |= {name: value for name, value in self._overrides[index].items() if strikes or name != "strikes"}
            records[index - first] = dump_extra(document).encode() + SEPARATOR
        ends = np.cumsum([0, *map(len, records)])
        return b"".join(records), ends.astype(np.uint64)


def unknown_members(extra: str) -> dict[str, Any]:
    """The record's own fields in `extra`: all but what its envelope said, which the importer puts last."""
    members: dict[str, Any] = json.loads(extra)
    last = next(reversed(members), "")
    if last.rstrip("_") == "envelope" and isinstance(members[last], dict):
        del members[last]
    return {name: value for name, value in members.items() if name not in IDENTITY_FIELDS}
