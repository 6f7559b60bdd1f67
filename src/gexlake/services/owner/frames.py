"""What a SQL statement yields, as a Polars frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    from polars.datatypes import DataTypeClass


class _ArrowStream:
    """Hands a relation's Arrow stream to Polars, and nothing else of it.

    Polars remembers the type of what it is given. A DuckDB type that it remembered would outlive the interpreter,
    and DuckDB prints a page of complaints about that at exit. (`relation.pl()` is no way out: it needs pyarrow.)
    """

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._capsule = relation.__arrow_c_stream__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule


def is_panic(error: BaseException) -> bool:
    """Whether a library in Rust has failed. It is none of Exception's, so that nobody goes on; a service has to."""
    return type(error).__name__ == "PanicException"


def csv_text(frame: pl.DataFrame, *, header: bool) -> str:
    """CSV with instants in ISO 8601, microseconds and offset; times of a place, which have none, go without."""
    import polars as pl

    local = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone is None]
    shown = frame.with_columns(pl.col(local).dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")) if local else frame
    return shown.write_csv(include_header=header, datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z")


def in_zone(frame: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The same instants on the clock of a zone, also within lists and structs; times of a place stay as they are."""
    return frame.cast({name: moved for name, kind in frame.schema.items() if (moved := _in_zone(kind, zone)) != kind})


def _in_zone(kind: DataTypeClass | pl.DataType, zone: str) -> DataTypeClass | pl.DataType:
    import polars as pl

    if isinstance(kind, pl.Datetime):
        return pl.Datetime(kind.time_unit, zone) if kind.time_zone else kind
    if isinstance(kind, pl.List):
        return pl.List(_in_zone(kind.inner, zone))
    if isinstance(kind, pl.Array):
        return pl.Array(_in_zone(kind.inner, zone), kind.size)
    if isinstance(kind, pl.Struct):
        return pl.Struct({field.name: _in_zone(field.dtype, zone) for field in kind.fields})
    return kind


def fetch_frame(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """All rows of a relation; instants in UTC where the connection's time zone is."""
    import polars as pl

    frame = pl.DataFrame(_ArrowStream(relation))
    # DuckDB may call it Etc/UTC, which joins with none of our columns.
    return frame.with_columns(
        pl.col(name).dt.convert_time_zone("UTC")
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Datetime) and kind.time_zone not in (None, "UTC")
    )
