"""A source that changes while it is read: lineage is of the bytes that were read, and the next import takes it up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gexlake.models.checks import Check
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.changes import next_of
from helpers.histories import Record, records_of, vendor_name, write_array
from helpers.lakes import select
from helpers.runner import Runner

FIRST_BYTES = 3000
COUNT = 12


def lines(records: list[Record]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_growing(folder: Path, name: str, before: bytes, after: bytes) -> Path:
    """A file of lines, and beside it, for `helpers.changes`, what is to come."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(before)
    next_of(path).write_bytes(after)
    return path


@pytest.mark.parametrize("how", ["grows", "shrinks", "is rewritten", "is replaced", "vanishes"])
def test_a_source_that_changes_while_it_is_read(work: Path, runner: Runner, how: str) -> None:
    lake = work / "lake"
    old, new = lines(records_of(count=COUNT)), lines(records_of(count=5, skip=COUNT))
    path = write_growing(work / "history", "NQ_NDX_classic_gex_zero.jsonl", old, new)
    was_read = {
        "grows": old + new,
        "shrinks": old[: len(old) // 2],
        "is rewritten": old[:FIRST_BYTES] + new[FIRST_BYTES:],
        "is replaced": old,
        "vanishes": old,
    }[how]
    change = {"name": path.name, "how": how, "when": "reading", "first_bytes": FIRST_BYTES}
    outcome = runner.run_import(path, lake, {"change": change})
    (file,) = outcome.report["files"]
    assert file["records_seen"] == file["records_imported"] + file["records_duplicate"] + file["records_quarantined"]
    (row,) = select(lake, "SELECT source_sha256, source_bytes, records_imported FROM lineage")
    assert row[:2] == (sha256(was_read), len(was_read)), outcome
    assert row[2] == select(lake, "SELECT count(*) FROM gex_snapshots")[0][0] > 0
    assert all(raw in was_read.decode() for (raw,) in select(lake, "SELECT raw FROM quarantine"))
    found = verify_lake(lake).findings
    is_new = path.exists() and path.read_bytes() != was_read
    assert [finding.code for finding in found] == [Check.SOURCE_CHANGED] * is_new, found

    if how != "vanishes":
        report = import_history(path, lake)
        assert ("success" in report.totals.files) == is_new, report
        assert verify_lake(lake).findings == []
        (known,) = select(lake, "SELECT source_sha256 FROM lineage ORDER BY import_id DESC LIMIT 1")
        assert known == (sha256(path.read_bytes()),)
        import_history(path, work / "fresh")
        expected = {row[0] for row in select(work / "fresh", "SELECT epoch_us(timestamp) FROM gex_snapshots")}
        assert {row[0] for row in select(lake, "SELECT epoch_us(timestamp) FROM gex_snapshots")} >= expected


def write_conflict(folder: Path) -> tuple[Path, list[Record]]:
    """A day, and a second file that contradicts its third record and goes on behind its end."""
    records = records_of(count=COUNT)
    write_array(folder / "a" / vendor_name(), records)
    return folder / "b" / vendor_name(), [records[2] | {"spot": 1.5}, *records_of(count=4, skip=COUNT)]


def quarantined(lake: Path) -> list[tuple[Any, ...]]:
    return select(lake, "SELECT parse_path(source_file)[-2], raw::JSON->>'spot', raw FROM quarantine ORDER BY ALL")


def test_a_conflict_is_fetched_from_a_file_that_has_grown_since(work: Path, runner: Runner) -> None:
    path, records = write_conflict(work / "history")
    write_growing(path.parent, path.name, lines(records), lines(records_of(count=1, skip=COUNT + 4)))
    change = {"name": path.name, "how": "grows", "when": "fetching"}
    next_of(work / "history" / "a" / path.name).write_bytes(b"")  # the first file has that name as well
    outcome = runner.run_import(work / "history", work / "lake", {"change": change})
    assert outcome.report["totals"]["records_imported"] == COUNT + 4
    ((folder, spot, raw),) = quarantined(work / "lake")
    assert (folder, spot, raw) == ("b", "1.5", lines(records[:1]).decode().strip())
    totals = import_history(work / "history", work / "lake").totals
    assert totals.records_imported - totals.records_kept >= 1
    assert select(work / "lake", "SELECT count(*) FROM gex_snapshots") == [(COUNT + 5,)]
    assert verify_lake(work / "lake").findings == []


@pytest.mark.parametrize("how", ["shrinks", "is rewritten", "is replaced", "vanishes"])
def test_a_conflict_is_not_fetched_from_other_bytes_than_were_read(work: Path, runner: Runner, how: str) -> None:
    path, records = write_conflict(work / "history")
    other = lines([records[0] | {"spot": 2.5}, *records[1:]])  # as long as before
    assert len(other) == len(lines(records))
    write_growing(path.parent, path.name, lines(records), other)
    first = work / "history" / "a" / path.name
    lake = work / "lake"
    assert import_history(first, lake).acceptable
    change = {"name": path.name, "how": how, "when": "fetching"}
    outcome = runner.run_import(path, lake, {"change": change})
    (file,) = outcome.report["files"]
    assert (outcome.status, file["status"]) == (1, "failed")
    assert ("cannot be read" if how == "vanishes" else "changed while it was read") in file["message"]
    assert quarantined(lake) == []
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(COUNT,)]
    assert verify_lake(lake).findings == []

    path.write_bytes(lines(records))  # as it was first: that it failed then is not held against it
    assert import_history(path, lake).totals.records_imported == 4
    assert [row[:2] for row in quarantined(lake)] == [("b", "1.5")]
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(COUNT + 4,)]
