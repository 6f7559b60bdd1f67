"""Prune, forget and restore at the command line: what is shown first, what is asked, and what each leaves."""

from __future__ import annotations

import os
import pty
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexlake.services.importing.commits import versions_replaced_by
from helpers.histories import TUESDAY, records_of, vendor_name, write_array
from helpers.lakes import select
from helpers.programs import Program

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def file(run: Run, folder: Path, lake: Path) -> Path:
    """A day of 20 records of which the file, by now, has lost 15."""
    path = write_array(folder / vendor_name(), records_of(count=20))
    write_array(folder / vendor_name(TUESDAY), records_of(TUESDAY, 4))
    assert run("import", folder, "--lake", lake, "--quiet").status == 0
    write_array(path, records_of(count=5))
    return path


def snapshots(lake: Path) -> int:
    (row,) = select(lake, "SELECT count(*) FROM gex_snapshots")
    return int(row[0])


def import_id_of(text: str) -> str:
    found = re.search(r"Import (\d{8}T\d{6}-[0-9a-f]{8})", text)
    assert found, text
    return found[1]


def test_the_report_says_what_is_kept_and_what_to_do(run: Run, file: Path, folder: Path, lake: Path) -> None:
    done = run("import", folder, "--lake", lake)
    assert done.status == 0
    assert "  changed     15 kept that their files no longer have" in done.lines
    assert "Snapshots that their files no longer have stay in the lake; --prune takes them out." in done.lines
    assert "they stay, unless --prune takes them out" in done.out
    assert "kept         15 snapshots" in run("status", "--lake", lake).out


def test_prune_asks_and_nobody_to_be_asked_is_a_usage_error(run: Run, file: Path, folder: Path, lake: Path) -> None:
    done = run("import", folder, "--lake", lake, "--prune")
    assert done.status == 2
    assert "would be pruned" in done.out
    assert re.search(rf"{file.name} +2025-11-10 +15", done.out)
    assert "Nobody is there to be asked." in done.err
    assert snapshots(lake) == 24


def test_prune_with_yes_takes_out_and_restore_brings_back(run: Run, file: Path, folder: Path, lake: Path) -> None:
    done = run("import", folder, "--lake", lake, "--prune", "--yes")
    assert "  changed     15 pruned" in done.lines
    assert snapshots(lake) == 9
    import_id = import_id_of(done.out)
    assert f"gexlake restore --import {import_id} --lake {lake}" in done.out
    preview = run("restore", "--import", import_id, "--lake", lake, "--dry-run")
    assert preview.lines[0] == "Dry run, nothing written: 0 snapshots taken out, 15 snapshots brought back"
    assert snapshots(lake) == 9
    assert run("restore", "--import", import_id, "--lake", lake, "-o", "json").json["restored"] == 15
    assert snapshots(lake) == 24


def test_prune_of_nothing_asks_nothing(run: Run, folder: Path, lake: Path) -> None:
    write_array(folder / vendor_name(), records_of(count=5))
    assert run("import", folder, "--lake", lake, "--prune").status == 0


def test_forget_shows_first_and_asks(run: Run, file: Path, lake: Path) -> None:
    done = run("forget", file, "--lake", lake)
    assert done.status == 2
    assert done.lines[0] == "Dry run, nothing written: 20 snapshots taken out, 0 snapshots brought back"
    assert re.search(r"NQ_NDX/classic/gex_zero/2025-11-10 +20 +0 +20", done.out)
    assert snapshots(lake) == 24
    assert run("forget", file, "--lake", lake, "--dry-run").status == 0
    assert run("forget", file, "--lake", lake, "--yes").status == 0
    assert snapshots(lake) == 4
    assert "forgotten" in run("lineage", "--lake", lake, "--status", "forgotten").out


@pytest.mark.parametrize(("answer", "status", "left"), [("y", 0, 4), ("n", 2, 24)])
def test_the_question_on_a_real_terminal(file: Path, lake: Path, answer: str, status: int, left: int) -> None:
    ours, theirs = pty.openpty()
    command = ["forget", file, "--lake", lake]
    environment = {**os.environ, "COLUMNS": "100"}
    process = Program(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, f"{answer}\n".encode())
    assert process.wait() == status
    os.close(ours)
    assert b"Take 20 snapshots out of" in shown
    assert snapshots(lake) == left


def test_what_cannot_be_brought_back_says_so(run: Run, file: Path, lake: Path) -> None:
    done = run("restore", "--import", "20200101T000000-00000000", "--lake", lake)
    assert done.status == 2
    assert "No version of a session that import 20200101T000000-00000000 replaced is kept." in done.err


def test_a_verdict_of_an_unchanged_file_is_named_again(run: Run, folder: Path, lake: Path) -> None:
    path = write_array(folder / vendor_name(), records_of(count=5))
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        done = run("import", folder, "--lake", lake)
        assert done.status == 1
        assert re.search(rf"partial +{path.name}", done.out)
    assert "unchanged since import" in re.sub(r"\s+", " ", done.out)


@pytest.mark.parametrize(("options", "kept"), [((), 1), (("--keep-versions", "2"), 2)])
def test_as_many_versions_before_are_kept_as_is_said_one_by_default(
    run: Run, file: Path, lake: Path, options: tuple[str, ...], kept: int
) -> None:
    for count in (21, 22, 23):
        write_array(file, records_of(count=count))
        assert run("import", file, "--lake", lake, *options).status == 0
    assert len(versions_replaced_by(lake, "")) == kept
