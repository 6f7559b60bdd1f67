"""The command as a process: streams, pipes and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.processes import descendants, until
from helpers.programs import Program, cold

Start = Callable[..., subprocess.Popen[Any]]
in_both_ways = pytest.mark.parametrize("how", [cold, Program], ids=["cold", "forked"])
"""What other tests fork has to be what a cold start is."""


def start(*arguments: str | Path, how: Start = cold, **options: Any) -> subprocess.Popen[str]:
    return how(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@in_both_ways
def test_import_then_status_leave_stdout_to_the_data(how: Start, history: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "GEXLAKE_LAKE": str(tmp_path / "lake")}
    source = history / "2025-11-26_NQ_NDX_classic_gex_zero.json"
    out, err = start("import", source, "-o", "json", how=how, env=environment).communicate(timeout=60)
    assert json.loads(out)["status"] == "partial"
    assert err == f"partial: {source}: spot_invalid 1, strikes_missing 1\n"
    out, err = start("status", "-o", "json", how=how, env=environment).communicate(timeout=60)
    assert (json.loads(out)["snapshots"], err) == (58, "")


@in_both_ways
def test_an_error_leaves_no_traceback_and_no_noise(how: Start, lake: Path) -> None:
    process = start("query", "SELECT error('boom') FROM gex_strikes", "--lake", lake, how=how)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err == (
        "Error: Invalid Input Error: boom.\n"
        "`DESCRIBE gex_snapshots` lists the columns of a table, `SHOW TABLES` the tables.\n"
    )


def test_a_name_that_no_file_system_takes_leaves_no_traceback(tmp_path: Path) -> None:
    out, err = (process := start("import", "x" * 5000, "--lake", tmp_path / "lake")).communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert " ".join(err.split()).startswith("Error: The source 'xxx")
    assert "Traceback" not in err
    assert err.endswith("Name a file or folder that holds GEX history.\n")


@in_both_ways
def test_a_reader_that_goes_away_is_no_error(how: Start, lake: Path) -> None:
    process = start("query", "FROM range(200000)", "-o", "csv", "--lake", lake, how=how)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait(timeout=60)
    process.stderr.close()


def test_ctrl_c_ends_a_query(lake: Path) -> None:
    process = start("query", "SELECT count(*) FROM range(10000000) a, range(10000000) b", "--lake", lake)
    until(lambda: any(map(is_at_work, descendants(process.pid))))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (1, "", "Error: Interrupted.\n")


def is_at_work(pid: int) -> bool:
    """Whether a worker of SQL has used the processor for longer than it takes to start."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        ticks = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    except OSError:  # it has ended
        return False
    return b"statements.worker" in command and ticks > os.sysconf("SC_CLK_TCK")


HOLD = """
import sys

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "{module}":
            sys.meta_path.remove(Finder)
            open("{pipe}", "w").close()
            import signal
            while True:
                signal.pause()

sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize("module", ["gexlake.cli", "gexlake.cli.serve"])
def test_ctrl_c_while_modules_are_loaded_leaves_a_word(tmp_path: Path, module: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "sitecustomize.py").write_text(HOLD.format(module=module, pipe=pipe))
    process = start("status", "--lake", tmp_path / "lake", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    pipe.read_bytes()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (1, "", "Error: Interrupted.\n")
