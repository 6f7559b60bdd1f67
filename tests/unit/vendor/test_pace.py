"""Turns of requests: one at a time for each metric, whichever process asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gexlake.errors import StorageError
from gexlake.vendor.pace import Pace, pace_folder

INTERVAL = 1_000.0
"""So long that what a machine takes is nothing beside it."""


def test_turns_of_one_metric_are_an_interval_apart(tmp_path: Path) -> None:
    pace = Pace(tmp_path, INTERVAL)
    waits = [pace.take_turn("host", "NQ_NDX/classic/gex_zero") for _ in range(3)]
    assert waits == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=INTERVAL / 2)


def test_turns_of_other_metrics_are_a_tenth_apart(tmp_path: Path) -> None:
    pace = Pace(tmp_path, INTERVAL)
    waits = [pace.take_turn("host", f"metric {number}") for number in range(3)]
    assert waits == pytest.approx([0, INTERVAL / 10, INTERVAL / 5], abs=INTERVAL / 20)
    assert pace.take_turn("another host", "metric 0") == 0


def test_processes_share_the_turns(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from gexlake.vendor.pace import Pace
pace = Pace(Path({str(tmp_path)!r}), {INTERVAL})
for _ in range(5):
    pace.take_turn("host", "metric")
"""
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [other.wait(60) for other in others] == [0, 0, 0]
    assert Pace(tmp_path, INTERVAL).take_turn("host", "metric") == pytest.approx(15 * INTERVAL, abs=INTERVAL / 2)


def test_without_an_interval_nothing_is_written(tmp_path: Path) -> None:
    pace = Pace(tmp_path / "none", 0)
    assert [pace.take_turn("host", "metric") for _ in range(3)] == [0, 0, 0]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"another-start 99999999999.0\n", b"no number\n"])
def test_what_an_earlier_start_of_the_system_left_does_not_hold_anybody_up(tmp_path: Path, content: bytes) -> None:
    pace = Pace(tmp_path, INTERVAL)
    pace.take_turn("host", "metric")
    for file in tmp_path.iterdir():
        file.write_bytes(content)
    assert pace.take_turn("host", "metric") == 0
    assert pace.take_turn("host", "metric") == pytest.approx(INTERVAL, abs=INTERVAL / 2)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="XDG_CACHE_HOME"):
        Pace(tmp_path / "file" / "pace", INTERVAL).take_turn("host", "metric")


def test_it_is_kept_for_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert pace_folder() == tmp_path / "gexlake" / "pace"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert pace_folder() == Path("/home/somebody/.cache/gexlake/pace")
