"""Bad input gets one sentence of what and where, one of what to do, and the right exit status."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_folder_that_does_not_exist(run: Run, tmp_path: Path) -> None:
    for command in ("import", "scan"):
        done = run(command, tmp_path / "nowhere")
        assert (done.status, done.out) == (1, "")
        assert done.err == (
            f"Error: The source '{tmp_path / 'nowhere'}' does not exist.\n"
            "Name a file or folder that holds GEX history.\n"
        )


def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    for command in ("import", "scan"):
        done = run(command, tmp_path)
        assert (done.status, done.out) == (1, "")
        assert done.err == (
            f"Error: There is nothing to import in {tmp_path}.\n"
            "Name a folder that holds GEX history, such as 2025-11-14_NQ_NDX_classic_gex_zero.json.\n"
        )


def test_a_folder_without_gex_files(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "settings.json").write_text('{"theme": "dark"}')
    done = run("import", folder, "--lake", tmp_path / "lake")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"Error: The one file in {folder} is no GEX history. "
        "settings.json: It is JSON without GEXBot snapshots, with the keys 'theme'.\n"
        "`gexlake scan` says what each file is.\n"
    )
    assert not (tmp_path / "lake").exists()


def test_several_files_without_gex(run: Run, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("no JSON")
    done = run("import", tmp_path)
    assert done.err.startswith(f"Error: None of the 2 files in {tmp_path} is GEX history. a.txt: It is not JSON: ")


def test_a_file_that_cannot_be_read(run: Run, history: Path, tmp_path: Path) -> None:
    good = history / "2025-11-24_SPX_state_gex_full.json"
    folder = tmp_path / "history"
    folder.mkdir()
    (folder / good.name).write_bytes(good.read_bytes())
    broken = folder / "2025-11-25_SPX_state_gex_full.json"
    broken.symlink_to(tmp_path / "gone")
    done = run("import", folder, "--lake", tmp_path / "lake")
    assert done.status == 1
    assert re.search(r"\nfailed  2025-11-25_SPX_state_gex_full\.json +0 +0 +0  It cannot be read: ", done.out)
    assert "unreadable      1  The operating system would not let it be read." in done.out
    assert run("import", folder, "--lake", tmp_path / "lake", "-o", "json").json["totals"]["files"] == {
        "failed": 1,
        "skipped": 1,
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(run: Run, history: Path, tmp_path: Path) -> None:
    file = tmp_path / "2025-11-24_SPX_state_gex_full.json"
    file.write_bytes((history / file.name).read_bytes())
    file.chmod(0)
    done = run("import", file, "--lake", tmp_path / "lake")
    assert done.status == 1
    assert "It cannot be read: Permission denied." in done.out


@pytest.mark.parametrize(
    "command",
    [["status"], ["gaps"], ["query", "SELECT 1"], ["lineage"], ["verify"], ["import", "{history}"]],
    ids=lambda command: command[0],
)
def test_a_lake_that_is_a_file(run: Run, history: Path, tmp_path: Path, command: list[str]) -> None:
    lake = tmp_path / "lake"
    lake.touch()
    done = run(*(word.format(history=history) for word in command), "--lake", lake)
    assert (done.status, done.out) == (1, "")
    assert done.err == f"Error: The lake {lake} is a file, not a directory.\nName a directory with --lake.\n"


def test_a_dry_run_into_a_file(run: Run, history: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.touch()
    assert run("import", history, "--dry-run", "--lake", lake).status == 1


@pytest.mark.parametrize("command", [["status"], ["gaps"], ["quarantine"], ["query", "SELECT 1"]])
def test_a_lake_that_is_not_there(run: Run, tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--lake", tmp_path / "nowhere")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"Error: There is no lake at {tmp_path / 'nowhere'}.\n"
        "Name one with --lake, or make one with `gexlake import SOURCE`.\n"
    )


@pytest.mark.parametrize("command", [["status"], ["query", "SELECT 1"], ["import", "{history}"]])
def test_a_lake_of_a_newer_version(run: Run, history: Path, newer_lake: Path, command: list[str]) -> None:
    from gexlake import __version__

    done = run(*(word.format(history=history) for word in command), "--lake", newer_lake)
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"Error: The lake {newer_lake} was written by a newer gexlake 9.0.0; this is {__version__}.\nUpgrade gexlake.\n"
    )


def test_another_database(run: Run, tmp_path: Path) -> None:
    import duckdb

    duckdb.connect(str(tmp_path / "gexlake.duckdb")).close()
    done = run("status", "--lake", tmp_path)
    assert done.status == 1
    assert done.err == (
        f"Error: {tmp_path / 'gexlake.duckdb'} is a DuckDB database, but not of a lake.\n"
        "Name another directory with --lake.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["import"], "Error: Missing argument 'SOURCE'."),
        (["import", "x", "--wrong"], "Error: No such option: --wrong"),
        (["import", "x", "--workers", "0"], "Error: Invalid value for '--workers': "),
        (["import", "x", "--max-error-rate", "2"], "Error: Invalid value for '--max-error-rate': "),
        (
            ["gaps", "--since", "14.11.2025"],
            "Error: Invalid value for '--since': '14.11.2025' is not a date; write it as 2025-11-14.",
        ),
        (["status", "--output", "xml"], "Error: Invalid value for '--output' / '-o': "),
        (["statu"], "Error: No such command 'statu'. Did you mean 'status'?"),
        (["query", "SELECT 1", "--limit", "0"], "Error: Invalid value for '--limit': "),
    ],
)
def test_a_wrong_option(run: Run, arguments: list[str], text: str) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[0].startswith("Usage: gexlake ")
    assert done.err.splitlines()[-1].startswith(text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["scan", "{history}", "--since", "2025-12-01", "--until", "2025-11-01"],
            "Error: `since` (2025-12-01) is later than `until` (2025-11-01).\nSwap the two dates.\n",
        ),
        (
            ["scan", "{history}", "--package", "gold"],
            "Error: There is no package 'gold'.\nUse one of classic, state, orderflow.\n",
        ),
        (
            ["gaps", "--ticker", "NDX", "--lake", "{lake}"],
            "Error: No feed in the lake {lake} fits the filters.\n"
            "It holds NQ_NDX/classic/gex_zero, SPX/state/gex_full.\n",
        ),
        (
            ["sample", "{tmp_path}", "--form", "xml"],
            "Error: The `form` was 'xml'. Use one of array, jsonl, objects, snapshots, enveloped.\n"
            "See `gexlake sample --help`.\n",
        ),
        (
            ["sample", "{tmp_path}", "--package", "classic", "--category", "gamma_zero"],
            "Error: There is no classic/gamma_zero: classic has gex_full, gex_zero, gex_one; state has gex_full, "
            "gex_zero, gex_one, delta_zero, delta_one, gamma_zero, gamma_one, vanna_zero, vanna_one, charm_zero, "
            "charm_one; orderflow has orderflow.\n"
            "See `gexlake sample --help`.\n",
        ),
        (
            ["sample", "{tmp_path}", "--all-categories", "--package", "state"],
            "Error: With --all-categories there is nothing to choose by --package or --category.\n"
            "See `gexlake sample --help`.\n",
        ),
    ],
)
def test_an_option_that_makes_no_sense(run: Run, paths: dict[str, Path], arguments: list[str], text: str) -> None:
    done = run(*(word.format(**paths) for word in arguments))
    assert (done.status, done.out, done.err) == (2, "", text.format(**paths))


@pytest.fixture
def paths(history: Path, lake: Path, tmp_path: Path) -> dict[str, Path]:
    return {"history": history, "lake": lake, "tmp_path": tmp_path}


def test_traceback_is_for_those_who_ask(run: Run, tmp_path: Path) -> None:
    from gexlake.errors import LakeError

    with pytest.raises(LakeError):
        run("status", "--lake", tmp_path, "--traceback")
