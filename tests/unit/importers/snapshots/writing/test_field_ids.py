"""Field ids: in both files, of every column; and what was written once keeps its number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gexlake.db.schema import TABLES, VIEWS
from gexlake.importers import IMPORTERS
from gexlake.importers.snapshots.writing.dataset import write_dataset
from gexlake.importers.snapshots.writing.frames import numbered_schema, snapshot_schema
from gexlake.importers.snapshots.writing.ladder_file import LadderFile
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.field_ids import FIELD_IDS
from gexlake.models.record_types import RECORD_TYPES

IN_PATH = {column.name for column in PARTITION_COLUMNS}
WRITTEN = {
    ("gex", "snapshots"): (22, "10ac2e1afe9f"),
    ("gex", "strikes"): (13, "211803530982"),
    ("greeks", "snapshots"): (14, "46bde260b590"),
    ("greeks", "contracts"): (13, "1af347510c2b"),
    ("orderflow", "snapshots"): (42, "2eb871b4b9b2"),
}
"""Of each data set, how many names there were when this was last looked at, and the beginning of their digest."""


def ids_in(file: Path) -> dict[str, int]:
    """The ids of a file's fields by their paths, without what only wraps a list."""

    def walk(fields: object, parent: str) -> Iterator[tuple[str, int]]:
        for field in fields:  # type: ignore[attr-defined]
            path = f"{parent}{field.name}"
            yield path, int(field.metadata[b"PARQUET:field_id"])
            yield from walk([field.type.field(i) for i in range(field.type.num_fields)], f"{path}.")

    return dict(walk(pq.read_schema(file), ""))


def stored(record_type: str, dataset: str) -> dict[str, int]:
    """The ids of what stands in the file itself."""
    return {name: number for name, number in FIELD_IDS[record_type, dataset].items() if name not in IN_PATH}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_every_field_of_a_written_file_has_its_id(record_type: str, tmp_path: Path) -> None:
    kind = RECORD_TYPES[record_type]
    write_dataset(snapshot_schema(kind).to_frame().lazy(), tmp_path / "snapshots", {}, schema=numbered_schema(kind))
    assert ids_in(tmp_path / "snapshots") == stored(record_type, "snapshots")
    if kind.ladder is None:
        return
    file = LadderFile(tmp_path / "ladder", kind)
    file.add(np.array([1], np.int64), np.array([1], np.int64), np.ones((len(kind.ladder_names), 1)))
    file.complete({})
    file.close()
    expected = {
        name: number for name, number in FIELD_IDS[record_type, kind.ladder.dataset].items() if name not in IN_PATH
    }
    assert ids_in(tmp_path / "ladder") == expected


def test_every_column_of_tables_and_views_has_an_id_and_none_has_two() -> None:
    for importer in IMPORTERS.values():
        for dataset in importer.datasets:
            ids = FIELD_IDS[importer.record_type, dataset.name]
            name = f"{importer.record_type}_{dataset.name}"
            columns = TABLES[name] if dataset.in_database else VIEWS[name]
            assert {column.name for column in columns} == {name for name in ids if "." not in name}
            assert len(set(ids.values())) == len(ids)


def test_what_was_written_once_keeps_its_number() -> None:
    for dataset, (count, digest) in WRITTEN.items():
        names = list(FIELD_IDS[dataset])[:count]
        assert hashlib.sha256("\n".join(names).encode()).hexdigest().startswith(digest), dataset
