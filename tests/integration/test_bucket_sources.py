"""Sources in a bucket: what comes of them is what comes of the same files in a folder, whatever the network does."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import obstore
import pytest

from gexlake.bucket import client
from gexlake.errors import SourceError, StorageError, StoreError
from gexlake.importers.stream import SourceStream
from gexlake.models.import_order import ImportOptions
from gexlake.models.location import location_of
from gexlake.models.report import FileResult, ImportReport
from gexlake.scanner import scan
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes import workers
from gexlake.services.upkeep.revise import forget_source
from gexlake.services.upkeep.verify import verify_lake
from helpers.cutting_proxy import CuttingProxy
from helpers.histories import TUESDAY, records_of, vendor_name
from helpers.lakes import lake_content, select
from helpers.object_server import SECRET, ObjectServer
from helpers.programs import run as run_program

_numbers = count()


class Bucket:
    """A folder of a test's own in a bucket; history goes to `history/` in it."""

    def __init__(self, server: ObjectServer) -> None:
        self.folder = f"test-{next(_numbers)}"
        self.endpoint = server.url
        self.store = server.bucket("tests")
        self.url = f"s3://tests/{self.folder}/history"

    def put(self, key: str, data: bytes, **options: Any) -> None:
        obstore.put(self.store, f"{self.folder}/history/{key}", data, **options)

    def put_day(self, **changes: Any) -> bytes:
        """Monday's records, each with these changes."""
        data = json.dumps([record | changes for record in records_of()]).encode()
        self.put(vendor_name(), data)
        return data

    def delete(self, key: str) -> None:
        obstore.delete(self.store, f"{self.folder}/history/{key}")


@pytest.fixture
def bucket(stores: ObjectServer) -> Bucket:
    return Bucket(stores)


@pytest.fixture
def proxy(stores: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingProxy]:
    """It stands between programs and the store, which the tests themselves reach past it."""
    with CuttingProxy(stores.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away is not asked again for a minute."""
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0)


def run(bucket: Bucket, lake: Path, **options: Any) -> tuple[ImportReport, dict[str, FileResult]]:
    """Import; results by key."""
    report = import_history(bucket.url, lake, ImportOptions(**options))
    return report, {file.source_file.removeprefix(f"{bucket.url}/"): file for file in report.files}


def fetched(proxy: CuttingProxy) -> list[str]:
    """Which objects were asked for in whole, by the last part of their keys."""
    lines = [head.split(b"\r\n") for head in proxy.requests]
    whole = [head[0] for head in lines if head[0].startswith(b"GET") and not any(h.startswith(b"range:") for h in head)]
    return [line.split()[1].decode().rpartition("/")[2] for line in whole if b"list-type" not in line]


# ---- what is found, and what comes of it -----------------------------------------------------------------------------


def test_an_import_from_a_bucket_makes_the_lake_of_the_same_files(bucket: Bucket, work: Path) -> None:
    folder = work / "history"
    files = {
        vendor_name(): json.dumps(records_of()).encode(),
        f"deep/er/{vendor_name(TUESDAY)}.gz": gzip.compress(json.dumps(records_of(TUESDAY)).encode()),
        "damaged/2025-11-12_NQ_NDX_classic_gex_zero.json": json.dumps(records_of(count=5)).encode()[:-40],
        "readme.txt": b"hello",
    }
    for key, data in files.items():
        bucket.put(key, data)
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    report, results = run(bucket, work / "lake")
    expected = import_history(folder, work / "expected")
    assert {key: (file.status, file.records_imported, file.errors) for key, file in results.items()} == {
        str(Path(file.source_file).relative_to(folder)): (file.status, file.records_imported, file.errors)
        for file in expected.files
    }
    assert report.sources == [bucket.url]
    found, like = lake_content(work / "lake"), lake_content(work / "expected")
    for name in found.keys() - {"imports", "lineage", "quarantine"}:
        assert found[name] == like[name], name
    rows = select(work / "lake", "SELECT source_file, source_sha256, source_etag FROM lineage ORDER BY 1")
    assert [row[0] for row in rows] == sorted(f"{bucket.url}/{key}" for key in files if key != "readme.txt")
    assert all(etag for _, _, etag in rows)
    assert verify_lake(work / "lake").sources_read == 2


def test_a_scan_names_objects_and_leaves_out_what_it_leaves_out_in_folders(bucket: Bucket) -> None:
    bucket.put_day()
    for key in (".hidden/x.json", "a/.x.json", "SYNTHETIC.md"):
        bucket.put(key, b"[]")
    bucket.put("empty-folder", b"")
    bucket.put(f"{vendor_name(TUESDAY)}.part", b"[")
    bucket.put("days.json.download/part", b"[")
    found = scan([location_of(bucket.url)])
    (file,) = found.files
    assert (file.name, file.synthetic) == (f"{bucket.url}/{vendor_name()}", True)
    assert {(refused.code, refused.short_name) for refused in found.refused} == {
        ("unfinished_download", f"{vendor_name(TUESDAY)}.part"),
        ("unfinished_download", "days.json.download"),
    }
    assert found.ignored == 4


def test_an_object_is_named_by_itself_and_the_note_above_it_counts(bucket: Bucket) -> None:
    bucket.put_day()
    obstore.put(bucket.store, f"{bucket.folder}/SYNTHETIC.md", b"")
    (file,) = scan([location_of(f"{bucket.url}/{vendor_name()}"), location_of(bucket.url)]).files
    assert file.synthetic


def test_an_archive_in_a_bucket_is_refused_in_words(bucket: Bucket, history_zip: bytes) -> None:
    bucket.put("days.zip", history_zip)
    (refused,) = scan([location_of(bucket.url)]).refused
    assert refused.code == "packed_archive"
    assert (
        refused.reason == "It is a ZIP archive in a bucket, which is not opened there; fetch it, and import the file."
    )


@pytest.fixture
def history_zip(tmp_path: Path) -> bytes:
    import zipfile

    with zipfile.ZipFile(tmp_path / "days.zip", "w") as archive:
        archive.writestr(vendor_name(), "[]")
    return (tmp_path / "days.zip").read_bytes()


def test_workers_fetch_for_themselves(bucket: Bucket, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "INLINE_BYTES", 0)
    bucket.put_day()
    report, _ = run(bucket, work / "lake", workers=1)
    assert report.totals.records_imported == 40


def test_a_dry_run_reads_and_writes_nothing(bucket: Bucket, work: Path) -> None:
    bucket.put_day()
    report, _ = run(bucket, work / "lake", dry_run=True)
    assert report.totals.records_imported == 40
    assert not (work / "lake").exists()


# ---- again -----------------------------------------------------------------------------------------------------------


def test_unchanged_objects_are_known_by_their_etag_and_not_fetched(
    bucket: Bucket, proxy: CuttingProxy, work: Path
) -> None:
    data = bucket.put_day()
    run(bucket, work / "lake")
    assert fetched(proxy) == [vendor_name()]
    proxy.requests.clear()
    report, results = run(bucket, work / "lake")
    assert (results[vendor_name()].status, report.totals.bytes_read) == ("skipped", 0)
    assert not [head for head in proxy.requests if vendor_name().encode() in head]
    report, results = run(bucket, work / "lake", verify=True)
    assert (results[vendor_name()].status, report.totals.bytes_read) == ("skipped", len(data))
    assert fetched(proxy) == [vendor_name()]


def test_the_same_bytes_under_another_etag_are_hashed_once_and_then_known(
    bucket: Bucket, proxy: CuttingProxy, work: Path
) -> None:
    data = bucket.put_day()
    run(bucket, work / "lake")
    bucket.put(vendor_name(), data, use_multipart=True)  # its ETag is made from those of its parts
    for times in (2, 2):
        _, results = run(bucket, work / "lake")
        assert results[vendor_name()].status == "skipped"
        assert fetched(proxy) == [vendor_name()] * times
    etags = select(work / "lake", "SELECT DISTINCT source_etag FROM lineage")
    assert len(etags) == 2


def test_a_changed_object_is_read_again_and_corrects_what_it_gave(bucket: Bucket, work: Path) -> None:
    bucket.put_day()
    run(bucket, work / "lake")
    bucket.put_day(spot=7.5)
    _, results = run(bucket, work / "lake")
    assert results[vendor_name()].records_corrected == 40
    assert select(work / "lake", "SELECT DISTINCT spot FROM gex_snapshots") == [(7.5,)]


def test_a_copy_of_the_same_bytes_is_hashed_and_skipped(bucket: Bucket, work: Path) -> None:
    data = bucket.put_day()
    run(bucket, work / "lake")
    bucket.put(f"copy/{vendor_name()}", data)
    _, results = run(bucket, work / "lake")
    assert {file.status.value for file in results.values()} == {"skipped"}


def test_what_an_object_gave_yields_once_it_is_gone_from_where_it_was_looked_for(bucket: Bucket, work: Path) -> None:
    bucket.put_day()
    run(bucket, work / "lake")
    bucket.put(f"new/{vendor_name()}", json.dumps([record | {"spot": 7.5} for record in records_of()]).encode())
    elsewhere = import_history(f"{bucket.url}/new", work / "lake")
    assert elsewhere.errors == {"key_conflict": 40}, "the first is taken to be there: nobody looked"
    bucket.delete(vendor_name())
    run(bucket, work / "lake")
    assert select(work / "lake", "SELECT DISTINCT spot FROM gex_snapshots") == [(7.5,)]


def test_what_an_object_gave_is_forgotten_by_its_url(bucket: Bucket, work: Path) -> None:
    bucket.put_day()
    run(bucket, work / "lake")
    assert forget_source(work / "lake", location_of(bucket.url)).removed == 40
    _, results = run(bucket, work / "lake")
    assert results[vendor_name()].status == "skipped"


# ---- the network, and what happens meanwhile -------------------------------------------------------------------------


def big_day(bucket: Bucket) -> bytes:
    """Monday with more bytes than any buffer on the way."""
    data = json.dumps(records_of()).encode() + b" " * (3 << 20)
    bucket.put(vendor_name(), data)
    return data


def cut_download(proxy: CuttingProxy, *, cuts: int | None = 1, hangs: bool = False) -> None:
    """Break off downloads behind their first MiB; what a scan reads is shorter."""
    proxy.cut_after, proxy.cuts, proxy.hangs, proxy.only = 1 << 20, cuts, hangs, vendor_name().encode()


def test_a_download_that_is_cut_goes_on_where_it_broke_off(bucket: Bucket, proxy: CuttingProxy, work: Path) -> None:
    data = big_day(bucket)
    cut_download(proxy)
    report, _ = run(bucket, work / "lake")
    assert (report.status, report.totals.source_bytes) == ("success", len(data))
    assert fetched(proxy) == [vendor_name()]
    assert any(b"range: bytes=1" in head for head in proxy.requests)


def test_a_download_that_is_cut_more_often_than_the_library_tries_goes_on(
    bucket: Bucket, proxy: CuttingProxy, work: Path, impatient: None
) -> None:
    data = big_day(bucket)
    cut_download(proxy, cuts=2)
    report, _ = run(bucket, work / "lake")
    assert (report.status, report.totals.source_bytes) == ("success", len(data))
    assert any(b"if-match:" in head for head in proxy.requests)


def test_an_object_that_changes_while_it_is_fetched_is_fetched_anew(
    bucket: Bucket, proxy: CuttingProxy, work: Path
) -> None:
    big_day(bucket)
    cut_download(proxy)
    proxy.on_cut = lambda: bucket.put_day(spot=7.5) and None
    report, _ = run(bucket, work / "lake")
    assert report.status == "success"
    assert select(work / "lake", "SELECT DISTINCT spot FROM gex_snapshots") == [(7.5,)]
    _, results = run(bucket, work / "lake")
    assert results[vendor_name()].status == "skipped"


def test_an_object_that_changes_all_the_time_is_a_finding(
    bucket: Bucket, proxy: CuttingProxy, work: Path, impatient: None
) -> None:
    big_day(bucket)
    cut_download(proxy, cuts=None)
    numbers = count()

    def change() -> None:
        bucket.put(vendor_name(), json.dumps(records_of()).encode() + b" " * ((3 << 20) + next(numbers)))

    proxy.on_cut = change
    report, results = run(bucket, work / "lake")
    assert report.status == "failed"
    assert (
        results[vendor_name()].message == f"{bucket.url}/{vendor_name()} cannot be read: it changes while it is read."
    )
    assert select(work / "lake", "SELECT source_etag, source_sha256 FROM lineage") == [(None, "")]


def test_an_object_that_vanishes_is_a_finding_and_the_others_are_imported(
    bucket: Bucket, proxy: CuttingProxy, work: Path
) -> None:
    big_day(bucket)
    bucket.put(vendor_name(TUESDAY), json.dumps(records_of(TUESDAY)).encode())
    cut_download(proxy)
    proxy.on_cut = lambda: bucket.delete(vendor_name())
    report, results = run(bucket, work / "lake")
    assert report.status == "partial"
    assert results[vendor_name()].message == f"{bucket.url}/{vendor_name()} cannot be read: it is not there."
    assert results[vendor_name(TUESDAY)].records_imported == 40


def test_silence_is_not_waited_for_for_ever(
    bucket: Bucket, proxy: CuttingProxy, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.2)
    data = big_day(bucket)
    cut_download(proxy, hangs=True)
    report, _ = run(bucket, work / "lake")
    assert (report.status, report.totals.source_bytes) == ("success", len(data))


def test_ctrl_c_ends_an_import_that_waits_for_a_store(bucket: Bucket, proxy: CuttingProxy, work: Path) -> None:
    big_day(bucket)
    cut_download(proxy, hangs=True, cuts=None)
    proxy.on_cut = lambda: os.kill(os.getpid(), signal.SIGINT)
    report, results = run(bucket, work / "lake")
    assert (report.status, results[vendor_name()].status) == ("interrupted", "pending")


def test_a_store_that_is_lost_ends_the_import_and_the_next_one_goes_on(
    bucket: Bucket, proxy: CuttingProxy, work: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    big_day(bucket)
    bucket.put("2025-11-07_NQ_NDX_classic_gex_zero.json", json.dumps(records_of(date(2025, 11, 7))).encode())
    cut_download(proxy)
    proxy.on_cut = proxy.go_away
    with pytest.raises(StoreError, match=r"^s3://tests cannot be read: the connection is refused\. Look at AWS_"):
        run(bucket, work / "lake")
    assert select(work / "lake", "SELECT session_date::VARCHAR FROM sessions") == [("2025-11-07",)]
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    report, _ = run(bucket, work / "lake")
    assert report.totals.files == {"skipped": 1, "success": 1}


def test_no_room_for_a_copy_is_said_with_the_place(bucket: Bucket) -> None:
    big_day(bucket)
    (file,) = scan([location_of(bucket.url)]).files
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StorageError) as caught:
            SourceStream(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.message == f"{file.name} cannot be copied to {tempfile.gettempdir()}: File too large."


# ---- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "cannot be listed: access is denied (SignatureDoesNotMatch)."),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "cannot be read: the connection is refused."),
    ],
)
def test_what_is_wrong_with_a_store_is_said_in_words(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    bucket.put_day()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((SourceError, StoreError)) as caught:
        scan([location_of(bucket.url)])
    assert caught.value.message.endswith(words)


def test_nothing_under_a_url_is_an_error(bucket: Bucket) -> None:
    bucket.put_day()
    with pytest.raises(SourceError, match=f"^The source {bucket.url}/other does not exist"):
        scan([location_of(f"{bucket.url}/other")])


def test_the_command_line_takes_urls_and_writes_no_secret_anywhere(bucket: Bucket, work: Path) -> None:
    bucket.put_day()
    done = run_program("import", bucket.url, "--lake", work / "lake", "-v", "-o", "json")
    assert (done.returncode, f"{bucket.url}/{vendor_name()}" in done.stdout) == (0, True)
    denied = run_program("scan", bucket.url, "--traceback", env=os.environ | {"AWS_ACCESS_KEY_ID": "nobody"})
    assert (denied.returncode, "InvalidAccessKeyId" in denied.stderr) == (1, True)
    usage = run_program("import", "s3://key:hidden@tests/history", "--lake", work / "lake")
    assert (usage.returncode, "hidden" in usage.stderr) == (2, False)
    written = [path.read_bytes() for path in work.rglob("*") if path.is_file()]
    written += [text.encode() for program in (done, denied) for text in (program.stdout, program.stderr)]
    assert len(written) > 3
    assert not [text for text in written if SECRET.encode() in text]
