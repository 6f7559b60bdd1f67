"""The tools that hunt for faults, for a moment each: that they run, and find nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"


def run(tool: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, TOOLS / tool, *arguments], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_native_modules_do_not_leak() -> None:
    assert "3,000 rounds" in run("leak_loop.py", "--rounds", "3000")


def test_greeks_and_orderflow_however_damaged_are_read_one_way() -> None:
    assert "400 inputs, nothing found" in run("fuzz_typed.py", "--inputs", "400", "--seed", "7", "--seconds", "150")


def test_whole_files_however_damaged_are_read_as_promised(tmp_path: Path) -> None:
    said = run("fuzz_files.py", "--inputs", "500", "--seed", "7", "--seconds", "150", "--save", str(tmp_path / "found"))
    assert said.startswith("500 inputs of seed 7, 0 findings: ")
    assert not (tmp_path / "found").exists()
