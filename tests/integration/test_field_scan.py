"""Files as they were found in the field, whole imports of each: archives, failed downloads, other texts and tickers.

All values are made up. `tests/examples/field/<case>` is one import into an empty lake.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import tarfile
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

import gexlake
from gexlake.errors import SourceError
from gexlake.models.feed import Feed
from gexlake.models.import_order import ImportOptions
from gexlake.models.report import ImportReport, ImportStatus, ResultStatus
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from helpers.damage import flip
from helpers.lakes import lake_content, quoted, select

FIELD = Path(__file__).parent.parent / "examples" / "field"
DAY = "2025-11-10_NQ_NDX_classic_gex_zero.json"


def run(source: Path, lake: Path) -> ImportReport:
    return import_history([source], lake, ImportOptions(workers=1))


def sound(lake: Path) -> bool:
    return not verify_lake(lake).findings


# ---- archives --------------------------------------------------------------------------------------------------------


def test_a_zip_of_days_is_imported_as_its_folder_would_be(work: Path) -> None:
    archive = FIELD / "eod_zip/eod/SPY/2025-11-14.zip"
    report = run(FIELD / "eod_zip", work / "lake")
    assert (report.status, report.totals.records_imported, report.totals.sessions) == (ImportStatus.SUCCESS, 24, 3)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(work / "unpacked")
        digests = {f"{archive}!{entry.filename}": _sha256(packed.read(entry)) for entry in packed.infolist()}
    rows = select(work / "lake", "SELECT source_file, source_sha256, source_bytes FROM lineage")
    assert {name: digest for name, digest, _ in rows} == digests
    assert sound(work / "lake")
    run(work / "unpacked", work / "other")
    assert lake_content(work / "lake")["gex_snapshots"] == lake_content(work / "other")["gex_snapshots"]
    assert lake_content(work / "lake")["strikes.parquet"] == lake_content(work / "other")["strikes.parquet"]


def test_an_archive_imported_again_is_skipped_and_so_are_its_files_once_unpacked(work: Path) -> None:
    source = shutil.copytree(FIELD / "eod_zip", work / "source")
    run(source, work / "lake")
    before = lake_content(work / "lake")
    assert run(source, work / "lake").totals.files == {"skipped": 3}
    archive = source / "eod/SPY/2025-11-14.zip"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(archive.parent)
    archive.unlink()
    assert run(source, work / "lake").totals.files == {"skipped": 3}
    assert lake_content(work / "lake") == before
    assert sound(work / "lake")


@pytest.mark.parametrize("name", ["days.tar", "days.tar.gz", "days.tar.xz"])
def test_a_tar_is_read_like_a_folder_packed_or_not(work: Path, name: str) -> None:
    text = gzip.decompress((FIELD / "tar_gz/history-2025-11.tar.gz").read_bytes())
    path = work / "source" / name
    path.parent.mkdir()
    path.write_bytes({"gz": gzip.compress, "xz": lzma.compress}.get(name.rpartition(".")[2], bytes)(text))
    report = run(path.parent, work / "lake")
    assert (report.status, report.totals.records_imported) == (ImportStatus.SUCCESS, 16)
    assert {file.source_file for file in report.files} == {
        f"{path}!history/2025-11-1{day}_NQ_NDX_classic_gex_zero.json" for day in (0, 1)
    }
    assert run(path.parent, work / "lake").totals.files == {"skipped": 2}
    assert sound(work / "lake")


def test_history_in_an_archive_with_a_note_is_synthetic(work: Path) -> None:
    for name in ("days.zip", "days.tar"):
        _pack(work / name, {"a/SYNTHETIC.md": b"", f"a/b/{DAY}": _records()})
    report = run(work / "days.zip", work / "lake")
    assert [file.synthetic for file in report.files] == [True]
    assert [file.synthetic for file in run(work / "days.tar", work / "other").files] == [True]


def test_a_member_with_a_wrong_checksum_gives_nothing_and_its_neighbours_all(work: Path) -> None:
    path = _pack(work / "days.zip", {DAY: _records(), DAY.replace("-10_", "-11_"): _records()}, stored=True)
    flip(path, path.read_bytes().index(b'"spot":254') + 8, 0)
    report = run(path, work / "lake")
    assert [(file.status, file.errors, file.records_seen) for file in report.files] == [
        (ResultStatus.FAILED, {"compression_damaged": 1}, 0),
        (ResultStatus.SUCCESS, {}, 8),
    ]
    assert "its checksum is not the one that the archive gives" in (report.files[0].message or "")


def test_the_archive_that_shrinks_takes_nothing_out_of_the_lake(work: Path) -> None:
    path = _pack(work / "days.zip", {DAY: _records()})
    run(path, work / "lake")
    _pack(path, {DAY: b"<Error/>"})
    report = run(path, work / "lake")
    assert [(file.status, file.errors) for file in report.files] == [(ResultStatus.FAILED, {"failed_download": 1})]
    assert select(work / "lake", "SELECT count(*) FROM gex_snapshots") == [(8,)]


# ---- failed and unfinished downloads ---------------------------------------------------------------------------------


def test_error_pages_and_error_bodies_are_failed_downloads_without_records(work: Path) -> None:
    report = run(FIELD / "error_page", work / "lake")
    assert [(file.status, file.errors, file.records_seen) for file in report.files] == [
        (ResultStatus.FAILED, {"failed_download": 1}, 0),
        (ResultStatus.FAILED, {"failed_download": 1}, 0),
        (ResultStatus.SUCCESS, {}, 8),
    ]
    assert not report.acceptable
    assert "an XML page, such as a failed download leaves" in (report.files[0].message or "")
    assert "JSON without GEXBot snapshots" in (report.files[1].message or "")
    assert select(work / "lake", "SELECT session_date::VARCHAR, snapshots FROM sessions") == [("2025-11-12", 8)]


@pytest.mark.parametrize(
    "data", [None, b"Unauthorized", b"null", b"<html><body>403</body></html>", b'{"error":"not found"}', b""]
)
def test_a_failed_download_over_a_day_takes_nothing_and_fails_each_time(work: Path, data: bytes | None) -> None:
    day = work / "source" / DAY
    day.parent.mkdir()
    shutil.copy(FIELD / "error_page_over_day/first" / DAY, day)
    run(day.parent, work / "lake")
    before = lake_content(work / "lake")
    day.write_bytes((FIELD / "error_page_over_day/second" / DAY).read_bytes() if data is None else data)
    for _ in range(2):
        report = run(day.parent, work / "lake")
        assert [file.status for file in report.files] == [ResultStatus.FAILED]
        assert not report.acceptable
        assert lake_content(work / "lake") == before


def test_unfinished_downloads_are_named_and_csv_is_called_csv(work: Path) -> None:
    with pytest.raises(SourceError) as caught:
        run(FIELD / "plain_words", work / "lake")
    assert "unfinished download" in caught.value.message
    source = shutil.copytree(FIELD / "plain_words", work / "source")
    (source / f"{DAY}l").write_bytes(_records())
    report = run(source, work / "lake")
    assert report.acceptable
    assert [(file.status, file.message) for file in report.files if file.message] == [
        (
            ResultStatus.UNSUPPORTED,
            "It is an unfinished download, by its name. Once that is complete, import it.",
        ),
        (ResultStatus.UNSUPPORTED, "It is not JSON: CSV, a table; import the JSON that it was made from."),
    ]


# ---- text and tickers ------------------------------------------------------------------------------------------------


def test_utf16_is_read_and_noted(work: Path) -> None:
    report = run(FIELD / "utf16", work / "lake")
    assert [(file.status, file.records_imported, file.warnings) for file in report.files] == [
        (ResultStatus.SUCCESS, 4, {"utf16": 1})
    ]
    path = FIELD / "utf16" / DAY
    [(digest, size, message)] = select(work / "lake", "SELECT source_sha256, source_bytes, message FROM lineage")
    assert (digest, size) == (_sha256(path.read_bytes()), path.stat().st_size)
    assert message == "the text is UTF-16, and was read as such"
    (work / DAY).write_text(path.read_text(encoding="utf-16"), encoding="utf-8")
    run(work / DAY, work / "other")
    assert lake_content(work / "lake")["strikes.parquet"] == lake_content(work / "other")["strikes.parquet"]
    assert sound(work / "lake")


def test_a_ticker_is_kept_as_spelt_and_its_folder_is_read_by_duckdb_and_polars(work: Path) -> None:
    text = (FIELD / "spxw/2025-11-10_^SPX_classic_gex_full.json").read_text()
    tickers = sorted(["^SPX", "$SPX.X", "I:SPX", "SPX:IND", "ES=F", "ES1!", "BRK.B", "#ES"])
    history, lake = work / "history", work / "lake"
    history.mkdir()
    for ticker in tickers:
        (history / f"2025-11-10_{ticker}_classic_gex_full.json").write_text(text.replace("^SPX", ticker))
    assert run(history, lake).status is ImportStatus.SUCCESS
    opened = gexlake.open(lake)
    assert sorted(feed.ticker for feed in opened.feeds()) == tickers
    for ticker in tickers:
        assert opened.snapshots(ticker.lower(), "classic", "gex_full")["ticker"].to_list() == [ticker] * 4
    assert sorted(opened.sql("SELECT DISTINCT ticker FROM gex_strikes")["ticker"]) == tickers
    root = lake / "gex" / "strikes"
    for folder in root.iterdir():
        assert not set('^:#"*?<>|%= ') & set(folder.name.removeprefix("ticker=").replace("%", ""))
    glob = f"'{quoted(root)}/*/*/*/*/*.parquet'"
    found = duckdb.sql(f"SELECT DISTINCT ticker FROM read_parquet({glob}, hive_partitioning = true)").fetchall()
    assert sorted(found) == [(ticker,) for ticker in tickers]
    assert sorted(pl.scan_parquet(root, hive_partitioning=True).collect()["ticker"].unique()) == tickers
    assert sound(lake)
    rebuild_database(lake)
    assert sound(lake)
    assert sorted(feed.ticker for feed in gexlake.open(lake).feeds()) == tickers


def test_ticker_case_makes_no_second_feed(work: Path) -> None:
    report = run(FIELD / "ticker_case", work / "lake")
    assert (report.status, report.totals.records_imported, report.totals.sessions) == (ImportStatus.SUCCESS, 16, 1)
    lake = gexlake.open(work / "lake")
    assert lake.feeds() == [Feed("NQ_NDX", "classic", "gex_zero")]
    assert len(lake.snapshots("nq_ndx")) == 16
    assert run(FIELD / "ticker_case", work / "lake").totals.files == {"skipped": 2}
    assert sound(work / "lake")


def test_lower_case_in_a_name_and_capitals_in_records_agree(work: Path) -> None:
    (work / DAY.lower()).write_bytes(_records())
    assert run(work / DAY.lower(), work / "lake").totals.records_imported == 8
    (work / DAY).write_bytes(_records().replace(b'"NQ_NDX"', b'"Nq_Ndx"'))
    report = run(work / DAY, work / "lake")
    assert (report.status, report.totals.records_duplicate) == (ImportStatus.SUCCESS, 8)


# ---- helpers ---------------------------------------------------------------------------------------------------------


def _records() -> bytes:
    return (FIELD / "error_page_over_day/first" / DAY).read_bytes()


def _pack(path: Path, files: dict[str, bytes], *, stored: bool = False) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as packed:
            for name, data in files.items():
                packed.writestr(name, data)
        return path
    folder = path.with_suffix("")
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            tar.add(file, name)
    shutil.rmtree(folder)
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
