"""`gexlake gc`: what goes and why, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from helpers.histories import records_of, vendor_name, write_array

Run = Callable[..., Any]


def test_gc_says_what_goes_and_why_and_what_stays(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, lake = tmp_path / "history", tmp_path / "lake"
    for count in (3, 4, 5):
        write_array(folder / vendor_name(), records_of(count=count))
        assert run("import", folder, "--lake", lake, "--quiet").status == 0
    done = run("gc", "--lake", lake, "-o", "json")
    assert (done.status, done.json["files"], done.json["staying"]) == (0, 0, {"restore": 1, "grace": 1})
    make_older(lake, timedelta(hours=1))
    done = run("gc", "--lake", lake, "--dry-run", "--grace-seconds", "3000")
    assert done.lines[0].startswith("Dry run, nothing removed: 2 files, ")
    assert "another version took its place" in done.out
    assert "1 version stays: kept for `gexlake restore`" in done.lines
    monkeypatch.setenv("GEXLAKE_GC_GRACE_SECONDS", "3000")
    done = run("gc", "--lake", lake)
    assert done.lines[0].startswith("Removed: 2 files, ")
    assert len(list((lake / "versions").rglob("*.parquet"))) == 4
    assert run("verify", "--lake", lake).status == 0


def make_older(lake: Path, by: timedelta) -> None:
    with duckdb.connect(str(lake / "gexlake.duckdb")) as connection:
        connection.execute("UPDATE commits SET committed_at = committed_at - ?::INTERVAL", [by])


def test_gc_refuses_a_grace_that_is_none_and_a_lake_that_is_none(run: Run, tmp_path: Path) -> None:
    assert run("gc", "--lake", tmp_path / "none").status == 1
    done = run("gc", "--lake", tmp_path, "--grace-seconds", "0")
    assert (done.status, "60" in done.err) == (2, True)
