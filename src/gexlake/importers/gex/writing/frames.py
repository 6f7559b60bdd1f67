"""Between blocks and data frames: the columns as Parquet holds them, and their checksum."""

from __future__ import annotations

import numpy as np
import polars as pl
import xxhash

from gexlake.models.gex_block import Doubles, Ints
from gexlake.models.gex_columns import LADDER, MAX_PRIORS, MISSING_INT, NUMBERS, Int

TIMESTAMP = pl.Datetime("us", "UTC")
PAIR = pl.Struct({"strike": pl.Float64, "change": pl.Float64})
SNAPSHOT_SCHEMA = pl.Schema(
    {
        "timestamp": TIMESTAMP,
        "min_dte": pl.Int32(),
        "sec_min_dte": pl.Int32(),
        **dict.fromkeys(NUMBERS, pl.Float64()),
        "max_priors": pl.List(PAIR),
        "extra": pl.String(),
        "import_id": pl.String(),
    }
)
STRIKE_SCHEMA = pl.Schema({"timestamp": TIMESTAMP, **dict.fromkeys(LADDER, pl.Float64())})


def snapshot_frame(ints: Ints, numbers: Doubles, extra: list[str | None], import_ids: list[str]) -> pl.DataFrame:
    """Snapshots as a frame of `SNAPSHOT_SCHEMA`; `ints` and `numbers` as in `Block`, n columns each."""
    integers = {
        "timestamp": pl.Series(ints[Int.TIMESTAMP]).cast(TIMESTAMP),
        "min_dte": _nullable(ints[Int.MIN_DTE]),
        "sec_min_dte": _nullable(ints[Int.SEC_MIN_DTE]),
    }
    doubles = {name: pl.Series(numbers[i]).fill_nan(None) for i, name in enumerate(NUMBERS)}
    return pl.DataFrame(
        {
            **integers,
            **doubles,
            "max_priors": _max_priors(ints[Int.MAX_PRIORS], numbers[len(NUMBERS) :]),
            "extra": pl.Series(extra, dtype=pl.String),
            "import_id": pl.Series(import_ids, dtype=pl.String),
        },
        schema=SNAPSHOT_SCHEMA,
    )


def _nullable(values: Ints) -> pl.Series:
    series = pl.Series(values)
    return series.set(series == MISSING_INT, None).cast(pl.Int32)


def _max_priors(counts: Ints, pairs: Doubles) -> pl.Series:
    """Lists of {strike, change} from the (12, n) pairs; `counts` pairs each, -1 for NULL."""
    flat = np.ascontiguousarray(pairs.T).reshape(-1, 2)
    structs = pl.DataFrame({"strike": flat[:, 0], "change": flat[:, 1]}).to_struct("max_priors")
    lists = structs.reshape((len(counts), MAX_PRIORS)).arr.to_list()
    if (counts == MAX_PRIORS).all():
        return lists
    frame = pl.DataFrame({"lists": lists, "count": counts})
    some = pl.col("lists").list.head(pl.col("count").clip(0))
    return frame.select(pl.when(pl.col("count") >= 0).then(some).alias("max_priors"))["max_priors"]


def snapshot_tables(frame: pl.DataFrame) -> tuple[Ints, Doubles, list[str | None]]:
    """The way back: (9, n) ints without offsets and flags, (21, n) numbers, and extra; NaN for NULL."""
    pairs = pl.col("max_priors").list
    flat = frame.select(
        pl.col("timestamp").to_physical(),
        pl.col("min_dte", "sec_min_dte").cast(pl.Int64).fill_null(MISSING_INT),
        pairs.len().cast(pl.Int64).fill_null(-1).alias("max_priors"),
        *NUMBERS,
        *(
            pairs.get(i, null_on_oob=True).struct.field(field).alias(f"{field}_{i}")
            for i in range(MAX_PRIORS)
            for field in ("strike", "change")
        ),
    )  # one selection: each of them alone would cost as much
    timestamps, min_dte, sec_min_dte, counts, *numbers = (column.to_numpy() for column in flat)
    ints = np.zeros((len(Int), frame.height), np.int64)
    ints[Int.TIMESTAMP], ints[Int.MIN_DTE], ints[Int.SEC_MIN_DTE] = timestamps, min_dte, sec_min_dte
    ints[Int.MAX_PRIORS] = counts
    return ints, np.array(numbers), frame["extra"].to_list()


def strike_tables(frame: pl.DataFrame) -> Doubles:
    """The way back: the (8, n) ladder; NaN for NULL."""
    return np.array([frame[name].to_numpy() for name in LADDER])


class Checksum:
    """XXH3-128 of a session's content, column by column, so that it does not depend on how rows were batched."""

    def __init__(self) -> None:
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
        """Continue the ladder columns: strikes per snapshot, and the (8, n) cells."""
        self.add("rows", rows)
        self.add_cells(ladder)

    def add_cells(self, ladder: Doubles) -> None:
        """Continue the (8, n) cells alone."""
        for row, name in enumerate(LADDER):
            self.add(name, ladder[row])

    def hexdigest(self) -> str:
        """32 hex digits over all columns."""
        total = xxhash.xxh3_128()
        for name in sorted(self._columns):
            total.update(f"{name}:{self._columns[name].hexdigest()};".encode())
        return total.hexdigest()
