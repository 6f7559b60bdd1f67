"""The finished files of a session held to their footer and to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.seal import check_file
from gexlake.importers.snapshots.lookup import LOOKUP_KEY
from gexlake.importers.snapshots.writing.runs import from_runs, runs_of
from gexlake.models.block import ROW_CAPACITY, Int, Ints
from gexlake.models.checks import Check
from gexlake.models.record_type import Ladder, RecordType

if TYPE_CHECKING:
    import polars as pl

Problem = tuple[Check, str]


def check_files(kind: RecordType, files: Mapping[str, Path], footer: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a session's Parquet files, in words; nothing where all is as written."""
    import polars as pl

    from gexlake.importers.snapshots.writing.frames import ladder_schema, snapshot_schema

    try:
        snapshots = pl.read_parquet(files["snapshots"], glob=False, hive_partitioning=False)
        found = [("snapshots", snapshots.schema, snapshot_schema(kind))]
        rows = None
        if kind.ladder:
            name = kind.ladder.dataset
            rows = pl.scan_parquet(files[name], glob=False, hive_partitioning=False)
            found.append((name, rows.collect_schema(), ladder_schema(kind)))
        for name, schema, expected in found:
            if schema != expected:
                yield Check.PARQUET_DAMAGED, f"{name}.parquet has other columns than it should: {dict(schema)}"
                return
        yield from _check_rows(kind, snapshots, rows, footer)
    except (pl.exceptions.PanicException, Exception) as error:  # whatever comes of bytes that mean nothing
        yield Check.PARQUET_DAMAGED, f"its Parquet files cannot be read: {_first_line(error)}"


def ensure_sound(kind: RecordType, files: Mapping[str, Path]) -> None:
    """Raise `ValueError` for files that are not as they were written: nothing is carried on from such.

    By their seals; files of older lakes, which have none, by their content.
    """
    import polars as pl

    sealed = [check_file(path) for path in files.values()]
    if all(sealed):
        return
    footer = json.loads(pl.read_parquet_metadata(files["snapshots"])[FOOTER_KEY])
    for _, words in check_files(kind, files, footer):
        raise ValueError(words)


def has_lookup(kind: RecordType, files: Mapping[str, Path]) -> bool:
    """Whether a session can be answered from by its lookup index; one without a snapshot needs none."""
    import polars as pl

    footer = json.loads(pl.read_parquet_metadata(files[kind.indexed_dataset])[FOOTER_KEY])
    return LOOKUP_KEY in footer or not footer["summary"]["snapshots"]


def _check_rows(
    kind: RecordType, snapshots: pl.DataFrame, rows: pl.LazyFrame | None, footer: Mapping[str, Any]
) -> Iterator[Problem]:
    timestamps = snapshots["timestamp"].to_physical().to_numpy()
    if not (np.diff(timestamps) > 0).all():
        yield Check.PARQUET_KEYS, "the timestamps of snapshots.parquet do not ascend"
    summary = footer["summary"]
    yield from _check_count("snapshots", len(timestamps), summary["snapshots"])
    ends = (int(timestamps[0]), int(timestamps[-1])) if len(timestamps) else (None, None)
    if ends != (summary["first_us"], summary["last_us"]):
        yield Check.PARQUET_KEYS, "the first or last timestamp of snapshots.parquet is not what was written"
    yield from _check_owners(snapshots, footer)
    rows_of = np.zeros(len(timestamps), np.int64)
    if kind.ladder and rows is not None:
        keys = rows.select("timestamp").collect()["timestamp"].to_physical().to_numpy()
        ladders = runs_of(keys)
        yield from _check_count(kind.ladder.dataset, len(keys), summary["rows"])
        ladder_keys = np.array([key for key, _, _ in ladders], np.int64)
        if not np.array_equal(ladder_keys, timestamps):
            yield Check.PARQUET_KEYS, _key_words(timestamps, ladder_keys, kind.ladder)
            return
        rows_of = np.array([count for _, _, count in ladders], np.int64)
        if not np.array_equal(rows_of, from_runs(footer["strikes_per_snapshot"])):
            yield Check.PARQUET_ROWS, "the number of strikes of some snapshots is not what was written"
    if _checksum(kind, snapshots, rows, rows_of) != footer["checksum"]:
        yield Check.PARQUET_CHECKSUM, "the checksum of its Parquet files is not that of what was written"


def _check_count(name: str, rows: int, written: int) -> Iterator[Problem]:
    if rows != written:
        yield Check.PARQUET_ROWS, f"{name}.parquet has {rows:,} rows, {written:,} were written"


def _check_owners(snapshots: pl.DataFrame, footer: Mapping[str, Any]) -> Iterator[Problem]:
    """Each snapshot of one source, and with that source's import id."""
    claims = np.zeros(snapshots.height, np.int64)
    import_ids = np.full(snapshots.height, "", object)
    for source in footer["sources"]:
        for first, count in source["runs"]:
            claims[first : first + count] += 1
            import_ids[first : first + count] = source["import_id"]
    wrong = int(np.count_nonzero(claims != 1))
    if wrong:
        yield Check.PARQUET_SOURCES, f"the footer attributes {wrong:,} snapshots to no source or to several"
    elif snapshots["import_id"].to_list() != import_ids.tolist():
        yield Check.PARQUET_SOURCES, "the import ids of some snapshots are not those of their sources"


def _checksum(kind: RecordType, snapshots: pl.DataFrame, rows: pl.LazyFrame | None, rows_of: Ints) -> str:
    from gexlake.importers.snapshots.writing.frames import Checksum, ladder_tables, snapshot_tables

    checksum = Checksum(kind)
    ints, numbers, extra = snapshot_tables(kind, snapshots)
    ints[Int.ROWS] = rows_of
    checksum.add_snapshots(ints, numbers, extra)
    if rows is not None and len(rows_of):  # a session without snapshots has no ladder columns
        checksum.add("rows", rows_of)
        for start in range(0, int(rows_of.sum()), ROW_CAPACITY):
            checksum.add_cells(ladder_tables(kind, rows.slice(start, ROW_CAPACITY).collect()))
    return checksum.hexdigest()


def _key_words(snapshots: Ints, ladders: Ints, ladder: Ladder) -> str:
    without, unknown = np.setdiff1d(snapshots, ladders), np.setdiff1d(ladders, snapshots)
    if not len(without) and not len(unknown):
        return f"the ladders in {ladder.dataset}.parquet are not in the order of the snapshots"
    words = []
    if len(without):
        words.append(f"{len(without):,} snapshots have no strikes, the first at {without[0] / 1e6:.0f}")
    if len(unknown):
        words.append(f"{len(unknown):,} ladders have no snapshot, the first at {unknown[0] / 1e6:.0f}")
    return "; ".join(words)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
