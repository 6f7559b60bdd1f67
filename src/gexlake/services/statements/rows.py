"""The rows of a statement as a frame that every form of answer can show, within bounds."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from gexlake.errors import QueryError
from gexlake.services.owner.frames import fetch_frame

if TYPE_CHECKING:
    import duckdb
    import polars as pl

FIRST_ROWS, BATCH_ROWS = 1 << 8, 1 << 14
_TEXT_TYPES = re.compile(
    r"\b(INTERVAL|UNION|BIT|VARIANT|GEOMETRY|TIME WITH TIME ZONE|TIMETZ|TIME_NS|MAP|BIGNUM|UHUGEINT)\b"
)
"""Types that Polars or a form of answer has no counterpart for: a column with one of them comes as text."""
_INNER_TIME = re.compile(r"^(?!TIME$).*\bTIME\b(?! ZONE)", re.DOTALL)
"""A time of day in a list or struct; by itself it is looked at, see `_materialized`."""
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, in days since 1970: what lies beyond, infinity too, no form but Parquet can show."""
_UNITS_OF_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def fetch_all(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """All rows. Raises `QueryError` for values that cannot be shown."""
    return _checked(fetch_frame(_materialized(relation)))


def fetch_bounded(relation: duckdb.DuckDBPyRelation, *, rows: int, size: int) -> pl.DataFrame:
    """All rows, in batches of a length that follows what rows turn out to take.

    Raises `QueryError` for more than `rows` rows or `size` bytes, and for values that cannot be shown.
    """
    import polars as pl

    found = _materialized(relation.limit(rows + 1))
    batches: list[pl.DataFrame] = []
    done, bytes_done, step = 0, 0, FIRST_ROWS
    while not batches or batches[-1].height == step:
        done += batches[-1].height if batches else 0
        step = min(BATCH_ROWS, max(1, size // 4 * done // bytes_done)) if bytes_done else step
        batches.append(_checked(fetch_frame(found.limit(step, done))))
        bytes_done += int(batches[-1].estimated_size())
        if bytes_done > size:
            raise QueryError(
                f"The statement yields more than {size >> 20} MiB, the most that this server gives.",
                hint="Sum up, select less, or read the Parquet files.",
            )
    frame = pl.concat(batches)
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
    as_text = [bool(_TEXT_TYPES.search(kind) or _INNER_TIME.search(kind)) for kind in map(str, relation.types)]
    if not any(as_text):
        return relation
    columns = [_identifier(name) for name in names]
    return relation.project(
        ", ".join(f"{name}::VARCHAR AS {name}" if text else name for name, text in zip(columns, as_text, strict=True))
    )


def _materialized(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The rows, computed, in DuckDB's memory. Raises `QueryError` for 24:00:00, of which Polars would make nothing."""
    found = readable(relation).materialize()
    for name, kind in zip(found.columns, found.types, strict=True):
        if str(kind) == "TIME" and found.filter(f"{_identifier(name)} = TIME '24:00:00'").limit(1).fetchall():
            raise _not_shown(name, "the time 24:00:00")
    return found


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _not_shown(name: str, what: str) -> QueryError:
    return QueryError(f"The column {name!r} has {what}.", hint="Select it as text, with ::VARCHAR.")


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    for column in frame:
        if not _is_shown(column):
            raise _not_shown(column.name, "a date or time that lies before the year 1 or after 9999")
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
        # In nanoseconds there are only the years 1677 to 2262, and infinity at either end.
        return _within(column, max(_FIRST_DAY * unit, 2 - (1 << 63)), min((_LAST_DAY + 1) * unit, (1 << 63) - 1) - 1)
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
