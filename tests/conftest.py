"""Small synthetic histories and lakes for all tests, and a clean environment for each."""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

SNAPSHOTS = 60

settings.register_profile("on any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("on any machine")

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of programs are started: each would compile our modules anew where nobody may write down what came of it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# While tests are collected nearly all that is made stays, and a tenth of that time would go into looking for cycles.
gc.disable()


# At the very end, else libraries would complain of what they think was forgotten.
atexit.register(gc.unfreeze)


def pytest_collection_finish() -> None:
    """What the tests are made of stays: the collector need not look through it again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clouds = [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]
    for name in ("GEXLAKE_LAKE", "COLUMNS", "NO_COLOR", "FORCE_COLOR", *clouds):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """As it was: a command that is run here sends the log to where this test's stderr is, which then is no more."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two feeds; 2025-11-24 to 28 is Thanksgiving week.

    NQ_NDX/classic/gex_zero: the 24th, the 26th (two bad records), the 28th (early close); the 25th is missing.
    SPX/state/gex_full: the 24th.
    """
    folder = tmp_path_factory.mktemp("history")
    start = date(2025, 11, 24)
    write_sample(folder, sessions=4, start=start, snapshots=SNAPSHOTS, strikes=9)
    write_sample(
        folder,
        sessions=1,
        start=start,
        tickers=["SPX"],
        packages=["state"],
        categories=["gex_full"],
        snapshots=SNAPSHOTS,
        strikes=9,
    )
    (folder / "2025-11-25_NQ_NDX_classic_gex_zero.json").unlink()
    damage(folder / "2025-11-26_NQ_NDX_classic_gex_zero.json")
    return folder


def damage(file: Path) -> None:
    """Make the fourth record one without a usable spot, and the sixth one without strikes."""
    records = json.loads(file.read_text())
    records[3]["spot"] = 0
    del records[5]["strikes"]
    file.write_text(json.dumps(records, separators=(",", ":")))


@pytest.fixture(scope="session")
def lake(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that `history` makes; for reading only."""
    path = tmp_path_factory.mktemp("lake") / "data"
    import_history(history, path)
    return path


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake without a session, as an interrupted first import leaves it; for reading only."""
    from gexlake.db.database import open_database
    from gexlake.db.layout import LakeLayout

    path = tmp_path_factory.mktemp("empty-lake") / "data"
    with open_database(LakeLayout(path), write=True):
        pass
    return path


@pytest.fixture(scope="session")
def newer_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of a gexlake that is yet to come; for reading only, as nothing else may succeed."""
    import duckdb

    from gexlake.db.database import open_database
    from gexlake.db.layout import LakeLayout

    layout = LakeLayout(tmp_path_factory.mktemp("newer-lake") / "data")
    with open_database(layout, write=True):
        pass
    with duckdb.connect(str(layout.database)) as connection:
        connection.execute("UPDATE lake_info SET schema_version = 99, gexlake_version = '9.0.0'")
    return layout.root
