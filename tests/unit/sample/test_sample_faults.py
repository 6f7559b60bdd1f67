"""The manifest of damaged files, held against a plain, slow reader that shares no code with the generator."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, TypeGuard

import pytest

from gexlake.sample import SampleFeed, SampleFile, SampleReport, write_sample
from gexlake.sample.faults.damage import WOUND_REASONS
from gexlake.zstd import ZstdDecompressor

CATEGORIES = ["gex_zero", "gamma_zero", "orderflow"]
"""One of each record type."""
OPTIONS: dict[str, Any] = {"sessions": 1, "categories": CATEGORIES, "snapshots": 40, "strikes": 5, "faults": True}
NOW = 1_800_000_000
YEAR_2000 = 946_684_800
REASONS = {*WOUND_REASONS, "truncated", "key_conflict"}

Content = dict[tuple[object, ...], Any]
Judged = tuple[str | None, Any]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> SampleReport:
    return write_sample(tmp_path_factory.mktemp("sample"), **OPTIONS)


# --- the reader: text -> elements -> reason


def text_of(file: SampleFile) -> bytes:
    data = file.path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = zlib.decompressobj(wbits=31).decompress(data)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        data = ZstdDecompressor().decompress(data)
    return data.removeprefix(b"\xef\xbb\xbf")


def elements(text: bytes, name: str) -> Iterator[bytes]:
    """The records of JSON Lines, or the elements of the array; a last one without its end as it stands."""
    if ".jsonl" in name:
        yield from (line for line in text.splitlines() if line.strip())
        return
    if re.match(rb'\{"timestamp"', text):
        yield text
        return
    start = text.index(b"[") + 1
    depth, quoted = 0, False
    for found in re.compile(rb'\\.|["\[\]{},]').finditer(text, start):
        mark, at = found.group(), found.start()
        if mark == b'"':
            quoted = not quoted
        elif quoted:
            continue
        elif mark in b"[{":
            depth += 1
        elif depth and mark in b"]}":
            depth -= 1
        elif not depth and mark in b",]":
            yield text[start:at].strip()
            if mark == b"]":
                return
            start = at + 1
    yield text[start:].strip()


def reason_of(element: bytes, feed: SampleFeed, *, last: bool) -> Judged:
    try:
        record = json.loads(element.decode())
    except ValueError:
        cut = last and element.startswith(b'{"timestamp":') and not element.endswith(b"}")
        return ("truncated" if cut else "json_invalid"), None
    if isinstance(record, dict) and "payload" in record:
        record = record["payload"]
    if not isinstance(record, dict):
        return "not_object", None
    return reason_of_record(record, feed), record


def reason_of_record(record: dict[str, Any], feed: SampleFeed) -> str | None:
    if not record["ticker"]:
        return "ticker_empty"
    if record["ticker"] != feed.ticker:
        return "ticker_mismatch"
    reason = reason_of_timestamp(record) or reason_of_spot(record)
    if reason or feed.category == "orderflow":
        return reason
    if feed.category.startswith("gex_"):
        return reason_of_ladder(record, "strikes", 2)
    return reason_of_ladder(record, "mini_contracts", 3)


def reason_of_timestamp(record: dict[str, Any]) -> str | None:
    if "timestamp" not in record:
        return "timestamp_missing"
    seconds = seconds_of(record["timestamp"])
    if seconds is None:
        return "timestamp_invalid"
    if seconds > NOW:
        return "timestamp_future"
    return "timestamp_too_old" if seconds < YEAR_2000 else None


def seconds_of(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    if not is_number(value):
        return None
    return value / 1000 if value > 1e11 else value


def reason_of_spot(record: dict[str, Any]) -> str | None:
    if "spot" not in record and "spot_price" not in record:
        return "spot_missing"
    spot = from_text(record.get("spot", record.get("spot_price")))
    return None if is_number(spot) and spot > 0 else "spot_invalid"


def reason_of_ladder(record: dict[str, Any], name: str, cells: int) -> str | None:
    if name not in record:
        return "strikes_missing"
    rows = record[name]
    if rows == []:
        return "strikes_empty"
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) > cells for row in rows):
        return "strikes_malformed"
    if not all(is_number(row[0]) and row[0] > 0 for row in rows):
        return "strike_invalid"
    nothing = (None,) if name == "mini_contracts" else ()
    values = (value for row in rows for value in row[1 : cells + 1] if value not in nothing)
    return None if all(map(is_number, values)) else "gex_invalid"


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def from_text(value: object) -> object:
    """The number that a text holds, and all else as it is."""
    with suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value


def judge(file: SampleFile) -> list[Judged]:
    assert file.feed is not None
    parts = list(elements(text_of(file), file.name))
    last = len(parts) - 1
    return [reason_of(part, file.feed, last=index == last) for index, part in enumerate(parts)]


def count(file: SampleFile, records: list[Judged], seen: Content) -> Counter[str]:
    """Outcomes of one file's records by kind: imported, duplicate, or a reason code."""
    outcomes: Counter[str] = Counter()
    for reason, record in records:
        if reason is None:
            key = (file.feed, seconds_of(record["timestamp"]))
            known = seen.setdefault(key, record)
            outcomes["imported" if known is record else "duplicate" if known == record else "key_conflict"] += 1
        else:
            outcomes[reason] += 1
    return outcomes


def expected_outcomes(file: SampleFile) -> Counter[str]:
    expected = file.expected
    counts = {"imported": expected.records_imported, "duplicate": expected.records_duplicate}
    return +Counter({**counts, **expected.records_quarantined_by_reason})


def readable(report: SampleReport) -> list[SampleFile]:
    return sorted(
        (file for file in report.files if file.expected.status in ("success", "partial")),
        key=lambda file: file.name,
    )


@pytest.fixture(scope="module")
def judged(report: SampleReport) -> dict[str, list[Judged]]:
    return {file.name: judge(file) for file in readable(report)}


# --- the facts


def test_seen_is_imported_and_duplicate_and_quarantined(report: SampleReport) -> None:
    for file in report.files:
        expected = file.expected
        accounted = expected.records_imported + expected.records_duplicate + expected.records_quarantined
        assert expected.records_seen == accounted, file.name


def test_manifest_agrees_with_a_plain_reader_of_every_file(
    report: SampleReport, judged: dict[str, list[Judged]]
) -> None:
    seen: Content = {}
    for file in readable(report):
        assert count(file, judged[file.name], seen) == expected_outcomes(file), file.fault


def test_totals_hold_in_any_order_of_files(report: SampleReport, judged: dict[str, list[Judged]]) -> None:
    seen: Content = {}
    totals: Counter[str] = Counter()
    for file in reversed(readable(report)):
        totals += count(file, judged[file.name], seen)
    assert totals == sum((expected_outcomes(file) for file in readable(report)), Counter())


def test_every_reason_code_occurs(report: SampleReport) -> None:
    assert set(report.records_quarantined_by_reason) == REASONS


def test_every_status_occurs_and_partial_means_something_was_refused(report: SampleReport) -> None:
    assert {file.expected.status for file in report.files} == {
        "success",
        "partial",
        "failed",
        "unsupported",
        "ignored",
    }
    for file in report.files:
        if file.expected.status in ("success", "partial"):
            assert (file.expected.status == "partial") == (file.expected.records_quarantined > 0)


def test_files_that_are_no_gex_history_give_no_records(report: SampleReport) -> None:
    for file in report.files:
        if file.expected.status in ("failed", "unsupported", "ignored"):
            assert file.expected.records_seen == file.expected.records_quarantined
            assert file.expected.status == "failed" or file.expected.records_seen == 0


def test_faults_use_sessions_before_the_good_ones(report: SampleReport) -> None:
    good = [file.session_date for file in report.files if file.fault is None]
    faulty = [file.session_date for file in report.faulty_files if file.session_date is not None]
    assert max(faulty) < min(day for day in good if day is not None)


def test_each_case_has_a_session_of_its_own(report: SampleReport) -> None:
    cases: dict[object, set[str | None]] = {}
    for file in report.faulty_files:
        if file.session_date is not None:
            cases.setdefault(file.session_date, set()).add(file.fault)
    assert {len(names) for names in cases.values()} == {1}


def test_names_lie_about_compression_both_ways(report: SampleReport) -> None:
    by_fault = {file.fault: file for file in report.faulty_files}
    lying_gzip, lying_plain = by_fault["gzip_name_plain_content"], by_fault["plain_name_gzip_content"]
    assert lying_gzip.name.endswith(".json.gz")
    assert lying_gzip.path.read_bytes().startswith(b"[")
    assert lying_plain.name.endswith(".json")
    assert gzip.decompress(lying_plain.path.read_bytes()).startswith(b"[")


def test_short_gzip_stream_has_no_end(report: SampleReport) -> None:
    file = next(file for file in report.faulty_files if file.fault == "truncated_gzip")
    with pytest.raises(EOFError):
        gzip.decompress(file.path.read_bytes())


def test_every_record_type_has_faults_of_its_own_and_strangers_stand_there_once(report: SampleReport) -> None:
    faults = {category: Counter[str | None]() for category in CATEGORIES}
    for file in report.faulty_files:
        if file.feed is not None and file.feed.category in faults:
            faults[file.feed.category][file.fault] += 1
    everywhere = {"truncated_zstd", "conflict_in_file", "wounds_spot_invalid", "kept_unknown_fields", "kept_not_finite"}
    assert all(everywhere <= found.keys() for found in faults.values())
    holders = {
        name: [category for category, found in faults.items() if name in found]
        for name in ("alias_one", "kept_sums_disagree", "wounds_gex_invalid", "kept_unknown_elements", "error_page")
    }
    assert holders == {
        "alias_one": [],
        "kept_sums_disagree": ["gex_zero"],
        "wounds_gex_invalid": ["gex_zero", "gamma_zero"],
        "kept_unknown_elements": ["gamma_zero"],
        "error_page": ["gex_zero"],
    }


def test_greeks_and_orderflow_are_history_and_summaries_are_not(report: SampleReport) -> None:
    status = {file.fault: file.expected.status for file in report.faulty_files}
    assert {fault: status[fault] for fault in status if fault and fault.startswith(("other_", "unsupported_"))} == {
        "other_orderflow": "success",
        "other_greek": "success",
        "unsupported_expiry": "unsupported",
        "unsupported_majors": "unsupported",
        "unsupported_maxchange": "unsupported",
    }


def test_faults_of_one_type_do_not_depend_on_the_other_types(report: SampleReport, tmp_path: Path) -> None:
    alone = write_sample(tmp_path, **{**OPTIONS, "categories": CATEGORIES[:1]})
    first = {file.name: file.sha256 for file in alone.faulty_files}
    assert first.items() <= {file.name: file.sha256 for file in report.faulty_files}.items()


def test_same_options_give_the_same_faults(report: SampleReport, tmp_path: Path) -> None:
    again = write_sample(tmp_path, **OPTIONS)
    assert [(file.name, file.sha256) for file in again.files] == [(file.name, file.sha256) for file in report.files]
