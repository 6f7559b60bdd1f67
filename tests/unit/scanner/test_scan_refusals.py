"""What is no GEX history is refused, with what it is; what should be history is a failed download."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexlake.scanner import scan
from unit.scanner.support import VENDOR_NAME, Put, refusal


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("notes.bin", b"\0" * 4096, "It is not JSON: binary content."),
        ("notes.bin", b"[\0\0\0", "It is not JSON: binary content."),
        (
            "link.json",
            b'{"url":"https://example.invalid/?sig=secret"}',
            "It is JSON without GEXBot snapshots, with the keys 'url'.",
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
            "It is JSON without GEXBot snapshots, with the keys 'a', 'b', 'c', 'd', ….",
        ),
        ("empty.json", b"{}", "It is JSON without GEXBot snapshots, an empty object."),
        ("list.json", b'["a"]', "It is JSON, but neither its name nor its start are those of GEXBot snapshots."),
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
            "JSON without GEXBot snapshots, with the keys 'error', such as a failed download leaves",
        ),
        (
            b'[{"ticker":"NQ_NDX","error":"no"}]',
            "JSON without GEXBot snapshots, with the keys 'error', 'ticker', such as a failed download leaves",
        ),
        (b"{}", "JSON without GEXBot snapshots, an empty object, such as a failed download leaves"),
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
            "SPX_classic_gex_20260717.json",
            b"[]",
            "By its name it holds snapshots of one explicit expiry (gex_20260717), which are not imported.",
        ),
        (
            "2025-11-14_SPX_classic_gex_zero_majors.json",
            b"[]",
            "By its name it holds major levels without a ladder, which are not imported.",
        ),
    ],
)
def test_other_record_types_are_named(tmp_path: Path, put: Put, name: str, data: bytes, reason: str) -> None:
    put(name, data)
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == ("unsupported_record_type", reason)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (VENDOR_NAME, GREEK, "Its name says gex_zero, which are GEX snapshots, but its records are greek profiles."),
        (
            VENDOR_NAME,
            ORDERFLOW,
            "Its name says gex_zero, which are GEX snapshots, but its records are orderflow snapshots.",
        ),
        (
            "2025-11-14_SPX_state_delta_zero.json",
            b'[{"timestamp":1763130602,"ticker":"SPX","spot":1,"strikes":[[1,2,3,[]]]}]',
            "Its name says delta_zero, which are greek profiles, but its records are GEX snapshots.",
        ),
    ],
)
def test_a_name_and_records_of_two_types_are_a_failure(
    tmp_path: Path, put: Put, name: str, data: bytes, reason: str
) -> None:
    put(name, data)
    refused = refusal(scan([tmp_path]))
    assert (refused.code, refused.reason) == ("record_type_mismatch", reason)


def test_greeks_that_nothing_names_have_no_feed(tmp_path: Path, put: Put) -> None:
    put("x", GREEK[1:-1])
    refused = refusal(scan([tmp_path]))
    reason = "It holds greek profiles, but nothing says of which package and category."
    assert (refused.code, refused.reason) == ("no_feed", reason)


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("2025-11-14_SPX_orderflow_orderflow.json", b"[]", "orderflow SPX/orderflow/orderflow"),
        ("2025-11-14/SPX/orderflow/orderflow.jsonl", ORDERFLOW, "orderflow SPX/orderflow/orderflow"),
        ("x.json", ORDERFLOW, "orderflow SPX/orderflow/orderflow"),
        ("2025-11-14_SPX_state_delta_zero.json", GREEK, "greeks SPX/state/delta_zero"),
        ("2025-11-14/SPX/state/onecharm.json", GREEK, "greeks SPX/state/charm_one"),
        ("2025-11-14_SPX_state_vanna_one.json", b'[{"timestamp":17631306', "greeks SPX/state/vanna_one"),
    ],
)
def test_greeks_and_orderflow_are_found(tmp_path: Path, put: Put, name: str, data: bytes, found: str) -> None:
    put(name, data)
    (file,) = scan([tmp_path]).files
    assert f"{file.record_type} {file.session}" == f"{found}/2025-11-14"
