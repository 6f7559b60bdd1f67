"""Whole scans: which files are importable and as what, and why the others are not."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.errors import SourceError, UsageError
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.source import Compression, Form, RefusedFile, SourceFile
from gexlake.scanner import REFUSALS, ScanResult, scan
from gexlake.scanner.classify import session_date_of
from gexlake.scanner.examine import examine
from gexlake.scanner.walk import FoundFile

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MakeRecord = Callable[..., bytes]
Put = Callable[[str, bytes], Path]

VENDOR_NAME = "2025-11-14_NQ_NDX_classic_gex_zero.json"
NQ_ZERO = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 14))
CSV_REASON = "It is not JSON: CSV, a table; import the JSON that it was made from."
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: zstd.compress,
}


def only(result: ScanResult) -> SourceFile:
    assert (result.refused, len(result.files)) == ((), 1)
    return result.files[0]


def refusal(result: ScanResult) -> RefusedFile:
    assert (result.files, len(result.refused)) == ((), 1)
    assert result.refused[0].code in REFUSALS
    return result.refused[0]


def test_refusal_codes_are_stable_and_explained_in_one_line() -> None:
    assert list(REFUSALS) == [
        "unsupported_record_type",
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
    ("name", "data", "reason"),
    [
        ("notes.bin", b"\0" * 4096, "It is not JSON: binary content."),
        ("notes.bin", b"[\0\0\0", "It is not JSON: binary content."),
        (
            "link.json",
            b'{"url":"https://example.invalid/?sig=secret"}',
            "It is JSON without GEX snapshots, with the keys 'url'.",
        ),
        (
            "table.json",
            b"timestamp,spot\n1,2\n",
            "It is not JSON: CSV, a table; import the JSON that it was made from.",
        ),
        (
            f"{VENDOR_NAME}.csv",
            b"a;b\r\n1;2\r\n",
            "It is not JSON: CSV, a table; import the JSON that it was made from.",
        ),
        (
            "settings.json",
            b'{"e":1,"d":2,"c":3,"b":4,"a":5}',
            "It is JSON without GEX snapshots, with the keys 'a', 'b', 'c', 'd', ….",
        ),
        ("empty.json", b"{}", "It is JSON without GEX snapshots, an empty object."),
        ("list.json", b'["a"]', "It is JSON, but neither its name nor its start are those of GEX snapshots."),
        ("page.html", b"<html>", "It is not JSON: an HTML page, such as a failed download leaves."),
        ("README.md", b"# GEX", "It is not JSON: text, but not JSON."),
        ("2025-11-14_NQ_NDX_classic_gex_zero.json.sha256", b"9f86d081", "It is not JSON: text, but not JSON."),
        ("2025-11-14/NQ_NDX/classic/gex_zero/notes.txt", b"notes", "It is not JSON: text, but not JSON."),
        ("orderflow.py", b"import os", "It is not JSON: text, but not JSON."),
    ],
)
def test_what_is_no_gex_history_is_refused(tmp_path: Path, put: Put, name: str, data: bytes, reason: str) -> None:
    put(name, data)
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason, refused.size_bytes) == ("not_gex", reason, len(data))


NAMES_OF_HISTORY = [
    VENDOR_NAME,
    f"{VENDOR_NAME}.gz",
    f"{VENDOR_NAME}.7z",
    "2025-11-14/classic_gex_zero.json.gz",
    "2025-11-14/NQ_NDX/classic/gex_zero.jsonl",
    "NQ_NDX/classic/gex_zero/2025-11-14/1763130602.json",
    "NQ_NDX/classic/gex_zero/2025-11-14.json",
    "2025-11-14/NQ_NDX/classic/zero.json",
]


@pytest.mark.parametrize("name", NAMES_OF_HISTORY)
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<?xml version='1.0'?><Error/>", "not JSON: an XML page, such as a failed download leaves"),
        (b"\xef\xbb\xbf\r\n<Error/>", "not JSON: an XML page, such as a failed download leaves"),
        (b"<!DOCTYPE html><html>403</html>", "not JSON: an HTML page, such as a failed download leaves"),
        (b"<!-- x -->\n<HTML>" + b"x" * 100_000, "not JSON: an HTML page, such as a failed download leaves"),
        (b"Unauthorized", "not JSON: text, but not JSON, such as a failed download leaves"),
        (b"null", "not JSON: a mere value, such as a failed download leaves"),
        (b'"Unauthorized"\n', "not JSON: a mere value, such as a failed download leaves"),
        (b"[null]", "JSON without any object, such as a failed download leaves"),
        (b"[17,18]", "JSON without any object, such as a failed download leaves"),
        (
            b'{"error":"not found"}',
            "JSON without GEX snapshots, with the keys 'error', such as a failed download leaves",
        ),
        (
            b'[{"ticker":"NQ_NDX","error":"no"}]',
            "JSON without GEX snapshots, with the keys 'error', 'ticker', such as a failed download leaves",
        ),
        (b"{}", "JSON without GEX snapshots, an empty object, such as a failed download leaves"),
        (b"timestamp,spot\n1,2\n", "not JSON: CSV, a table; import the JSON that it was made from"),
        (b"PAR1\x15\x04", "not JSON: Parquet"),
        (b"\0" * 4096, "not JSON: binary content"),
    ],
)
def test_something_else_under_a_name_of_history_is_a_failed_download(
    tmp_path: Path, put: Put, name: str, data: bytes, what: str
) -> None:
    put(name, data)
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == (
        "failed_download",
        f"It is {what}. Its name says GEX history: download it again.",
    )


@pytest.mark.parametrize("name", ["manifest.json", "README", "page.html", f"{VENDOR_NAME}.sha256"])
def test_a_foreign_file_in_a_folder_of_history_is_no_failure(tmp_path: Path, put: Put, name: str) -> None:
    put(f"NQ_NDX/classic/gex_zero/2025-11-14/{name}", b'{"error":"not found"}')
    assert refusal(scan([tmp_path])).code == "not_gex"


GREEK = b'[{"timestamp":1763130602,"ticker":"SPX","spot":1,"mini_contracts":[[1,2,3,4,[]]]}]'
ORDERFLOW = b'[{"timestamp":1763130602,"ticker":"SPX","spot":1,"zcvr":1,"ocvr":2,"agg_dex":3}]'


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "2025-11-14_SPX_orderflow_orderflow.json",
            b"[]",
            "By its name it holds orderflow snapshots, which are not imported.",
        ),
        (
            "2025-11-14/SPX/orderflow/orderflow.jsonl",
            ORDERFLOW,
            "By its name it holds orderflow snapshots, which are not imported.",
        ),
        (
            "2025-11-14_SPX_state_delta_zero.json",
            GREEK,
            "By its name it holds greek snapshots (delta_zero), which are not imported.",
        ),
        (
            "SPX_classic_gex_20260717.json",
            b"[]",
            "By its name it holds snapshots of one explicit expiry (gex_20260717), which are not imported.",
        ),
        (
            "2025-11-14_SPX_classic_gex_zero_majors.json",
            b"[]",
            "By its name it holds major levels without a ladder, which are not imported.",
        ),
        (VENDOR_NAME, GREEK, "Its records are greek snapshots, which are not imported."),
        (VENDOR_NAME, ORDERFLOW, "Its records are orderflow snapshots, which are not imported."),
        ("x.json", ORDERFLOW, "Its records are orderflow snapshots, which are not imported."),
        ("x", GREEK[1:-1], "Its records are greek snapshots, which are not imported."),
    ],
)
def test_other_record_types_are_named(tmp_path: Path, put: Put, name: str, data: bytes, reason: str) -> None:
    put(name, data)
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == ("unsupported_record_type", reason)


@pytest.mark.parametrize(
    "data", [b"", b" \r\n\t", b"\xef\xbb\xbf\n", gzip.compress(b"", mtime=0), zstd.compress(b" \n")]
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


def test_results_are_sorted_by_session_then_path(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    names = [
        "z/2025-11-14_ES_SPX_classic_gex_zero.json",
        "a/2025-11-17_ES_SPX_classic_gex_zero.json",
        "b/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "a-b/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "a/2025-11-14_NQ_NDX_state_gex_zero.json",
    ]
    for name in reversed(names):
        put(name, make_record())
    put("x/2.txt", b"x")
    put("x/1.txt", b"x")
    result = scan([tmp_path])
    assert [str(file.path.relative_to(tmp_path)) for file in result.files] == [*names[:2], names[3], names[2], names[4]]
    assert [file.path.name for file in result.refused] == ["1.txt", "2.txt"]
    assert sorted(result.files, key=lambda file: (file.session, file.path)) == list(result.files)


def test_each_file_counts_once(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    path = put(f"a/{VENDOR_NAME}", make_record())
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "link.json").symlink_to(path)
    put("bad/x.txt", b"x")
    (tmp_path / "bad" / "y.txt").symlink_to("x.txt")
    result = scan([tmp_path, path, tmp_path, tmp_path / "a"])
    assert [file.path for file in result.files] == [path]
    assert [file.path.name for file in result.refused] == ["x.txt"]


def test_a_name_that_says_more_is_preferred_among_names_of_one_file(
    tmp_path: Path, put: Put, make_record: MakeRecord
) -> None:
    blob = put("a-store/9f86d081", b"[" + make_record() + b"]")
    (tmp_path / VENDOR_NAME).symlink_to(blob)
    assert only(scan([tmp_path])).path == tmp_path / VENDOR_NAME


def test_hard_links_of_one_session_count_once_but_sessions_are_told_apart(tmp_path: Path, put: Put) -> None:
    first = put("2025-11-27_SPX_classic_gex_zero.json", b"[]")
    for name in ("copy/2025-11-27_SPX_classic_gex_zero.json", "2025-12-25_SPX_classic_gex_zero.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).hardlink_to(first)
    assert [file.session.session_date for file in scan([tmp_path]).files] == [date(2025, 11, 27), date(2025, 12, 25)]


@pytest.fixture
def archive(put: Put, make_record: MakeRecord, tmp_path: Path) -> Path:
    for day in (13, 14, 17):
        for feed in ("NQ_NDX_classic_gex_zero", "NQ_NDX_state_gex_full", "SPX_classic_gex_zero"):
            put(f"2025-11-{day}_{feed}.json", make_record())
    put("2025-11-14_SPX_orderflow_orderflow.json", b"[]")
    put(".hidden", b"")
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, 9),
        ({"tickers": ["SPX"]}, 3),
        ({"tickers": ["spx", "NQ_NDX"]}, 9),
        ({"tickers": ["NDX"]}, 0),
        ({"packages": ["state"]}, 3),
        ({"packages": ["classic", "State"]}, 9),
        ({"packages": ["orderflow"]}, 0),
        ({"categories": ["gex_full"]}, 3),
        ({"categories": ["zero"]}, 6),
        ({"since": date(2025, 11, 14)}, 6),
        ({"until": date(2025, 11, 14)}, 6),
        ({"since": date(2025, 11, 14), "until": date(2025, 11, 14), "tickers": ["NQ_NDX"], "packages": ["state"]}, 1),
    ],
)
def test_filters_keep_what_fits_and_count_the_rest(archive: Path, filters: dict[str, list[str]], kept: int) -> None:
    result = scan([archive], **filters)  # type: ignore[arg-type]
    assert (len(result.files), result.filtered) == (kept, 9 - kept)
    assert (len(result.refused), result.ignored) == (1, 1)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"packages": ["clasic"]}, "There is no package 'clasic'. Use one of classic, state, orderflow."),
        (
            {"categories": ["gex"]},
            "There is no category 'gex'. Use one of gex_full, gex_zero, gex_one, delta_zero, delta_one, gamma_zero, "
            "gamma_one, vanna_zero, vanna_one, charm_zero, charm_one, orderflow.",
        ),
        (
            {"since": date(2025, 11, 17), "until": date(2025, 11, 14)},
            "`since` (2025-11-17) is later than `until` (2025-11-14). Swap the two dates.",
        ),
    ],
)
def test_filters_that_can_never_fit_are_errors(tmp_path: Path, filters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        scan([tmp_path], **filters)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_lake_inside_a_source_is_left_alone(archive: Path, put: Put, make_record: MakeRecord) -> None:
    put(f"data/gex/{VENDOR_NAME}", make_record())
    assert len(scan([archive], exclude=[archive / "data"]).files) == 9


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        scan([tmp_path / "nowhere"])


def test_nothing_in_a_source_is_changed(archive: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in archive.rglob("*"))

    before = state()
    scan([archive])
    assert state() == before


def test_reasons_repeat_no_path_and_no_value(tmp_path: Path, put: Put) -> None:
    put("private-name.json", b'{"token":"gexbot_custom_secret"}')
    reason = refusal(scan([tmp_path])).reason
    assert "private-name" not in reason
    assert "secret" not in reason


@pytest.mark.parametrize(
    "timestamp", [None, "", "x", "1e400", "inf", "-1", 10**30, 4102462800, 946684799, "0001-01-01T00:00:00+14:00"]
)
def test_times_that_give_no_plausible_date(timestamp: str | int | None) -> None:
    assert session_date_of(timestamp) is None


NAMES = st.sampled_from(
    [VENDOR_NAME, f"{VENDOR_NAME}.gz", "NQ_NDX_classic_gex_zero.json", "x", "2025-11-14_SPX_state_delta_zero.json"]
)
STARTS = st.sampled_from(
    [b"", b"[", b'{"', b'[{"timestamp":1763130602,"strikes":[', b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]
)


@settings(max_examples=50)
@given(NAMES, STARTS, st.binary(max_size=80))
def test_any_content_is_either_importable_or_refused(name: str, start: bytes, rest: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(start + rest)
        result = scan([Path(folder)])
    assert len(result.files) + len(result.refused) == 1
    assert all(file.code in REFUSALS and file.reason for file in result.refused)
