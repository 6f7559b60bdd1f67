"""What comes of packed sources that are damaged or cut short: no value that may have been altered gets in."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gexlake.models.checks import Check
from gexlake.models.report import FileResult, ResultStatus
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from gexlake.zstd import ZstdCompressor
from helpers.damage import flipped
from helpers.histories import records_of, vendor_name, write_array
from helpers.lakes import select

RECORDS = [json.dumps(record).encode() for record in records_of(count=20)]
ARRAY = b"[" + b",".join(RECORDS) + b"]"
CHECKSUM_FLAG = 201
"""Of the zstd format; the command sets it, the library by default does not."""


def checked_zstd(data: bytes) -> bytes:
    compressor = ZstdCompressor(options={CHECKSUM_FLAG: 1})
    return compressor.compress(data) + compressor.flush()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def run(tmp_path: Path, lake: Path) -> Callable[[bytes], FileResult]:
    """Import a file with that content, beside one of the same session with ten other records; the result."""
    folder = tmp_path / "history"
    source = folder / f"{vendor_name()}.gz"
    write_array(folder / "more" / vendor_name(), records_of(count=10, skip=20))

    def import_source(content: bytes) -> FileResult:
        source.write_bytes(content)
        report = import_history([folder], lake)
        (result,) = (result for result in report.files if result.source_file == str(source))
        assert result.records_seen == result.records_imported + result.records_duplicate + result.records_quarantined
        return result

    return import_source


Run = Callable[[bytes], FileResult]
ALTERED: dict[str, bytes] = {
    "a bit inside gzip": flipped(gzip.compress(ARRAY), 1000),
    "a bit near the end of gzip": flipped(gzip.compress(ARRAY), -12),
    "a bit of the gzip checksum": flipped(gzip.compress(ARRAY), -8),
    "a bit of the gzip size": flipped(gzip.compress(ARRAY), -4),
    "a bit inside zstd": flipped(checked_zstd(ARRAY), 1000),
    "a bit of the zstd checksum": flipped(checked_zstd(ARRAY), -1),
    "the first of two members": flipped(gzip.compress(ARRAY[:5000]), -8) + gzip.compress(ARRAY[5000:]),
}


@pytest.mark.parametrize("content", ALTERED.values(), ids=ALTERED)
def test_altered_stream_gives_nothing_and_its_neighbour_all(run: Run, lake: Path, content: bytes) -> None:
    result = run(content)
    assert (result.status, result.errors) == (ResultStatus.FAILED, {"compression_damaged": 1})
    assert (result.records_seen, result.records_imported) == (0, 0)
    assert "is damaged" in (result.message or "")
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(10,)]
    assert select(lake, "SELECT count(*) FROM quarantine") == [(0,)]


@pytest.mark.parametrize("pack", [gzip.compress, checked_zstd])
def test_stream_cut_short_gives_its_whole_records(run: Run, lake: Path, pack: Callable[[bytes], bytes]) -> None:
    noise = b'{"timestamp":1,"note":"' + b"".join(b"%x" % (i * i * i) for i in range(50_000)) + b'"}'
    packed = pack(ARRAY[:-1] + b"," + noise)
    result = run(packed[: len(packed) * 3 // 4])
    assert (result.status, result.records_imported, result.records_quarantined) == (ResultStatus.PARTIAL, 20, 1)
    assert result.errors.keys() == {"stream_truncated", "truncated", "array_not_closed"}
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(30,)]


@pytest.mark.parametrize("pack", [gzip.compress, checked_zstd])
def test_members_before_a_damaged_one_are_imported(run: Run, lake: Path, pack: Callable[[bytes], bytes]) -> None:
    first = b"[" + b",".join(RECORDS[:8]) + b"," + RECORDS[8][:100]
    second = pack(ARRAY.removeprefix(first))
    result = run(pack(first) + flipped(second, -1))
    assert (result.status, result.records_imported, result.records_quarantined) == (ResultStatus.PARTIAL, 8, 1)
    assert result.errors.keys() == {"compression_damaged", "truncated", "array_not_closed"}
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(18,)]
    assert verify_lake(lake).findings == []


def test_file_that_is_damaged_after_its_import_keeps_what_it_gave_and_fails_until_it_is_mended(
    run: Run, lake: Path
) -> None:
    whole = gzip.compress(ARRAY)
    assert run(whole).records_imported == 20
    for _ in range(2):
        assert run(flipped(whole, 1000)).status == ResultStatus.FAILED
        assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(30,)]
        assert [finding.code for finding in verify_lake(lake).findings] == [Check.SOURCE_CHANGED]
    assert run(whole).status == ResultStatus.SKIPPED


def test_many_damaged_files_of_a_session_are_left_out_at_once(tmp_path: Path, lake: Path) -> None:
    folder = tmp_path / "history"
    for number, record in enumerate(RECORDS):
        packed = gzip.compress(record)
        path = folder / str(number) / f"{vendor_name()}.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(flipped(packed, -8) if number % 2 else packed)
    report = import_history([folder], lake)
    assert report.totals.files == {"success": 10, "failed": 10}
    assert select(lake, "SELECT count(*) FROM gex_snapshots") == [(10,)]
