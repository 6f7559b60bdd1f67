"""What a scan says of files: feed, date, form; and of those that it cannot read."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gexlake.models.source import Form, RefusedFile, SourceFile
from gexlake.packing import Compression
from gexlake.scanner import REFUSALS, ScanResult, scan
from gexlake.scanner.examine import examine
from gexlake.scanner.walk import FoundFile
from unit.scanner.support import NQ_ZERO, PACKERS, VENDOR_NAME, MakeRecord, Put, only, refusal


def test_refusal_codes_are_stable_and_explained_in_one_line() -> None:
    assert list(REFUSALS) == [
        "unsupported_record_type",
        "record_type_mismatch",
        "not_gex",
        "empty_file",
        "unreadable",
        "no_session_date",
        "no_feed",
        "no_ticker",
        "compression_damaged",
        "failed_download",
        "archive_damaged",
        "member_refused",
        "packed_archive",
        "unfinished_download",
        "not_a_file",
        "outside",
    ]
    assert all(text and "\n" not in text for text in REFUSALS.values())


def test_a_vendor_file_is_described_whole(put: Put, make_record: MakeRecord) -> None:
    data = b"[" + make_record() + b"]"
    path = put(VENDOR_NAME, data)
    assert scan([path]) == ScanResult(
        files=(SourceFile(path, "gex", NQ_ZERO, len(data), Compression.NONE, Form.ARRAY),),
        refused=(),
        filtered=0,
        ignored=0,
    )


@pytest.mark.parametrize(
    "name",
    [
        "2025-11-14/classic_gex_zero.json.gz",
        "2025-11-14/NQ_NDX/classic/gex_zero.jsonl",
        "NQ_NDX/gex_zero/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "2025-11-14_NQ_NDX_classic_gex_zero.json.gz?sv=2024-11-04&sig=x%2Fy.z",
        "NQ_NDX/classic/gex_zero/2025-11-14/1763130602.json",
        "2025-11-14/NQ_NDX/classic/gex_zero/1763130602.json",
        "NQ_NDX_classic_gex_zero_1763130602.json",
        "classic/gex_zero/snapshot.json",
        "NAS/classic/gex_zero/snapshot.json",
        "space in name/2025-11-14_NQ_NDX_classic_gex_zero.json",
        'it\'s "quoted"/2025-11-14_NQ_NDX_classic_gex_zero.json',
        "line\nbreak/2025-11-14_NQ_NDX_classic_gex_zero\n.json",
        "emoji 📈 ünï/2025-11-14_NQ_NDX_classic_gex_zero.json",
    ],
)
@pytest.mark.parametrize("compression", list(Compression))
def test_every_layout_in_every_compression_whatever_the_suffix(
    tmp_path: Path, put: Put, make_record: MakeRecord, name: str, compression: Compression
) -> None:
    path = put(name, PACKERS[compression](b"[" + make_record() + b"]"))
    expected = SourceFile(path, "gex", NQ_ZERO, path.stat().st_size, compression, Form.ARRAY)
    assert only(scan([tmp_path])) == replace(expected, claims_date="2025-11-14" in name)


def test_forms_are_told(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    record = make_record()
    forms = {
        Form.ARRAY: b"\xef\xbb\xbf [" + record + b"]",
        Form.LINES: record + b"\r\n\r\n" + record,
        Form.OBJECT: record,
        Form.WRAPPED: b'{"payloads":[' + record + b"]}",
    }
    for form, data in forms.items():
        put(f"{form}/{VENDOR_NAME}", data)
    assert {file.path.parent.name: file.form for file in scan([tmp_path]).files} == {str(form): form for form in forms}


def test_names_that_are_not_utf8_are_scanned(tmp_path: Path, make_record: MakeRecord) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    raw = folder + b"/\xff\xfe_2025-11-14_NQ_NDX_classic_gex_zero.json"
    descriptor = os.open(raw, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"[" + make_record() + b"]")
    os.close(descriptor)
    assert os.fsencode(only(scan([tmp_path])).path) == raw
    assert only(scan([tmp_path])).session == NQ_ZERO


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (1763130602, date(2025, 11, 14)),
        (1763130602000, date(2025, 11, 14)),
        ("2025-11-14T14:30:02Z", date(2025, 11, 14)),
        ("2025-11-14T09:30:02-05:00", date(2025, 11, 14)),
        ("2025-11-14 14:30:02", date(2025, 11, 14)),
        (1763175600, date(2025, 11, 14)),  # 2025-11-15 03:00 UTC is still the 14th in New York
        (1752546600, date(2025, 7, 14)),  # 2025-07-15 02:30 UTC, daylight saving time
    ],
)
def test_without_a_date_in_the_path_the_first_record_gives_it(
    tmp_path: Path, put: Put, make_record: MakeRecord, timestamp: object, expected: date
) -> None:
    put("NQ_NDX_classic_gex_zero.json", make_record(timestamp=timestamp))
    assert only(scan([tmp_path])).session.session_date == expected


@pytest.mark.parametrize("timestamp", [None, "soon", "2025-11-14", 0, -5, 1e300, "", "nan", True])
def test_without_any_date_a_file_is_refused(
    tmp_path: Path, put: Put, make_record: MakeRecord, timestamp: object
) -> None:
    put("NQ_NDX_classic_gex_zero.json", make_record(timestamp=timestamp))
    assert refusal(scan([tmp_path])).code == "no_session_date"


def test_the_time_in_a_file_name_is_the_last_resort(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    put("a/NQ_NDX_classic_gex_zero_1763130602.json", make_record(timestamp=None))
    put("b/NQ_NDX_classic_gex_zero_1763130602.json", make_record(timestamp=1763389802))
    dates = [file.session.session_date for file in scan([tmp_path]).files]
    assert dates == [date(2025, 11, 14), date(2025, 11, 17)]


@pytest.mark.parametrize(
    ("name", "ticker"),
    [
        (VENDOR_NAME, "NQ_NDX"),
        ("2025-11-14/classic_gex_zero.json", "NDX"),
        ("SPX/classic/gex_zero/2025-11-14.json", "NDX"),
    ],
)
def test_a_file_names_ticker_beats_the_records_which_beats_a_folders(
    tmp_path: Path, put: Put, make_record: MakeRecord, name: str, ticker: str
) -> None:
    put(name, make_record(ticker="NDX"))
    assert only(scan([tmp_path])).session.feed.ticker == ticker


def test_a_folders_ticker_serves_when_the_record_has_none(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    put("SPX/classic/gex_zero/2025-11-14.json", make_record(ticker=None))
    assert only(scan([tmp_path])).session.feed.ticker == "SPX"


@pytest.mark.parametrize("ticker", [None, "", "../../etc", "A/B", 17])
def test_without_a_usable_ticker_a_file_is_refused(
    tmp_path: Path, put: Put, make_record: MakeRecord, ticker: object
) -> None:
    put("2025-11-14/classic_gex_zero.json", make_record(ticker=ticker))
    assert refusal(scan([tmp_path])).code == "no_ticker"


def test_a_file_name_beats_its_folders(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    put(f"2024-01-02/SPX/state/gex_full/{VENDOR_NAME}", make_record(timestamp=1))
    assert only(scan([tmp_path])).session == NQ_ZERO


def test_an_envelope_says_the_feed_where_the_path_does_not(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    labels = {"a": b'"endpoint":"/classic/gex_zero"', "b": b'"kind":"gex_zero","endpoint":"/NQ_NDX/classic/zero"'}
    for name, label in labels.items():
        put(f"{name}.jsonl", b'{%b,"payload":%b}\n' % (label, make_record()))
    assert [file.session for file in scan([tmp_path]).files] == [NQ_ZERO, NQ_ZERO]


def test_an_envelope_completes_what_the_path_says(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    put("NQ_NDX/gex_zero/2025-11-14.jsonl", b'{"kind":"classic","payload":%b}\n' % make_record())
    assert only(scan([tmp_path])).session == NQ_ZERO


@pytest.mark.parametrize(
    "envelope",
    [
        b'{"endpoint":"/classic/gex_full","payload":%b}',  # the path says gex_zero
        b'{"kind":"classic","endpoint":"/state/gex_zero","payload":%b}',
        b'{"kind":"snapshot","payload":%b}',
        b"%b",
    ],
)
def test_without_a_feed_or_with_two_a_file_is_refused(
    tmp_path: Path, put: Put, make_record: MakeRecord, envelope: bytes
) -> None:
    put("NQ_NDX/gex_zero/2025-11-14.jsonl", envelope % make_record())
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == (
        "no_feed",
        "It holds GEX snapshots, but nothing says of which package.",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'[{"timestamp":17631306',
        b"[{",
        b"[",
        b"{",
        b"[garbage",
        b'garbage\n{"timestamp":1763130602,"spot":1\n',
        b'[{"timestamp":1763130602,"ticker":"NQ_NDX","spot":1}]',
        b"a line of a log\n" * 10_000,
    ],
)
def test_damage_under_a_vendors_name_is_for_the_importer_to_report(tmp_path: Path, put: Put, data: bytes) -> None:
    put(VENDOR_NAME, data)
    assert only(scan([tmp_path])).session == NQ_ZERO


def test_an_empty_array_needs_a_feed_and_date_from_its_path(tmp_path: Path, put: Put) -> None:
    path = put("2025-11-14/NQ_NDX/classic/gex_zero.json", b"[]")
    assert only(scan([path])).session == NQ_ZERO
    assert refusal(scan([put("other/list.json", b"[]")])).code == "not_gex"


@pytest.mark.parametrize(
    "data", [b"", b" \r\n\t", b"\xef\xbb\xbf\n", gzip.compress(b"", mtime=0), PACKERS[Compression.ZSTD](b" \n")]
)
def test_nothing_is_an_empty_file(tmp_path: Path, put: Put, data: bytes) -> None:
    put(VENDOR_NAME, data)
    assert refusal(scan([tmp_path])).code == "empty_file"


@pytest.mark.parametrize(
    "data", [gzip.compress(b"[]", mtime=0)[:9], b"\x1f\x8brubbish", b"\x28\xb5\x2f\xfd" + b"\xff" * 50]
)
def test_a_packed_file_broken_from_the_start_is_refused(tmp_path: Path, put: Put, data: bytes) -> None:
    put(VENDOR_NAME, data)
    assert refusal(scan([tmp_path])).code == "compression_damaged"


def test_a_packed_file_cut_short_is_importable(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    data = gzip.compress(b"[" + b",".join(make_record(timestamp=1763130602 + n) for n in range(500)) + b"]")
    put(VENDOR_NAME, data[: len(data) // 2])
    assert only(scan([tmp_path])).compression is Compression.GZIP


def test_a_file_larger_than_the_head_is_importable(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    ladder = [[strike, 1.5, 2.5, [1.25] * 5] for strike in range(5_000)]
    put("a/classic_gex_zero.json", b"[" + make_record(strikes=ladder) + b"]")
    put("b/classic_gex_zero.json", make_record(strikes=ladder))
    assert [file.session for file in scan([tmp_path]).files] == [NQ_ZERO, NQ_ZERO]


def test_a_file_that_fails_on_reading_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / VENDOR_NAME).symlink_to("/proc/self/mem")  # Linux: opens for everyone, and fails on its first byte
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == ("unreadable", "It cannot be read: Input/output error.")


def test_a_file_without_permission_is_unreadable(put: Put, make_record: MakeRecord) -> None:
    path = put(VENDOR_NAME, make_record())
    path.chmod(0)
    result = scan([path])
    if os.access(path, os.R_OK):  # an administrator reads everything
        assert only(result).session == NQ_ZERO
    else:
        assert refusal(result).code == "unreadable"


def test_a_file_that_vanishes_or_becomes_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    found = [FoundFile(tmp_path / name, (), str(tmp_path / name)) for name in ("gone.json", "pipe.json")]
    codes = [next(examine(file)).file for file in found]
    assert [file.code for file in codes if isinstance(file, RefusedFile)] == ["unreadable", "not_a_file"]


def test_special_files_and_folders_without_access_are_in_the_result(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert [(file.path.name, file.code) for file in scan([tmp_path]).refused] == [
        ("loop", "unreadable"),
        ("pipe", "not_a_file"),
    ]
