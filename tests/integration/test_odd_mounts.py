"""File systems that give one inode, or none, to all files: everything in them is found, or named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.preload import compiled

DAYS = (10, 11, 12, 13)
RECORD = b'[{"timestamp":1762785002,"ticker":"NQ_NDX","spot":1,"strikes":[[1,2,3,[]]]}]'


@pytest.fixture(scope="module", params=[1, 0])
def shim(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("one_inode", tmp_path_factory.mktemp("shim"), f"-DINODE={request.param}")


def scan(shim: Path, *words: str | Path, verb: str = "scan") -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "gexlake", verb, *map(str, words), "--output", "json"],
        env=os.environ | {"LD_PRELOAD": str(shim)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    for day in DAYS:
        path = tmp_path / f"history/{day}/2025-11-{day}_NQ_NDX_classic_gex_zero.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(RECORD)
    return tmp_path / "history"


def names(found: dict[str, Any]) -> list[str]:
    return [Path(file["source_file"]).name[:10] for file in found["files"]]


def test_the_shim_makes_all_inodes_one(shim: Path, history: Path) -> None:
    code = "import os, sys; print(len({(s.st_dev, s.st_ino) for s in map(os.stat, sys.argv[1:])}))"
    paths = [history, history / "10"]
    environment = os.environ | {"LD_PRELOAD": str(shim)}
    assert subprocess.check_output([sys.executable, "-c", code, *paths], env=environment).strip() == b"1"


def test_every_folder_and_file_is_found(shim: Path, history: Path) -> None:
    status, found = scan(shim, history)
    assert (status, names(found)) == (0, [f"2025-11-{day}" for day in DAYS])
    assert (found["refused"], found["files_ignored"]) == ([], 0)


def test_loops_of_links_end_and_one_file_counts_once(shim: Path, history: Path) -> None:
    (history / "10" / "loop").symlink_to(history)
    (history / "again").symlink_to(history / "11")
    name = "2025-11-12_NQ_NDX_classic_gex_zero.json"
    (history / name).symlink_to(history / "12" / name)
    status, found = scan(shim, history, history / "10")
    assert (status, names(found)) == (0, [f"2025-11-{day}" for day in DAYS])


def test_what_cannot_be_asked_about_is_named(shim: Path, history: Path) -> None:
    (history / "x.stale").write_bytes(RECORD)
    (history / "folder.stale").mkdir()
    _, found = scan(shim, history)
    assert names(found) == [f"2025-11-{day}" for day in DAYS]
    assert [(Path(file["source_file"]).name, file["code"]) for file in found["refused"]] == [
        ("folder.stale", "unreadable"),
        ("x.stale", "unreadable"),
    ]


def test_an_import_takes_all_and_a_lake_beside_the_days_is_no_reason_to_leave_them_out(
    shim: Path, history: Path
) -> None:
    lake = history / "lake"
    _, report = scan(shim, history, "--lake", lake, verb="import")
    assert [Path(file["source_file"]).name[:10] for file in report["files"]] == [f"2025-11-{day}" for day in DAYS]
    _, again = scan(shim, history, "--lake", lake, verb="import")
    assert len(again["files"]) == len(DAYS)
