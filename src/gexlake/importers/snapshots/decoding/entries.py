"""The entries of a record's ladder, one for each strike: cells in the order of the columns, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import chain, repeat
from operator import or_
from typing import Any, NamedTuple

import numpy as np

from gexlake.importers.snapshots.decoding.json_values import NAN, as_number, kind_of, short
from gexlake.importers.snapshots.decoding.ladder_objects import UnknownLadderError, rows_of_objects
from gexlake.models.block import FLAG_NUMBER_AS_TEXT, FLAG_PRIORS_COUNT, Doubles
from gexlake.models.record_type import Ladder
from gexlake.validation.rules import Rule

OBJECTS_SUFFIX = "_objects"
"""Behind the name of a ladder of objects: what is served under the name itself has the vendor's entries."""

_NUMBER_TYPES = frozenset((int, float))


class RefusedRecordError(Exception):
    """The record breaks a rule of severity `refused`."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


class Entries(NamedTuple):
    """A ladder's cells, a row for each entry, NaN for what is absent; whether they hold all of it; oddities' flags."""

    cells: Doubles
    whole: bool
    flags: int = 0


def read_entries(value: Any, fields: Mapping[str, Any], ladder: Ladder) -> Entries:
    """The entries that the value of the ladder's field denotes; `fields` are the record's others.

    Raises `RefusedRecordError` with the first rule that they break.
    """
    name = ladder.field
    if value is None:
        raise RefusedRecordError(Rule.STRIKES_MISSING, f"{name} is absent or null")
    if not isinstance(value, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"{name} is {kind_of(value)}, not an array")
    if not value:
        raise RefusedRecordError(Rule.STRIKES_EMPTY, f"{name} is an empty array")
    rows, whole = value, True
    if isinstance(value[0], dict):
        try:
            rows, whole = rows_of_objects(value, fields, ladder)
        except UnknownLadderError as error:
            raise RefusedRecordError(Rule.STRIKES_MALFORMED, str(error)) from error
    usual = _usual_cells(rows, ladder)
    entries = _unusual_cells(rows, ladder) if usual is None else Entries(usual, whole=True)
    return entries._replace(whole=entries.whole and whole)


def _usual_cells(rows: list[Any], ladder: Ladder) -> Doubles | None:
    """The cells of a ladder whose entries have all priors, nothing behind them, and break no rule: the fast way for
    most of them. None for any other.
    """
    own, behind = ladder.own, ladder.rest + ladder.unknown
    try:
        if any(len(row) > own + 1 + behind or any(map(_is_there, row[own + 1 :])) for row in rows):
            return None
        flat = [(*row[:own], *row[own]) for row in rows]
    except (TypeError, IndexError):
        return None
    if {len(row) for row in flat} != {own + ladder.priors} or not _NUMBER_TYPES.issuperset(
        map(type, chain.from_iterable(flat))
    ):
        return None
    cells = np.full((len(flat), len(ladder.names)), NAN)
    cells[:, : own + ladder.priors] = flat
    return cells if np.isfinite(cells[:, : own + ladder.priors]).all() and (cells[:, 0] > 0).all() else None


def _is_there(value: Any) -> bool:
    return value is not None


def _unusual_cells(rows: list[Any], ladder: Ladder) -> Entries:
    read = [_entry(row, f"{ladder.field}[{index}]", ladder) for index, row in enumerate(rows)]
    flags = reduce(or_, (flags for *_, flags in read))
    return Entries(np.array([cells for cells, *_ in read]), all(whole for _, whole, _ in read), flags)


def _entry(row: Any, place: str, ladder: Ladder) -> tuple[list[float], bool, int]:
    """The cells of an entry, whether they hold all of it, and the flags of what is odd about it."""
    own = ladder.own
    if not isinstance(row, list) or len(row) < own:
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"{place} is {kind_of(row)} of an unknown form")
    cells = [as_number(value) for value in row[:own]]
    if cells[0] is None or not cells[0] > 0:
        raise RefusedRecordError(Rule.STRIKE_INVALID, f"{place}[0] is {short(row[0])}")
    for position in range(1, own):
        if cells[position] is None and not (position >= ladder.required and row[position] is None):
            raise RefusedRecordError(Rule.GEX_INVALID, f"{place}[{position}] is {short(row[position])}")
    priors = _priors(row[own] if len(row) > own else None, f"{place}[{own}]")
    earlier = [as_number(item) for item in priors]
    if any(number is None and item is not None for number, item in zip(earlier, priors, strict=True)):
        raise RefusedRecordError(Rule.GEX_INVALID, f"{place}[{own}] holds a prior that is not a number")
    kept = [*earlier[: ladder.priors], *repeat(None, ladder.priors - len(earlier))]
    behind, is_all = _behind_priors(row[own + 1 :], ladder)
    flags = FLAG_PRIORS_COUNT if len(priors) != ladder.priors or None in priors else 0
    if any(isinstance(value, str) for value in (*row[:own], *priors[: ladder.priors])):
        flags |= FLAG_NUMBER_AS_TEXT
    numbers = [NAN if cell is None else float(cell) for cell in (*cells, *kept, *behind)]
    return numbers, is_all and len(priors) <= ladder.priors, flags


def _priors(value: Any, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefusedRecordError(Rule.STRIKES_MALFORMED, f"{place} is {kind_of(value)}, not an array")
    return value


def _behind_priors(values: list[Any], ladder: Ladder) -> tuple[list[int | float | None], bool]:
    """The cells behind the priors, and whether they hold all that stands there; what nobody has described is null."""
    known, unknown = values[: ladder.rest], values[ladder.rest :]
    cells = [None if isinstance(value, str) else as_number(value) for value in known]
    is_all = all((cell is None) == (value is None) for cell, value in zip(cells, known, strict=True))
    is_all &= len(unknown) <= ladder.unknown and not any(map(_is_there, unknown))
    return [*cells, *repeat(None, ladder.rest - len(cells))], is_all
