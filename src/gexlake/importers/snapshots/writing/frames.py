"""Between blocks and data frames: the columns as Parquet holds them, and their checksum."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import xxhash

from gexlake.models.block import INTEGERS, MISSING_INT, NO_PAIRS, Doubles, Int, Ints
from gexlake.models.field_ids import FIELD_IDS
from gexlake.models.record_type import MAX_PRIORS, MOST_PAIRS, RecordType

if TYPE_CHECKING:
    from arro3.core import Field, Schema
    from polars.datatypes import DataTypeClass

TIMESTAMP = pl.Datetime("us", "UTC")
PAIR = pl.Struct({"strike": pl.Float64, "change": pl.Float64})
_TYPES = {"DOUBLE": pl.Float64(), "INTEGER": pl.Int32(), "STRUCT(strike DOUBLE, change DOUBLE)[]": pl.List(PAIR)}


@lru_cache
def snapshot_schema(kind: RecordType) -> pl.Schema:
    """The columns of `snapshots.parquet`."""
    scalars = {column.name: _TYPES[column.sql_type] for column in kind.scalars}
    return pl.Schema({"timestamp": TIMESTAMP, **scalars, "extra": pl.String(), "import_id": pl.String()})


@lru_cache
def numbered_schema(kind: RecordType) -> Schema:
    """The same columns for a writer of Parquet, with the ids that its fields get."""
    from arro3.core import Schema

    ids = FIELD_IDS[kind.name, "snapshots"]
    return Schema([_numbered(ids, name, dtype) for name, dtype in snapshot_schema(kind).items()])


def _numbered(ids: Mapping[str, int], name: str, dtype: pl.DataType | DataTypeClass, parent: str = "") -> Field:
    from arro3.core import DataType, Field, Schema

    path = f"{parent}{name}"
    if isinstance(dtype, pl.List):
        arrow = DataType.large_list(_numbered(ids, "element", dtype.inner, f"{path}."))
    elif isinstance(dtype, pl.Struct):
        arrow = DataType.struct([_numbered(ids, field.name, field.dtype, f"{path}.") for field in dtype.fields])
    elif dtype == pl.String:
        arrow = DataType.large_utf8()  # as it stands in files without ids; Polars exports views
    else:
        arrow = Schema.from_arrow(pl.Schema({name: dtype})).field(name).type
    return Field(name, arrow, metadata={"PARQUET:field_id": str(ids[path])})


@lru_cache
def ladder_schema(kind: RecordType) -> pl.Schema:
    """The columns of the ladder's file."""
    return pl.Schema({"timestamp": TIMESTAMP, **dict.fromkeys(kind.ladder_names, pl.Float64())})


def snapshot_frame(
    kind: RecordType, ints: Ints, numbers: Doubles, extra: list[str | None], import_ids: list[str]
) -> pl.DataFrame:
    """Snapshots as a frame of `snapshot_schema`; `ints` and `numbers` as in `Block`, n columns each."""
    columns = {"timestamp": pl.Series(ints[Int.TIMESTAMP]).cast(TIMESTAMP)}
    columns |= {name: _nullable(ints[INTEGERS[name]]) for name in kind.integers}
    columns |= {name: pl.Series(numbers[i]).fill_nan(None) for i, name in enumerate(kind.numbers)}
    if kind.has_max_priors:
        columns[MAX_PRIORS] = _max_priors(ints[Int.MAX_PRIORS], numbers[len(kind.numbers) :])
    columns["extra"] = pl.Series(extra, dtype=pl.String)
    columns["import_id"] = pl.Series(import_ids, dtype=pl.String)
    schema = snapshot_schema(kind)
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema)


def _nullable(values: Ints) -> pl.Series:
    series = pl.Series(values)
    return series.set(series == MISSING_INT, None).cast(pl.Int32)


def _max_priors(counts: Ints, pairs: Doubles) -> pl.Series:
    """Lists of {strike, change} from the (12, n) pairs; `counts` pairs each, -1 for NULL."""
    flat = np.ascontiguousarray(pairs.T).reshape(-1, 2)
    structs = pl.DataFrame({"strike": flat[:, 0], "change": flat[:, 1]}).to_struct(MAX_PRIORS)
    lists = structs.reshape((len(counts), MOST_PAIRS)).arr.to_list()
    if (counts == MOST_PAIRS).all():
        return lists
    frame = pl.DataFrame({"lists": lists, "count": counts})
    some = pl.col("lists").list.head(pl.col("count").clip(0))
    return frame.select(pl.when(pl.col("count") >= 0).then(some).alias(MAX_PRIORS))[MAX_PRIORS]


def snapshot_tables(kind: RecordType, frame: pl.DataFrame) -> tuple[Ints, Doubles, list[str | None]]:
    """The way back: (9, n) ints without offsets and flags, (m, n) numbers, and extra; NaN for NULL."""
    pairs = pl.col(MAX_PRIORS).list
    wanted = [
        pl.col("timestamp").to_physical(),
        *(pl.col(name).cast(pl.Int64).fill_null(MISSING_INT) for name in kind.integers),
        *(pl.col(name) for name in kind.numbers),
    ]
    if kind.has_max_priors:
        wanted.append(pairs.len().cast(pl.Int64).fill_null(NO_PAIRS).alias(MAX_PRIORS))
        wanted += [
            pairs.get(i, null_on_oob=True).struct.field(field).alias(f"{field}_{i}")
            for i in range(MOST_PAIRS)
            for field in ("strike", "change")
        ]
    flat = frame.select(wanted)  # one selection: each of them alone would cost as much
    ints = np.zeros((len(Int), frame.height), np.int64)
    ints[[Int.MIN_DTE, Int.SEC_MIN_DTE]], ints[Int.MAX_PRIORS] = MISSING_INT, NO_PAIRS
    numbers = []
    for column in flat:
        if column.name in _COLUMNS:
            ints[_COLUMNS[column.name]] = column.to_numpy()
        else:
            numbers.append(column.to_numpy())
    return ints, np.array(numbers), frame["extra"].to_list()


_COLUMNS = {"timestamp": Int.TIMESTAMP, **INTEGERS, MAX_PRIORS: Int.MAX_PRIORS}


def ladder_tables(kind: RecordType, frame: pl.DataFrame) -> Doubles:
    """The way back: the (k, n) ladder; NaN for NULL."""
    return np.array([frame[name].to_numpy() for name in kind.ladder_names])


class Checksum:
    """XXH3-128 of a session's content, column by column, so that it does not depend on how rows were batched."""

    def __init__(self, kind: RecordType) -> None:
        self._kind = kind
        self._columns: dict[str, xxhash.xxh3_128] = {}

    def add(self, name: str, values: Ints | Doubles | bytes) -> None:
        """Continue a column with the next values."""
        data = values if isinstance(values, bytes) else np.ascontiguousarray(values).data
        self._columns.setdefault(name, xxhash.xxh3_128()).update(data)

    def add_snapshots(self, ints: Ints, numbers: Doubles, extra: list[str | None]) -> None:
        """Continue the snapshot columns."""
        for column in (Int.TIMESTAMP, Int.MIN_DTE, Int.SEC_MIN_DTE, Int.MAX_PRIORS):
            self.add(column.name, ints[column])
        for row in range(len(numbers)):
            self.add(f"number_{row}", numbers[row])
        self.add("extra", "\0".join(text or "" for text in extra).encode("utf-8", "surrogatepass"))

    def add_ladder(self, rows: Ints, ladder: Doubles) -> None:
        """Continue the ladder columns: rows per snapshot, and the (k, n) cells."""
        self.add("rows", rows)
        self.add_cells(ladder)

    def add_cells(self, ladder: Doubles) -> None:
        """Continue the (k, n) cells alone."""
        for row, name in enumerate(self._kind.ladder_names):
            self.add(name, ladder[row])

    def hexdigest(self) -> str:
        """32 hex digits over all columns."""
        total = xxhash.xxh3_128()
        for name in sorted(self._columns):
            total.update(f"{name}:{self._columns[name].hexdigest()};".encode())
        return total.hexdigest()
