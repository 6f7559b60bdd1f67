from __future__ import annotations

import fcntl
import os
import shutil
from datetime import date
from pathlib import Path

import pytest

from gexlake.db.schema import SCHEMA_VERSION
from gexlake.errors import LakeError, LakeVersionError
from gexlake.services.asking.status import StagedImport, lake_status


def test_counts_feeds_sessions_and_rows(lake: Path, history: Path) -> None:
    status = lake_status(lake)
    assert (status.sessions, status.snapshots, status.strike_rows) == (4, 238, 238 * 9)
    assert status.source_bytes == sum(file.stat().st_size for file in history.glob("*.json"))
    assert status.parquet_bytes == sum(file.stat().st_size for file in (lake / "gex").rglob("*.parquet"))
    assert status.database_bytes == (lake / "gexlake.duckdb").stat().st_size
    assert status.schema_version == SCHEMA_VERSION
    assert status.records_quarantined == 2
    assert status.synthetic_sources == [str(history)]
    assert status.staged == []


def test_coverage_is_measured_in_trading_days_and_in_time(lake: Path) -> None:
    nq, spx = lake_status(lake).feeds
    assert (nq.ticker, nq.package, nq.category) == ("NQ_NDX", "classic", "gex_zero")
    assert (nq.first_session, nq.last_session) == (date(2025, 11, 24), date(2025, 11, 28))
    assert (nq.sessions, nq.sessions_expected, nq.sessions_missing) == (3, 4, 1)  # the 27th is a holiday
    assert nq.session_coverage == pytest.approx(3 / 4)
    hours = 3 * 6.5 + 3.5
    assert nq.time_coverage == pytest.approx(3 * 60 / (hours * 3600), abs=1e-3)
    assert nq.gaps == 3
    assert (spx.ticker, spx.sessions, spx.session_coverage) == ("SPX", 1, 1.0)


def test_last_import_balances(lake: Path, history: Path) -> None:
    status = lake_status(lake)
    last = status.last_import
    assert last is not None
    assert status.imports == 1
    assert (last.status, last.sources) == ("partial", [str(history)])
    assert (last.records_seen, last.records_imported, last.records_quarantined) == (240, 238, 2)
    assert last.finished_at is not None
    assert last.finished_at >= last.started_at


def test_an_empty_lake_has_no_feeds(empty_lake: Path) -> None:
    status = lake_status(empty_lake)
    assert (status.feeds, status.last_import, status.sessions) == ([], None, 0)


def test_staged_work_is_named_with_whether_its_import_lives(lake: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(lake, tmp_path / "copy")
    (copy / "staging" / "stopped").mkdir()
    running = copy / "staging" / "running"
    running.mkdir()
    lock = os.open(running / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        staged = lake_status(copy).staged
    finally:
        os.close(lock)
    assert staged == [StagedImport(import_id="running", running=True), StagedImport(import_id="stopped", running=False)]


def test_no_lake(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="There is no lake at"):
        lake_status(tmp_path)


def test_newer_lake(newer_lake: Path) -> None:
    with pytest.raises(LakeVersionError, match=r"was written by a newer gexlake 9\.0\.0; this is "):
        lake_status(newer_lake)
