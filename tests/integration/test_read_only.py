"""A lake that can only be read: what reads works, and what writes says so in words and leaves it as it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gexlake.services.importing.import_history import import_history
from helpers.histories import MONDAY, write_history
from helpers.lakes import old_lake, tree
from helpers.runner import Runner

COMMANDS = """
import contextlib, io, json, sys
import gexlake
from gexlake.cli import command_line
lake, *lines = sys.argv[1:]
for words in map(json.loads, lines):
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if words[0] == "open":
                opened = gexlake.open(lake)
                status, out = 0, io.StringIO(str(opened.sql("SELECT count(*) AS n FROM gex_strikes")["n"][0]))
            else:
                command_line()([*words, "--lake", lake], prog_name="gexlake")
        except SystemExit as ended:
            status = ended.code or 0
        except gexlake.GexlakeError as error:
            status, err = 1, io.StringIO(str(error))
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""
READING = (
    ["status"],
    ["gaps"],
    ["lineage"],
    ["quarantine"],
    ["query", "SELECT count(*) FROM gex_strikes"],
    ["verify"],
    ["open"],
)


def make_read_only(runner: Runner, lake: Path) -> None:
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        outcome = runner.start("shell", words=["mount", *options, str(lake), str(lake)]).wait()
        assert outcome.status == 0, outcome


def run(runner: Runner, lake: Path, *commands: list[str]) -> list[Any]:
    """Exit status, stdout and stderr of each command."""
    words = [sys.executable, "-c", COMMANDS, str(lake), *map(json.dumps, commands)]
    outcome = runner.start("shell", words=words).wait()
    assert outcome.status == 0, outcome
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_a_lake_that_can_only_be_read(work: Path, mounting: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    first, second, *_ = write_history(folder)
    import_history([first], lake)
    picture = work / "picture.png"
    plot = ["plot", "session", "NQ_NDX", MONDAY.isoformat(), "-o", str(picture)]
    make_read_only(mounting, lake)
    before = tree(lake)
    *readings, plotted = run(mounting, lake, *READING, plot)
    assert [status for status, _, _ in readings] == [0] * len(READING), readings
    assert readings[-1][1] == "360"
    assert (plotted[0], picture.exists()) == (0, True), plotted

    writing = (
        ["import", str(second)],
        ["forget", str(first), "--yes"],
        ["rebuild"],
        ["verify", "--repair"],
        ["serve", "--port", "0"],
    )
    for words, (status, _, err) in zip(writing, run(mounting, lake, *writing), strict=True):
        assert status == 1, (words, err)
        assert "Read-only file system" in err, (words, err)
        assert "This has to write into the lake" in err, (words, err)
    assert tree(lake) == before


@pytest.mark.parametrize(("version", "commands"), [(1, READING), (3, READING[:1])])
def test_a_lake_of_an_older_gexlake_that_can_only_be_read_says_what_it_needs(
    work: Path, mounting: Runner, version: int, commands: Sequence[list[str]]
) -> None:
    lake = old_lake(version, work)
    make_read_only(mounting, lake)
    before = tree(lake)
    for words, (status, _, err) in zip(commands, run(mounting, lake, *commands), strict=True):
        assert status == 1, (words, err)
        assert "was written by an older gexlake: its tables have to be brought to those of" in err, (words, err)
        assert "`gexlake status --lake" in err
    assert tree(lake) == before
