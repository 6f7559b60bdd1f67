"""Ladders whose rows are objects, as some bridges give them out: rows again, where it is certain what is what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gexlake.importers.gex.decoding.json_values import as_number, short
from gexlake.validation.snapshots import CELL_ROUNDING, SUM_ROUNDING

FORMS = "read are rows [strike, gex_vol, gex_oi, [priors]], and objects with strike, gex_vol, gex_oi and priors"
OTHER_NAMES = ("gamma", "oi_gamma")
"""Names that bridges gave `gex_vol` and `gex_oi`. They may mean other things, so a record's sums have to prove them."""
_SUMS = ("sum_gex_vol", "sum_gex_oi")


class Rows(NamedTuple):
    """A ladder in the vendor's form; `whole` says that the objects held nothing else."""

    rows: list[Any]
    whole: bool


class UnknownLadderError(ValueError):
    """It is not certain what the objects hold."""


def rows_of_objects(ladder: list[Any], fields: Mapping[str, Any]) -> Rows:
    """The rows that the objects denote; `fields` are the record's others. Raises `UnknownLadderError`."""
    names = ("gex_vol", "gex_oi") if "gex_vol" in ladder[0] else OTHER_NAMES
    rows: list[Any] = []
    whole = True
    for index, row in enumerate(ladder):
        if not isinstance(row, dict) or not {"strike", *names} <= row.keys():
            raise UnknownLadderError(f"strikes[{index}] is {_words(row)}; {FORMS}")
        rows.append([row["strike"], *(row[name] for name in names), row.get("priors")])
        whole &= row.keys() <= {"strike", *names, "priors"}
    if names == OTHER_NAMES:
        _prove(rows, fields)
    return Rows(rows, whole)


def _prove(rows: list[Any], fields: Mapping[str, Any]) -> None:
    """Whether the columns add up to the sums that the record reports; without two sums nothing is proved."""
    tolerance = CELL_ROUNDING * len(rows) + SUM_ROUNDING
    for column, (name, total_name) in enumerate(zip(OTHER_NAMES, _SUMS, strict=True), start=1):
        total = as_number(fields.get(total_name))
        cells = [as_number(row[column]) for row in rows]
        numbers = [float(cell) for cell in cells if cell is not None]
        if total is None or len(numbers) < len(rows) or not abs(sum(numbers) - total) <= tolerance + 1e-12 * abs(total):
            what = total_name.removeprefix("sum_")
            raise UnknownLadderError(f"strikes holds {name}, and {total_name} does not prove it to be {what}; {FORMS}")


def _words(row: Any) -> str:
    return f"an object with {short(list(row))[1:-1] or 'nothing in it'}" if isinstance(row, dict) else "of another form"
