"""Ladders written while the next ones are decoded."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.snapshots.writing.ladder_writer import LadderWriter
from gexlake.models.block import Doubles, Ints
from gexlake.models.record_types import GEX


def ladders(first_second: int, snapshots: int, strikes: int = 3) -> tuple[Ints, Ints, Doubles]:
    timestamps = (np.arange(snapshots, dtype=np.int64) + first_second) * 1_000_000
    rows = np.full(snapshots, strikes, np.int64)
    cells = np.arange(8 * snapshots * strikes, dtype=np.float64).reshape(8, -1) + first_second
    return timestamps, rows, cells


def writers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ladder-writer"]


def test_blocks_stand_in_the_file_in_order_with_the_footer_named_last(tmp_path: Path) -> None:
    writer = LadderWriter(tmp_path / "strikes.parquet", GEX)
    for second in (0, 100, 200, 300):
        writer.add(*ladders(second, 100))
    checksum = writer.finish({"import_id": "known only now"})
    frame = pl.read_parquet(tmp_path / "strikes.parquet")
    assert frame["timestamp"].to_physical().to_list() == [second * 1_000_000 for second in range(400) for _ in range(3)]
    assert frame["strike"].to_list() == [value for second in (0, 100, 200, 300) for value in ladders(second, 100)[2][0]]
    document = json.loads(pl.read_parquet_metadata(tmp_path / "strikes.parquet")[FOOTER_KEY])
    assert document == {"import_id": "known only now", "rows_of_groups": [300, 300, 300, 300]}
    assert checksum.hexdigest() == whole_checksum(400)
    assert not writers()


def whole_checksum(snapshots: int) -> str:
    from gexlake.importers.snapshots.writing.frames import Checksum

    checksum = Checksum(GEX)
    for second in range(0, snapshots, 100):
        _, rows, cells = ladders(second, 100)
        checksum.add_ladder(rows, cells)
    return checksum.hexdigest()


def test_no_ladders_make_an_empty_file(tmp_path: Path) -> None:
    LadderWriter(tmp_path / "strikes.parquet", GEX).finish({})
    assert pl.read_parquet(tmp_path / "strikes.parquet").height == 0


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_abandoned_it_leaves_no_file_and_no_thread(tmp_path: Path, blocks: int) -> None:
    writer = LadderWriter(tmp_path / "strikes.parquet", GEX)
    for number in range(blocks):
        writer.add(*ladders(number * 1000, 1000))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []
    assert not writers()


def test_a_place_that_cannot_be_written_is_said_at_the_end_and_blocks_nobody(tmp_path: Path) -> None:
    writer = LadderWriter(tmp_path / "missing" / "strikes.parquet", GEX)
    for number in range(20):
        writer.add(*ladders(number * 1000, 1000))
    with pytest.raises(OSError, match="No such file"):
        writer.finish({})
