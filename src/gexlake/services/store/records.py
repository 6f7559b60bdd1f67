"""Snapshots as the vendor's JSON, from columns. Pure."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gexlake.importers.snapshots.decoding.careful import dump_extra
from gexlake.models.block import INTEGERS, Doubles, Ints
from gexlake.models.record_type import MAX_PRIORS, RecordType
from gexlake.services.store._render import render
from gexlake.services.store.values import SEPARATOR

Offsets = NDArray[np.uint64]

IDENTITY_FIELDS = ("timestamp", "ticker")
_INT, _NUMBER, _LADDER, _MAX_PRIORS = range(4)
"""Kinds of fields in a layout, as `_render.c` has them."""


class SnapshotRenderer:
    """Renders snapshots of one ticker.

    `ints` (9, n) as `block.Int` says, with ladder rows per snapshot in ROWS; `numbers` (m, n) as in `Block`;
    `extra` n JSON objects or None.
    """

    def __init__(self, kind: RecordType, ticker: str, ints: Ints, numbers: Doubles, extra: list[str | None]) -> None:
        self._kind = kind
        self._ticker = json.dumps(ticker).encode()
        self._ints, self._numbers = np.ascontiguousarray(ints), np.ascontiguousarray(numbers)
        self._overrides: dict[int, dict[str, Any]] = {}
        self._tails, self._tail_ends = b"", np.zeros(len(extra), np.int64)
        if any(extra):
            tails = [b"" if text is None else self._tail(index, text) for index, text in enumerate(extra)]
            self._tails, self._tail_ends = b"".join(tails), np.cumsum(list(map(len, tails)))

    def _tail(self, index: int, extra: str) -> bytes:
        """What goes in front of the closing brace, where that is all that `extra` asks for."""
        members = unknown_members(extra)
        if not members:
            return b""
        if members.keys() & self._kind.known_fields:  # whose value the columns cannot hold
            self._overrides[index] = members
            return b""
        return b"," + dump_extra(members)[1:-1].encode()

    def render(self, first: int, stop: int, ladder: Doubles | None) -> tuple[bytes, Offsets]:
        """The records first … stop - 1, a separator behind each, and (stop - first + 1) offsets into their text.

        `ladder` (k, m) holds just their ladder rows; None leaves the ladder out.
        """
        offsets = np.empty(stop - first + 1, np.uint64)
        if ladder is not None:
            ladder = np.ascontiguousarray(ladder)
        tables = self._ints, self._numbers, ladder, self._tails, self._tail_ends
        text = render(layout_of(self._kind), self._ticker, *tables, first, stop, offsets)
        unusual = [index for index in self._overrides if first <= index < stop]
        return self._overridden(text, offsets, first, unusual, ladder is not None) if unusual else (text, offsets)

    def _overridden(
        self, text: bytes, offsets: Offsets, first: int, unusual: list[int], strikes: bool
    ) -> tuple[bytes, Offsets]:
        bounds = offsets.tolist()
        records = [text[start:end] for start, end in pairwise(bounds)]
        for index in unusual:
            document = json.loads(records[index - first][: -len(SEPARATOR)])
            left_out = {self._kind.mark} if self._kind.ladder and not strikes else set()
            document |= {name: value for name, value in self._overrides[index].items() if name not in left_out}
            records[index - first] = dump_extra(document).encode() + SEPARATOR
        ends = np.cumsum([0, *map(len, records)])
        return b"".join(records), ends.astype(np.uint64)


@lru_cache
def layout_of(kind: RecordType) -> bytes:
    """What a record looks like, in the form that `_render.c` reads."""
    ladder = kind.ladder
    shape = (ladder.own, ladder.priors, ladder.rest, ladder.unknown) if ladder else (0, 0, 0, 0)
    layout = bytes((kind.number_rows, *shape))
    for name in kind.fields:
        if name in IDENTITY_FIELDS:
            continue
        if name in INTEGERS:
            place = (_INT, int(INTEGERS[name]))
        elif name == MAX_PRIORS:
            place = (_MAX_PRIORS, 0)
        else:
            place = (_NUMBER, kind.numbers.index(name)) if name in kind.numbers else (_LADDER, 0)
        text = f',"{name}":'.encode()
        layout += bytes((*place, len(text))) + text
    return layout


def unknown_members(extra: str) -> dict[str, Any]:
    """The record's own fields in `extra`: all but what its envelope said, which the importer puts last."""
    members: dict[str, Any] = json.loads(extra)
    last = next(reversed(members), "")
    if last.rstrip("_") == "envelope" and isinstance(members[last], dict):
        del members[last]
    return {name: value for name, value in members.items() if name not in IDENTITY_FIELDS}
