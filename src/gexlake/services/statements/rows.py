"""The rows of a statement as a frame that every form of answer can show, within bounds."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from gexlake.errors import QueryError
from gexlake.services.frames import fetch_frame

if TYPE_CHECKING:
    import duckdb
    import polars as pl

PIECE_ROWS = 1 << 14
_TEXT_TYPES = re.compile(
    r"\b(INTERVAL|UNION|BIT|VARIANT|GEOMETRY|TIME WITH TIME ZONE|TIMETZ|TIME_NS|MAP|BIGNUM|UHUGEINT)\b"
)
"""Types that Polars or a form of answer has no counterpart for: a column with one of them comes as text."""
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, in days since 1970: what lies beyond, infinity too, no form but Parquet can show."""
_UNITS_OF_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def fetch_all(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """All rows. Raises `QueryError` for values that cannot be shown."""
    return _checked(fetch_frame(readable(relation).materialize()))


def fetch_bounded(relation: duckdb.DuckDBPyRelation, *, rows: int, size: int) -> pl.DataFrame:
    """All rows, in pieces of a length that follows what rows turn out to take.

    Raises `QueryError` for more than `rows` rows or `size` bytes, and for values that cannot be shown.
    """
    import polars as pl

    found = readable(relation.limit(rows + 1)).materialize()
    pieces: list[pl.DataFrame] = []
    done, bytes_done, step = 0, 0, 1
    while not pieces or pieces[-1].height == step:
        done += pieces[-1].height if pieces else 0
        step = min(PIECE_ROWS, max(1, size // 4 * done // bytes_done)) if bytes_done else 1
        pieces.append(_checked(fetch_frame(found.limit(step, done))))
        bytes_done += int(pieces[-1].estimated_size())
        if bytes_done > size:
            raise QueryError(
                f"The statement yields more than {size >> 20} MiB, the most that this server gives.",
                hint="Sum up, select less, or read the Parquet files.",
            )
    frame = pl.concat(pieces)
    if frame.height > rows:
        raise QueryError(
            f"The statement yields more than {rows:,} rows, the most that this server gives.",
            hint="Sum up, select less, or read the Parquet files.",
        )
    return frame


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation, with columns of types that Polars lacks as text."""
    names = relation.columns
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise QueryError(
            f"Two columns of the result are called {twice[0]!r}.", hint="Give one of them another name with AS."
        )
    as_text = [bool(_TEXT_TYPES.search(str(kind))) for kind in relation.types]
    if not any(as_text):
        return relation
    columns = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
    return relation.project(
        ", ".join(f"{name}::VARCHAR AS {name}" if text else name for name, text in zip(columns, as_text, strict=True))
    )


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    for column in frame:
        if not _is_shown(column):
            raise QueryError(
                f"The column {column.name!r} has a date or time that lies before the year 1 or after 9999.",
                hint="Select it as text, with ::VARCHAR.",
            )
    return frame


def _is_shown(column: pl.Series) -> bool:
    """Whether every date and time in it is one of Python's, in lists and structs as well."""
    import polars as pl

    kind = column.dtype
    if isinstance(kind, pl.Struct):
        return all(_is_shown(column.struct.field(field.name)) for field in kind.fields)
    if isinstance(kind, pl.List | pl.Array):
        return not _has_times(kind) or _is_shown(column.explode(empty_as_null=False))
    if isinstance(kind, pl.Date):
        return _within(column, _FIRST_DAY, _LAST_DAY)
    if isinstance(kind, pl.Datetime):
        unit = _UNITS_OF_DAY[kind.time_unit]
        return _within(column, _FIRST_DAY * unit, (_LAST_DAY + 1) * unit - 1)
    if isinstance(kind, pl.Time):
        return _within(column, 0, _UNITS_OF_DAY["ns"] - 1)
    return True


def _has_times(kind: pl.DataType) -> bool:
    import polars as pl

    if isinstance(kind, pl.List | pl.Array):
        return _has_times(kind.inner)  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return any(_has_times(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    return kind.is_temporal()


def _within(column: pl.Series, least: int, most: int) -> bool:
    values = column.to_physical()
    return not ((values < least) | (values > most)).any()
