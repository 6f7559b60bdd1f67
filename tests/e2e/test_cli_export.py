"""`gexlake export` and `gexlake query --to`: rows as files; and words that people try first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gexlake

if TYPE_CHECKING:
    from conftest import Run

READERS = {".parquet": pl.read_parquet, ".arrow": pl.read_ipc, ".ndjson": pl.read_ndjson, ".csv": pl.read_csv}


@pytest.mark.parametrize("suffix", READERS)
def test_export_writes_what_python_gives(run: Run, lake: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"rows{suffix}"
    done = run("export", "nq_ndx", "--end", "2025-11-24", "-o", target, "--lake", lake)
    assert (done.status, done.out) == (0, ""), done.err
    assert done.err.startswith(f"Wrote {target}, ")
    expected = gexlake.open(lake).snapshots("NQ_NDX", end="2025-11-24")
    found = READERS[suffix](target)
    assert found["spot"].to_list() == expected["spot"].to_list()
    if suffix in (".parquet", ".arrow"):
        assert_frame_equal(found, expected)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_export_of_ladders(run: Run, lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "ladders.parquet"
    assert run("export", "SPX/state/gex_full", "--rows", "ladders", "-o", target, "--lake", lake).status == 0
    assert_frame_equal(pl.read_parquet(target), gexlake.open(lake).strikes("SPX", "state", "gex_full"))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["NQ_NDX", "-o", "rows.xls"], 2, "rows.xls names no form of rows."),
        (["NQ_NDZ", "-o", "rows.csv"], 2, "Did you mean NQ_NDX/classic/gex_zero?"),
        (["NQ_NDX", "--start", "2025-11-24T10:00", "-o", "rows.csv"], 2, "name the zone to read it in"),
        (["NQ_NDX", "-o", "missing/rows.csv"], 1, "rows.csv cannot be written: "),
    ],
)
def test_what_cannot_be_exported_is_said(run: Run, lake: Path, arguments: list[str], status: int, words: str) -> None:
    done = run("export", *arguments, "--lake", lake)
    assert (done.status, done.out) == (status, "")
    assert words in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_query_writes_all_rows_into_a_file(run: Run, lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    statement = "SELECT timestamp, spot, max_priors FROM gex_snapshots ORDER BY ALL"
    assert run("query", statement, "--to", target, "--lake", lake).out == ""
    assert_frame_equal(pl.read_parquet(target), gexlake.open(lake).sql(statement))


def test_query_writes_instants_on_the_clock_of_a_zone(run: Run, lake: Path, tmp_path: Path) -> None:
    """In all that is text; Parquet holds the instant itself."""
    statement = "SELECT max(timestamp) AS at FROM gex_snapshots"
    at = gexlake.open(lake).sql(statement).item()
    here, zone = at.astimezone(ZoneInfo("Asia/Tokyo")), ["--tz", "Asia/Tokyo"]
    for output in ("table", "csv", "json"):
        out = run("query", statement, *zone, "-o", output, "--lake", lake).out
        assert here.isoformat(timespec="seconds")[:19] in out
        assert "+09:00" in out
    for suffix, read in READERS.items():
        target = tmp_path / f"at{suffix}"
        assert run("query", statement, *zone, "--to", target, "--lake", lake).status == 0
        if suffix in (".csv", ".ndjson"):
            assert "+09:00" in target.read_text()
        else:
            assert read(target).schema["at"] == pl.Datetime("us", "UTC")
    done = run("query", statement, "--tz", "Tokyo", "--lake", lake)
    assert done.status == 2
    assert "is no time zone; write it as America/New_York or UTC" in " ".join(done.err.split())


@pytest.mark.parametrize(("word", "meant"), [("list", "status"), ("sql", "query"), ("exprt", "export")])
def test_another_word_for_a_command_is_answered_with_ours(run: Run, word: str, meant: str) -> None:
    done = run(word)
    assert (done.status, done.out) == (2, "")
    assert f"Did you mean '{meant}'?" in done.err


def test_the_version_in_short(run: Run) -> None:
    assert run("-V").out == run("--version").out == f"gexlake {gexlake.__version__}\n"
