"""Records as people have them in the field: each folder of `tests/examples/field` is one import into an empty lake.

All values are made up. What a lake holds is compared with what plain `json` says of the same file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import gexlake
from gexlake.errors import UsageError
from gexlake.models.import_order import ImportOptions
from gexlake.models.report import FileResult, ImportReport
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.columns import LADDER
from helpers.histories import records_of, vendor_name, write_array

FIELD = Path(__file__).parents[1] / "examples" / "field"
NEW_YORK = "America/New_York"

Record = dict[str, Any]
Stored = list[tuple[Any, ...]]
SCALARS = ("min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_oi", "sum_gex_vol", "delta_risk_reversal")


def take(folder: Path, lake: Path, **options: Any) -> tuple[ImportReport, FileResult]:
    report = import_history([folder], lake, ImportOptions(**options))
    (file,) = report.files
    assert file.records_seen == file.records_imported + file.records_duplicate + file.records_quarantined
    return report, file


def stored(lake: Path) -> Stored:
    """Each snapshot of the lake: time, scalars, ladder."""
    held = gexlake.open(lake)
    ladders: dict[datetime, list[tuple[Any, ...]]] = {}
    for moment, *cells in held.strikes("NQ_NDX").select("timestamp", *LADDER).iter_rows():
        ladders.setdefault(moment, []).append(tuple(cells))
    return [
        (row["timestamp"], *(row[name] for name in SCALARS), sorted(ladders[row["timestamp"]]))
        for row in held.snapshots("NQ_NDX").iter_rows(named=True)
    ]


def said(records: list[Record]) -> Stored:
    """The same from the records themselves."""
    return [
        (moment_of(record["timestamp"]), *map(scalar, (record.get(n) for n in SCALARS)), rows_of(record["strikes"]))
        for record in records
    ]


def moment_of(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except ValueError:
        return datetime.fromisoformat(value).replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


def scalar(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


def rows_of(ladder: list[Any]) -> list[tuple[Any, ...]]:
    rows = [list(row.values()) if isinstance(row, dict) else row for row in ladder]
    return sorted(tuple(float(cell) for cell in (*row[:3], *row[3])) for row in rows)


def source(case: str) -> bytes:
    (path,) = (FIELD / case).iterdir()
    return path.read_bytes()


CASES: dict[str, tuple[Callable[[bytes], list[Record]], dict[str, Any], dict[str, int], dict[str, int]]] = {
    "ts_naive": (json.loads, {"naive_zone": NEW_YORK}, {"zone_given": 60}, {}),
    "nan": (json.loads, {}, {"not_finite": 3, "unknown_field": 3}, {}),
    "trailing_comma_nl": (lambda text: json.loads(text.rstrip(b",\n") + b"]"), {}, {}, {"array_not_closed": 1}),
    "ts_string": (json.loads, {}, {"number_as_text": 60}, {}),
    "nul_padded": (lambda text: json.loads(text.rstrip(b"\0")), {}, {}, {"json_invalid": 1}),
    "wrapped_other_key": (lambda text: json.loads(text)["results"], {}, {"container_field": 1}, {}),
    "socket_frames": (lambda text: [json.loads(line)["data"] for line in text.splitlines()], {}, {}, {}),
    "ladder_objects": (json.loads, {}, {}, {}),
}
"""Folder -> how its records are found, options of the import, warnings, errors."""


@pytest.mark.parametrize("case", CASES)
def test_a_file_from_the_field_is_imported_with_the_values_that_it_says(case: str, tmp_path: Path) -> None:
    parse, options, warnings, errors = CASES[case]
    _, file = take(FIELD / case, tmp_path / "lake", **options)
    records = parse(source(case))
    assert (file.records_imported, file.warnings, file.errors) == (len(records), warnings, errors)
    assert file.records_quarantined == sum(count for code, count in errors.items() if code == "json_invalid")
    assert file.status == ("partial" if errors else "success")
    assert stored(tmp_path / "lake") == said(records)
    assert verify_lake(tmp_path / "lake").clean


# --- times without a zone


def test_times_without_a_zone_are_refused_and_the_option_is_named(tmp_path: Path) -> None:
    report, file = take(FIELD / "ts_naive", tmp_path / "lake")
    assert (file.status, file.records_imported, file.errors) == ("failed", 0, {"timestamp_without_zone": 60})
    assert "--naive-zone America/New_York" in (file.message or "")
    assert not report.acceptable


def naive(record: Record, text: str) -> Record:
    return {**record, "timestamp": text}


def test_times_at_a_change_of_the_clocks_are_refused_in_words(tmp_path: Path) -> None:
    first, *others = records_of(count=4)
    wrong = [naive(others[0], "2025-11-02 01:30:00"), naive(others[1], "2025-03-09T02:30:00")]
    write_array(tmp_path / "source" / vendor_name(), [first, *wrong, naive(others[2], "2025-11-10 09:59:59")])
    _, file = take(tmp_path / "source", tmp_path / "lake", naive_zone=NEW_YORK)
    assert (file.records_imported, file.errors) == (2, {"timestamp_without_zone": 2})
    assert file.message == (
        "times at a change of the clocks of America/New_York stand for two instants, or for none; "
        "times without a zone were read in America/New_York"
    )
    messages = gexlake.open(tmp_path / "lake").quarantine()["message"].to_list()
    assert sorted(message.partition(" in ")[0] for message in messages) == [
        'timestamp "2025-03-09T02:30:00" does not exist',
        'timestamp "2025-11-02 01:30:00" stands for two instants',
    ]


@pytest.mark.parametrize("zone", ["New York", "America", "../etc/passwd", "", "EST5EDT\0"])
def test_a_zone_that_there_is_not_is_a_usage_error(zone: str) -> None:
    with pytest.raises(UsageError, match="is no time zone; write it as America/New_York"):
        ImportOptions(naive_zone=zone)


# --- words for no number, and numbers as text


@pytest.mark.parametrize(
    ("field", "rule"),
    [("spot", "spot_invalid"), ("timestamp", "timestamp_invalid"), ("strikes", "gex_invalid")],
)
def test_no_number_where_one_must_be_is_refused(tmp_path: Path, field: str, rule: str) -> None:
    records = records_of(count=3)
    if field == "strikes":
        records[1]["strikes"][0][1] = math.nan
    else:
        records[1][field] = math.nan
    write_array(tmp_path / "source" / vendor_name(), records)
    _, file = take(tmp_path / "source", tmp_path / "lake")
    assert (file.records_imported, file.errors) == (2, {rule: 1})


def test_a_file_of_nothing_but_text_has_the_same_content(tmp_path: Path) -> None:
    def spelt(value: Any) -> Any:
        return [spelt(item) for item in value] if isinstance(value, list) else str(value)

    records = records_of(count=20)
    as_text = [{name: spelt(value) for name, value in record.items()} for record in records]
    write_array(tmp_path / "text" / vendor_name(), as_text)
    write_array(tmp_path / "plain" / vendor_name(), records)
    _, file = take(tmp_path / "text", tmp_path / "lake")
    assert file.warnings["number_as_text"] == file.records_imported == 20
    _, again = take(tmp_path / "plain", tmp_path / "lake")
    assert (again.records_duplicate, again.errors) == (20, {})


# --- what is around records


def wrapped(*way: str, records: list[Record]) -> dict[str, Any]:
    value: Any = records
    for key in reversed(way):
        value = {"n": 1, key: value}
    return value  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", ["history", "data.snapshots", "NQ_NDX", "response.body.items", "2025-11-10"])
def test_an_array_under_any_key_is_read_whole(tmp_path: Path, way: str) -> None:
    records = records_of(count=30)
    path = tmp_path / "source" / vendor_name()
    path.parent.mkdir()
    path.write_text(json.dumps(wrapped(*way.split("."), records=records)))
    _, file = take(tmp_path / "source", tmp_path / "lake")
    assert (file.status, file.records_seen, file.records_imported) == ("success", 30, 30)
    assert file.message == f"fields around the records: n; the records stand under {way}"
    assert stored(tmp_path / "lake") == said(records)


def test_feed_ticker_and_time_are_found_in_what_is_around_the_records(tmp_path: Path) -> None:
    """A file whose name says nothing is known by what a frame or the first record says."""
    (tmp_path / "frames.jsonl").write_bytes(source("socket_frames"))
    _, file = take(tmp_path / "frames.jsonl", tmp_path / "lake")
    assert (file.session, file.records_imported) == ("NQ_NDX/classic/gex_zero/2025-11-10", 8)


@pytest.mark.parametrize("form", [{"classic_gex_zero": "results"}, {"classic_gex_zero": "data.history"}])
def test_a_file_without_ticker_and_date_in_its_name_is_known_by_its_first_record(
    tmp_path: Path, form: dict[str, str]
) -> None:
    ((name, way),) = form.items()
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(wrapped(*way.split("."), records=records_of(count=3))))
    _, file = take(path, tmp_path / "lake")
    assert (file.session, file.records_imported) == ("NQ_NDX/classic/gex_zero/2025-11-10", 3)
