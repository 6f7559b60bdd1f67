"""A folder of synthetic history: names, forms, compression, reproducibility, refusals."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gexlake.sample import CATEGORIES, FORMS, NOTE_NAME, SampleFile, SampleReport, generate_session, write_sample
from gexlake.zstd import ZstdDecompressor


def small(directory: Path, **options: Any) -> SampleReport:
    return write_sample(directory, **{"sessions": 2, "snapshots": 5, "strikes": 3, **options})


def contents(directory: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != NOTE_NAME)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def good_records(file: SampleFile) -> list[bytes]:
    assert file.feed is not None
    assert file.session_date is not None
    return list(generate_session(file.feed, file.session_date, snapshots=5, strikes=3))


def test_files_have_the_vendors_names(tmp_path: Path) -> None:
    small(tmp_path, tickers=("NQ_NDX", "SPX"), packages=("state",), categories=("gex_full",))
    assert list(contents(tmp_path)) == [
        "2025-11-10_NQ_NDX_state_gex_full.json",
        "2025-11-10_SPX_state_gex_full.json",
        "2025-11-11_NQ_NDX_state_gex_full.json",
        "2025-11-11_SPX_state_gex_full.json",
    ]


def test_one_file_for_each_feed_of_a_complete_day(tmp_path: Path) -> None:
    report = small(tmp_path, sessions=1, all_categories=True)
    feeds = [(package, category) for package, categories in CATEGORIES.items() for category in categories]
    assert [file.name for file in report.files] == [f"2025-11-10_NQ_NDX_{'_'.join(feed)}.json" for feed in feeds]
    assert len({file.sha256 for file in report.files}) == len(feeds) == 15


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("category", ["charm_one", "orderflow"])
def test_other_record_types_come_in_every_form(tmp_path: Path, form: str, category: str) -> None:
    report = small(tmp_path, sessions=1, form=form, categories=[category])
    texts = b"".join(file.path.read_bytes() for file in report.files)
    assert all(record in texts for record in good_records(report.files[0]))
    assert report.snapshots == 5


def test_sessions_are_trading_days_only(tmp_path: Path) -> None:
    report = small(tmp_path, start=date(2025, 11, 27))
    assert [str(file.session_date) for file in report.files] == ["2025-11-28", "2025-12-01"]


def test_report_describes_the_bytes_on_disk(tmp_path: Path) -> None:
    report = small(tmp_path, compression="gzip")
    for file in report.files:
        data = file.path.read_bytes()
        assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert (file.snapshots, file.expected.records_imported, file.expected.status) == (5, 5, "success")
    assert report.snapshots == 10


def test_array_is_the_default_form(tmp_path: Path) -> None:
    file = small(tmp_path).files[0]
    assert file.path.read_bytes() == b"[" + b",".join(good_records(file)) + b"]"


def test_jsonl_has_one_record_per_line(tmp_path: Path) -> None:
    file = small(tmp_path, form="jsonl").files[0]
    assert file.name == "2025-11-10_NQ_NDX_classic_gex_zero.jsonl"
    assert file.path.read_bytes().splitlines() == good_records(file)


def test_objects_form_has_one_record_per_file(tmp_path: Path) -> None:
    report = small(tmp_path, form="objects", sessions=1)
    assert report.files[0].name == "2025-11-10/NQ_NDX/classic/gex_zero/1762785001.json"
    assert [file.path.read_bytes() for file in report.files] == good_records(report.files[0])


def test_snapshots_form_holds_the_array_in_an_object(tmp_path: Path) -> None:
    file = small(tmp_path, form="snapshots").files[0]
    assert list(json.loads(file.path.read_bytes())) == ["snapshots"]


def test_enveloped_form_wraps_each_record(tmp_path: Path) -> None:
    file = small(tmp_path, form="enveloped").files[0]
    envelopes = [json.loads(line) for line in file.path.read_bytes().splitlines()]
    assert [envelope["payload"] for envelope in envelopes] == [json.loads(text) for text in good_records(file)]
    assert {key: value for key, value in envelopes[0].items() if key != "payload"} == {
        "ticker": "NQ_NDX",
        "kind": "classic_gex_zero",
        "endpoint": "/NQ_NDX/classic/zero",
        "received_at": "2025-11-10T14:30:01.250Z",
    }


def test_compressed_files_hold_the_same_text(tmp_path: Path) -> None:
    plain, gzipped, zstd = (
        small(tmp_path / compression, compression=compression).files[0].path for compression in ("none", "gzip", "zstd")
    )
    assert (gzipped.name, zstd.name) == (f"{plain.name}.gz", f"{plain.name}.zst")
    assert gzip.decompress(gzipped.read_bytes()) == plain.read_bytes()
    assert ZstdDecompressor().decompress(zstd.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_same_options_give_the_same_bytes(tmp_path: Path, compression: str) -> None:
    for name in ("one", "other"):
        small(tmp_path / name, compression=compression)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_files_do_not_depend_on_what_else_is_written(tmp_path: Path) -> None:
    small(tmp_path / "few", sessions=1, start=date(2025, 11, 11))
    small(tmp_path / "many", sessions=3, tickers=("SPX", "NQ_NDX"), categories=("gex_one", "gex_zero"))
    assert contents(tmp_path / "few").items() <= contents(tmp_path / "many").items()


def test_note_says_the_data_are_synthetic_and_how_to_repeat_them(tmp_path: Path) -> None:
    note = small(tmp_path, seed=42).note.read_text()
    assert note.startswith("# Synthetic data\n")
    assert "- seed: 42\n" in note
    assert "- feeds: NQ_NDX/classic/gex_zero\n" in note
    assert "- snapshots: 5\n" in note


def test_second_sample_in_one_folder_adds_to_the_note(tmp_path: Path) -> None:
    small(tmp_path, seed=1)
    note = small(tmp_path, seed=2, start=date(2026, 1, 5)).note.read_text()
    assert note.count("# Synthetic data\n") == 1
    assert "- seed: 1\n" in note
    assert "- seed: 2\n" in note


def test_existing_file_is_never_replaced(tmp_path: Path) -> None:
    taken = tmp_path / "2025-11-11_NQ_NDX_classic_gex_zero.json"
    taken.write_text("mine")
    with pytest.raises(FileExistsError, match=f"{taken} exists already"):
        small(tmp_path)
    assert contents(tmp_path) == {taken.name: b"mine"}


def test_failure_leaves_no_half_written_file(tmp_path: Path) -> None:
    def stop(_: SampleFile) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(tmp_path, progress=stop)
    assert list(contents(tmp_path)) == ["2025-11-10_NQ_NDX_classic_gex_zero.json"]


def test_progress_is_told_each_file(tmp_path: Path) -> None:
    told: list[SampleFile] = []
    report = small(tmp_path, progress=told.append)
    assert tuple(told) == report.files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "csv"}, "The `form` was 'csv'. Use one of array, jsonl, objects, snapshots, enveloped."),
        ({"compression": "lz4"}, "The `compression` was 'lz4'. Use one of none, gzip, zstd, bzip2, xz."),
        ({"sessions": -1}, "The `sessions` must be 0 or more, was -1."),
        (
            {"all_categories": True, "categories": ["gex_one"]},
            "With `all_categories` there is nothing to choose by `packages` or `categories`.",
        ),
        ({"tickers": ()}, "At least one of each `tickers`, `packages` and `categories` is needed."),
    ],
)
def test_wrong_options_are_named_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        small(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()
