"""Ladders whose rows are objects, as some bridges give them out: rows again, where it is certain what is what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gexlake.importers.snapshots.decoding.json_values import as_number, short
from gexlake.models.record_type import Ladder
from gexlake.validation.snapshots import CELL_ROUNDING, SUM_ROUNDING

OTHER_NAMES = ("gamma", "oi_gamma")
"""Names that bridges gave `gex_vol` and `gex_oi`. They may mean other things, so a record's sums have to prove them."""
_GEX_NAMES = ("gex_vol", "gex_oi")
_SUMS = ("sum_gex_vol", "sum_gex_oi")


class Rows(NamedTuple):
    """A ladder in the vendor's form; `whole` says that the objects held nothing else."""

    rows: list[Any]
    whole: bool


class UnknownLadderError(ValueError):
    """It is not certain what the objects hold."""


def rows_of_objects(entries: list[Any], fields: Mapping[str, Any], ladder: Ladder) -> Rows:
    """The rows that the objects denote; `fields` are the record's others. Raises `UnknownLadderError`."""
    own = ladder.names[1 : ladder.own]
    names = OTHER_NAMES if own == _GEX_NAMES and "gex_vol" not in entries[0] else own
    rows: list[Any] = []
    whole = True
    for index, row in enumerate(entries):
        if not isinstance(row, dict) or not {"strike", *names} <= row.keys():
            raise UnknownLadderError(f"{ladder.field}[{index}] is {_words(row)}; {forms_of(ladder)}")
        rows.append([row["strike"], *(row[name] for name in names), row.get("priors")])
        whole &= row.keys() <= {"strike", *names, "priors"}
    if names == OTHER_NAMES:
        _prove(rows, fields, ladder)
    return Rows(rows, whole)


def forms_of(ladder: Ladder) -> str:
    """What forms of a ladder are read, in words."""
    names = ", ".join(ladder.names[: ladder.own])
    return f"read are rows [{names}, [priors]], and objects with {names} and priors"


def _prove(rows: list[Any], fields: Mapping[str, Any], ladder: Ladder) -> None:
    """Whether the columns add up to the sums that the record reports; without two sums nothing is proved."""
    tolerance = CELL_ROUNDING * len(rows) + SUM_ROUNDING
    for column, (name, total_name) in enumerate(zip(OTHER_NAMES, _SUMS, strict=True), start=1):
        total = as_number(fields.get(total_name))
        cells = [as_number(row[column]) for row in rows]
        numbers = [float(cell) for cell in cells if cell is not None]
        if total is None or len(numbers) < len(rows) or not abs(sum(numbers) - total) <= tolerance + 1e-12 * abs(total):
            what = total_name.removeprefix("sum_")
            raise UnknownLadderError(
                f"{ladder.field} holds {name}, and {total_name} does not prove it to be {what}; {forms_of(ladder)}"
            )


def _words(row: Any) -> str:
    return f"an object with {short(list(row))[1:-1] or 'nothing in it'}" if isinstance(row, dict) else "of another form"
