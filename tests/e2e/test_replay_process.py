"""The replay as a command: what it says when it cannot start, and how it ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gexlake.cli import app
from helpers.replay import ReplayProcess


def said(*options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["replay", "--port", "0", *options])
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--date", "2025-11-25"], 1, "The lake holds nothing of 2025-11-25. It has 2025-11-24 to 2025-11-28"),
        (["--since", "2026-01-01"], 2, "The lake holds no day from 2026-01-01 to the last."),
        (["--date", "2025-11-24", "--until", "2025-11-26"], 2, "Days are named one by one, or from one to another"),
        (["--speed", "1001"], 2, "`speed` was 1001, it must be from 0.1 to 1000."),
        (["--start-at", "lunch"], 2, "`start_at` was 'lunch'"),
        (["--start-at", "2025-11-24T10:00"], 2, "an instant without a zone"),
        (["--date", "yesterday"], 2, "'yesterday' is not a date"),
        (["--host", "no.such.host.invalid"], 1, "no.such.host.invalid is no address to listen on"),
    ],
)
def test_what_cannot_be_replayed_is_said(lake: Path, options: list[str], status: int, words: str) -> None:
    found, out, err = said("--lake", str(lake), *options)
    assert (found, out) == (status, "")
    assert words in err
    assert "Traceback" not in err


def test_a_lake_that_is_not_there_is_named(tmp_path: Path, empty_lake: Path) -> None:
    status, _, err = said("--lake", str(tmp_path / "nowhere"))
    assert (status, "There is no lake at" in err) == (1, True)
    status, _, err = said("--lake", str(empty_lake))
    assert (status, "The lake holds no session. Import history first" in err) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_a_signal_ends_it_cleanly(lake: Path, number: signal.Signals) -> None:
    replay = ReplayProcess(lake)
    assert replay.status()["days"] == ["2025-11-28"], "the newest"
    socket = replay.open(replay.get("/v2/negotiate").json()["websocket_urls"]["classic"])
    socket.join("blue_NQ_NDX_classic_gex_zero")
    assert replay.end(number) == (0, "", "")
    socket.close()
