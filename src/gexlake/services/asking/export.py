"""Rows of a feed as a file for other programs, whatever their number: memory does not grow with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.errors import StorageError, UsageError

if TYPE_CHECKING:
    import polars as pl

INSTANTS = "%Y-%m-%dT%H:%M:%S%.6f%:z"


def _to_parquet(frame: pl.LazyFrame, path: Path) -> None:
    frame.sink_parquet(path, compression="zstd")


def _to_arrow(frame: pl.LazyFrame, path: Path) -> None:
    frame.sink_ipc(path)


def _to_ndjson(frame: pl.LazyFrame, path: Path) -> None:
    frame.sink_ndjson(path)


def _to_csv(frame: pl.LazyFrame, path: Path) -> None:
    """Lists and structs are left out: CSV has no form for them."""
    flat = [name for name, kind in frame.collect_schema().items() if not kind.is_nested()]
    frame.select(flat).sink_csv(path, datetime_format=INSTANTS)


WRITERS: Mapping[str, Callable[[pl.LazyFrame, Path], Any]] = {
    ".parquet": _to_parquet,
    ".arrow": _to_arrow,
    ".ndjson": _to_ndjson,
    ".csv": _to_csv,
}
"""Suffix of a file -> what writes it."""


TEXT = frozenset({".ndjson", ".csv"})
"""Forms in which an instant is written on the clock of a zone. The others hold the instant itself, in UTC."""


def check_target(target: Path) -> None:
    """Raise `UsageError` for a file whose suffix says no form."""
    if target.suffix.lower() not in WRITERS:
        raise UsageError(f"{target} names no form of rows.", hint=f"Let it end in {', '.join(WRITERS)}.")


def notes_target(target: Path) -> Path:
    """Where the notes of what is exported go: beside it, in the same form."""
    return target.with_name(f"{target.stem}.notes{target.suffix}")


def write_rows(frame: pl.LazyFrame, target: Path) -> int:
    """Write all rows into a file, which is whole when it has its name; its size in bytes.

    Raises `UsageError` for a name that says no form, `StorageError` where the disk refuses.
    """
    import polars as pl

    check_target(target)
    part = target.with_name(f".{target.name}.part")
    try:
        WRITERS[target.suffix.lower()](frame, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except (OSError, pl.exceptions.ComputeError) as error:
        raise StorageError(f"{target} cannot be written: {str(error).partition(chr(10))[0]}.") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size
